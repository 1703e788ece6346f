"""A sustained run: each window must be as the start, memory must not grow; slower earns a word."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

from mediapipe_jetson.verify import rules
from mediapipe_jetson.verify.compare import results
from mediapipe_jetson.verify.facts import of_run


def of_observation(
    observation: Optional[Mapping[str, Any]],
    cpu_result: Optional[Mapping[str, Any]],
    task: Mapping[str, Any],
) -> dict[str, Any]:
    """Return `soak` (steady, changed, leaks, not-run), its detail, and whether it slowed down."""
    windows = (observation or {}).get("soak")
    if not windows or observation is None:
        return {"soak": "not-run", "soak_detail": "", "throttled": None, "throttle_detail": ""}
    first, last = windows[0], windows[-1]
    start = rules.judge("run", of_run(observation))
    state, detail = "steady", ""
    growth = _growth(windows)
    if growth:
        state, detail = "leaks", growth
    for window in windows:
        judgement = rules.judge("run", of_run(at(observation, window)))
        result = results(window["result"], cpu_result, task)
        if judgement.verdict != start.verdict:
            state, detail = (
                "changed",
                f"{start.verdict} became {judgement.verdict}: {judgement.reason}",
            )
        elif result["result"] == "differs":
            state, detail = "changed", f"the result is another: {result['result_detail']}"
    ratio = last["median_s"] / first["median_s"] if first["median_s"] else 0.0
    return {
        "soak": state,
        "soak_detail": detail,
        "throttled": ratio >= rules.threshold("throttle_ratio"),
        "throttle_detail": f"{ratio:.1f} times",
    }


def at(observation: Mapping[str, Any], window: Mapping[str, Any]) -> dict[str, Any]:
    """Return the observation as it would have been in one window."""
    work = window["work"]
    frames = max(int(window["frames"]), 1)
    mean = {name: count // frames for name, count in work.items()} if work else None
    create = (observation.get("work") or {}).get("create")
    return {
        **observation,
        "warmup": 0,
        "work": {"create": create, "frames": [mean] if mean else None},
        "driver": {**(observation.get("driver") or {}), "during": window["driver"]},
    }


def _growth(windows: list[Mapping[str, Any]]) -> Optional[str]:
    """Return how much memory grew after the first window, if it grew without an end."""
    sizes = [window["memory_kb"] for window in windows if window["memory_kb"]]
    if len(sizes) < 4:
        return None
    # The first window fills caches; what counts is growth in both halves of the rest.
    rest = sizes[1:]
    middle = rest[len(rest) // 2]
    both = rest[-1] > middle > rest[0]
    large = rest[-1] - rest[0] >= rules.threshold("leak_kb")
    if both and large and rest[-1] >= rest[0] * rules.threshold("leak_ratio"):
        return f"{rest[0]} to {rest[-1]} KiB"
    return None
