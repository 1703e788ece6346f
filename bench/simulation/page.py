"""Tables and pictures of what was simulated and measured over sites, for docs/scale.md."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from bench import svg
from bench.simulation.outcome import FIRST, GOOD, UPDATE

Facts = Mapping[str, Any]
LEFT, RIGHT, ROW, TOP = 350.0, 80.0, 24.0, 60.0
COLOURS = {"50": "#2f6fb2", "90": "#5f9fd2", "98": "#b9d3ea"}
BAD = "#b2452f"


def table(facts: Facts) -> str:
    """Return the table and the sentences of bench.simulation."""
    rows = facts["outcomes"]
    lines = [
        f"{facts['boards']:,} boards over {facts['sites']:,} sites, seed {facts['seed']}.",
        "",
        "| plan | image | ends | half / 90 % of boards have it after | ran the bad image "
        "| on it at the end | bytes at the top, per board |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        image = row["image"] if row["release"] == UPDATE else f"{row['image']}, first image"
        bad = "-" if row["image"] == GOOD else f"{row['ran_bad']:,}"
        left = "-" if row["image"] == GOOD else f"{row['left_bad']:,}"
        reached = row["reached_s"]
        times = f"{_span(reached['50'])} / {_span(reached['90'])}"
        lines.append(
            f"| {row['plan']} | {image} | {_ended(row)} | {times} | {bad} | {left} "
            f"| {_bytes(row['top_bytes_per_board'])} |"
        )
    return "\n".join([*lines, "", *_sentences(rows)])


def _ended(row: Facts) -> str:
    """Return how a rollout ended, and when."""
    when = f"after {_span(row['ended_s'])}"
    if row["result"] == "stopped":
        return f"stopped, all is settled {when}"
    return f"{when}, {row['on_new']:,} boards have it"


def _sentences(rows: Sequence[Facts]) -> list[str]:
    """Return what the rows say, in words."""
    good = {row["plan"]: row for row in rows
            if (row["image"], row["release"]) == (GOOD, UPDATE)}  # fmt: skip
    result = []
    flat, sites = good.get("flat"), good.get("sites in waves")
    if flat and sites:
        ratio = flat["top_bytes"] / sites["top_bytes"]
        faster = flat["ended_s"] / sites["ended_s"]
        result.append(
            f"An update by sites in waves takes {_span(sites['ended_s'])} and "
            f"{_bytes(sites['top_bytes'])} at the top; by one controller {_span(flat['ended_s'])} "
            f"({faster:.1f} times) and {_bytes(flat['top_bytes'])} ({ratio:.0f} times)."
        )
    first = {row["plan"]: row for row in rows if row["release"] == FIRST}
    if "flat" in first and "sites in waves" in first:
        central, by_sites = first["flat"], first["sites in waves"]
        result.append(
            f"A first image takes {_span(by_sites['ended_s'])} by sites in waves, and "
            f"{_span(central['ended_s'])} by one controller, whose uplink carries "
            f"{_bytes(central['top_bytes'])} instead of {_bytes(by_sites['top_bytes'])}."
        )
    left = [row for row in rows if row["image"] != GOOD and row["left_bad"]]
    for stopped, why in (
        (True, "gave no answer when they were to go back, and are asked again by a resume"),
        (False, "stay on it: no gate saw anything wrong"),
    ):
        for row in (row for row in left if (row["result"] == "stopped") == stopped):
            result.append(f"{row['plan']}, {row['image']}: {row['left_bad']:,} boards {why}.")
    return result


def plots(facts: Facts) -> dict[str, str]:
    """Return SVG by its name: how long plans take, and how many boards get a bad image."""
    good = [row for row in facts["outcomes"] if row["image"] == GOOD]
    bad = [row for row in facts["outcomes"] if row["image"] != GOOD]
    times = [
        (_name(row), [(row["reached_s"][share] / 60, COLOURS[share])
                      for share in ("98", "90", "50") if row["reached_s"][share] is not None],
         _span(row["reached_s"]["90"]))
        for row in good
    ]  # fmt: skip
    counts = [(_name(row), [(float(row["ran_bad"]), BAD)], f"{row['ran_bad']:,}") for row in bad]
    where = f"{facts['boards']:,} simulated boards, {facts['sites']:,} sites"
    return {
        "time": _picture("Time until 50, 90 and 98 % of boards are confirmed", where, times),
        "bad": _picture("Boards that ran a bad image", where, counts),
    }


def _name(row: Facts) -> str:
    plan = str(row["plan"])
    if row["image"] != GOOD:
        return f"{plan}: {row['image']}"
    return plan if row["release"] == UPDATE else f"{plan}: first image"


Bars = Sequence[tuple[str, Sequence[tuple[float, str]], str]]


def _picture(title: str, where: str, rows: Bars) -> str:
    """Return bars on a logarithmic scale."""

    def scaled(value: float) -> float:
        return math.log10(value + 1)

    most = max((scaled(value) for _, bars, _ in rows for value, _ in bars), default=1.0) or 1.0
    parts, y = [], TOP
    for name, bars, note in rows:
        parts.append(svg.text(10, y + 16, name))
        end = LEFT
        for value, colour in bars:
            width = max(1.0, scaled(value) / most * (svg.WIDTH - LEFT - RIGHT))
            end = max(end, LEFT + width)
            parts.append(
                f'<rect x="{LEFT:.1f}" y="{y + 3:.1f}" width="{width:.1f}" '
                f'height="{ROW - 8:.0f}" rx="2" fill="{colour}"/>'
            )
        parts.append(svg.text(end + 8, y + 16, note))
        y += ROW
    return svg.frame(title, f"{where}; logarithmic scale", parts, y)


def _span(seconds: float | None) -> str:
    if seconds is None:
        return "never"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    if seconds < 2 * 86_400:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 86_400:.1f} days"


def _bytes(count: float) -> str:
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count:.0f} B"
