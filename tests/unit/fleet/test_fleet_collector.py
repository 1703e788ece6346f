"""Boards report to a collector over HTTPS: who lies, floods or plays back is not believed."""

from __future__ import annotations

import datetime
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from jetson_kit.ansible_driver.inventory import Host
from jetson_kit.core.errors import BadInputError, BusyError, StepFailedError
from jetson_kit.fleet.collector import board_keys, command, reports
from jetson_kit.fleet.collector.reports import RefusedError, Reports
from jetson_kit.fleet.release import signing
from tests.support.here import needs_parts
from tests.unit.fleet.reporting_boards import IMAGE, Fleet, report, signed

pytestmark = needs_parts("ssh-keygen")


def test_the_last_report_of_a_board_is_kept(fleet: Fleet) -> None:
    taken = fleet.reports()
    taken.take(signed(report(number=5), fleet.keys["camera-1"]))
    fleet.now += reports.EACH_S
    taken.take(signed(report(number=6, phase="failed"), fleet.keys["camera-1"]))
    last = reports.load(fleet.folder / "reports", "camera-1")
    assert last
    assert (last.number, last.phase, last.image_id) == (6, "failed", IMAGE)


def test_a_board_can_say_nothing_of_another(fleet: Fleet) -> None:
    with pytest.raises(RefusedError, match="not signed by its key"):
        fleet.reports().take(signed(report("camera-2"), fleet.keys["camera-1"]))
    assert reports.load(fleet.folder / "reports", "camera-2") is None


def test_a_signature_for_something_else_is_none(fleet: Fleet) -> None:
    with pytest.raises(RefusedError, match="not signed"):
        fleet.reports().take(signed(report(), fleet.keys["camera-1"], "mediapipe-jetson"))


def test_a_changed_report_is_not_believed(fleet: Fleet) -> None:
    body = json.loads(signed(report(phase="failed"), fleet.keys["camera-1"]))
    body["report"] = body["report"].replace("failed", "idle")
    with pytest.raises(RefusedError, match="not signed"):
        fleet.reports().take(json.dumps(body).encode())


@pytest.mark.parametrize("number", [1, 7])
def test_a_replay_is_refused_also_after_a_restart(fleet: Fleet, number: int) -> None:
    old = signed(report(number=number), fleet.keys["camera-1"])
    if number == 7:
        fleet.reports().take(old)
    else:
        fleet.reports().take(signed(report(number=7), fleet.keys["camera-1"]))
    with pytest.raises(RefusedError, match="is none after 7"):
        fleet.reports().take(old)


def test_a_board_that_was_installed_anew_begins_anew(fleet: Fleet, tmp_path: Path) -> None:
    fleet.reports().take(signed(report(number=10**15), fleet.keys["camera-1"]))
    signing.make_key(tmp_path / "new", "new", passphrase=False)
    fleet.keys["camera-1"] = tmp_path / "new"
    assert fleet.reports().take(signed(report(number=3), tmp_path / "new")).number == 3


def test_a_flood_of_one_board_is_stopped(fleet: Fleet) -> None:
    taken = fleet.reports()
    taken.take(signed(report(number=1), fleet.keys["camera-1"]))
    with pytest.raises(BusyError):
        taken.take(signed(report(number=2), fleet.keys["camera-1"]))
    taken.take(signed(report("camera-2"), fleet.keys["camera-2"]))


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"{}", b"[]", b"\xff", b"[" * 9000, b'{"report": 1, "signature": ""}',
        json.dumps({"report": json.dumps(report()), "signature": ""}).encode(),
        json.dumps({"report": json.dumps(report()), "signature": "x" * 5000}).encode(),
    ],
)  # fmt: skip
def test_what_is_no_report_is_refused(fleet: Fleet, raw: bytes) -> None:
    with pytest.raises(RefusedError, match="this is no report"):
        fleet.reports().take(raw)


