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
            prog=f"python -m mediapipe_jetson {command}",
            description=description,
            allow_abbrev=False,
        )
        self.command = command

    def error(self, message: str) -> NoReturn:
        """Print what is wrong and where help is, and exit with 3."""
        cure = f"see python -m mediapipe_jetson {self.command} --help"
        print(f"error: {message}; {cure}", file=sys.stderr)
        sys.exit(WRONG_USAGE)
