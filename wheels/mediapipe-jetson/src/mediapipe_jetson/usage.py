"""Argument parsing with this package's exit code for a wrong command line."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any, NoReturn

from mediapipe_jetson.exit_codes import BAD_INPUT

SCRIPT = "mediapipe-jetson"
WORD_MOST = 300
LINE_MOST = 4000


def program() -> str:
    """Return how this program was started, as help and errors name it."""
    return SCRIPT if Path(sys.argv[0]).name == SCRIPT else "python -m mediapipe_jetson"


def line(text: str) -> str:
    """Return a text as one printable line of bounded length, each word of it by itself."""
    words = [_shortened(word, WORD_MOST) for word in text.split()]
    result = _shortened(" ".join(words), LINE_MOST)
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in result
    )


def _shortened(text: str, most: int) -> str:
    if len(text) <= most:
        return text
    half = (most - 40) // 2
    return f"{text[:half]}...({len(text)} characters)...{text[-half:]}"


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line and end with `error_code`."""

    error_code = BAD_INPUT

    def __init__(self, command: str = "", description: str = "", **more: Any) -> None:  # noqa: ANN401
        # A package of its own begins with a point: python -m mediapipe_jetson.solutions.
        own = command.startswith(".")
        more.setdefault(
            "prog", f"python -m mediapipe_jetson{command}" if own else f"{program()} {command}"
        )
        super().__init__(description=description, allow_abbrev=False, **more)

    def error(self, message: str) -> NoReturn:
        """Print what is wrong and where help is, and exit."""
        print(line(f"error: {message}; see {self.prog} --help"), file=sys.stderr)
        sys.exit(self.error_code)