@pytest.mark.parametrize(
    "change",
    [
        {"board": "../../etc/passwd"}, {"board": ""}, {"number": -1}, {"number": 2**60},
        {"number": True}, {"phase": "hacked"}, {"reason": "x" * 500}, {"image_id": "sha256:zz"},
        {"more": 1}, {"time": "yesterday"}, {"schema": "mediapipe-jetson/channel-report/2"},
    ],
)  # fmt: skip
def test_values_that_can_not_be(fleet: Fleet, change: dict[str, Any]) -> None:
    with pytest.raises(RefusedError, match="this is no report"):
        fleet.reports().take(signed(report(**change), fleet.keys["camera-1"]))


def test_words_of_a_board_move_no_cursor(fleet: Fleet) -> None:
    fleet.reports().take(signed(report(reason="\x1b[2J\x07gone"), fleet.keys["camera-1"]))
    reports.keep_boards(fleet.folder, {"camera-1": ["k"]})
    (line,) = command.lines(command.status(3600))
    assert line.isprintable()


def test_the_view_names_who_is_silent_failed_or_has_a_wrong_clock(fleet: Fleet) -> None:
    taken = fleet.reports()
    now = datetime.datetime.now(datetime.UTC)
    right = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    taken.take(signed(report(time="1970-01-02T00:00:00Z"), fleet.keys["camera-1"]))
    taken.take(signed(report("camera-2", time=right, phase="went-back", reason="unhealthy"),
                      fleet.keys["camera-2"]))  # fmt: skip
    reports.keep_boards(fleet.folder, {
        "camera-1": ["1"], "camera-2": ["2"], "new": ["3"], "x": [],
    })  # fmt: skip
    problems = {row.board: row.problem for row in command.status(3600)}
    assert "its clock was" in problems["camera-1"]
    assert "behind" in problems["camera-1"]
    assert problems["camera-2"] == "went-back: unhealthy"
    assert problems["new"] == "never reported"
    assert problems["x"] == "its key is not known here"
    later = now + datetime.timedelta(days=3)
    (silent,) = [row for row in command.status(3600, later) if row.board == "camera-2"]
    assert silent.problem.startswith("silent for 3 days")


def listed(fleet: Fleet, **boards: list[str]) -> dict[str, list[str]]:
    """Return boards with the keys of cameras, by the cameras' names."""
    text = {name: signing.key_text(signing.public_of(key)) for name, key in fleet.keys.items()}
    return {name: [text[key] for key in keys] for name, keys in boards.items()}


def test_boards_of_one_key_can_not_report_for_each_other(fleet: Fleet) -> None:
    keys = listed(fleet, a=["camera-1"], b=["camera-1"], c=["camera-2"])
    taken = Reports(fleet.folder / "reports", keys)
    for name in ("a", "b"):
        with pytest.raises(RefusedError, match="not signed by its key"):
            taken.take(signed(report(name), fleet.keys["camera-1"]))
    assert taken.take(signed(report("c"), fleet.keys["camera-2"])).board == "c"
    reports.keep_boards(fleet.folder, keys)
    problems = {row.board: row.problem for row in command.status(3600)}
    assert problems["a"] == "has the ssh host key of b, which signs nothing"
    assert problems["b"] == "has the ssh host key of a, which signs nothing"
    assert "ssh host key" not in problems["c"]


def test_a_board_reports_by_the_key_that_is_its_own(fleet: Fleet) -> None:
    keys = listed(fleet, a=["camera-1", "camera-2"], b=["camera-1"])
    taken = Reports(fleet.folder / "reports", keys)
    with pytest.raises(RefusedError, match="not signed by its key"):
        taken.take(signed(report("a"), fleet.keys["camera-1"]))
    taken.take(signed(report("a"), fleet.keys["camera-2"]))
    reports.keep_boards(fleet.folder, keys)
    assert "of b, which" in {row.board: row.problem for row in command.status(3600)}["a"]


