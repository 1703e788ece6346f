"""What programs of the board say: each is asked once, in time, and may be missing."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
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
    """Ask every program, side by side."""
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
        done = subprocess.run(
            [program, *command[1:]],
            env={**environment, "PATH": path, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Absent(f"{command[0]} gave no answer within {TIMEOUT_S:g} s")
    except OSError as error:
        return Absent(f"{command[0]} can't be started: {one_line(error)}")
    stdout, stderr = (text.decode("utf-8", "replace") for text in (done.stdout, done.stderr))
    return evaluate(command, done.returncode, stdout, stderr)


def evaluate(command: tuple[str, ...], code: int, stdout: str, stderr: str = "") -> Output:
    """Return what a program printed, or why that does not count."""
    name = "docker" if command[0] == "sh" else command[0]
    if code == NOT_FOUND:
        return Absent(f"{name} is not installed here")
    if code:
        last = stderr.strip().splitlines()[-1:]
        why = one_line(last[0])[:200] if last else f"exit code {code}"
        return Absent(f"{name} failed: {why}")
    return stdout
