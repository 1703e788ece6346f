"""How a command ends: whatever went wrong becomes one line and the exit code of its kind."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from pathlib import Path

from jetson_kit.command_line import signals
from jetson_kit.core import text
from jetson_kit.core.errors import (
    BadInputError,
    InternalError,
    KitError,
    StepFailedError,
)
from jetson_kit.core.files import disk_full, too_large, written_to
from jetson_kit.core.paths import FULL

DEBUG = "KIT_DEBUG"
# Packages that read documents, and give up on those that are nested too deeply.
READERS = ("json", "tomllib", "yaml")
# As Path.resolve() says it before Python 3.13.
LOOP = "Symlink loop from "


def end(error: BaseException) -> int:
    """Say in one line on stderr what went wrong, and return the exit code.

    With KIT_DEBUG set, an error that no code expects is raised again with its traceback.
    """
    if isinstance(error, KeyboardInterrupt):
        _say("error: stopped; run it again to go on from here")
        return signals.exit_code(error)
    known = typed(error)
    if isinstance(known, InternalError) and os.environ.get(DEBUG):
        raise error
    for line in known.lines():
        _say(line)
    return known.exit_code


def typed(error: BaseException) -> KitError:
    """Return the typed error that stands for any exception."""
    if isinstance(error, KitError):
        return error
    if isinstance(error, OSError):
        return _system(error)
    if isinstance(error, MemoryError):
        return StepFailedError("no memory is left", "close other programs and run it again")
    file, line = _where(error)
    if refused := _refused(error, file):
        return refused
    where = f" ({file.name}:{line})" if line else ""
    return InternalError(
        f"a fault of the kit: {type(error).__name__}: {error}{where}",
        f"please report it with what {DEBUG}=1 prints",
    )


def _refused(error: BaseException, file: Path) -> BadInputError | None:
    """Return the error for what Python itself refuses to read, in any place."""
    if isinstance(error, UnicodeError):
        return BadInputError(f"a text is not UTF-8: {error}", "name files and values in UTF-8")
    if isinstance(error, RecursionError) and file.parent.name in READERS:
        return BadInputError("a document is nested too deeply", "give another file")
    if isinstance(error, RuntimeError) and str(error).startswith(LOOP):
        return _loop(str(error).removeprefix(LOOP).strip("'\""))
    return None


def _here() -> bool:
    """Tell whether the current folder is there."""
    try:
        os.getcwd()  # noqa: PTH109 # it makes no path of it
    except FileNotFoundError:
        return False
    return True


def _loop(place: str) -> BadInputError:
    return BadInputError(f"{place} is a link that leads to itself", "correct the path")


def _system(error: OSError) -> KitError:
    place = "" if error.filename is None else os.fsdecode(str(error.filename))
    if error.errno in FULL:
        return disk_full(written_to(error))
    if error.errno == errno.EFBIG:
        return too_large(written_to(error))
    if not place and isinstance(error, FileNotFoundError) and not _here():
        return BadInputError("the current folder is there no more", "go to another: cd")
    if place and error.errno == errno.ELOOP:
        return _loop(place)
    if place and error.errno == errno.ENAMETOOLONG:
        return BadInputError(f"{place}: {error.strerror}", "correct the path")
    return StepFailedError(f"{place}: {error.strerror}" if place else f"{error.strerror or error}")


def _where(error: BaseException) -> tuple[Path, int]:
    """Return the file and line in which an error began."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    if trace is None:
        return Path(), 0
    return Path(trace.tb_frame.f_code.co_filename), trace.tb_lineno


def _say(message: str) -> None:
    """Print a line; a stderr that is gone is no reason to end otherwise."""
    with contextlib.suppress(OSError, ValueError, RuntimeError):
        print(text.line(message), file=sys.stderr, flush=True)
