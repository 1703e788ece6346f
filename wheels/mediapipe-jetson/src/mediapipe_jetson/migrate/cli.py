"""The command line of `migrate`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Optional

from mediapipe_jetson import exit_codes
from mediapipe_jetson.usage import Parser, line

LIBCST = (
    "LibCST is not installed: images leave it out; where the kit is: ./inv migrate DIR, in an "
    "environment of yours: pip install 'mediapipe-jetson[migrate]'"
)


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Run the command: 0 if all was migrated, 1 if not, 2 for bad input."""
    parser = Parser("migrate", "Rewrite mp.solutions code to MediaPipe Tasks.")
    parser.add_argument("folder", type=Path, metavar="DIR", help="a folder, or one program")
    parser.add_argument(
        "--write", action="store_true", help="write the files; without it a diff is printed"
    )
    parser.add_argument("--gpu", action="store_true", help="let the new code ask for the GPU")
    options = parser.parse_args(arguments)
    try:
        from mediapipe_jetson.migrate import project, view  # noqa: PLC0415 # LibCST is an extra
    except ModuleNotFoundError as error:
        if error.name != "libcst":
            raise
        print(f"error: {LIBCST}", file=sys.stderr)
        return exit_codes.MISSING
    try:
        outcome = project.migrate(options.folder, gpu=options.gpu)
        if options.write:
            project.write(outcome.changes)
    except project.MigrateError as error:
        print(line(f"error: {error}"), file=sys.stderr)
        return exit_codes.of(error)
    print(view.text(outcome, options.write), end="")
    return exit_codes.NEGATIVE if outcome.refused or outcome.unread else exit_codes.DONE
