"""Prints audits for people: a block for each wheel, at home in 80 columns."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table
from rich.text import Text

from jetson_kit.audit import rules
from jetson_kit.audit.core import Audit
from jetson_kit.audit.verdict import Verdict
from jetson_kit.targets import table as targets

STYLES = {"gpu": "bold green", "cpu": "yellow", "no": "red"}


def show(audits: Iterable[Audit], console: Console) -> None:
    """Print one block per wheel."""
    for number, item in enumerate(audits):
        if number:
            console.print()
        console.print(Text(item.wheel, style="bold"), soft_wrap=True)
        console.print(_facts(item))
        console.print(_verdicts(item))


def _facts(item: Audit) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    arm = item.min_arm or ("-" if item.arch != "aarch64" else "loads on no emulated CPU")
    if item.arm_features:
        arm += f" with {rules.say(item.arm_features)}"
    rows = {
        "is": f"{item.name} {item.version}, {f'{item.os} {item.arch}'.strip() or 'pure Python'}",
        "GPU": ", ".join(item.gpu_paths) if item.gpu else "not compiled in",
        "Arm level": arm,
        **({"translated": f"for {item.translated}"} if item.translated else {}),
        "Python": _span(item.python),
        "glibc": item.glibc or "-",
        "needs": ", ".join(item.needed) or "-",
        "Delegate": item.delegate or "-",
        "lies": "\n".join(item.tags_lie) or "no",
        "seen": "\n".join(item.evidence),
    }
    for name, value in rows.items():
        table.add_row(name, Text(value))
    return table


def _span(versions: tuple[str, ...]) -> str:
    if len(versions) < 3:
        return ", ".join(versions) or "-"
    return f"{versions[0]} to {versions[-1]}"


def _verdicts(item: Audit) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("targets", overflow="fold", max_width=20)
    table.add_column("verdict")
    table.add_column("reason", overflow="fold")
    groups: dict[Verdict, list[str]] = {}
    for target in targets.load().all:
        groups.setdefault(item.verdict(target), []).append(target.name)
    for verdict, names in groups.items():
        span = names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"
        table.add_row(span, Text(verdict.verdict, STYLES[verdict.verdict]), Text(verdict.reason))
    return table
