"""The table of bench.sites."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

Facts = Mapping[str, Any]


def table(facts: Facts) -> str:
    """Return what was measured at the top, and what kills came to."""
    return "\n\n".join(filter(None, (_costs(facts), _kills(facts))))


def _costs(facts: Facts) -> str:
    rows = sorted(facts["costs"].values(), key=lambda row: (row["boards"], row["sites"]))
    if not rows:
        return ""
    lines = [
        f"| `./inv bench.sites`, on {facts['cores']} x86 cores | processor at the top, per board "
        "| by one controller | less | bytes at the top, per board | by one controller | less "
        "| wall time | by one controller |",
        "|---" * 9 + "|",
    ]
    for row in rows:
        lines.append(
            f"| {row['sites']} {'site' if row['sites'] == 1 else 'sites'} "
            f"of {row['boards']} boards (load {row['load_at_start']:.0f}) "
            f"| {1e3 * row['top_cpu_s_per_board']:.0f} ms "
            f"| {1e3 * row['flat_cpu_s_per_board']:.0f} ms | **{row['cpu_ratio']:.1f}x** "
            f"| {row['top_bytes_per_board'] / 1e3:.1f} kB "
            f"| {row['flat_bytes_per_board'] / 1e3:.0f} kB | **{row['bytes_ratio']:.1f}x** "
            f"| {row['top']['wall_s']:.1f} s | {row['flat']['wall_s']:.1f} s |"
        )
    return "\n".join(lines)


def _kills(facts: Facts) -> str:
    rows = facts["rollouts"]
    if not rows:
        return ""
    count = Counter(name for row in rows for name in row["kills"])
    listed = ", ".join(f"{number} of {name}" for name, number in sorted(count.items()))
    bad = sum(row["bad_image"] for row in rows)
    lost = sum(len(row["lost"]) for row in rows)
    false = sum(row["false_success"] for row in rows)
    unlike = sum(row["unlike"] for row in rows)
    of_sites = [kill for row in rows for kill in row.get("processes", ())]
    begun = sum(bool(kill["at"]) for kill in of_sites)
    resumed = sum(row.get("resumed_at_sites", 0) for row in rows)
    met = (
        f" Of {len(of_sites)} kills of a site's processes, found by their numbers, {begun} came "
        f"after the first line of the site's journal; the sites' journals have {resumed} resumes."
        if of_sites
        else ""
    )
    return (
        f"`./inv bench.sites --kills N`: {count.total()} kills at random moments of {len(rows)} "
        f"rollouts to two sites of two boards, {bad} of them of an image that is never healthy: "
        f"{listed}. Boards that did not end on the image that they should: {lost}; false "
        f"successes: {false}; rollouts with another end than without kills: {unlike}.{met}"
    )
