"""The kit's logger: steps on standard error; less of it with -q, each program's words with -v.

Levels: WARNING and above for -q, INFO by default, DEBUG for -v. Results go to standard output and
errors to `command_line.ending`, whatever the level.
"""

from __future__ import annotations

import logging
import re
import shlex
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from jetson_kit.core import text

LOG = logging.getLogger("jetson_kit")
# user:password@ in an address
PASSWORD = re.compile(r"(?<=//)[^/@\s]+@")
CLEAR_LINE = "\033[K"


class StandardError(logging.Handler):
    """Writes lines to what standard error is at the time; over an unfinished line of a terminal."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line; a stream that is gone is no reason to end."""
        line = self.format(record)
        try:
            before = CLEAR_LINE if sys.stderr.isatty() else ""
            print(f"{before}{line}", file=sys.stderr, flush=True)
        except (OSError, ValueError):
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 # logging's own
        """Leave it at that: there is nowhere to say so."""


class Lines(logging.Formatter):
    """Messages as they are; with times where programs are shown."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        message = record.getMessage()
        if not LOG.isEnabledFor(logging.DEBUG):
            return message
        past = f".{int(record.msecs):03d}"
        return f"{time.strftime('%H:%M:%S', time.localtime(record.created))}{past} {message}"


def _prepare() -> None:
    if not LOG.handlers:
        handler = StandardError()
        handler.setFormatter(Lines())
        LOG.addHandler(handler)
        LOG.setLevel(logging.INFO)
        LOG.propagate = False


def set_up(*, verbose: bool = False, quiet: bool = False) -> None:
    """Set the level for this process; with `verbose` each program that is started is shown."""
    LOG.setLevel(logging.DEBUG if verbose else logging.WARNING if quiet else logging.INFO)
    if verbose:
        sys.addaudithook(_audit)


def shows_steps() -> bool:
    """Tell whether steps are to be shown, and not results alone."""
    return LOG.isEnabledFor(logging.INFO)


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Log with -v how long a block took."""
    begun = time.monotonic()
    try:
        yield
    finally:
        LOG.debug("%.2f s  %s", time.monotonic() - begun, what)


def words_of(command: Sequence[str] | str) -> str:
    """Return a command line as a shell would take it, without passwords in addresses."""
    line = command if isinstance(command, str) else shlex.join(map(str, command))
    return text.line(PASSWORD.sub("***@", line))


def _audit(event: str, args: tuple[Any, ...]) -> None:
    if event == "subprocess.Popen":
        LOG.debug("+ %s", words_of(args[1]))


_prepare()
