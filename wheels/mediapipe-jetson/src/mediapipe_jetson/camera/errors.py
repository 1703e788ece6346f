"""What can go wrong with a camera; each is one line without user names and passwords."""

from __future__ import annotations


class CameraError(RuntimeError):
    """A camera can't be used; `exit_code` is docs/exit-codes.md's."""

    exit_code = 7


class CameraSourceError(CameraError):
    """The source is not there, is none, or refuses what was requested."""

    exit_code = 2


class CameraMissingError(CameraError):
    """A program, library or plugin that the source needs is not here."""

    exit_code = 3


class CameraEndedError(CameraError):
    """A camera or stream that gave frames gives no more, and did not come back in time."""


class FormatRefusedError(CameraError):
    """The device does not give frames in this form; another one may work."""
