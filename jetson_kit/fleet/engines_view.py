"""What `engines.build` prints: each class, and what was shown of its engines."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from jetson_kit.fleet.engines_build import Built

STAND_IN = "EMULATED: a stand-in's files, no engines"


def show(done: Sequence[Built]) -> None:
    """Print a table of the classes."""
    table = Table(box=None, pad_edge=False)
    for name in ("class", "how", "board", "engines", "checked on the board", "where"):
        table.add_column(name, overflow="fold")
    for one in done:
        row = (one.name, one.how, one.board, str(one.engines), checked(one), one.folder)
        table.add_row(*map(Text, row))
    Console(highlight=False).print(table)


def checked(one: Built) -> str:
    """Return in words what was shown of a class's engines."""
    if one.emulated and one.engines:
        return STAND_IN
    if not one.engines:
        return one.words
    good = sum(row["ok"] is True for row in one.checks)
    open_ = [row for row in one.checks if row["ok"] is None]
    words = f"{good} of {len(one.checks)} as TFLite"
    return f"{words}; not run: {open_[0]['why']}" if open_ else words
