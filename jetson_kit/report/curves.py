"""Curves as SVG: the geometry in numbers, so that nothing of a report but numbers gets there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jetson_kit.core.text import word
from jetson_kit.report.values import at, number, pairs, rows

WIDTH, HEIGHT = 360.0, 190.0
LEFT, RIGHT, TOP, BOTTOM = 40.0, 8.0, 10.0, 36.0
MOST_POINTS = 500
MOST_CURVES = 4
STEPS = (1, 2, 5, 10, 20)
Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Curve:
    """One chart: places are in its own units (WIDTH by HEIGHT), labels are texts."""

    title: str
    source: str
    x_label: str
    y_label: str
    series: str
    path: str
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    shades: tuple[tuple[float, float], ...]
    start: float | None
    box: tuple[float, float, float, float] = (LEFT, TOP, WIDTH - RIGHT, HEIGHT - BOTTOM)


def load(run: Any, series: str, who: str) -> list[Curve]:  # noqa: ANN401 # JSON
    """Return the GPU's load in a run, a curve for each source; on phases are shaded."""
    samples = at(run, "hardware", "samples")
    curves = []
    for source, values in list(samples.items() if isinstance(samples, dict) else ())[:MOST_CURVES]:
        points = pairs(values)
        if len(points) < 2:
            continue
        began = number(at(run, "began_s"))
        zero = points[0][0] if began is None else began
        curves.append(
            curve(
                [(when - zero, value) for when, value in points],
                title=who,
                source=word(source),
                labels=("seconds since the process began", "GPU load, %"),
                series=series,
                top=100.0,
                shades=[(item - zero, two - zero) for item, two in pairs(at(run, "bursts"))],
                start=None if began is None else 0.0,
            )
        )
    return curves


def soak(run: Any) -> list[Curve]:  # noqa: ANN401 # JSON
    """Return latency and memory over a soak's windows."""
    windows = rows(at(run, "soak"))
    began = number(at(windows[0], "at_s")) if windows else None
    if began is None:
        return []
    curves = []
    for key, factor, title, unit in (
        ("median_s", 1e3, "Soak: median frame", "ms"),
        ("memory_kb", 1 / 1024, "Soak: memory", "MiB"),
    ):
        points = [
            ((when - began) / 60, value * factor)
            for window in windows
            if (when := number(at(window, "at_s"))) is not None
            and (value := number(at(window, key))) is not None
        ]
        if len(points) > 1:
            curves.append(curve(points, title=title, labels=("minutes", unit), series="run"))
    return curves


def curve(
    points: Points,
    *,
    title: str,
    source: str = "",
    labels: tuple[str, str],
    series: str,
    top: float | None = None,
    shades: Points = (),
    start: float | None = None,
) -> Curve:
    """Return a chart of points in the order of x; `top` is the end of the y axis."""
    ordered = thinned(sorted(points))
    low, high = ordered[0][0], ordered[-1][0]
    high = high if high > low else low + 1
    ceiling = top or max(max(value for _, value in ordered) * 1.1, 1e-9)
    left, upper, right, lower = LEFT, TOP, WIDTH - RIGHT, HEIGHT - BOTTOM

    def x(value: float) -> float:
        inside = min(max(value, low), high)
        return round(left + (inside - low) / (high - low) * (right - left), 1)

    def y(value: float) -> float:
        inside = min(max(value, 0.0), ceiling)
        return round(lower - inside / ceiling * (lower - upper), 1)

    path = "M" + "L".join(f"{x(when):g} {y(value):g}" for when, value in ordered)
    return Curve(
        title,
        source,
        *labels,
        series,
        path,
        tuple((x(value), f"{value:g}") for value in ticks(low, high)),
        tuple((y(value), f"{value:g}") for value in ticks(0, ceiling)),
        tuple((x(item), round(x(two) - x(item), 1)) for item, two in shades[:50] if two > item),
        x(start) if start is not None and low <= start <= high else None,
    )


def thinned(points: Points) -> Points:
    """Return few enough points: of each group the lowest and the highest, so that peaks stay."""
    if len(points) <= MOST_POINTS:
        return points
    size = -(-len(points) * 2 // MOST_POINTS)
    result: list[tuple[float, float]] = []
    for begin in range(0, len(points), size):
        group = points[begin : begin + size]
        extremes = {min(group, key=lambda item: item[1]), max(group, key=lambda item: item[1])}
        result += sorted(extremes)
    return result


def ticks(low: float, high: float, requested: int = 5) -> list[float]:
    """Return round numbers between two, about as many as wanted."""
    span = high - low
    power = 10.0 ** math.floor(math.log10(span / requested))
    step = power * next(base for base in STEPS if span / (base * power) <= requested)
    first = math.ceil(low / step)
    return [round((first + more) * step, 12) for more in range(math.floor(high / step) - first + 1)]
