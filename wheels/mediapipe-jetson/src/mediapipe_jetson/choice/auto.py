"""`auto`: every backend that is here is tried once, on this device; the fastest right one wins.

A backend is right if it finds on the shipped photograph what MediaPipe finds on the CPU.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

from mediapipe_jetson import backends, models
from mediapipe_jetson.choice import choice_store, identity, trials
from mediapipe_jetson.choice.trials import REFERENCE, Trial, TrialRequest
from mediapipe_jetson.pipeline import landmarkers

DEFAULT_SIZE = (1280, 720)
# Of those within this of the fastest, the one with the fewest threads wins: the other cores are
# for the other stages.
NEAR = 1.1
THREADS = (1, 2, 4)
TURNS = 2


class NoChoiceError(RuntimeError):
    """No backend runs the task rightly here; the message has every reason."""

    exit_code = 11


@dataclass(frozen=True)
class Choice:
    """The backend and its threads for one task and size of frames, and all that it rests on.

    `facts` are what it holds for, `fresh` is whether it was measured just now, `not_kept` why it
    could not be kept ("" if it was), `measured_at` seconds since 1970.
    """

    backend: str
    threads: int
    facts: dict[str, Any]
    trials: tuple[Trial, ...]
    measured_at: float
    took_s: float
    fresh: bool
    not_kept: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON's types."""
        return {
            "backend": self.backend,
            "threads": self.threads,
            "facts": self.facts,
            "trials": [trial.as_json() for trial in self.trials],
            "measured_at": self.measured_at,
            "took_s": self.took_s,
        }

    def explain(self) -> tuple[str, ...]:
        """Return in lines why it is this one."""
        when = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(self.measured_at))
        width, height = self.facts["size"]
        how = "measured now" if self.fresh else f"measured on {when}, kept since"
        lost = f"; not kept: {self.not_kept}" if self.not_kept else ""
        result = [
            f"{self.facts['task']} on frames of {width}x{height}: {self.backend}, "
            f"{threads_in_words(self.threads)} ({how}, in {self.took_s:.1f} s{lost})"
        ]
        chosen = (self.backend, self.threads)
        for trial in sorted(self.trials, key=lambda item: (not item.ok, item.median_ms or 0.0)):
            mark = "*" if (trial.backend, trial.threads) == chosen else " "
            name = f"{mark} {trial.backend:<14}{threads_in_words(trial.threads):<12}"
            if trial.ok and trial.median_ms is not None and trial.p99_ms is not None:
                apart = "" if trial.worst is None else f", {trial.worst:.2%} from {REFERENCE}"
                result.append(f"{name}{trial.median_ms:7.2f} ms, p99 {trial.p99_ms:.2f}{apart}")
            else:
                result.append(f"{name}no: {trial.why}")
        result.append(
            "* the fewest threads among the right ones that are within "
            f"{NEAR - 1:.0%} of the fastest median; of {TURNS} turns the better counts"
        )
        return tuple(result)


def threads_in_words(count: int) -> str:
    """Return a number of threads as a person says it; 0 is the backend's own choice."""
    return {0: "own threads", 1: "1 thread"}.get(count, f"{count} threads")


def candidates(threads: Optional[Sequence[int]] = None) -> tuple[tuple[str, int], ...]:
    """Return the backends that may be here with the threads to try, MediaPipe's CPU path first."""
    cores = len(os.sched_getaffinity(0))
    counts = threads or [count for count in THREADS if count <= cores]
    result: list[tuple[str, int]] = [(REFERENCE, 0)]
    result += [(name, 0) for name in backends.WHOLE_TASK if name != REFERENCE]
    for name in backends.SUB_MODEL:
        result += [(name, count) for count in (counts[:1] if name in backends.ON_GPU else counts)]
    return tuple(result)


