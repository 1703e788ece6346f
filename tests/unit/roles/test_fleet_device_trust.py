"""Releases that are well signed and still must not come: their number, time and target."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.here import needs_parts
from tests.unit.bare_board import LIB, Board
from tests.unit.roles.signed_board import JETSON, Make, day

pytestmark = needs_parts("ssh-keygen")


def test_an_older_release_is_refused_once_a_newer_one_was_confirmed(
    board: Board, make: Make
) -> None:
    board.run("check", make(number=9).path, code=0)
    board.confirm(make("b", number=10))
    output = board.run("check", make(number=9).path, code=5)
    assert "is release 9, older than 10, which was confirmed here" in output
    assert "--allow-downgrade" in output
    board.run("check", make(number=10).path, code=0)
    board.run("check", make(number=11).path, code=0)


def test_a_newer_release_that_was_never_confirmed_bars_no_older_one(
    board: Board, make: Make
) -> None:
    board.run("check", make("b", number=12).path, code=0)
    board.on_trial(make("b", number=12))
    board.run("check", make(number=11).path, code=0)


def test_the_image_that_a_board_is_on_is_no_downgrade(board: Board, make: Make) -> None:
    board.confirm(make("b", number=10))
    board.confirm(make("a", number=5))
    assert board.seen()["number"] == 10
    board.run("check", make("a", number=5).path, code=0)


@pytest.mark.docker
def test_an_older_release_comes_on_purpose_and_that_is_recorded(board: Board, make: Make) -> None:
    board.confirm(make("b", number=10))
    old = make(number=9)
    # The next thing that it needs is the engine, which is not here.
    board.run("missing", "--allow-downgrade", old.path, code=3)
    board.run("receive", old.path, code=3)
    (row,) = board.seen()["downgrades"]
    assert (row["image_id"], row["number"], row["from"]) == (old.image_id, 9, 10)
    # The leave is for that image, and until it is offered without.
    board.run("missing", old.path, code=5)
    board.run("receive", old.path, code=5)


def test_after_a_confirmed_downgrade_its_number_counts(board: Board, make: Make) -> None:
    board.confirm(make("b", number=10))
    old = make(number=9)
    board.call("missing", "--allow-downgrade", old.path)
    board.confirm(old)
    assert (board.seen()["number"], board.seen()["permit"]) == (9, "")
    board.run("check", make("b", number=8).path, code=5)


def test_leave_for_one_release_is_none_for_another(board: Board, make: Make) -> None:
    board.confirm(make("b", number=10))
    board.call("missing", "--allow-downgrade", make("a", number=9).path)
    board.on_trial(make("a", number=3))
    output = board.run("receive", make("b", number=9).path, code=5)
    assert "older than 10" in output


def test_an_expired_release_is_refused(board: Board, make: Make) -> None:
    output = board.run("check", make(created=day(-30), expires=day(-1)).path, code=5)
    assert f"has expired at {day(-1)}; by the clock it is" in output


def test_a_clock_that_is_behind_does_not_revive_it(board: Board, make: Make) -> None:
    """The board has confirmed what was signed later than its clock says it is now."""
    board.confirm(make("b", number=1, created=day(400), expires=day(800)))
    late = make(number=2, expires=day(399))
    output = board.run("check", late.path, code=5)
    assert f"by what was signed since it is {day(400)} or later" in output
    board.run("check", make(number=2, expires=day(401)).path, code=0)


@pytest.mark.docker
def test_on_purpose_the_clock_alone_counts(board: Board, make: Make) -> None:
    """What was once signed by a clock years ahead does not close a board for ever."""
    board.confirm(make("b", number=1, created=day(4000), expires=day(5000)))
    good = make(number=2)
    board.run("missing", good.path, code=5)
    board.run("missing", "--allow-downgrade", good.path, code=3)
    board.confirm(good)
    board.run("check", make("b", number=3).path, code=0)


@pytest.mark.parametrize(
    ("says", "expected"),
    [
        ({"socs": ["tegra194"]}, "is for tegra194, this device has tegra234"),
        ({"modules": ["p3767-0000"]}, "this device is p3768-0000, p3767-0005"),
        ({"l4t": "35.6.1"}, "is for L4T 35.6.1, this device has 36.4.4"),
    ],
)
@JETSON
def test_a_release_for_another_target(
    board: Board, make: Make, says: dict[str, Any], expected: str
) -> None:
    tree = board.root / "sys/firmware/devicetree/base"
    tree.mkdir(parents=True)
    content = b"nvidia,p3768-0000+p3767-0005\0nvidia,p3767-0005\0nvidia,tegra234\0"
    (tree / "compatible").write_bytes(content)
    (board.root / "etc/nv_tegra_release").write_text("# R36 (release), REVISION: 4.4, GCID: 1\n")
    assert expected in board.run("missing", make(**says).path, code=10)


@pytest.mark.docker
@JETSON
def test_a_release_for_this_target(board: Board, make: Make) -> None:
    tree = board.root / "proc/device-tree"
    tree.mkdir(parents=True)
    (tree / "compatible").write_bytes(b"nvidia,p3737-0000+p3701-0005\0nvidia,tegra234\0")
    release = make(socs=["tegra194", "tegra234"], modules=["p3701-0004", "p3701-0005"])
    board.run("missing", release.path, code=3)


@JETSON
def test_a_jetsons_release_is_not_for_what_is_no_jetson(board: Board, make: Make) -> None:
    assert "this device has no Tegra" in board.run("missing", make(socs=["tegra234"]).path, code=10)


# What the board keeps of it.


@pytest.mark.parametrize("text", ["", "[]", '{"schema": "x"}', "\x00"])
@pytest.mark.parametrize("name", ["trust.json", "trust.copy.json"])
def test_one_damaged_file_does_no_harm(board: Board, make: Make, name: str, text: str) -> None:
    board.confirm(make("b", number=10))
    (board.root / LIB / name).write_text(text)
    board.run("check", make(number=9).path, code=5)
    board.confirm(make("b", number=11))
    assert board.seen()["number"] == 11


@pytest.mark.parametrize(
    "says",
    [{"time": 5}, {"time": "zzzz"}, {"time": None}, {"number": True}, {"number": -1},
     {"number": 10**400}, {"permit": []}, {"anchor": {}}, {"revoked": [5]}, {"revoked": "x"},
     {"downgrades": [1]}, {"version": 3, "roles": []}, {"version": 3, "roles": [[5], 1, [], 1]},
     {"version": 3, "roles": [["x"], 0, ["y"], 1]}, {"version": 3, "roles": "abcd"}],
    ids=str,
)  # fmt: skip
def test_one_file_of_wrong_values_does_no_harm(
    board: Board, make: Make, says: dict[str, Any]
) -> None:
    board.confirm(make("b", number=10))
    for names, code in ((["trust.json"], 0), (["trust.json", "trust.copy.json"], 5)):
        for name in names:
            path = board.root / LIB / name
            path.write_text(json.dumps(json.loads(path.read_text()) | says))
        board.run("check", make(number=12).path, code=code)


@pytest.mark.parametrize("name", ["trust.json", "trust.copy.json"])
def test_one_missing_file_does_no_harm(board: Board, make: Make, name: str) -> None:
    board.confirm(make("b", number=10))
    (board.root / LIB / name).unlink()
    board.run("check", make(number=9).path, code=5)


def test_two_damaged_files_let_nothing_in(board: Board, make: Make) -> None:
    board.confirm(make("b", number=10))
    for name in ("trust.json", "trust.copy.json"):
        (board.root / LIB / name).write_text("{")
    output = board.run("check", make(number=11).path, code=5)
    assert "are damaged" in output
    assert "remove both" in output
