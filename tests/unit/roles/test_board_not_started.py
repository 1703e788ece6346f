"""A container that the engine can't start: the device, port or folder that lacks is named.

The programs that are asked are stand-ins with what Docker 26.1 and systemd 252 answered.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.board_program import Program, imported

IMAGE = "sha256:" + "1" * 64
NO_DEVICE = (
    'error gathering device information while adding custom device "/dev/video0": no such file or '
    "directory"
)
NO_PORT = (
    "driver failed programming external connectivity on endpoint mediapipe (341fd57edf9b): "
    "Bind for 0.0.0.0:8000 failed: port is already allocated"
)
NO_FOLDER = (
    'invalid mount config for type "bind": bind source path does not exist: /tmp/argus_socket'
)
TOLD = "the engine does not start the container: "
RESTART = 'Job for mediapipe.service failed.\nSee "systemctl status mediapipe.service" for details.'


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Program]:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    answer(tmp_path, "journalctl", "")
    yield from imported(tmp_path / "root", monkeypatch)


def answer(folder: Path, name: str, out: str, code: int = 0, err: str = "") -> None:
    script = f"#!/bin/sh\nprintf %s {shlex.quote(out)}\nprintf %s {shlex.quote(err)} >&2\n"
    (folder / name).write_text(f"{script}exit {code}\n")
    (folder / name).chmod(0o755)


def created(folder: Path, problem: str) -> None:
    state = {"Status": "created", "Running": False, "OOMKilled": False, "ExitCode": 128,
             "Error": problem, "StartedAt": "0001-01-01T00:00:00Z",
             "FinishedAt": "0001-01-01T00:00:00Z"}  # fmt: skip
    answer(folder, "docker", json.dumps({"Image": IMAGE, "State": state}))


@pytest.mark.parametrize("problem", [NO_DEVICE, NO_PORT])
@pytest.mark.parametrize("job", ["Job=", "Job=812"])
def test_what_lacks_is_noted_and_told(
    program: Program, tmp_path: Path, problem: str, job: str
) -> None:
    created(tmp_path, problem)
    answer(tmp_path, "systemctl", job)
    settings = program.settings.Settings()
    assert program.ending.note(settings)["changed"]
    assert program.ending.words(IMAGE) == TOLD + problem
    assert program.ending.of_container(settings) == TOLD + problem
    assert program.ending.pause(IMAGE) == 0


def test_a_restart_says_what_lacks(program: Program, tmp_path: Path) -> None:
    settings = program.settings.Settings()
    created(tmp_path, NO_DEVICE)
    answer(tmp_path, "systemctl", "Job=812")
    program.ending.note(settings)
    answer(tmp_path, "systemctl", "", 1, RESTART)
    # What was noted before this start says nothing of it.
    record = json.loads(program.ending.RECORD.read_text())
    with pytest.raises(program.errors.StepFailedError, match="systemctl restart failed"):
        program.service.restart(settings)
    program.disk.write_json(program.ending.RECORD, {**record, "at_uptime": 1e12}, 0o600)
    with pytest.raises(program.errors.StepFailedError) as caught:
        program.service.restart(settings)
    assert caught.value.message == TOLD + NO_DEVICE


@pytest.mark.parametrize("problem", [NO_FOLDER, "Unknown runtime specified nvidia"])
def test_without_a_container_the_journal_says_it(
    program: Program, tmp_path: Path, problem: str
) -> None:
    answer(tmp_path, "systemctl", "", 1, RESTART)
    line = f"docker: Error response from daemon: {problem}."
    answer(tmp_path, "journalctl", f"Error: No such container: mediapipe\n{line}\n\nRun 'docker'\n")
    with pytest.raises(program.errors.StepFailedError) as caught:
        program.service.restart(program.settings.Settings())
    assert caught.value.message == TOLD + problem


@pytest.mark.parametrize(
    ("path", "own"),
    [("/var/lib/mediapipe-jetson/reports", True), ("/var/cache/mediapipe-jetson", True),
     ("/tmp/argus_socket", False)],
)  # fmt: skip
def test_a_folder_that_provisioning_makes_names_it(
    program: Program, tmp_path: Path, path: str, own: bool
) -> None:
    answer(tmp_path, "systemctl", "", 1, RESTART)
    problem = f'invalid mount config for type "bind": bind source path does not exist: {path}'
    answer(tmp_path, "journalctl", f"docker: Error response from daemon: {problem}.\n")
    with pytest.raises(program.errors.StepFailedError) as caught:
        program.service.restart(program.settings.Settings())
    assert ("./inv fleet.provision makes that" in caught.value.message) is own


def test_a_container_that_waits_for_its_start_has_not_ended(
    program: Program, tmp_path: Path
) -> None:
    created(tmp_path, "")
    answer(tmp_path, "systemctl", "Job=")
    assert program.ending.note(program.settings.Settings()) == {"changed": False}
    assert program.ending.words(IMAGE) == ""
