"""The GPU's result and time against the CPU's on the same photograph."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any, Optional

from mediapipe_jetson import landmarks
from mediapipe_jetson.verify.rules import threshold

Observation = Mapping[str, Any]


def results(
    gpu: Optional[Mapping[str, Any]], cpu: Optional[Mapping[str, Any]], task: Mapping[str, Any]
) -> dict[str, Any]:
    """Return `result` (match, differs, same-bits, no-reference, None) with its detail.

    Distances are fractions of the picture's size; the tolerance is the mean distance allowed.
    """
    if cpu is None or gpu is None:
        return {"result": None, "result_detail": "not both were seen", "distance": None}
    if not cpu["count"]:
        detail = "the CPU found nothing"
        return {"result": "no-reference", "result_detail": detail, "distance": None}
    if gpu["count"] != cpu["count"]:
        detail = f"{gpu['count']} found in place of {cpu['count']}"
        return {"result": "differs", "result_detail": detail, "distance": None}
    apart = _apart(gpu, cpu)
    if apart is None:
        detail = "another number of points or cells"
        return {"result": "differs", "result_detail": detail, "distance": None}
    detail = f"mean distance {apart:.2g}, allowed {task['tolerance']:g}"
    labels = _labels(gpu, cpu)
    if labels:
        return {"result": "differs", "result_detail": labels, "distance": apart}
    verdict = "match" if apart <= task["tolerance"] else "differs"
    if apart == 0 and gpu == cpu:
        verdict = "same-bits"
    return {"result": verdict, "result_detail": detail, "distance": apart}


def _apart(gpu: Mapping[str, Any], cpu: Mapping[str, Any]) -> Optional[float]:
    """Return the mean distance of points, or the mean difference of a mask's cells."""
    if "mask" in cpu:
        mine, wanted = gpu.get("mask") or [], cpu["mask"]
        if len(mine) != len(wanted):
            return None
        return float(sum(abs(value - wanted[index]) for index, value in enumerate(mine))) / len(
            wanted
        )
    found = landmarks.distance(gpu["points"], cpu["points"])
    return found.mean if found else None


def _labels(gpu: Mapping[str, Any], cpu: Mapping[str, Any]) -> Optional[str]:
    """Return how labels differ of which the CPU was sure."""
    mine, wanted = gpu.get("labels") or [], cpu.get("labels") or []
    sure = min(cpu.get("scores") or [0.0]) >= threshold("label_score")
    if sure and mine != wanted:
        return f"labels {mine} in place of {wanted}"
    return None


def median_ms(observation: Optional[Observation]) -> Optional[float]:
    """Return the median frame in milliseconds, warm-up left out."""
    times: Sequence[float] = ((observation or {}).get("times_s") or {}).get("frames") or []
    measured = times[int((observation or {}).get("warmup") or 0) :]
    return round(statistics.median(measured) * 1e3, 3) if measured else None
