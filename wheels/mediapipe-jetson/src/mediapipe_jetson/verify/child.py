"""The inferring process: one task on the delegates asked for, told as raw observations.

Arguments: the plan (JSON) and the number of an open file to which JSON lines go, each written at
once: a driver may end this process at any point, and what was told before tells how far it got.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Optional

from mediapipe_jetson.inference import Report
from mediapipe_jetson.verify import counters, process, results

MOST_LINES = 200
LINE = 600
SOAK_WINDOW_S = 10.0
CALLBACK = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)


class Log:
    """MediaPipe's log lines through MpSetLoggingCallback, exported from 1.1.1."""

    def __init__(self, package: Path) -> None:
        self.lines: list[list[Any]] = []
        self.problem: Optional[str] = None
        self.callback = CALLBACK(self._take)
        try:
            library = ctypes.CDLL(str(package / "tasks/c/libmediapipe.so"))
            library.MpSetLoggingCallback(self.callback, None)
        except (OSError, AttributeError) as error:
            self.problem = " ".join(str(error).split())[:LINE]

    def _take(self, severity: int, text: Optional[bytes], _user: Any) -> None:  # noqa: ANN401
        if len(self.lines) < MOST_LINES:
            self.lines.append([severity, (text or b"").decode("utf-8", "replace")[:LINE]])

    def as_json(self) -> dict[str, Any]:
        """Return the lines, or why there are none."""
        return {"present": self.problem is None, "problem": self.problem, "lines": self.lines}


