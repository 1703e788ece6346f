"""Files that are for other machines than a board by their names: requirements-mac.txt."""

from __future__ import annotations

import dataclasses
import re
from pathlib import PurePosixPath

from mediapipe_jetson.doctor.files.facts import Requirement

# A part of a name, between points, dashes and underscores, and the marker for it.
PC = "platform_machine == 'x86_64'"
NAMES = {
    **dict.fromkeys(("mac", "macos", "osx", "darwin"), "sys_platform == 'darwin'"),
    **dict.fromkeys(("win", "win32", "win64", "windows"), "sys_platform == 'win32'"),
    **dict.fromkeys(("x86", "x86_64", "x64", "amd64"), PC),
    **dict.fromkeys(("armv7", "armv7l", "armhf"), "platform_machine == 'armv7l'"),
}
BOARDS = {"jetson", "l4t", "arm64", "aarch64", "tegra", "nano", "orin", "xavier"}


def marker(name: str) -> str:
    """Return the marker for a file's name, "" for a file for any machine."""
    parts = _name_parts(name)
    if parts & BOARDS:
        return ""
    markers = [NAMES[word] for word in NAMES if word in parts]
    # A name with both is for both, such as requirements-linux-mac.txt.
    markers = [
        text for text in markers if "linux" not in parts or text.startswith("platform_machine")
    ]
    return markers[0] if markers else ""


def for_boards(name: str) -> bool:
    """Return whether a file is for boards by its name."""
    return bool(_name_parts(name) & BOARDS)


def _name_parts(name: str) -> set[str]:
    parts = set(re.split(r"[.-]|_(?!64)", PurePosixPath(name).name.lower()))
    return {"x86_64" if part == "86_64" else part for part in parts}


def mark(requirements: list[Requirement], start: int, text: str) -> None:
    """Give requirements, from the one at `start` on, one more marker, if there is one."""
    if not text:
        return
    requirements[start:] = [
        dataclasses.replace(item, marker=f"({item.marker}) and {text}" if item.marker else text)
        for item in requirements[start:]
    ]
