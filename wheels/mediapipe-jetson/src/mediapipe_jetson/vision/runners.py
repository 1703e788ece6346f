"""What runs a task for a landmarker: our graph on a backend's sessions, or MediaPipe's own task."""

from __future__ import annotations

import dataclasses
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

DELEGATES = {"mediapipe-cpu": "CPU", "mediapipe-gpu": "GPU"}


class Runner(Protocol):
    """Takes frames; one at a time."""

    def process(self, image: Any, frame: Frame, processing: Any, timestamp_ms: int) -> Any:  # noqa: ANN401
        """Return MediaPipe's result type; raise InferenceError, after which it is of no use."""
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

    def process(self, image: Any, frame: Frame, processing: Any, timestamp_ms: int) -> Any:  # noqa: ANN401
        """Return the result of a frame."""
        del image, processing
        try:
            return self.convert(self.graph.process(frame, timestamp_ms))
        except InputError as error:
            # Inputs are of the session's own buffers: it is the model that has others.
            raise InferenceError(str(error)) from error

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

    def process(self, image: Any, frame: Frame, processing: Any, timestamp_ms: int) -> Any:  # noqa: ANN401
        """Return the result of a frame."""
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
