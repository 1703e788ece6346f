"""Two controllers, or one and a channel, at work on one board: neither undoes the other."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jetson_kit.fleet.release import signing
from jetson_kit.fleet.release.release import Release
from tests.support.here import needs_parts
from tests.unit import board_program
from tests.unit.bare_board import FILES, Board
from tests.unit.board_program import Program
from tests.unit.roles.signed_board import Make

OLD, NEW, OTHER = ("sha256:" + digit * 64 for digit in "123")
HOUR_S = 3600


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Program]:
    yield from board_program.imported(tmp_path / "root", monkeypatch)


def layer(program: Program, digit: str) -> Any:
    digest = digit * 64
    return program.release.Layer(f"sha256:{digest}", f"sha256:{digest}", 5, 5)


def blobs(program: Program, **age_s: float) -> Path:
    """Write layers, each named by a digit, so many seconds ago."""
    folder: Path = program.disk.BLOBS
    folder.mkdir(parents=True, exist_ok=True)
    for name, age in age_s.items():
        path = folder / f"{name[1] * 64}.part"
        path.write_bytes(b"layer")
        os.utime(path, (time.time() - age,) * 2)
    return folder


@pytest.mark.parametrize(
    ("ages", "left"),
    [
        # Nobody sends: what belongs to no layer of this release goes.
        ({"d1": 0, "d2": HOUR_S, "d3": HOUR_S}, "1"),
        # The last layer of another release comes right now: its first ones stay, too.
        ({"d1": HOUR_S, "d2": HOUR_S, "d3": 5}, "123"),
        ({"d1": 0, "d2": 61, "d3": 70}, "1"),
        # A clock that was set back, by a little and by a year.
        ({"d1": 0, "d2": -30}, "12"),
        ({"d1": 0, "d2": -365 * 24 * HOUR_S}, "1"),
    ],
)
def test_layers_that_another_sends_stay(
    program: Program, ages: dict[str, float], left: str
) -> None:
    folder = blobs(program, **ages)
    program.blobs._tidy([layer(program, "1")])
    assert sorted(path.name[0] for path in folder.iterdir()) == list(left)


def test_layers_that_another_sends_go_where_their_space_is_needed(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = blobs(program, d1=0, d2=0)
    monkeypatch.setattr(program.blobs, "_had", lambda *_: 0)
    monkeypatch.setattr(
        program.disk, "free", lambda _path: 0 if len(list(folder.iterdir())) > 1 else 1 << 40
    )
    release = program.release.Release
    own = release(**dict.fromkeys(release._fields, None) | {"layers": (layer(program, "1"),)})
    there = program.engine.Engine("/", (), False, "", "")
    assert program.blobs.lack(own, there, program.settings.Settings()).short == []
    assert [path.name[0] for path in folder.iterdir()] == ["1"]


def test_a_release_that_came_takes_only_its_own_layers_along(program: Program) -> None:
    folder = blobs(program, d1=0, d2=0)
    (folder / ("1" * 64)).write_bytes(b"whole")
    release = program.release.Release
    own = release(**dict.fromkeys(release._fields, None) | {"layers": (layer(program, "1"),)})
    program.blobs.clear(own)
    assert [path.name[0] for path in folder.iterdir()] == ["2"]


def coded(release: Release) -> list[str]:
    paths = (release.path, release.path.with_name(release.path.name + signing.SUFFIX))
    return [base64.b64encode(path.read_bytes()).decode() for path in paths]


@needs_parts("ssh-keygen")
def test_a_release_that_another_offered_since_is_not_received(board: Board, make: Make) -> None:
    first, second = make("a"), make("b")
    incoming = board.root / "var/lib/mediapipe-jetson/incoming/release.json"
    for release in (first, second):
        board.run("offer", "--way=archive", *coded(release), code=3)
    for step in ("receive", "expect", "adopt"):
        output = board.run(step, f"--image={first.image_id}", incoming, code=9)
        assert f"{second.image_id}) was offered here meanwhile" in output
        # One's own goes on, to where the engine is asked.
        board.run(step, f"--image={second.image_id}", incoming, code=5 if step == "adopt" else 3)


@needs_parts("ssh-keygen")
def test_offers_at_once_are_never_mixed(board: Board, make: Make) -> None:
    """A text beside another's signature would be told as forged."""
    commands = [["offer", "--way=archive", *coded(make(image))] for image in ("a", "b") * 6]
    env = {**os.environ, "PYTHONPATH": str(FILES), "MEDIAPIPE_IMAGE_ROOT": str(board.root),
           "DOCKER_HOST": f"unix://{board.root}/none.sock"}  # fmt: skip
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "mediapipe_image", *row],
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for row in commands
    ]
    results = [(process.communicate()[1], process.returncode) for process in running]
    # Busy, or as far as the engine.
    assert {code for _, code in results} <= {3, 9}, results
    assert 3 in {code for _, code in results}


