"""What every application needs: its source, its landmarker, and an orderly run of its pipelines.

    with application.landmarker("face") as landmarker:
        application.run(Pipeline(application.source(), landmarker, sink, policy="auto"))

The variables are those that jetson.toml sets in a container.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any, Optional

from mediapipe_jetson import logs, pace
from mediapipe_jetson.healthcheck import FILE_VARIABLE
from mediapipe_jetson.models import models_folder
from mediapipe_jetson.pipeline.landmarkers import tasks
from mediapipe_jetson.pipeline.pipeline import Pipeline
from mediapipe_jetson.pipeline.report import Report

LOG = logging.getLogger(__name__)
SOURCE_VARIABLE = "MEDIAPIPE_JETSON_SOURCE"
BACKEND_VARIABLE = "MEDIAPIPE_JETSON_BACKEND"
CAMERA = "/dev/video0"
GESTURE = ("GestureRecognizer", "gesture_recognizer.task")
# The container's health check allows 30 s between two touches of its file.
TOUCH_S = 1.0


def source(default: str = CAMERA) -> str:
    """Return the camera, video or stream of $MEDIAPIPE_JETSON_SOURCE."""
    return os.environ.get(SOURCE_VARIABLE) or default


def landmarker(task: str, **options: Any) -> Any:  # noqa: ANN401 # MediaPipe's classes have no types
    """Return a landmarker for "face", "hand", "pose" or "gesture" that follows a video; close it.

    It has the image's model and the backend of $MEDIAPIPE_JETSON_BACKEND (default: auto). `options`
    are fields of MediaPipe's options, such as num_faces=2. Raises ValueError for another task, and
    what the landmarker's class raises.
    """
    known = {name: (row.class_name, row.model) for name, row in tasks().items()}
    known["gesture"] = GESTURE
    if task not in known:
        raise ValueError(f"no task {task!r}: choose one of {', '.join(known)}")
    name, model = known[task]
    vision: Any = importlib.import_module("mediapipe_jetson.vision")
    base: Any = importlib.import_module("mediapipe.tasks.python.core.base_options").BaseOptions
    chosen = getattr(vision, f"{name}Options")(
        base_options=base(model_asset_path=str(models_folder() / model)),
        running_mode=vision.RunningMode.VIDEO,
        **options,
    )
    backend = os.environ.get(BACKEND_VARIABLE) or "auto"
    return getattr(vision, name).create_from_options(chosen, backend=backend)


def run(*pipelines: Pipeline) -> list[Report]:
    """Run pipelines that have not started until all have ended; return their reports in order.

    SIGTERM (`docker stop`) ends them as the end of a video does; one that fails ends the others.
    While each of them finishes frames, the file $MEDIAPIPE_JETSON_HEALTH_FILE is written anew: the
    image's health check looks at it. With $MEDIAPIPE_JETSON_LOG_FORMAT the log is set up,
    where the program has not done so. Raises what Pipeline.run raises.
    """
    if not pipelines:
        raise ValueError("there is no pipeline to run")

    def stop() -> None:
        for pipeline in pipelines:
            pipeline.stop()

    logs.from_environment()
    show_life(*pipelines)
    with _on_sigterm(stop), ThreadPoolExecutor(len(pipelines)) as pool:
        try:
            for pipeline in pipelines:
                pipeline.start()
            waits = [pool.submit(pipeline.wait) for pipeline in pipelines]
            wait(waits, return_when=FIRST_EXCEPTION)
            failed = [future for future in waits if future.done() and future.exception()]
            if failed:
                failed[0].result()
        finally:
            stop()
    return [future.result() for future in waits]


def show_life(*pipelines: Pipeline) -> None:
    """Write the pace into $MEDIAPIPE_JETSON_HEALTH_FILE while each pipeline finishes frames."""
    if file := os.environ.get(FILE_VARIABLE):
        alive = _Alive(Path(file), len(pipelines))
        for place, pipeline in enumerate(pipelines):
            pipeline.observe(alive.observer(place))


class _Alive:
    """Writes a file anew when every pipeline finished a frame since it was last written."""

    def __init__(self, path: Path, pipelines: int) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._meters = [pace.Meter() for _ in range(pipelines)]
        self._seen: set[int] = set()
        self._written: Optional[float] = None
        self._warned = False

    def observer(self, place: int) -> Callable[[Any], None]:
        """Return what a pipeline calls with each finished frame."""

        def observe(job: Any) -> None:  # noqa: ANN401
            with self._lock:
                self._meters[place].frame(job.frame.taken_s)
                self._seen.add(place)
                now = time.monotonic()
                late = self._written is None or now - self._written >= TOUCH_S
                if late and len(self._seen) == len(self._meters):
                    paces = [measured for item in self._meters if (measured := item.pace())]
                    self._write(pace.slowest(paces))
                    self._seen.clear()
                    self._written = now

        return observe

    def _write(self, measured: pace.Pace) -> None:
        """Write the pace; where it can't be, that frames come. Raises OSError at the first time."""
        try:
            pace.write(self._path, measured)
        except OSError as error:
            try:
                self._path.touch()
            except OSError:
                # A path that never was one is a mistake; what happens to it later ends no camera.
                if self._written is None:
                    raise
            if not self._warned:
                LOG.warning("%s: the pace can't be written: %s", self._path, error.strerror)
            self._warned = True


@contextlib.contextmanager
def _on_sigterm(function: Callable[[], None]) -> Iterator[None]:
    """Call a function at SIGTERM; outside of the main thread signals stay as they are."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda *_: function())
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
