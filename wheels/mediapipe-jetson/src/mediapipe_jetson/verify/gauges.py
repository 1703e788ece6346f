"""A report's verdicts and times as metrics."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from mediapipe_jetson.exposition import Family, Sample, family
from mediapipe_jetson.verify import rules

LARGEST = 1e15


def kind(report: Mapping[str, Any]) -> str:
    """Return whether the report is of an emulated device: true, false or unknown."""
    return {True: "true", False: "false"}.get(report["emulated"], "unknown")


def is_number(value: Any) -> bool:  # noqa: ANN401 # JSON
    """Return whether a value is a time that can be."""
    # A time before all times, and a number too large for a float, are none either.
    return type(value) in (int, float) and 0 <= value < LARGEST and math.isfinite(value)


def _seconds(value: Any) -> float:  # noqa: ANN401 # JSON
    return float(value) if is_number(value) else math.nan


def families(report: Mapping[str, Any]) -> list[Family]:
    """Return a report's metrics."""
    verdicts = [("all", report["verdict"])]
    verdicts += [(name, task["verdict"]) for name, task in report["tasks"].items()]
    times = [
        Sample(value / 1e3, {"task": name, "delegate": delegate})
        for name, task in report["tasks"].items()
        for delegate, value in task["latency_ms"].items()
        if value is not None
    ]
    return [
        Family(
            "mediapipe_jetson_verify_verdict",
            "gauge",
            "Where inference runs: 1 for the verdict, else 0.",
            tuple(
                Sample(
                    int(item == verdict),
                    {"task": name, "verdict": item, "emulated": kind(report)},
                )
                for name, verdict in verdicts
                for item in rules.VERDICTS
            ),
        ),
        family(
            "mediapipe_jetson_verify_as_expected",
            "gauge",
            "Whether the verdict is the expected one.",
            int(report["as_expected"]),
        ),
        family(
            "mediapipe_jetson_verify_time_seconds",
            "gauge",
            "When this was observed, since 1970.",
            _seconds(report["time_s"]),
        ),
        Family(
            "mediapipe_jetson_verify_frame_seconds",
            "gauge",
            "Median time of a frame.",
            tuple(times),
        ),
    ]