def state(program: Program, image: str, rollout: str, how: str) -> Any:
    entry = program.state.Entry(image, image, "v", "now", "", rollout, how, image)
    return program.state.State(current=entry, boots=("b",))


@pytest.mark.parametrize(
    ("rollout", "by"),
    [("r2", "rollout r2"), ("channel", "its channel"), ("", "somebody")],
)
@pytest.mark.parametrize("how", ["trial", "good"])
def test_what_another_changed_since_is_left_alone(
    program: Program, rollout: str, by: str, how: str
) -> None:
    program.state_files.write(state(program, OTHER, rollout, how))
    before = (program.lib / "state.json").read_bytes()
    with pytest.raises(program.errors.BadInputError) as caught:
        program.change.switch(
            NEW, program.settings.Settings(), rollout="r1", why="", limit_s=None, seen=OLD
        )
    assert caught.value.message == f"{by} has put this device on {OTHER} meanwhile"
    assert (program.lib / "state.json").read_bytes() == before


@pytest.mark.parametrize("seen", [None, OTHER])
def test_what_nobody_changed_is_switched(program: Program, seen: str | None) -> None:
    program.state_files.write(state(program, OTHER, "r1", "good"))
    with pytest.raises(program.errors.StepFailedError, match="is not on this device"):
        program.change.switch(
            NEW, program.settings.Settings(), rollout="r1", why="", limit_s=None, seen=seen
        )


def test_a_board_on_nothing_is_seen_as_none(program: Program) -> None:
    settings = program.settings.Settings()
    with pytest.raises(program.errors.StepFailedError, match="is not on this device"):
        program.change.switch(NEW, settings, rollout="", why="", limit_s=None, seen="none")
    # Wiped since, or an image that failed and had none before it.
    with pytest.raises(program.errors.BadInputError, match="knows of no image any more") as caught:
        program.change.switch(NEW, settings, rollout="", why="", limit_s=None, seen=OLD)
    assert "fleet.provision" in caught.value.cure
    empty = program.state.State()
    program.state_files.write(program.state.noted(empty, "rollback", OLD, "", ""))
    with pytest.raises(program.errors.BadInputError, match=r"put back from .* meanwhile"):
        program.change.switch(NEW, settings, rollout="", why="", limit_s=None, seen=OLD)


def test_who_went_back_by_itself_says_so(program: Program) -> None:
    there = state(program, OTHER, "r1", "good")
    program.state_files.write(program.state.noted(there, "rollback", OLD, "nobody confirmed", "r1"))
    with pytest.raises(program.errors.BadInputError) as caught:
        program.change.switch(
            NEW, program.settings.Settings(), rollout="r2", why="", limit_s=None, seen=OLD
        )
    assert caught.value.message == f"it was put back from {OLD} meanwhile: nobody confirmed"


def test_a_release_that_is_being_offered_is_not_read(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its signature may be another's until the offer ends."""
    read: list[Path] = []
    monkeypatch.setattr(program.receive.releases, "load", lambda path, **_: read.append(path))
    place = program.lib / "incoming/release.json"
    with program.disk.locked("receive"), pytest.raises(program.errors.BusyError):
        program.receive.offered(place, "")
    assert read == []
    program.receive.offered(place, "")
    assert read == [place]


def test_the_command_line_takes_it(program: Program, capsys: pytest.CaptureFixture[str]) -> None:
    program.state_files.write(state(program, OTHER, "r2", "trial"))
    assert program.cli.main(["switch", f"--seen={OLD}", NEW]) == 2
    assert "rollout r2 has put this device on" in capsys.readouterr().err
    assert json.loads((program.lib / "state.json").read_text())["current"]["image_id"] == OTHER
