"""Shows a rollout while it goes: a line a device on a terminal, else plain lines; and its log."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from jetson_kit.ansible_driver import logs
from jetson_kit.ansible_driver.events import Event
from jetson_kit.core.log import LOG, shows_steps
from jetson_kit.core.text import counted, short_digests
from jetson_kit.fleet.rollout import journal as journals
from jetson_kit.fleet.rollout.journal import Record

COLOURS = {
    journals.CONFIRMED: "green",
    journals.HEALTHY: "cyan",
    journals.SWITCHED: "cyan",
    journals.FAILED: "red",
    journals.ROLLED_BACK: "yellow",
    journals.HELD: "yellow",
}
WORDS_CHARS = 100
# More lines than a terminal has are of no use: those at work and those that went wrong are shown.
MOST_ROWS = 40
EACH_S = 0.25


class View:
    """What the user sees, and the log file of the rollout."""

    def __init__(self, log: Path, *, quiet: bool = False) -> None:
        self._log = logs.Log(log)
        self._begun = time.monotonic()
        self._record: Record | None = None
        self._tasks: dict[str, str] = {}
        self._quiet = quiet
        console = Console(file=sys.stderr)
        self._live = (
            Live(console=console, get_renderable=self._table, refresh_per_second=1 / EACH_S)
            if console.is_terminal and not quiet and shows_steps()
            else None
        )

    def __enter__(self) -> View:
        """Begin to show."""
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the last picture there."""
        if self._live:
            self._live.stop()
        self._log.close()

    def say(self, text: str) -> None:
        """Print a line, and log it."""
        self._log.write(f"{time.strftime('%F %T')} {text}\n")
        if self._quiet:
            return
        if self._live:
            self._live.console.print(text, markup=False, highlight=False)
        else:
            LOG.info("%6.1f s  %s", time.monotonic() - self._begun, text)

    def line(self, line: Mapping[str, Any], record: Record) -> None:
        """Show a line of the journal."""
        self._record = record
        text = short_digests(_text(line, record))
        if line["event"] == "host" and "state" in line:
            self._tasks.pop(line["host"], None)
            if self._live and line["state"] != journals.FAILED:
                # The table has it; a failure's reason is too long for it.
                self._log.write(f"{time.strftime('%F %T')} {text}\n")
                return
        if text:
            self.say(text)

    def event(self, event: Event) -> None:
        """Show what Ansible does on a host."""
        self._tasks[event.host] = event.task.rpartition(" : ")[2]
        if event.status in ("failed", "unreachable"):
            self._log.write(f"{time.strftime('%F %T')} {event.host}: {event.message}\n")

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 2))
        if self._record is None:
            return table
        rows = list(self._record.hosts.values())
        if len(rows) > MOST_ROWS:
            quiet = (journals.PENDING, journals.FETCHED, journals.CONFIRMED)
            rows = [row for row in rows if row.state not in quiet or row.name in self._tasks]
        for host in rows[:MOST_ROWS]:
            doing = ": ".join(filter(None, (host.doing, self._tasks.get(host.name, ""))))
            if not doing and host.state != journals.FAILED:
                doing = host.why
            # As Text: what devices say may hold brackets, which are markup elsewhere.
            table.add_row(
                Text(host.name),
                Text(host.state, style=COLOURS.get(host.state, "")),
                Text(doing[:WORDS_CHARS]),
            )
        if len(self._record.hosts) > len(rows):
            table.add_row(f"{counted(len(self._record.hosts), 'host')}", counts(self._record))
        return table


def counts(record: Record) -> str:
    """Return how many hosts are in each state."""
    result = {state: len(record.names(state)) for state in journals.STATES}
    return ", ".join(f"{count} {state}" for state, count in result.items() if count)


def _text(line: Mapping[str, Any], record: Record) -> str:
    event = line["event"]
    if event == "host":
        if "state" not in line:
            return ""
        why = f": {line['why']}" if line.get("why") else ""
        seconds = f" ({line['seconds']:.1f} s)" if line.get("seconds") else ""
        return f"{line['host']} {line['state']}{seconds}{why}"
    if event == "doing":
        names = line["hosts"]
        return f"{line['step']}: {', '.join(names[:5])}" + (", ..." if len(names) > 5 else "")
    if event == "wave" and not line["done"]:
        number = line["wave"]
        late = number >= len(record.waves)
        return f"-- {'those that said not now' if late else record.waves[number].name}"
    return {
        "begin": f"rollout {record.id}",
        "resume": f"rollout {record.id} goes on",
        "stop": f"stopped: {line.get('why', '')}",
        "end": f"ended: {counts(record)}",
    }.get(event, "")
