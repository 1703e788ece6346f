"""What a cluster makes of the service, as a table for people."""

from __future__ import annotations

from rich.markup import escape
from rich.table import Table

from jetson_kit.core import text
from jetson_kit.core.console import console
from jetson_kit.fleet.k3s.check import NOT, Result


def show(result: Result) -> None:
    """Print each node's verdicts, then what is wrong."""
    table = Table(box=None, pad_edge=False)
    for name in ("node", "daemonset", "verdict", "why"):
        table.add_column(name, overflow="fold")
    for row in sorted(result.rows, key=lambda item: (item.node, item.verdict == NOT)):
        why = text.line("; ".join((*row.reasons, *row.notes)))
        cells = (row.node, row.daemon_set, row.verdict, why)
        table.add_row(*map(escape, cells))
    console().print(table)
    for fault in result.faults:
        print(text.line(fault))
