"""What ends the program before anything is verified; exit codes as in docs/exit-codes.md."""

from __future__ import annotations


class BundleError(Exception):
    """A step failed: a file can't be read or written."""

    exit_code = 7


class UsageError(BundleError):
    """The command line is wrong."""

    exit_code = 2


class UnfitError(BundleError):
    """The bundle is not for this machine or this Python."""

    exit_code = 3


class DamagedError(BundleError):
    """A file of the bundle is cut short, changed, or of another bundle."""

    exit_code = 5


class NoRoomError(BundleError):
    """There is no place to unpack the bundle."""

    exit_code = 6
