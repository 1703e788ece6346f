"""Trials of backends, each in a process of its own: one that crashes takes nothing down."""

from __future__ import annotations

import json
import math
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Optional

from mediapipe_jetson.choice import trial
from mediapipe_jetson.pipeline import landmarkers
from mediapipe_jetson.pipeline.times import percentile

# A GPU compiles its shaders at first: 9 s were reported on an Orin Nano.
TIMEOUT_S = 180.0
REFERENCE = "mediapipe-cpu"
MOST_WORDS = 240
PACKAGE = Path(__file__).resolve().parents[2]
DIGITS, WORST_DIGITS = 3, 6
Points = list[list[list[float]]]


@dataclass(frozen=True)
class TrialRequest:
    """One trial: `size` is width and height of the video's frames."""

    task: str
    model: str
    backend: str
    threads: int = 1
    size: tuple[int, int] = (1280, 720)
    frames: int = 60
    warmup: int = 10


@dataclass(frozen=True)
class Trial:
    """The result of a trial; milliseconds a frame. `why` says why it is not `ok`.

    `worst` is the distance of the worst landmark from the reference's, as a fraction of the longer
    side of the box about all of them; None where it was not compared. `cpu_ms` is processor time.
    """

    backend: str
    threads: int
    size: tuple[int, int]
    ok: bool
    why: str
    create_ms: Optional[float] = None
    median_ms: Optional[float] = None
    p99_ms: Optional[float] = None
    cpu_ms: Optional[float] = None
    frames: int = 0
    worst: Optional[float] = None

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON's types."""
        return {**self.__dict__, "size": list(self.size)}


def run(request: TrialRequest, timeout_s: float = TIMEOUT_S) -> tuple[Trial, Points]:
    """Run one trial; return it, not compared yet, and the landmarks of the photograph."""
    failed = Trial(request.backend, request.threads, request.size, False, "")
    missing = landmarkers.missing(request.backend)
    if missing:
        return replace(failed, why=missing), []
    reported, why = _child(request, timeout_s)
    if why or reported.get("stage") != "done":
        why = (
            reported.get("error")
            or f"{why or 'it ended'} at stage {reported.get('stage', 'start')}"
        )
        return replace(failed, why=shortened(why)), reported.get("points", [])
    times = reported["frames_ms"]
    done = replace(
        failed,
        ok=True,
        create_ms=round(reported["create_ms"], DIGITS),
        median_ms=round(statistics.median(times), DIGITS),
        p99_ms=round(percentile(times, 0.99), DIGITS),
        cpu_ms=round(reported["cpu_ms"], DIGITS),
        frames=len(times),
    )
    return done, reported["points"]


def shortened(why: str) -> str:
    """Return a message without its middle: MediaPipe puts the cause behind a page of node names."""
    if len(why) <= MOST_WORDS:
        return why
    half = MOST_WORDS // 2
    return f"{why[:half].rpartition(' ')[0]} ... {why[-half:].partition(' ')[2]}"


def _child(request: TrialRequest, timeout_s: float) -> tuple[dict[str, Any], str]:
    """Run the child; return all that it reported, and how it ended if not well."""
    reading, writing = os.pipe()
    encoded = json.dumps(request.__dict__)
    command = [sys.executable, "-m", trial.__name__, encoded, str(writing)]
    reported: dict[str, Any] = {}

    def follow() -> None:
        with os.fdopen(reading, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                reported.update(json.loads(line))

    # The pipe holds 64 KiB: it is read while the child runs.
    reader = threading.Thread(target=follow, daemon=True)
    with tempfile.TemporaryFile() as message:
        process = subprocess.Popen(
            command,
            pass_fds=(writing,),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=message,
            # The same package, however it was found here.
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(PACKAGE), *_python_path()])},
        )
        os.close(writing)
        reader.start()
        why = ""
        try:
            code = process.wait(timeout_s)
            if code < 0:
                why = f"the process crashed ({signal.Signals(-code).name})"
            elif code:
                why = f"the process ended with exit code {code}"
        except subprocess.TimeoutExpired:
            why = f"no end within {timeout_s:g} s"
        finally:
            process.kill()
            process.wait()
            reader.join()
        if why:
            message.seek(0)
            last = message.read().decode("utf-8", "replace").strip().splitlines()[-1:]
            why = f"{why}: {last[0]}" if last else why
    return reported, why


def _python_path() -> list[str]:
    return [part for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part]


def compared(result: Trial, points: Points, reference: Points, tolerance: float) -> Trial:
    """Return the trial, no longer ok if its landmarks are not the reference's."""
    if not result.ok:
        return result
    worst = distance(points, reference)
    if worst is None:
        why = f"it finds {_counts(points)} in the photograph, {REFERENCE} {_counts(reference)}"
        why += ", or numbers that are none"
        return replace(result, ok=False, why=why)
    if not worst <= tolerance:
        why = f"a landmark is {worst:.2%} of the size off {REFERENCE}'s, allowed {tolerance:.0%}"
        return replace(result, ok=False, why=why, worst=round(worst, WORST_DIGITS))
    return replace(result, worst=round(worst, WORST_DIGITS))


def _counts(points: Points) -> str:
    return f"{len(points)} with {len(points[0])} landmarks" if points else "nothing"


def distance(points: Points, reference: Points) -> Optional[float]:
    """Return the worst landmark's distance as a fraction of its object's size.

    None where either found nothing, they found not the same number of things or landmarks, or a
    number is none.
    """
    if not reference or [len(item) for item in points] != [len(item) for item in reference]:
        return None
    worst = 0.0
    for mine, requested in zip(points, reference):  # noqa: B905 # Python 3.9
        size = max(max(row) - min(row) for row in zip(*requested))  # noqa: B905
        far = max(math.dist(a, b) for a, b in zip(mine, requested))  # noqa: B905
        if not (math.isfinite(far) and size):
            return None
        worst = max(worst, far / size)
    return worst
