"""How a project's scripts and compose files start containers: with --gpus alone, or not."""

from __future__ import annotations

import re
from collections.abc import Iterator

RUN = re.compile(r"\b(docker|podman)\s+(container\s+)?(run|create)\b")
GPUS = re.compile(r"(^|\s)--gpus(\s|=)")
RUNTIME = re.compile(r"--runtime(\s+|=)[\"']?nvidia\b")
COMPOSE = re.compile(r"(docker-)?compose[\w.-]*\.ya?ml$", re.IGNORECASE)
COMPOSE_GPU = re.compile(r"^\s*-?\s*(driver:\s*[\"']?nvidia\b|capabilities:.*\bgpu\b|gpus:\s*\S)")
COMPOSE_RUNTIME = re.compile(r"^\s*runtime:\s*[\"']?nvidia\b", re.MULTILINE)
WHAT = "docker run --gpus without --runtime nvidia"
INSTEAD = "--runtime nvidia"
COMPOSE_WHAT = "a GPU is reserved without runtime: nvidia"
COMPOSE_INSTEAD = "runtime: nvidia"


def gpus_alone(command: str) -> bool:
    """Return whether a whole command line starts a container with --gpus alone."""
    return bool(RUN.search(command) and GPUS.search(command) and not RUNTIME.search(command))


def compose_lines(text: str) -> Iterator[int]:
    """Return the first line of a compose file that asks for a GPU the wrong way, from 1."""
    if COMPOSE_RUNTIME.search(text):
        return
    for number, line in enumerate(text.splitlines(), 1):
        if COMPOSE_GPU.match(line):
            yield number
            return
