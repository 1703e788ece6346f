"""Scripts without what a board does not run of them, by what is known of boards and wheels."""

from __future__ import annotations

from pathlib import PurePosixPath

from mediapipe_jetson.doctor import pins, versions
from mediapipe_jetson.doctor.files import board, branches, installers, variables


def alive(name: str, text: str) -> str:
    """Return a script's text without what a board does not run; its lines keep their numbers."""
    if variables.MAKE.match(PurePosixPath(name).name):
        return branches.made(text, board.board())
    return branches.alive(text, board.board(), _installs)


def _installs(words: list[str]) -> bool:
    """Return whether a command installs a MediaPipe that there is for aarch64."""
    known = pins.table()
    wheels = [*known["cpu_only"], *known["gpu"]]
    for item in installers.command(words, "", 0):
        if item.name != "mediapipe" or item.source:
            continue
        try:
            if versions.allowed(item.specifier, wheels):
                return True
        except ValueError:
            continue
    return False
