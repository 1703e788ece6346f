"""The tables of docs/faults.md, made from cases.toml and bench/faults.json."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bench.faults import cases
from bench.faults.cases import Case
from bench.faults.record import WRONG

Facts = Mapping[str, Any]


def table(facts: Facts) -> str:
    """Return what was tried and what was seen: in a line, in words, and a row a case."""
    known = cases.load()
    lines = [
        _head(facts, known),
        "",
        *_points(facts, known),
        "| case | on | what happens | promise | tries | lost | false success | ended | tried on |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, case in known.items():
        row = facts["by_fault"].get(name)
        seen = f"{_seen(case, row)} {_days(facts, name)} |"
        lines.append(f"| {name} | {case.on} | {case.does} | {case.promise} | {seen}")
    return "\n".join([*lines, "", *_times(facts, known)]).rstrip()


def _head(facts: Facts, known: Mapping[str, Case]) -> str:
    """Return the counts of tries with a promise, and apart from them those that have none."""
    tried = {name: row for name, row in facts["by_fault"].items() if name in known}
    promised = [row for name, row in tried.items() if known[name].promised]
    tries = sum(row["tried"] for row in promised)
    lost, success, journal, failed, unkept = (sum(row[what] for row in promised) for what in WRONG)
    sentences = [
        f"`./inv bench.faults`, on {facts['cores']} x86 cores: **{tries} tries, {lost} lost, "
        f"{success} false successes**, {journal} false journals, {failed} failed next rollouts, "
        f"{unkept} broken promises."
    ]
    for name, row in tried.items():
        if not known[name].promised:
            sentences.append(f"Besides, `{name}`, which promises nothing: {row['tried']} tries, "
                         f"{_ended(row)}.")  # fmt: skip
    settings = "; ".join(f"{name} {count}" for name, count in facts["by_setting"].items())
    return " ".join([*sentences, f"By engine and image: {settings}."])


def _points(facts: Facts, known: Mapping[str, Case]) -> list[str]:
    """Return a table of the points at which the power was cut: each try has its own."""
    cuts = [name for name, case in known.items() if case.cuts]
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


def _seen(case: Case, row: Facts | None) -> str:
    """Return the last columns of a case's row; without a promise nothing is lost or claimed."""
    if row is None:
        return "not tried | | | |"
    counts = f"{row['lost']} | {row['false_success']}" if case.promised else "- | -"
    return f"{row['tried']} | {counts} | {_ended(row)} |"


def _days(facts: Facts, case: str) -> str:
    """Return the last day of each run of a case, with the commits where they are known."""
    return "; ".join(
        " ".join((run["last"][:10], *run["commits"]))
        for run in facts["runs"]
        if run["case"] == case
    )


def _ended(row: Facts) -> str:
    return ", ".join(f"{count} {word}" for word, count in row["ended"].items())


def _times(facts: Facts, known: Mapping[str, Case]) -> Iterable[str]:
    """Yield how long a try on a drive took, case by case, as far as it was measured."""
    shown = []
    for name, row in facts["by_fault"].items():
        if name in known and known[name].on == "drives":
            median = f"{row['seconds_median']:.0f} s, " if "seconds_median" in row else ""
            shown.append(f"{name} {median}at most {row['seconds_max']:.0f} s")
    if shown:
        yield f"A try on a drive took: {'; '.join(shown)}."
