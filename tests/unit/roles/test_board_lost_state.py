"""A board that has lost every file of its state says what runs, and what is held."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.unit.board_program import Program, imported

OLD, NEW = ("sha256:" + digit * 64 for digit in "12")


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Program]:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    systemctl(tmp_path)
    yield from imported(tmp_path / "root", monkeypatch)


def systemctl(folder: Path) -> None:
    (folder / "systemctl").write_text("#!/bin/sh\necho active\n")
    (folder / "systemctl").chmod(0o755)


def engine(folder: Path, running: str = "", held: tuple[str, ...] = ()) -> None:
    """Put an engine on PATH that has these images, runs one of them and holds others."""
    containers = {"r": running} if running else {}
    answers = {
        "unit": "r mediapipe.service running\n" if running else "",
        "holds": "".join(f"h{number} {name} running\n" for number, name in enumerate(held)),
        "container": {
            name: {"Id": name, "Image": image, "State": {
                "Running": True, "StartedAt": "2026-01-01T00:00:00Z"}}
            for name, image in {**containers, "mediapipe": running}.items() if image
        },
        "image": {
            name: {"Id": name, "Architecture": "arm64"} for name in {running, *held} if name
        },
    }  # fmt: skip
    (folder / "answers.json").write_text(json.dumps(answers))
    (folder / "docker").write_text(f"""#!/usr/bin/python3
import json, sys
answers = json.load(open("{folder}/answers.json"))
kind, act, *words = sys.argv[1:]
if kind == "info":
    print('{{"DockerRootDir": "/var/lib/docker"}}')
    sys.exit(0)
if act == "ls":
    sys.stdout.write(answers["unit" if "label=io.mediapipe-jetson.unit" in words else "holds"])
    sys.exit(0)
known = answers[kind]
for name in words[2:]:
    if name in known:
        print(json.dumps(known[name]))
    else:
        sys.stderr.write("Error: No such object\\n")
sys.exit(any(name not in known for name in words[2:]))
""")
    (folder / "docker").chmod(0o755)


def huge(path: Path) -> None:
    path.write_text("")
    os.truncate(path, 1 << 40)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "missing": lambda _path: None,
    "garbage": lambda path: path.write_bytes(os.urandom(300)),
    "empty": lambda path: path.write_text(""),
    "a FIFO": os.mkfifo,
    "a folder": Path.mkdir,
    "a link to itself": lambda path: path.symlink_to(path.name),
    "huge": huge,
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_what_runs_is_what_the_board_is_on(
    program: Program, tmp_path: Path, damage: Callable[[Path], object]
) -> None:
    damage(program.lib / "current.env")
    engine(tmp_path, NEW, (OLD, NEW))
    body = program.status.status(program.settings.Settings())
    assert (body["current"]["image_id"], body["current"]["state"]) == (NEW, "good")
    assert body["previous"]["image_id"] == OLD
    assert body["mended"] and body["settled"] and not body["state_problems"]
    assert "the service's settings and the engine" in body["history"][-1]["why"]
    # That stays so, and the service would start with it.
    assert program.status.status(program.settings.Settings())["mended"] is False
    program.watch.settle()
    assert f"MEDIAPIPE_IMAGE={NEW}\n" in (program.lib / "current.env").read_text()


def test_what_is_held_is_what_the_board_was_on(program: Program, tmp_path: Path) -> None:
    engine(tmp_path, held=(OLD,))
    body = program.status.status(program.settings.Settings())
    assert body["current"]["image_id"] == OLD


def test_the_whole_folder_may_be_gone(program: Program, tmp_path: Path) -> None:
    engine(tmp_path, NEW, (NEW,))
    shutil.rmtree(program.lib)
    assert program.status.status(program.settings.Settings())["current"]["image_id"] == NEW


def test_a_board_without_any_has_none(program: Program, tmp_path: Path) -> None:
    engine(tmp_path)
    body = program.status.status(program.settings.Settings())
    assert body["current"] is None and body["mended"] is False
    assert list(program.lib.iterdir()) == []


def test_without_an_engine_nothing_is_made_up(program: Program, tmp_path: Path) -> None:
    (tmp_path / "docker").write_text("#!/bin/sh\necho 'Cannot connect' >&2\nexit 1\n")
    (tmp_path / "docker").chmod(0o755)
    body = program.status.status(program.settings.Settings())
    assert body["current"] is None and "does not answer" in body["problem"]
    # Nor where a file says that there was one: the next start mends it.
    (program.lib / "current.env").write_text("x")
    assert program.status.status(program.settings.Settings())["current"] is None
    engine(tmp_path, NEW)
    assert program.status.status(program.settings.Settings())["current"]["image_id"] == NEW
