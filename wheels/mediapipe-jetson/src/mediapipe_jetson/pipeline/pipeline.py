"""Stages in threads of their own, with a bounded queue between each two.

Frames keep their order: a stage is one thread. Python runs one thread at a time, but capture,
inference and encoding are native calls, and those run while other threads do.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Iterable
from typing import Any, Optional, Union

from mediapipe_jetson.pipeline import steps
from mediapipe_jetson.pipeline.channel import Channel
from mediapipe_jetson.pipeline.errors import FrameError, StageError, StuckError
from mediapipe_jetson.pipeline.frame import Detected, Frame
from mediapipe_jetson.pipeline.report import Report
from mediapipe_jetson.pipeline.sources import Source, is_live, open_source, usable
from mediapipe_jetson.pipeline.tally import Tally
from mediapipe_jetson.pipeline.times import Clock, Histogram

CAPTURE = "capture"
AUTO = "auto"
STOP_S = 5.0
# How soon `wait` learns of a `stop` from elsewhere; the end of the run itself it learns at once.
POLL_S = 0.2
Sink = Callable[[Detected], Any]


class Pipeline:
    """Runs frames of `source` through `landmarker` and hands each result to `sink`, in order.

    `source` is a file's path, a camera's number or device, a stream's address, a GStreamer
    pipeline, or an iterable of pictures (uint8, BGR). `policy` "all" makes the source wait for
    inference; "latest" always infers on the newest frame and drops older ones, before any work was
    done on them; "auto" is "latest" for a live source, else "all". `draw` may change the frame
    before the sink gets it. A frame that can't be used is left out and counted; with `strict` it
    ends the pipeline. Queues hold `depth` frames.

    What was passed in as an object stays open: landmarker, sink and source are their maker's to
    close. Raises SourceError for a source that can't be opened, TypeError, ValueError.
    """

    def __init__(
        self,
        source: Union[int, str, Source, Iterable[Any]],
        landmarker: Any,  # noqa: ANN401 # any class with MediaPipe's methods, or a function
        sink: Optional[Sink] = None,
        *,
        policy: str = "all",
        draw: Optional[Sink] = None,
        strict: bool = False,
        depth: int = 2,
        stop_s: float = STOP_S,
    ) -> None:
        named: list[tuple[str, steps.Step]] = list(steps.steps_of(landmarker).named)
        for name, function in (("draw", draw), ("sink", sink)):
            if function is not None:
                named.append((name, _passing(function)))
        if policy == AUTO:
            policy = "latest" if isinstance(source, (int, str)) and is_live(source) else "all"
        # Frames give way to newer ones before any work: the newest waits alone.
        first = 1 if policy == "latest" else depth
        self._channels: list[Channel[Detected]] = [
            Channel(f"{CAPTURE} > {named[0][0]}", first, policy),
            *(
                Channel(f"{before[0]} > {after[0]}", depth)
                for before, after in zip(named, named[1:])  # noqa: B905, RUF007 # Python 3.9
            ),
        ]
        self.landmarker = landmarker
        self.policy, self.strict, self.stop_s = policy, strict, stop_s
        self.clocks = [Clock(CAPTURE), *(Clock(name) for name, _ in named)]
        self._own = isinstance(source, (int, str)) or hasattr(source, "__fspath__")
        self._source = open_source(source, paced=policy == "latest")
        if self._own:
            # One that never runs must not leave a camera's native threads to the process's end.
            weakref.finalize(self, self._source.close)
        self._threads = [
            threading.Thread(target=self._capture, name=f"pipeline-{CAPTURE}", daemon=True),
            *(
                threading.Thread(
                    target=self._work, args=(place,), name=f"pipeline-{name}", daemon=True
                )
                for place, (name, _) in enumerate(named)
            ),
        ]
        self._functions = [function for _, function in named]
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._stopping = threading.Event()
        self._running = 0
        self._error: Optional[StageError] = None
        self._tally = Tally()
        self._observers: list[Sink] = []

    @property
    def ended(self) -> bool:
        """Return whether it has run and no thread of it is left."""
        return self._ended.is_set()

    @property
    def latency(self) -> Histogram:
        """Return how long frames took from their capture to the end of the last stage."""
        return self._tally.latency

    def observe(self, function: Sink) -> None:
        """Call a function with each finished frame, after the sink; it must return at once."""
        self._observers.append(function)

    def run(self) -> Report:
        """Run until the source ends, or until `stop`; return what was done.

        Raises StageError for whatever a stage raised, StuckError for one that never comes back, and
        what interrupts the wait, such as KeyboardInterrupt; no thread is left then.
        """
        self.start()
        return self.wait()

    def start(self) -> None:
        """Start the threads and return. Raises RuntimeError if it was started before."""
        if self._tally.began:
            raise RuntimeError("a pipeline runs once: make another one")
        self._tally.begin()
        self._running = len(self._threads)
        try:
            for thread in self._threads:
                thread.start()
        except BaseException:
            self.stop()
            self._settle()
            raise

    def stop(self) -> None:
        """Ask it to end, from any thread; `wait` says when it has."""
        self._stopping.set()
        # A camera that is lost may be waited for longer than a stop may take.
        getattr(self._source, "stop", _nothing)()
        for channel in self._channels:
            channel.stop()

    def wait(self) -> Report:
        """Wait for the end and return what was done; raises what `run` does."""
        try:
            while not self._ended.is_set():
                if self._stopping.is_set():
                    self._settle()
                self._ended.wait(POLL_S)
        except StuckError as error:
            raise error from self._error
        except BaseException:
            self.stop()
            self._settle()
            raise
        self._settle()
        self._raise()
        return self.report()

    def __enter__(self) -> Pipeline:
        self.start()
        return self

    def __exit__(self, kind: object, *_error: object) -> None:
        self.stop()
        self._settle()
        if kind is None:
            self._raise()

    def _raise(self) -> None:
        """Raise what a stage raised, once."""
        error, self._error = self._error, None
        if error is not None:
            raise error from error.cause

    def report(self) -> Report:
        """Return what was done so far, or in the whole run once it has ended."""
        return self._tally.report(self._source, self.policy, self._channels, self.clocks)

    def _settle(self) -> None:
        """Wait for all threads to be gone. Raises StuckError after `stop_s` seconds."""
        deadline = time.monotonic() + self.stop_s
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(max(0.0, deadline - time.monotonic()))
        left = tuple(
            thread.name.replace("pipeline-", "") for thread in self._threads if thread.is_alive()
        )
        if left:
            raise StuckError(left, self.stop_s)

    def _capture(self) -> None:
        """Thread of the source."""
        clock, outlet = self.clocks[0], self._channels[0]
        last_ms = -1
        try:
            frames = iter(self._source.frames())
            clock.restart()
            while not self._stopping.is_set():
                clock.begin()
                frame = next(frames, None)
                if frame is None:
                    break
                self._tally.gave()
                good = self._usable(frame, last_ms)
                clock.end()
                if good is None:
                    continue
                last_ms = good.timestamp_ms
                if not outlet.put(steps.start(good)):
                    break
                clock.handed()
        except BaseException as error:  # it is raised again where the user waits
            self._fail(CAPTURE, error, None)
        finally:
            outlet.finish()
            if self._own:
                self._source.close()
            self._leave()

    def _usable(self, frame: Frame, last_ms: int) -> Optional[Frame]:
        try:
            return usable(frame, last_ms)
        except FrameError as error:
            if self.strict:
                raise
            self._tally.refuse(error)
            return None

    def _work(self, place: int) -> None:
        """Thread of one stage."""
        function, clock = self._functions[place], self.clocks[place + 1]
        inlet = self._channels[place]
        outlet = self._channels[place + 1] if place + 1 < len(self._channels) else None
        index = None
        try:
            clock.restart()
            for job in inlet:
                index = job.frame.index
                clock.begin()
                result = function(job)
                clock.end()
                if outlet is None:
                    self._tally.finish(job.frame)
                    for observer in self._observers:
                        observer(result)
                elif not outlet.put(result):
                    break
                clock.handed()
        except BaseException as error:  # it is raised again where the user waits
            self._fail(clock.name, error, index)
        finally:
            if outlet is not None:
                outlet.finish()
            self._leave()

    def _fail(self, stage: str, error: BaseException, index: Optional[int]) -> None:
        with self._lock:
            if self._error is None:
                self._error = StageError(stage, error, index)
        self.stop()

    def _leave(self) -> None:
        with self._lock:
            self._running -= 1
            if self._running == 0:
                self._tally.end()
                self._ended.set()


def _nothing() -> None:
    """Stand for the `stop` of a source that has none."""


def _passing(function: Sink) -> steps.Step:
    """Return a step that calls a function for its effect."""

    def step(job: Detected) -> Detected:
        function(job)
        return job

    return step
