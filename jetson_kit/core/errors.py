"""Typed errors; each class has a fixed exit code: docs/exit-codes.md."""

from __future__ import annotations

from typing import ClassVar

from jetson_kit.core import text


class KitError(Exception):
    """A failure that a user can act on: one line of what is wrong, one of what to do."""

    exit_code: ClassVar[int] = 7

    def __init__(self, message: str, cure: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.cure = cure

    def line(self) -> str:
        """Return the single line that the user sees."""
        message = text.line(self.message)
        return f"error: {message}; {text.line(self.cure)}" if self.cure else f"error: {message}"

    def lines(self) -> tuple[str, ...]:
        """Return all that the user sees: one line, where an error does not stand for several."""
        return (self.line(),)


class CheckFailedError(KitError):
    """The work was done and its verdict is negative."""

    exit_code = 1


class BadInputError(KitError):
    """An argument or a file given by the user is wrong."""

    exit_code = 2


class ToolMissingError(KitError):
    """A program or service of this machine is missing or does not answer."""

    exit_code = 3


class NoPythonError(ToolMissingError):
    """No Python of a version that is old enough is on this machine."""


class NetworkError(KitError):
    """A download failed."""

    exit_code = 4


class IntegrityError(KitError):
    """Bytes do not have the hash, signature or form that they must have."""

    exit_code = 5


class DiskFullError(KitError):
    """No space is left where we write."""

    exit_code = 6


class StepFailedError(KitError):
    """A program that we run failed; its own words are in the message."""

    exit_code = 7


class BusyError(KitError):
    """Another run is at work on the same thing."""

    exit_code = 9


class BrokenError(KitError):
    """Inference does not work at all in what was examined."""

    exit_code = 11


class InternalError(KitError):
    """Something that no code expects: a fault of the kit itself."""

    exit_code = 70
