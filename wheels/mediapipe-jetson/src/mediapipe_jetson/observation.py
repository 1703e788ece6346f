"""What an observation is: facts, or the reason why there are none."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, ClassVar, Optional, Protocol, Union


@dataclasses.dataclass(frozen=True)
class Absent:
    """Nothing was observed; `reason` says why, in one line."""

    reason: str

    def lines(self) -> tuple[str, ...]:
        """Return what a person reads."""
        return (f"absent: {self.reason}",)


class Facts(Protocol):
    """A frozen dataclass of one observation module."""

    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]

    def lines(self) -> tuple[str, ...]:
        """Return what a person reads."""


Section = Union[Absent, Facts]


def as_json(section: Section) -> dict[str, Any]:
    """Return a section as JSON's types, with `present` first."""
    return {"present": not isinstance(section, Absent), **dataclasses.asdict(section)}


def read_text(path: Path) -> Optional[str]:
    """Return a file's text without NULs at its end, or None if it can't be read."""
    try:
        return path.read_bytes().decode("utf-8", "replace").rstrip("\0\n")
    except OSError:
        return None


def below(root: Path, path: str) -> Path:
    """Return `path`, an absolute path of the device, below `root`."""
    return root / path.lstrip("/")


def on_device(root: Path, path: Path) -> str:
    """Return how the device itself names a path found below `root`."""
    return f"/{path.relative_to(root)}" if root != Path("/") else str(path)


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, as in 1 frame, 2 frames."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def reason(error: BaseException) -> str:
    """Return an error's reason on one line, without its number and the file that it names."""
    return (error.strerror if isinstance(error, OSError) else None) or one_line(error)


def one_line(error: object) -> str:
    """Return an error's text on one line."""
    return " ".join(str(error).split()) or type(error).__name__