def test_a_key_that_is_known_twice_of_one_board_is_its_own(fleet: Fleet) -> None:
    keys = listed(fleet, a=["camera-1", "camera-1"], b=[])
    assert reports.shared_keys(keys) == {}
    Reports(fleet.folder / "reports", keys).take(signed(report("a"), fleet.keys["camera-1"]))


def test_a_fleet_of_one_key_is_named_with_its_cure(fleet: Fleet) -> None:
    keys = listed(fleet, **{f"b{number}": ["camera-1"] for number in range(6)})
    with pytest.raises(BadInputError) as caught:
        reports.keep_boards(fleet.folder, keys)
    assert "b0 has the ssh host key of b1, b2, b3 and 2 more" in caught.value.message
    assert "ssh-keygen -A" in caught.value.cure


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", "[" * 9000, '{"boards": 1, "without": []}',
     '{"boards": ["a"], "without": [], "shared": []}',
     '{"boards": ["a"], "without": [], "shared": {"a": 1}}'],
)  # fmt: skip
def test_a_damaged_list_of_boards_is_named(fleet: Fleet, content: str) -> None:
    fleet.folder.mkdir(parents=True)
    (fleet.folder / "boards.json").write_text(content)
    with pytest.raises(BadInputError, match="damaged"):
        command.status(3600)


def a_report(**change: Any) -> str:
    fields = ("time", "phase", "reason", "release", "image_id", "state", "verdict")
    body = {"board": "camera-1", "key": "k", "number": 7, **dict.fromkeys(fields, "x")}
    body["received"] = "2026-11-29T04:00:00+00:00"
    return json.dumps({**body, **change})


@pytest.mark.parametrize(
    "content",
    [a_report(received="x"), a_report(received=5), a_report(received="2026-11-29T04:00:00"),
     a_report(number="7"), a_report(number=None), a_report(number=True), a_report(phase=None),
     a_report(reason=[1]), a_report(key={}), a_report(more=1), "[" * 9000, "\udce4", "",
     a_report(reason="x" * 20_000)],
)  # fmt: skip
def test_a_damaged_report_is_none_and_the_next_one_is_kept(fleet: Fleet, content: str) -> None:
    (fleet.folder / "reports").mkdir(parents=True)
    place = fleet.folder / "reports" / "camera-1.json"
    place.write_text(content, encoding="utf-8", errors="surrogateescape")
    (fleet.folder / "boards.json").write_text('{"boards": ["camera-1"], "without": []}')
    assert [row.problem for row in command.status(3600)] == ["never reported"]
    assert fleet.reports().take(signed(report(), fleet.keys["camera-1"])).number == 1
    assert command.status(3600)[0].report is not None


def test_what_is_no_file_of_a_report_holds_nobody_up(fleet: Fleet) -> None:
    (fleet.folder / "reports").mkdir(parents=True)
    place = fleet.folder / "reports" / "camera-1.json"
    os.mkfifo(place)
    fleet.reports().take(signed(report(), fleet.keys["camera-1"]))
    assert place.is_file()
    place.unlink()
    place.mkdir()
    with pytest.raises(StepFailedError, match="can't be kept"):
        fleet.reports().take(signed(report(), fleet.keys["camera-1"]))
    os.mkfifo(fleet.folder / "boards.json")
    with pytest.raises(BadInputError, match="no regular file"):
        command.status(3600)


def test_a_list_of_an_older_kit_is_read(fleet: Fleet) -> None:
    fleet.folder.mkdir(parents=True)
    (fleet.folder / "boards.json").write_text('{"boards": ["a"], "without": []}')
    assert [row.problem for row in command.status(3600)] == ["never reported"]


def test_without_reports_it_says_what_to_type(fleet: Fleet) -> None:
    with pytest.raises(BadInputError) as caught:
        command.status(3600)
    assert "fleet.collect" in caught.value.cure


