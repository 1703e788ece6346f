"""The GPU's result and time against the CPU's on the same photograph."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any, Optional

from mediapipe_jetson import landmarks
from mediapipe_jetson.verify import facts
from mediapipe_jetson.verify.gauges import is_number
from mediapipe_jetson.verify.rules import threshold

Observation = Mapping[str, Any]


def results(
    gpu: Optional[Mapping[str, Any]], cpu: Optional[Mapping[str, Any]], task: Mapping[str, Any]
) -> dict[str, Any]:
    """Return `result` (match, differs, same-bits, no-reference, None) with its detail.

    Distances are fractions of the picture's size; the tolerance is the mean distance allowed.
    """
    if cpu is None or gpu is None:
        verdict, detail, apart = None, "not both were seen", None
    elif not cpu["count"]:
        verdict, detail, apart = "no-reference", "the CPU found nothing", None
    else:
        apart = None if _has_none(gpu) else _apart(gpu, cpu)
        problem = _difference(gpu, cpu, apart, task)
        # Another processor's rounding alone moves points by more than this.
        least = task.get("least_apart", threshold("least_apart"))
        same = apart is not None and apart < least
        verdict = "differs" if problem else "same-bits" if same else "match"
        detail = problem or f"mean distance {apart:.2g}, allowed {task['tolerance']:g}"
    return {"result": verdict, "result_detail": detail, "distance": apart}


def _difference(
    gpu: Mapping[str, Any],
    cpu: Mapping[str, Any],
    apart: Optional[float],
    task: Mapping[str, Any],
) -> Optional[str]:
    """Return in words why the GPU's result is not the CPU's; None if it is."""
    if gpu["count"] != cpu["count"]:
        return f"{gpu['count']} found in place of {cpu['count']}"
    if _has_none(gpu):
        return "some numbers are none (NaN or infinite)"
    if apart is None:
        return "another number of points or cells"
    tolerance = task["tolerance"]
    if not apart <= tolerance:
        return f"mean distance {apart:.2g}, allowed {tolerance:g}"
    distance = landmarks.distance(gpu["points"], cpu["points"])
    worst = tolerance * threshold("worst_ratio")
    if distance and not distance.maximum <= worst:
        return f"one point is {distance.maximum:.2g} away, allowed {worst:g}"
    return _scores(gpu, cpu, task["score_tolerance"]) or _labels(gpu, cpu)


def _scores(gpu: Mapping[str, Any], cpu: Mapping[str, Any], tolerance: float) -> Optional[str]:
    """Return how scores differ."""
    mine, requested = gpu.get("scores") or [], cpu.get("scores") or []
    if len(mine) != len(requested):
        return "another number of scores"
    apart = max((abs(score - requested[index]) for index, score in enumerate(mine)), default=0.0)
    return None if apart <= tolerance else f"a score differs by {apart:.2g}, allowed {tolerance:g}"


def _has_none(result: Mapping[str, Any]) -> bool:
    rows = [*result["points"], result.get("mask") or [], result.get("scores") or []]
    return any(value is None or not math.isfinite(value) for row in rows for value in row)


def _apart(gpu: Mapping[str, Any], cpu: Mapping[str, Any]) -> Optional[float]:
    """Return the mean distance of points, or the mean difference of a mask's cells."""
    if "mask" in cpu:
        mine, requested = gpu.get("mask") or [], cpu["mask"]
        if len(mine) != len(requested):
            return None
        # fsum: sum() of floats rounds differently from Python 3.12 on.
        return math.fsum(abs(value - requested[i]) for i, value in enumerate(mine)) / len(requested)
    distance = landmarks.distance(gpu["points"], cpu["points"])
    return distance.mean if distance else None


def _labels(gpu: Mapping[str, Any], cpu: Mapping[str, Any]) -> Optional[str]:
    """Return how labels differ of which the CPU was sure."""
    mine, requested = gpu.get("labels") or [], cpu.get("labels") or []
    sure = min([score or 0.0 for score in cpu.get("scores") or [0.0]]) >= threshold("label_score")
    if sure and mine != requested:
        return f"labels {mine} in place of {requested}"
    return None


def median_ms(observation: Optional[Observation]) -> Optional[float]:
    """Return the median frame in milliseconds, warm-up left out."""
    times: Sequence[float] = ((observation or {}).get("times_s") or {}).get("frames") or []
    measured = times[facts.warmup(observation or {}) :]
    if not measured or not all(is_number(value) for value in measured):
        return None
    return round(statistics.median(measured) * 1e3, 3)
