"""Rewrites mp.solutions code to MediaPipe Tasks, by the device wheel's code, from source."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mediapipe_jetson.migrate import project, view

from jetson_kit.core.errors import BadInputError, CheckFailedError


@dataclass(frozen=True)
class Migration:
    """What a person reads of it, and how many files were refused."""

    text: str
    refused: int

    def check(self) -> None:
        """Raise CheckFailedError if a file was refused."""
        if self.refused:
            many = f"{self.refused} files were" if self.refused > 1 else "one file was"
            raise CheckFailedError(
                f"{many} refused",
                "change what is named above by hand, or leave it as it is: docs/solutions.md",
            )


def run(folder: Path, write: bool, gpu: bool = False) -> Migration:
    """Migrate a folder or a program; without `write` nothing is changed.

    With `gpu` the new code asks for the GPU.

    Raises BadInputError for what can't be followed, and OSError where a file can't be written.
    """
    try:
        outcome = project.migrate(folder, gpu=gpu)
        if write:
            project.write(outcome.changes)
    except project.MigrateError as error:
        raise BadInputError(str(error)) from error
    text = view.text(outcome, write)
    return Migration(text, len({note.file for note in outcome.refused}))
