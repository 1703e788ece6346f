"""The table of docs/faults.md, made from cases.toml and bench/faults.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from jetson_kit.bench_faults import cases, record
from jetson_kit.bench_faults.cases import Case
from jetson_kit.errors import IntegrityError
from jetson_kit.files import write_text
from jetson_kit.paths import ROOT

PAGE = ROOT / "docs" / "faults.md"
START, END = "<!-- bench.faults -->", "<!-- /bench.faults -->"


def rendered(text: str, facts: Mapping[str, Any], known: Mapping[str, Case]) -> str:
    """Return the page with its table made anew. Raises IntegrityError for a missing mark."""
    head, mark, rest = text.partition(START)
    _, closed, tail = rest.partition(END)
    if not mark or not closed:
        raise IntegrityError(f"the page lacks the marks {START} ... {END}", "put them back")
    return f"{head}{START}\n{table(facts, known)}\n{END}{tail}"


def table(facts: Mapping[str, Any], known: Mapping[str, Case]) -> str:
    """Return a row a case: what it is, what is promised, what was seen."""
    lines = [
        f"`./inv bench.faults`, on {facts['cores']} x86 cores: **{facts['tried']} tries, "
        f"{facts['lost']} lost, {facts['false_success']} false successes**, "
        f"{facts['false_journal']} false journals, {facts['next_failed']} failed next rollouts, "
        f"{facts['unkept']} broken promises.",
        "",
        "| case | on | what happens | promise | tries | lost | false success | ended |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, case in known.items():
        row = facts["by_fault"].get(name)
        seen = "not tried | | |"
        if row:
            ended = ", ".join(f"{count} {word}" for word, count in row["ended"].items())
            seen = f"{row['tried']} | {row['lost']} | {row['false_success']} | {ended} |"
        lines.append(f"| {name} | {case.on} | {case.does} | {case.promise} | {seen}")
    return "\n".join(lines)


def renew() -> None:
    """Write the page's table from what was tried last."""
    facts = json.loads(record.OUT.read_text(encoding="utf-8"))
    write_text(PAGE, rendered(PAGE.read_text(encoding="utf-8"), facts, cases.load()))
