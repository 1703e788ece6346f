"""What runs a task for a landmarker: our graph on a backend's sessions, or MediaPipe's own task."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from mediapipe_jetson import backends
from mediapipe_jetson.backends.base import (
    BackendUnavailableError,
    InferenceError,
    InputError,
    ModelError,
)
from mediapipe_jetson.vision.results import Types

if TYPE_CHECKING:
    from mediapipe_jetson.backends.base import Session, SubModel
    from mediapipe_jetson.vision.graph import Graph
    from mediapipe_jetson.vision.images import Frame

# Makes the result of a frame, once, in the order of the frames; two at a time are one too many.
Pending = Callable[[], Any]
DELEGATES = {"mediapipe-cpu": "CPU", "mediapipe-gpu": "GPU"}


class Runner(Protocol):
    """Takes frames; one at a time."""

    def process(self, image: Any, frame: Frame, processing: Any, timestamp_ms: int) -> Pending:  # noqa: ANN401
        """Return what makes MediaPipe's result; raise InferenceError, after which it is no use."""
        ...

    def close(self) -> None:
        """Free what it holds."""
        ...


class SubModelRunner:
    """Our graph on one backend's sessions."""

    def __init__(
        self,
        name: str,
        graph: Graph[Any],
        convert: Callable[[list[Any]], Any],
        models: Mapping[str, SubModel],
        threads: int,
    ) -> None:
        """Load the sub-models; raise BackendUnavailableError and ModelError."""
        backend = backends.create(name)
        why = backend.available()
        if why:
            raise BackendUnavailableError(f"{name}: {why}")
        self.graph = graph
        self.convert = convert
        with ExitStack() as opened:
            sessions: dict[str, Session] = {}
            for key, model in models.items():
                sessions[key] = backend.load(model, threads)
                opened.callback(sessions[key].close)
            try:
                graph.use(sessions)
            except (IndexError, ValueError) as error:
                raise ModelError(f"{name}: a sub-model has no such inputs: {error}") from error
            self.opened = opened.pop_all()

    def process(self, image: Any, frame: Frame, processing: Any, timestamp_ms: int) -> Pending:  # noqa: ANN401
        """Return what makes the result of a frame, from arrays that no other frame touches."""
        del image, processing
        try:
            if self.graph.finishes_apart:
                return functools.partial(self._finish, frame, self.graph.infer(frame), timestamp_ms)
            return functools.partial(self.convert, self.graph.process(frame, timestamp_ms))
        except InputError as error:
            # Inputs are of the session's own buffers: it is the model that has others.
            raise InferenceError(str(error)) from error

    def _finish(self, frame: Frame, results: list[Any], timestamp_ms: int) -> Any:  # noqa: ANN401
        return self.convert(self.graph.finish(frame, results, timestamp_ms))

    def close(self) -> None:
        """Close the sessions."""
        self.opened.close()


class MediaPipeRunner:
    """MediaPipe's own task; a stream is given to it as a video."""

    def __init__(
        self,
        name: str,
        task: str,
        options: Any,  # noqa: ANN401
        types: Types,
        verb: str = "detect",
    ) -> None:
        """Make MediaPipe's task on a delegate; raise BackendUnavailableError."""
        self.verb = verb
        delegate = getattr(types.base_options.Delegate, DELEGATES[name])
        mode = types.vision.RunningMode
        self.video = options.running_mode != mode.IMAGE
        self.types = types
        requested = dataclasses.replace(
            options,
            base_options=dataclasses.replace(options.base_options, delegate=delegate),
            running_mode=mode.VIDEO if self.video else mode.IMAGE,
            result_callback=None,
        )
        try:
            self.task = getattr(types.vision, task).create_from_options(requested)
        except (RuntimeError, NotImplementedError) as error:
            raise BackendUnavailableError(f"{name}: {_line(error)}") from error

    def process(self, image: Any, frame: Frame, processing: Any, timestamp_ms: int) -> Pending:  # noqa: ANN401
        """Return what gives the result of a frame, which is there already."""
        result = self._result(image, frame, processing, timestamp_ms)
        return lambda: result

    def _result(self, image: Any, frame: Frame, processing: Any, timestamp_ms: int) -> Any:  # noqa: ANN401
        if isinstance(image, np.ndarray):
            formats = self.types.image_format
            kind = formats.SRGB if frame.pixels.shape[2] == 3 else formats.SRGBA
            image = self.types.image(image_format=kind, data=np.ascontiguousarray(frame.pixels))
        try:
            if self.video:
                run = getattr(self.task, f"{self.verb}_for_video")
                return run(image, timestamp_ms, processing)
            return getattr(self.task, self.verb)(image, processing)
        # The image and the timestamp were judged before: what is wrong now is in the graph, and
        # a graph of MediaPipe that failed once fails ever after.
        except (RuntimeError, ValueError, NotImplementedError) as error:
            raise InferenceError(f"mediapipe: {_line(error)}") from error

    def close(self) -> None:
        """Close the task; one whose graph failed says so once more."""
        with suppress(RuntimeError, ValueError):
            self.task.close()


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:400]
