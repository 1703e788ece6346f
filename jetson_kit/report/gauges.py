"""Gauges in Prometheus' text format, by the device side's writer: the project has one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mediapipe_jetson import exposition

Gauge = tuple[str, str, Iterable[tuple[float, Mapping[str, str]]]]
"""Name without its prefix, what it is, and its values with their labels."""


def gauges_text(prefix: str, gauges: Iterable[Gauge], labels: Mapping[str, str]) -> str:
    """Return the text; `labels` stand first in each value. A gauge without values is left out."""
    families = [
        exposition.Family(
            f"{prefix}_{name}",
            "gauge",
            about,
            tuple(exposition.Sample(value, {**labels, **own}) for value, own in values),
        )
        for name, about, values in gauges
    ]
    return exposition.text(families)