def test_keys_are_those_that_ssh_knows(fleet: Fleet, tmp_path: Path) -> None:
    text = signing.key_text(signing.public_of(fleet.keys["camera-1"]))
    known = tmp_path / "known"
    known.write_text(f"[192.0.2.7]:2222 {text}\n@revoked 192.0.2.8 {text}\n")
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", known], check=True, capture_output=True)
    place = tmp_path / "hosts.yml"
    args = f"-o UserKnownHostsFile={known} -o GlobalKnownHostsFile=/dev/null"
    place.write_text(
        f"all:\n  vars:\n    ansible_ssh_common_args: {args}\n  hosts:\n"
        "    camera-1: {ansible_host: 192.0.2.7, ansible_port: 2222}\n"
        "    camera-2: {ansible_host: 192.0.2.8}\n    camera-3: {ansible_host: 192.0.2.7}\n"
    )
    result = board_keys.of_inventory(place)
    assert result == {"camera-1": (text,), "camera-2": (), "camera-3": ()}


@pytest.mark.parametrize(
    ("user", "everybody", "expected"),
    [
        ("{h} {1}\n{h} {2}\n@revoked {h} {1}\n", "", ["2"]),
        ("@revoked * {1}\n{h} {1}\n{h} {2}\n", "", ["2"]),
        (" @revoked {h}\t{1}\n{h} {1}\n{h} {2}\n", "", ["2"]),
        ("{h} {1}\n{h} {2}\n", "@revoked {h} {1}\n", ["2"]),
        ("@revoked {h} {2}\n", "{h} {1}\n{h} {2}\n", ["1"]),
        ("{h} {1}\n@revoked 192.0.2.9 {1}\n", "", ["1"]),
        ("@cert-authority {h} {1}\n{h} {2}\n", "", ["2"]),
        ("{h} {1}\n@cert-authority {h} {1}\n", "", ["1"]),
    ],
)
def test_a_revoked_key_is_none_wherever_else_it_stands(
    fleet: Fleet, tmp_path: Path, user: str, everybody: str, expected: list[str]
) -> None:
    text = {name[-1]: signing.key_text(signing.public_of(key)) for name, key in fleet.keys.items()}
    files = {"UserKnownHostsFile": user, "GlobalKnownHostsFile": everybody}
    for name, content in files.items():
        (tmp_path / name).write_text(content.format("", text["1"], text["2"], h="192.0.2.7"))
    args = " ".join(f"-o {name}={tmp_path / name}" for name in files)
    host = Host("192.0.2.7", {"ansible_ssh_common_args": args})
    assert board_keys.of_host(host) == tuple(text[name] for name in expected)


@pytest.mark.parametrize(
    ("form", "expected"),
    [("lines", ["2"]), ("krl", ["2"]), ("nothing", ["1", "2"]), ("damaged", []), ("away", [])],
)
def test_a_key_that_ssh_has_revoked_in_a_file_is_none(
    fleet: Fleet, tmp_path: Path, form: str, expected: list[str]
) -> None:
    public = {name[-1]: signing.public_of(key) for name, key in fleet.keys.items()}
    text = {name: signing.key_text(path) for name, path in public.items()}
    (tmp_path / "known").write_text("".join(f"192.0.2.7 {key}\n" for key in text.values()))
    place = tmp_path / "revoked"
    if form == "krl":
        arguments = ["ssh-keygen", "-q", "-k", "-f", str(place), str(public["1"])]
        subprocess.run(arguments, check=True, capture_output=True)
    elif form == "damaged":
        place.write_bytes(board_keys.KRL + b"\xff" * 40)
    elif form != "away":
        place.write_text("# lost\n" + (f"{text['1']} lost\n" if form == "lines" else ""))
    args = f"-o UserKnownHostsFile={tmp_path / 'known'} -o GlobalKnownHostsFile=/dev/null"
    host = Host("192.0.2.7", {"ansible_ssh_common_args": f"{args} -o RevokedHostKeys={place}"})
    assert board_keys.of_host(host) == tuple(text[name] for name in expected)
