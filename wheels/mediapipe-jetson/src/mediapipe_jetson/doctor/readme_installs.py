"""What a README has people install: a hint where no file of the project installs MediaPipe."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from mediapipe_jetson.doctor import pins
from mediapipe_jetson.doctor.files import documents, installers
from mediapipe_jetson.doctor.pins import Board
from mediapipe_jetson.doctor.sources import Scan

DOCUMENT = re.compile(r"(readme|install|setup|getting[-_ ]?started|usage)", re.IGNORECASE)
COMMAND = re.compile(
    r"(?:^|[`$>#%]|\s)(?P<command>(?:sudo\s+)?(?:(?:\S*/)?python[\d.]*\s+-m\s+)?"
    r"(?:pip[\d.]*|uv|conda|mamba|poetry|pipenv)\s[^`\n]*\b(?:install|add)\s[^`\n]+)"
)
MOST, LONGEST = 3, 2000


def lines(scan: Scan, here: Board) -> list[str]:
    """Return how documents install MediaPipe, with what is wrong with it on this board."""
    result: list[str] = []
    for name, content in sorted(scan.texts.items()):
        if scan.kinds[name] == "markdown" and DOCUMENT.match(PurePosixPath(name).name):
            result += _of(name, documents.decoded(content), here)
    return list(dict.fromkeys(result))[:MOST]


def _of(name: str, text: str, here: Board) -> Iterator[str]:
    for number, row in enumerate(text.splitlines(), 1):
        match = COMMAND.search(row) if len(row) <= LONGEST else None
        for arguments in installers.split(match["command"]) if match else ():
            for item in installers.command(arguments, name, number):
                if pins.is_mediapipe(item.name):
                    problem = pins.judge(item, here)
                    wrong = f"{problem.what}: {problem.instead}" if problem else item.text
                    yield f"{name}:{number} says to install {wrong}"
