"""Values out of reports, of which nothing is trusted: the wrong type reads as nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from jetson_kit.core.text import HIDDEN

LONG = 6000
# No time, percentage or place is as large: such a number is as good as none.
MOST = 1e12


def at(document: Any, *keys: str) -> Any:  # noqa: ANN401 # JSON
    """Return what lies at the keys, None where anything on the way is missing."""
    for key in keys:
        if not isinstance(document, Mapping):
            return None
        document = document.get(key)
    return document


def rows(value: Any) -> list[Any]:  # noqa: ANN401 # JSON
    """Return a list, or an empty one in place of anything else."""
    return value if isinstance(value, list) else []


def number(value: Any) -> float | None:  # noqa: ANN401 # JSON
    """Return a number, None in place of what is none or endless."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        result = float(value)
    except OverflowError:
        return None
    return result if abs(result) < MOST else None


def numbers(value: Any) -> list[float]:  # noqa: ANN401 # JSON
    """Return a list's finite numbers."""
    return [item for row in rows(value) if (item := number(row)) is not None]


def pairs(value: Any) -> list[tuple[float, float]]:  # noqa: ANN401 # JSON
    """Return a list's pairs of finite numbers."""
    result = [numbers(row) for row in rows(value)]
    return [(item[0], item[1]) for item in result if len(item) == 2]


def shown(value: Any) -> Any:  # noqa: ANN401 # what a template prints
    """Return a text without what hides or misleads, cut where it is endless."""
    if not isinstance(value, str) or hasattr(value, "__html__"):
        return value
    text = HIDDEN.sub("\N{REPLACEMENT CHARACTER}", value)
    if len(text) <= LONG:
        return text
    return f"{text[: LONG // 2]}\n[{len(text) - LONG} characters left out]\n{text[-LONG // 2 :]}"


def milliseconds(value: Any) -> str:  # noqa: ANN401 # JSON
    """Return a time in ms with three significant digits; a dash where there is none."""
    result = number(value)
    if result is None:
        return "\N{EN DASH}"
    return f"{result:.0f} ms" if result >= 100 else f"{result:.3g} ms"


def age(seconds: float) -> str:
    """Return an age in its largest unit."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if abs(seconds) >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def moment(time_s: float | None) -> str:
    """Return a time in UTC; an empty string where it is none of a calendar's."""
    try:
        return datetime.fromtimestamp(time_s or 0, UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (ValueError, OverflowError, OSError):
        return ""
