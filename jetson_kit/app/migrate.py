"""Rewrites mp.solutions code to MediaPipe Tasks, by the device wheel's code, from source."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mediapipe_jetson.migrate import project, view

from jetson_kit.core.errors import (
    BadInputError,
    CheckFailedError,
    DiskFullError,
    KitError,
    StepFailedError,
)

ERRORS: dict[int, type[KitError]] = {
    kind.exit_code: kind for kind in (BadInputError, DiskFullError, StepFailedError)
}


@dataclass(frozen=True)
class Migration:
    """What a person reads of it, and how many files were refused and could not be read."""

    text: str
    refused: int
    unread: int = 0

    def check(self) -> None:
        """Raise CheckFailedError if a file was refused or could not be read."""
        counts = ((self.refused, "refused"), (self.unread, "not read"))
        parts = [
            f"{many} files were {what}" if many > 1 else f"one file was {what}"
            for many, what in counts
            if many
        ]
        if parts:
            raise CheckFailedError(
                " and ".join(parts),
                "change what is named above by hand, or leave it as it is: docs/solutions.md",
            )


def run(folder: Path, write: bool, gpu: bool = False) -> Migration:
    """Migrate a folder or a program; without `write` nothing is changed.

    With `gpu` the new code asks for the GPU.

    Raises BadInputError for what can't be followed or written, DiskFullError, and StepFailedError
    where a file could not get its new name: all files are then as they were.
    """
    try:
        outcome = project.migrate(folder, gpu=gpu)
        if write:
            project.write(outcome.changes)
    except project.MigrateError as error:
        raise ERRORS[error.exit_code](str(error)) from error
    text = view.text(outcome, write)
    return Migration(text, len({note.file for note in outcome.refused}), len(outcome.unread))
