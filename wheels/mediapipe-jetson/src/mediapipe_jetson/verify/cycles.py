"""Whether the GPU's own counter follows this process: idle base, several turns, correlation."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any, Optional

from mediapipe_jetson.verify.rules import threshold

Samples = Sequence[tuple[float, float]]


def of_observation(observation: Optional[Mapping[str, Any]]) -> dict[str, Any]:
    """Return `hardware` with its detail.

    It is one of rises, flat, busy-before, silent, unreadable, absent, not-run.
    """
    hardware = (observation or {}).get("hardware")
    if hardware is None:
        return _hardware_facts("not-run", "not sampled")
    if not hardware["present"]:
        return _hardware_facts("absent", "none on this board")
    turns = (observation or {}).get("bursts")
    if not turns:
        return _hardware_facts("not-run", "no turns of work and rest were made")
    outcomes = []
    for name, values in hardware["samples"].items():
        seen = _read(values)
        began, rest_from = (observation or {}).get("began_s"), (observation or {})["rest_from_s"]
        lag = threshold("slow_lag_s" if is_slow(name) else "lag_s")
        result = follows(seen, turns, began or 0.0, rest_from, lag)
        if result["hardware"] == "flat" and is_slow(name) and not any(value for _, value in seen):
            # NVML answers so on Orin, whose GPU it does not count.
            result = _hardware_facts("silent", result["hardware_detail"])
        outcomes.append((name, result))
    # A board may list a counter that stays empty beside the one that works.
    for requested in ("rises", "busy-before", "flat", "unreadable", "silent"):
        for name, result in outcomes:
            if result["hardware"] == requested:
                return {**result, "hardware_detail": f"{name}: {result['hardware_detail']}"}
    return _hardware_facts("unreadable", "no source")


def _read(values: Sequence[tuple[float, Optional[float]]]) -> list[tuple[float, float]]:
    """Return the samples; one without a value is idle if others have one.

    A suspended GPU's load file can't be read, and Thor's tegrastats leaves out the percentage.
    """
    proper = [
        (at, value if value is not None and 0 <= value <= 100 else None) for at, value in values
    ]
    if all(value is None for _, value in proper):
        return []
    return [(at, value or 0.0) for at, value in proper]


def is_slow(name: str) -> bool:
    """Tell whether a source of samples gives the mean of a long time."""
    return name.startswith("nvml")


def follows(
    samples: Samples,
    turns: Sequence[Sequence[float]],
    began_s: float,
    rest_from_s: float,
    lag: float,
) -> dict[str, Any]:
    """Judge one source; samples are (seconds, percent), turns the begin and end of each work.

    Before `began_s` the process was not there; from `rest_from_s` on it rested for the first turn.
    `lag` seconds after each change are left out.
    """
    if len(turns) < threshold("least_cycles"):
        return _hardware_facts("unreadable", f"{len(turns)} turns are too few")
    span = [at for at, _ in samples if turns[0][0] <= at <= turns[-1][1]]
    rate = len(span) / max(turns[-1][1] - turns[0][0], 1e-9)
    if rate < threshold("least_hertz"):
        return _hardware_facts("unreadable", f"{rate:.1f} samples a second are too few")
    base = [value for at, value in samples if at < began_s]
    if not base or not began_s <= rest_from_s <= turns[0][0]:
        return _hardware_facts(
            "unreadable", "nothing was sampled before the process began, or it rested"
        )
    used: list[tuple[float, int]] = []
    rises = []
    rest_begin = rest_from_s
    for begin, end in turns:
        off = [value for at, value in samples if rest_begin + lag <= at < begin]
        on = [value for at, value in samples if begin + lag <= at <= end]
        if not on or not off:
            return _hardware_facts("unreadable", "a turn holds no sample")
        rises.append(statistics.fmean(on) - statistics.fmean(off))
        used += [(value, 1) for value in on] + [(value, 0) for value in off]
        rest_begin = end
    level = statistics.fmean(base)
    correlation = _correlation(used)
    detail = (
        f"idle {level:.0f} %, rises {', '.join(f'{rise:+.0f}' for rise in rises)}, "
        f"correlation {correlation:.2f}"
    )
    if min(rises) >= threshold("rise_percent") and correlation >= threshold("correlation"):
        return _hardware_facts("rises", detail)
    return _hardware_facts("busy-before" if level >= threshold("busy_percent") else "flat", detail)


def _correlation(pairs: Sequence[tuple[float, int]]) -> float:
    values = [value for value, _ in pairs]
    works = [work for _, work in pairs]
    mean, share = statistics.fmean(values), statistics.fmean(works)
    # fsum: sum() of floats rounds differently from Python 3.12 on.
    above = math.fsum((value - mean) * (work - share) for value, work in pairs)
    spread = math.fsum((value - mean) ** 2 for value in values) * math.fsum(
        (work - share) ** 2 for work in works
    )
    return float(above / spread**0.5) if spread else 0.0


def _hardware_facts(verdict: str, detail: str) -> dict[str, Any]:
    return {"hardware": verdict, "hardware_detail": detail}
