"""Where tables are printed: as wide as a terminal; no line is broken for a file or a program."""

from __future__ import annotations

from rich.console import Console

# Columns; wider than any line.
UNBROKEN = 10_000


def console() -> Console:
    """Return standard output as it is now."""
    result = Console(highlight=False)
    if not result.is_terminal:
        result.width = UNBROKEN  # a reader that is a program breaks lines itself
    return result
