"""What `verify -i` shows: a table, and lines for Nagios and Prometheus."""

from __future__ import annotations

import sys

from rich.table import Table
from rich.text import Text

from jetson_kit.core import text as texts
from jetson_kit.core.console import console
from jetson_kit.core.errors import BrokenError, CheckFailedError
from jetson_kit.report.gauges import Gauge, gauges_text
from jetson_kit.verify.host_results import Fleet, HostResult

OK, WARNING, CRITICAL = 0, 1, 2
COLOURS = {"gpu": "green", "software": "yellow", "cpu": "yellow", "broken": "red"}


def show(fleet: Fleet) -> None:
    """Print a row for each host, then each failed test with its evidence."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("host", no_wrap=True)
    table.add_column("expected", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    table.add_column("as expected", no_wrap=True)
    table.add_column("tasks, reason", overflow="fold")
    for host in fleet.hosts:
        verdict = Text(host.verdict or "none", style=COLOURS.get(host.verdict or "", "red"))
        good = Text("yes", style="green") if host.as_expected else Text("no", style="red bold")
        table.add_row(Text(host.host), host.expected, verdict, good, Text(_describe(host)))
    out = console()
    out.print(table)
    for host in fleet.bad:
        for case in host.failed:
            out.print(Text(f"{host.host}: {case.test}", style="bold"))
            out.print(Text(f"  {case.why}"))
    for line in _left_out(fleet):
        print(line, file=sys.stderr)


def _describe(host: HostResult) -> str:
    tasks = ", ".join(f"{name} {verdict}" for name, verdict in host.tasks.items())
    counts = f"{host.passed} passed, {len(host.failed)} failed, {len(host.skipped)} skipped"
    why = "" if host.as_expected else host.reason
    return "; ".join(filter(None, (tasks, why, counts if host.tasks else "")))


def _left_out(fleet: Fleet) -> list[str]:
    """Return one line for each reason for which tests were skipped, with where."""
    where: dict[str, list[str]] = {}
    for host in fleet.hosts:
        for case in host.skipped:
            where.setdefault(f"{case.test}: {case.why}", []).append(host.host)
    return [f"not tested on {', '.join(names)}: {why}" for why, names in where.items()]


def nagios(fleet: Fleet) -> tuple[str, int]:
    """Return a plug-in's line and its exit code: 0 OK, 1 WARNING, 2 CRITICAL."""
    many = len(fleet.hosts)
    counted = f"hosts={many} bad={len(fleet.bad)}"
    if not fleet.bad:
        return f"MEDIAPIPE OK - {texts.counted(many, 'host')} as expected | {counted}", OK
    # A host without a verdict may be dead; that is no lesser thing than a broken one.
    grave = any(host.verdict in (None, "broken") for host in fleet.bad)
    state, code = ("CRITICAL", CRITICAL) if grave else ("WARNING", WARNING)
    why = "; ".join(f"{host.host}: {host.reason}" for host in fleet.bad)
    clean = " ".join(why.replace("|", "/").split())
    return (
        f"MEDIAPIPE {state} - {len(fleet.bad)} of {many} not as expected: {clean} | {counted}",
        code,
    )


def prometheus(fleet: Fleet) -> str:
    """Return gauges for a text file collector on the host that ran this."""
    verdicts = [
        (host.host, task, verdict)
        for host in fleet.hosts
        for task, verdict in (("all", host.verdict or "none"), *host.tasks.items())
    ]
    gauges: list[Gauge] = [
        (
            "as_expected",
            "Whether a host is as the inventory expects.",
            [(int(host.as_expected), {"host": host.host}) for host in fleet.hosts],
        ),
        (
            "verdict",
            "Where inference runs: 1 for the verdict that was found.",
            [(1, {"host": host, "task": task, "verdict": item}) for host, task, item in verdicts],
        ),
        ("time_seconds", "When this was begun, since 1970.", [(fleet.time_s, {})]),
    ]
    return gauges_text("mediapipe_jetson_fleet", gauges, {})


def exit_code(fleet: Fleet) -> int:
    """Return 0 if every host is as expected; else a broken one counts for more than others."""
    if not fleet.bad:
        return 0
    broken = any(host.verdict == "broken" for host in fleet.bad)
    return (BrokenError if broken else CheckFailedError).exit_code
