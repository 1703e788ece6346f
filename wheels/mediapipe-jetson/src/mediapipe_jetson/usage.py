"""Argument parsing with this package's exit code for a wrong command line."""

from __future__ import annotations

import argparse
import sys
from typing import NoReturn

WRONG_USAGE = 3


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line and end with exit code 3."""

    def __init__(self, command: str, description: str) -> None:
        super().__init__(
            # A package of its own begins with a point: python -m mediapipe_jetson.solutions.
            prog=f"python -m mediapipe_jetson{'' if command.startswith('.') else ' '}{command}",
            description=description,
            allow_abbrev=False,
        )

    def error(self, message: str) -> NoReturn:
        """Print what is wrong and where help is, and exit with 3."""
        cure = f"see {self.prog} --help"
        print(f"error: {message}; {cure}", file=sys.stderr)
        sys.exit(WRONG_USAGE)
