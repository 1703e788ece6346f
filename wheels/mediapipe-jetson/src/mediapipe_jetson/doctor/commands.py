"""The output of the board's programs: each runs once, within a time limit, and may be missing."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Union

from mediapipe_jetson.observation import Absent, one_line

Output = Union[str, Absent]
TIMEOUT_S = 10.0
NOT_FOUND = 127
CONTAINERS_MOST = 30
INSPECT = (
    "{{.Name}}\t{{.HostConfig.Runtime}}\t{{json .HostConfig.DeviceRequests}}\t{{json .State.Error}}"
)
COMMANDS: dict[str, tuple[str, ...]] = {
    "docker-version": ("docker", "version", "--format", "{{.Server.Version}}"),
    "docker-runtimes": ("docker", "info", "--format", "{{json .Runtimes}}"),
    "docker-containers": (
        "sh",
        "-c",
        "command -v docker >/dev/null || exit 127; "
        f"ids=$(docker ps -aq -n {CONTAINERS_MOST}) || exit; "
        f"[ -z \"$ids\" ] || docker inspect --format '{INSPECT}' $ids",
    ),
    "toolkit-version": ("nvidia-ctk", "--version"),
    "nvpmodel": ("nvpmodel", "-q"),
}
# Jetson's tools lie where a plain user's PATH may not lead.
FURTHER = "/usr/sbin:/sbin:/usr/local/sbin"


def outputs(environment: Mapping[str, str]) -> dict[str, Output]:
    """Return every program's output; they run side by side."""
    with ThreadPoolExecutor(max_workers=len(COMMANDS)) as pool:
        answers = pool.map(lambda item: run(item, environment), COMMANDS.values())
        return dict(zip(COMMANDS, answers))  # noqa: B905 # Python 3.9 has no strict


def run(command: tuple[str, ...], environment: Mapping[str, str]) -> Output:
    """Return what a program prints, or why there is nothing."""
    path = f"{environment.get('PATH', os.defpath)}:{FURTHER}"
    program = shutil.which(command[0], path=path)
    if not program:
        return Absent(f"{command[0]} is not installed here")
    try:
        process = subprocess.Popen(
            [program, *command[1:]],
            env={**environment, "PATH": path, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    except OSError as error:
        return Absent(f"{command[0]} can't be started: {one_line(error)}")
    with process:
        try:
            answers = process.communicate(timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired:
            _kill(process)
            return Absent(f"{_name(command)} gave no answer within {TIMEOUT_S:g} s")
        except BaseException:
            _kill(process)
            raise
    stdout, stderr = (text.decode("utf-8", "replace") for text in answers)
    return evaluate(command, process.returncode, stdout, stderr)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a program, and what a shell has started: that would go on without it."""
    children: list[str] = []
    with contextlib.suppress(OSError):
        place = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        children = place.read_text(encoding="ascii").split()
    process.kill()
    for child in children:
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(child), signal.SIGKILL)


def _name(command: tuple[str, ...]) -> str:
    return "docker" if command[0] == "sh" else command[0]


def evaluate(command: tuple[str, ...], code: int, stdout: str, stderr: str = "") -> Output:
    """Return what a program printed, or why that does not count."""
    name = _name(command)
    if code == NOT_FOUND:
        return Absent(f"{name} is not installed here")
    if code:
        last = stderr.strip().splitlines()[-1:]
        why = one_line(last[0])[:200] if last else f"exit code {code}"
        return Absent(f"{name} failed: {why}")
    return stdout
