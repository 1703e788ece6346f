"""What `engines.build` prints: each class, and what was shown of its engines."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from jetson_kit.core.console import console
from jetson_kit.fleet.engines_build import Built

STAND_IN = "EMULATED: a stand-in's files, no engines"


def show(done: Sequence[Built]) -> None:
    """Print a table of the classes."""
    table = Table(box=None, pad_edge=False)
    for name in ("class", "how", "board", "engines", "checked on the board", "where"):
        table.add_column(name, overflow="fold")
    for build in done:
        row = (build.name, build.how, build.board, str(build.engines), checked(build), build.folder)
        table.add_row(*map(Text, row))
    console().print(table)


def checked(build: Built) -> str:
    """Return in words what was shown of a class's engines."""
    if build.emulated and build.engines:
        return STAND_IN
    if not build.engines:
        return build.reason
    good = sum(row["ok"] is True for row in build.checks)
    open_ = [row for row in build.checks if row["ok"] is None]
    summary = f"{good} of {len(build.checks)} as TFLite"
    return f"{summary}; not run: {open_[0]['why']}" if open_ else summary
