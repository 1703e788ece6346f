"""What ends the program before anything is verified: one line, and an exit code."""

from __future__ import annotations


class BundleError(Exception):
    """The bundle can't be used: damaged, for another machine, or there is no room for it."""

    exit_code = 2


class UsageError(BundleError):
    """The command line is wrong, or this Python can't run it."""

    exit_code = 3
