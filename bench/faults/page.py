"""The table of docs/faults.md, made from cases.toml and bench/faults.json."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.faults import cases


def _points(facts: Mapping[str, Any]) -> list[str]:
    """Return a table of the points at which the power was cut: each try has its own."""
    cuts = [name for name, case in cases.load().items() if case.cuts]
    rows = facts.get("cuts_by_setting", {})
    chosen = [name for name in cuts if any(name in counts for counts in rows.values())]
    if not chosen:
        return []
    return [
        f"| power cuts, each at a point of its own | {' | '.join(chosen)} |",
        f"|---{'|---' * len(chosen)}|",
        *(
            f"| {name} | {' | '.join(str(counts.get(case, 0)) for case in chosen)} |"
            for name, counts in rows.items()
        ),
        "",
    ]


def table(facts: Mapping[str, Any]) -> str:
    """Return a row a case: what it is, what is promised, what was seen."""
    lines = [
        f"`./inv bench.faults`, on {facts['cores']} x86 cores: **{facts['tried']} tries, "
        f"{facts['lost']} lost, {facts['false_success']} false successes**, "
        f"{facts['false_journal']} false journals, {facts['next_failed']} failed next rollouts, "
        f"{facts['unkept']} broken promises. By engine and image: "
        f"{'; '.join(f'{name} {count}' for name, count in facts['by_setting'].items())}.",
        "",
        *_points(facts),
        "| case | on | what happens | promise | tries | lost | false success | ended |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, case in cases.load().items():
        row = facts["by_fault"].get(name)
        seen = "not tried | | |"
        if row:
            ended = ", ".join(f"{count} {word}" for word, count in row["ended"].items())
            seen = f"{row['tried']} | {row['lost']} | {row['false_success']} | {ended} |"
        lines.append(f"| {name} | {case.on} | {case.does} | {case.promise} | {seen}")
    return "\n".join(lines)
