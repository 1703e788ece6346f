"""What compose files and Kubernetes' manifests share: parts on top of each other, images."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Optional

from mediapipe_jetson.doctor.files import started
from mediapipe_jetson.doctor.files.documents import Node

PYTHONS = re.compile(r"(docker\.io/)?(library/|arm64v8/)?python:")
MEDIAPIPES = re.compile(r"([\w.:-]+/)*[\w.-]*mediapipe[\w.-]*(:|@|$)", re.IGNORECASE)
VISIBLE = "NVIDIA_VISIBLE_DEVICES"
HIDDEN = ("none", "void", "")
RUNTIME, RESERVED, CDI, HIDING = "runtime", "reserved", "cdi", "hidden"


@dataclasses.dataclass(frozen=True)
class Part:
    """One service, pod or container as one file writes it."""

    file: str
    node: Node


def last(chain: list[Part], *keys: str) -> Optional[tuple[Part, Node]]:
    """Return an entry where the topmost part that has it writes it; null takes it away."""
    for part in reversed(chain):
        node: Optional[Node] = part.node
        for key in keys:
            node = node.get(key) if node is not None else None
            if node is not None and node.value is None:
                return None
        if node is not None:
            return part, node
    return None


def items(node: Optional[Node]) -> list[Node]:
    """Return what a list has, nothing for what is none."""
    return node.value if node is not None and isinstance(node.value, list) else []


def beside(name: str, path: str) -> str:
    """Return a path that is written in a file, as seen from the project's folder."""
    steps: list[str] = []
    for step in [*PurePosixPath(name).parent.parts, *PurePosixPath(path).parts]:
        if step == ".." and steps and steps[-1] != "..":
            steps.pop()
        elif step != ".":
            steps.append(step)
    return "/".join(steps)


def line(node: Node) -> str:
    """Return a command as a line of a shell, "" for none."""
    texts = command_texts(node) if node.value is not None else []
    return (json.dumps(texts) if isinstance(node.value, list) else texts[0]) if texts else ""


def command_texts(node: Node) -> list[str]:
    """Return the texts of a command's arguments, or its line."""
    rows = node.value if isinstance(node.value, list) else [node]
    return [str(item.value) for item in rows]


def packages(
    image: str, commands: Iterable[Node], own: frozenset[str], *, asks: bool, mounts: bool
) -> bool:
    """Return whether an image's Python is the project's.

    `asks`: for a GPU; `mounts`: it sees a folder of the project; `own` as in started.
    """
    nodes = list(commands)
    lines = [text for node in nodes if (text := line(node))]
    texts = [word for node in nodes for word in command_texts(node)]
    python = asks or MEDIAPIPES.match(image) is not None
    python = python or started.is_own([*lines, json.dumps(texts)], own)
    if not python and PYTHONS.match(image):
        # Without a command it is Python by hand, in the project's folder.
        python = started.starts_file(lines) if lines else mounts
    return python
