"""Backends measured in turns: what else the machine does hits all of them alike."""

from __future__ import annotations

import statistics
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mediapipe_jetson.bench import board
from mediapipe_jetson.choice import auto, trials
from mediapipe_jetson.choice.trials import REFERENCE, Points, Trial, TrialRequest
from mediapipe_jetson.pipeline import landmarkers

WATCH_S = 0.5


@dataclass(frozen=True)
class BenchRequest:
    """What is measured: tasks, sizes (width, height) of frames, pairs of backend and threads."""

    models: Path
    tasks: tuple[str, ...]
    sizes: tuple[tuple[int, int], ...]
    pairs: tuple[tuple[str, int], ...]
    rounds: int
    frames: int


class Watch:
    """Reads the board's power and temperature while something runs."""

    def __init__(self) -> None:
        self.power: dict[str, list[float]] = {}
        self.temperatures: dict[str, list[float]] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)

    def _read(self) -> None:
        while not self._stop.wait(WATCH_S):
            for history, now in (
                (self.power, board.power(Path("/"))),
                (self.temperatures, board.temperatures(Path("/"))),
            ):
                for name, value in now.items():
                    history.setdefault(name, []).append(value)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        self._thread.join()

    def as_json(self) -> dict[str, Any]:
        """Return the rails' mean power and the zones' highest temperature."""
        return {
            "power_mw": {name: round(statistics.mean(row), 1) for name, row in self.power.items()},
            "temperatures_c": {name: max(row) for name, row in self.temperatures.items()},
        }


def run(
    requested: BenchRequest, progress: Callable[[str], None] = lambda _: None
) -> list[dict[str, Any]]:
    """Measure everything; return a row for each task, size, backend and number of threads."""
    rows = []
    for task in requested.tasks:
        for size in requested.sizes:
            rows += _turns(requested, task, size, progress)
    return rows


def _turns(
    requested: BenchRequest, task: str, size: tuple[int, int], progress: Callable[[str], None]
) -> list[dict[str, Any]]:
    chosen = landmarkers.tasks()[task]
    model = str(requested.models / chosen.model)
    pairs = [(REFERENCE, 0), *(pair for pair in requested.pairs if pair != (REFERENCE, 0))]
    result: dict[tuple[str, int], list[Trial]] = {pair: [] for pair in pairs}
    watched: dict[tuple[str, int], dict[str, Any]] = {}
    reference: Points = []
    for turn in range(requested.rounds):
        for pair in pairs:
            backend, threads = pair
            if result[pair] and not result[pair][-1].ok:
                continue
            progress(
                f"{task} {size[0]}x{size[1]} {backend} {auto.threads_in_words(threads)}, {turn}"
            )
            request = TrialRequest(task, model, backend, threads, size, requested.frames)
            with Watch() as watch:
                trial, points = trials.run(request)
            watched[pair] = watch.as_json()
            if backend == REFERENCE:
                reference = points
            result[pair].append(trials.compared(trial, points, reference, chosen.tolerance))
    return [
        {"task": task, **merged(every).as_json(), "board": watched[pair]}
        for pair, every in result.items()
    ]


def merged(every: Sequence[Trial]) -> Trial:
    """Return one trial of several turns: the medians of their numbers; the first that failed."""
    for item in every:
        if not item.ok:
            return item
    numbers = {
        name: round(statistics.median(getattr(trial, name) for trial in every), 3)
        for name in ("create_ms", "median_ms", "p99_ms", "cpu_ms")
    }
    return replace(
        every[0],
        **numbers,
        frames=sum(trial.frames for trial in every),
        worst=max(trial.worst or 0.0 for trial in every),
    )


def summary(rows: Sequence[dict[str, Any]], size: tuple[int, int]) -> dict[str, Any]:
    """Return by backend and task the fastest number of threads at one size of frames."""
    result: dict[str, Any] = {}
    for row in rows:
        if not row["ok"] or tuple(row["size"]) != size:
            continue
        before = result.setdefault(row["backend"], {}).get(row["task"])
        if before is None or row["median_ms"] < before["median_ms"]:
            result[row["backend"]][row["task"]] = {
                name: row[name] for name in ("median_ms", "p99_ms", "cpu_ms", "threads", "worst")
            }
    return result
