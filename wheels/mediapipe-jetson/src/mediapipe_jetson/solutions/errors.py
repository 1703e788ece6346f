"""What the legacy interface raises; each is a subclass of what MediaPipe 0.10.21 raised there."""

from __future__ import annotations


class SolutionsError(RuntimeError):
    """A frame could not be worked on."""


class ModelMissingError(FileNotFoundError):
    """A legacy model is not on this machine, or is not the right file."""


class ClosedSolutionError(ValueError):
    """The solution was closed before."""


class ArgumentError(ValueError):
    """An argument has a value that no model is for."""


class ArgumentTypeError(TypeError):
    """An argument has a value of another type."""


class ArgumentRangeError(OverflowError):
    """An argument is a whole number that the graphs can't hold."""


class NotSupportedError(NotImplementedError):
    """The kit lacks this part of the legacy package."""