def measure(
    task: str,
    model: Path,
    size: tuple[int, int],
    requested: Sequence[tuple[str, int]],
    progress: Callable[[str], None] = lambda _: None,
    *,
    frames: int = 60,
) -> tuple[Trial, ...]:
    """Try backends with threads in turns; those that differ from the reference are not ok.

    The reference itself is always tried, first. The better turn of each counts: what else the
    machine does only slows.
    """
    tolerance = landmarkers.tasks()[task].tolerance
    pairs = [(REFERENCE, 0), *(pair for pair in requested if pair != (REFERENCE, 0))]
    result: dict[tuple[str, int], Trial] = {}
    reference: trials.Points = []
    absent: set[str] = set()
    for turn in range(TURNS):
        for backend, threads in pairs:
            # What failed fails again, with more threads too.
            if backend in absent:
                continue
            progress(f"{task} by {backend}, {threads_in_words(threads)} ({turn + 1} of {TURNS})")
            request = TrialRequest(task, str(model), backend, threads, size, frames)
            trial, points = trials.run(request)
            if backend == REFERENCE:
                reference = points
            trial = trials.compared(trial, points, reference, tolerance)
            if not trial.ok:
                absent.add(backend)
            result[backend, threads] = _better(result.get((backend, threads)), trial)
    return tuple(result.values())


def _better(before: Optional[Trial], now: Trial) -> Trial:
    """Return the faster one of two turns; one that is not ok in either is not ok."""
    if before is None or not now.ok or before.median_ms is None or now.median_ms is None:
        return now
    return min(before, now, key=lambda trial: trial.median_ms or 0.0)


def best(tried: Sequence[Trial]) -> Optional[Trial]:
    """Return the trial that wins; None if none is ok."""
    right = [
        (trial.median_ms, trial) for trial in tried if trial.ok and trial.median_ms is not None
    ]
    if not right:
        return None
    limit = min(median for median, _ in right) * NEAR
    near = [(trial.threads, median, trial) for median, trial in right if median <= limit]
    return min(near, key=lambda row: row[:2])[2]


def choose(
    task: str,
    model: Path,
    size: tuple[int, int] = DEFAULT_SIZE,
    *,
    remeasure: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> Choice:
    """Return the choice for a task, measured unless it is kept; `remeasure` measures in any case.

    `size` is the frames' width and height. Raises OSError for a model that can't be read,
    NoChoiceError if no backend is right here.
    """
    size = identity.nearest(size)
    facts = identity.read(task, models.sha256(model), size)
    key = identity.key(facts)
    known = None if remeasure else _read(choice_store.load(key), facts)
    if known is not None:
        return known
    begin = time.monotonic()
    result = measure(task, model, size, candidates(), progress)
    winner = best(result)
    if winner is None:
        reasons = "; ".join(f"{trial.backend}: {trial.why}" for trial in result)
        raise NoChoiceError(f"no backend runs {task} here: {reasons}")
    took = round(time.monotonic() - begin, 2)
    choice = Choice(
        winner.backend, winner.threads, facts, result, round(time.time(), 1), took, fresh=True
    )
    why = choice_store.save(key, choice.as_json())
    return Choice(**{**choice.__dict__, "not_kept": why})


def remembered(task: str, model: str) -> Optional[Choice]:
    """Return what was chosen before, for the usual size of frames or else any; measure nothing.

    `model` is the sha256 of the bundle.
    """
    if choice_store.none():
        return None
    facts = identity.read(task, model, DEFAULT_SIZE)
    for size in (DEFAULT_SIZE, *identity.SIZES):
        known = {**facts, "size": list(size)}
        choice = _read(choice_store.load(identity.key(known)), known)
        if choice is not None:
            return choice
    return None


def _read(document: Optional[dict[str, Any]], facts: dict[str, Any]) -> Optional[Choice]:
    """Return a kept choice; None where anything about it is odd: it is measured again then."""
    if document is None or document.get("facts") != facts:
        return None
    try:
        rows = [Trial(**{**row, "size": tuple(row["size"])}) for row in document["trials"]]
        winner = best(rows)
        chosen = Choice(
            str(document["backend"]),
            int(document["threads"]),
            facts,
            tuple(rows),
            float(document["measured_at"]),
            float(document["took_s"]),
            fresh=False,
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    if winner is None or (winner.backend, winner.threads) != (chosen.backend, chosen.threads):
        return None
    return chosen