class Phase:
    """One delegate's turn."""

    def __init__(self, plan: dict[str, Any], delegate: str, report: Report, log: Log) -> None:
        self.plan, self.delegate, self.report, self.log = plan, delegate, report, log
        self.counters: Optional[counters.Counters] = None
        if plan["shim_file"]:
            result = counters.Counters(Path(plan["shim_file"]))
            self.counters = result if result.pid() == os.getpid() else None

    def write(self, **facts: Any) -> None:  # noqa: ANN401 # JSON
        """Report facts of this phase."""
        self.report.write(phase=self.delegate, **facts)

    def counts(self) -> Optional[dict[str, int]]:
        """Return the counters now; None without a shim."""
        return self.counters.counts() if self.counters else None

    def since(self, before: Optional[dict[str, int]]) -> Optional[dict[str, int]]:
        """Return what was counted since `before`."""
        after = self.counts()
        return counters.difference(after, before) if after and before else None

    def run(self, vision: Any, options: Any, picture: Any) -> None:  # noqa: ANN401 # MediaPipe
        """Create the task, infer, and observe before, between and after."""
        task = self.plan["task"]
        start, begin = self.counts(), time.perf_counter()
        self.write(stage="create", driver_before=process.observe(), stderr_from=_written())
        # By name: the numbers of CPU and GPU changed with 1.2.2.
        base = options(
            model_asset_path=self.plan["model"], delegate=options.Delegate[self.delegate]
        )
        requested = getattr(vision, task["options"])(base_options=base, **task["settings"])
        with self.create(vision, requested) as instance:
            self.write(
                stage="infer",
                create_s=time.perf_counter() - begin,
                work_create=self.since(start),
                **self.held(),
            )
            call: Callable[[Any], Any] = getattr(instance, task["call"])
            times: list[float] = []
            work: list[Optional[dict[str, int]]] = []
            for _ in range(self.plan["warmup"] + self.plan["frames"]):
                before, at = self.counts(), time.perf_counter()
                result = call(picture)
                times.append(time.perf_counter() - at)
                work.append(self.since(before))
                if len(times) == 1:
                    self.observed(times, work, results.digest(task["result"], result))
            self.observed(times, work, results.digest(task["result"], result))
            self.write(stage="done")
            self.bursts(call, picture)
            self.soak(call, picture)

    def create(self, vision: Any, options: Any) -> Any:  # noqa: ANN401 # MediaPipe
        """Return MediaPipe's task; ours, on the delegate's backend, where the plan names these."""
        task = self.plan["task"]
        if "backends" not in task:
            return getattr(vision, task["class"]).create_from_options(options)
        ours: Any = importlib.import_module("mediapipe_jetson.vision")
        backend = task["backends"][self.delegate]
        return getattr(ours, task["class"]).create_from_options(options, backend=backend)

    def observed(
        self, times: list[float], work: list[Optional[dict[str, int]]], result: dict[str, Any]
    ) -> None:
        """Tell the frames so far while the task is alive."""
        self.write(
            frames_s=times,
            work_frames=None if None in work else work,
            result=result,
            **self.held(),
        )

    def held(self) -> dict[str, Any]:
        """Return the contexts seen so far, and what the process has mapped and open now."""
        context = self.counters.context() if self.counters else None
        return {"context": context, "driver": process.observe()}

    def bursts(self, call: Callable[[Any], Any], picture: Any) -> None:  # noqa: ANN401
        """Infer and rest in turns; times are CLOCK_MONOTONIC, which the parent shares."""
        turns, rest_from = [], time.monotonic()
        for on_s, off_s in self.plan["bursts"]:
            time.sleep(off_s)
            begin = time.monotonic()
            while time.monotonic() < begin + on_s:
                call(picture)
            turns.append([begin, time.monotonic()])
        if turns:
            time.sleep(self.plan["bursts"][0][1])
            self.write(bursts=turns, rest_from_s=rest_from)

    def soak(self, call: Callable[[Any], Any], picture: Any) -> None:  # noqa: ANN401
        """Infer without a rest; tell latency, memory and work of each window."""
        end = time.monotonic() + self.plan["soak_s"]
        while time.monotonic() < end:
            window = min(end, time.monotonic() + SOAK_WINDOW_S)
            before = self.counts()
            times: list[float] = []
            while time.monotonic() < window or not times:
                at = time.perf_counter()
                result = call(picture)
                times.append(time.perf_counter() - at)
            done = self.since(before)
            self.write(
                window={
                    "at_s": time.monotonic(),
                    "frames": len(times),
                    "median_s": sorted(times)[len(times) // 2],
                    "memory_kb": process.memory_kb(),
                    "work": done,
                    "driver": process.observe(),
                    "result": results.digest(self.plan["task"]["result"], result),
                }
            )


def _written() -> int:
    """Return how much was written to standard error, which the parent made a file."""
    return os.lseek(sys.stderr.fileno(), 0, os.SEEK_CUR)


def infer(plan: dict[str, Any], report: Report) -> None:
    """Import MediaPipe and run every phase of the plan."""
    begin = time.perf_counter()
    report.write(stage="import", driver_start=process.observe())
    mediapipe: Any = importlib.import_module("mediapipe")
    vision: Any = importlib.import_module("mediapipe.tasks.python.vision")
    options: Any = importlib.import_module("mediapipe.tasks.python.core.base_options").BaseOptions
    log = Log(Path(mediapipe.__file__).parent)
    report.write(
        mediapipe=getattr(mediapipe, "__version__", None), import_s=time.perf_counter() - begin
    )
    picture = mediapipe.Image.create_from_file(plan["picture"])
    for delegate in plan["delegates"]:
        log.lines = []
        phase = Phase(plan, delegate, report, log)
        try:
            phase.run(vision, options, picture)
        except Exception as error:  # whatever it is, the parent judges it
            text = " ".join(str(error).split())[:LINE]
            phase.write(error={"type": type(error).__name__, "text": text})
        phase.write(log=log.as_json(), stderr_to=_written())


def main(arguments: Sequence[str]) -> int:
    """Run the plan; an exception on import is reported, not raised."""
    # What this process starts is not to be counted.
    os.environ.pop("LD_PRELOAD", None)
    report = Report(int(arguments[1]))
    try:
        infer(json.loads(arguments[0]), report)
    except Exception as error:  # whatever it is, the parent judges it
        text = " ".join(str(error).split())[:LINE]
        report.write(error={"type": type(error).__name__, "text": text})
        return 1
    report.write(ended=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
