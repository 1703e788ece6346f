"""What the landmarkers share: MediaPipe's methods, options and errors, a choice of backend."""

from __future__ import annotations

import contextlib
import logging
import operator
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Union

from mediapipe_jetson.backends import SUB_MODEL
from mediapipe_jetson.vision import bundles, images, order, results, task_options
from mediapipe_jetson.vision.errors import (
    ClosedError,
    ModeError,
    OptionTypeError,
    TimestampError,
    TimestampTypeError,
)
from mediapipe_jetson.vision.failover import Failover, Failure
from mediapipe_jetson.vision.graph import Graph, Limits
from mediapipe_jetson.vision.runners import MediaPipeRunner, Pending, Runner, SubModelRunner
from mediapipe_jetson.vision.stream import LiveStream

if TYPE_CHECKING:
    from typing_extensions import Self

LOG = logging.getLogger(__name__)
SHARED = (
    "threads give frames to one %s in VIDEO mode at the same time: it follows one stream, "
    "and mixes several up; make one for each stream"
)
# MediaPipe takes a first timestamp below zero, too.
BEFORE_ALL = -(1 << 63)


class Landmarker(ABC):
    """What FaceLandmarker, HandLandmarker and PoseLandmarker share.

    `backend` in use and `failures` of others can be asked for at any time. Calls from several
    threads wait for each other.
    """

    task: ClassVar[str]
    verb: ClassVar[str] = "detect"
    """How MediaPipe's methods begin."""
    count_field: ClassVar[str]
    detection_field: ClassVar[str]
    presence_field: ClassVar[str]

    def __init__(
        self,
        options: Any = None,  # noqa: ANN401 # MediaPipe's options have no types
        *,
        backend: Union[str, Sequence[str]] = order.AUTO,
        threads: int = 0,
        **fields: Any,  # noqa: ANN401
    ) -> None:
        """Make a landmarker of MediaPipe's options object, or of its fields by name.

        Without `base_options` its own fields can be given (model_asset_path and so on). `backend`
        is `auto`, a name, or several in the order in which they are tried: one that fails while it
        runs is reported and the next is used. `threads` is for each sub-model, 0 the backend's
        own choice.

        Raises OptionError and UnknownBackendError (ValueErrors), BundleMissingError, BundleError
        and NoBackendError (a RuntimeError) with the reason of every backend.
        """
        self.closed = True
        self.types = results.load()
        self.options = options = task_options.make(self.types, self.task, options, fields)
        self.mode = options.running_mode
        scores = (self.detection_field, self.presence_field, "min_tracking_confidence")
        task_options.check(self.types, options, self.count_field, scores)
        self.threads = threads
        self.last_ms = BEFORE_ALL
        base = options.base_options
        names = order.candidates(backend, base.delegate)
        self.bundle = bundles.read(base.model_asset_path, base.model_asset_buffer)
        if backend == order.AUTO:
            model = base.model_asset_path or base.model_asset_buffer
            names, self.threads = order.measured(self.task, model, names, threads)
        self.models = self.bundle.sub_models(self.sub_models())
        limits = Limits(
            getattr(options, self.count_field),
            getattr(options, self.detection_field),
            getattr(options, self.presence_field),
            options.min_tracking_confidence,
            self.mode != self.types.vision.RunningMode.IMAGE,
        )
        self.graph = self.make_graph(limits)
        self.lock = threading.Lock()
        self.clock = threading.Lock()
        self.shared = False
        """Whether threads were seen that give frames of a video at the same time."""
        self.runners = Failover(self.task, names, self._load)
        live = self.mode == self.types.vision.RunningMode.LIVE_STREAM
        self.stream = LiveStream(self._result, self._deliver) if live else None
        self.closed = False

    @property
    def backend(self) -> str:
        """Return the name of the backend in use."""
        return self.runners.backend

    @property
    def failures(self) -> tuple[Failure, ...]:
        """Return the backends that could not be used, or failed while they ran, and why."""
        return self.runners.failures

    @classmethod
    def create_from_options(cls, options: Any, **settings: Any) -> Self:  # noqa: ANN401
        """Make a landmarker of MediaPipe's options object; settings as of the constructor."""
        if options is None:
            raise OptionTypeError(f"{cls.task}: options are {cls.task}Options, not None")
        return cls(options, **settings)

    @classmethod
    def create_from_model_path(cls, model_path: str, **settings: Any) -> Self:  # noqa: ANN401
        """Make a landmarker for images of a model bundle and MediaPipe's defaults."""
        return cls(model_asset_path=model_path, **settings)

    @abstractmethod
    def sub_models(self) -> tuple[str, ...]:
        """Return the names of the bundle's models that the options need."""

    @abstractmethod
    def make_graph(self, limits: Limits) -> Graph[Any]:
        """Return the graph that the options ask for."""

    @abstractmethod
    def convert(self, found: list[Any]) -> Any:  # noqa: ANN401
        """Return MediaPipe's result type of what the graph found."""

    def detect(self, image: Any, image_processing_options: Any = None) -> Any:  # noqa: ANN401
        """Return the result of one image; only in IMAGE mode.

        `image` is a MediaPipe Image or a numpy array (height, width, 3 or 4) of uint8, RGB or
        RGBA. Raises ImageError, OptionError, ModeError, ClosedError and, when no backend is left,
        NoBackendError; after any but the last the landmarker lives on.
        """
        self._expect("IMAGE")
        frame = images.frame(image, image_processing_options)
        return self._result(image, frame, image_processing_options, 0)

    def detect_for_video(
        self,
        image: Any,  # noqa: ANN401
        timestamp_ms: int,
        image_processing_options: Any = None,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        """Return the result of a video's next frame; only in VIDEO mode.

        As `detect`; also raises TimestampError unless the timestamp (a whole number of
        milliseconds) is after the last one.
        """
        self._expect("VIDEO")
        frame = images.frame(image, image_processing_options)
        with self._turn():
            self._advance(timestamp_ms)
            return self._process(image, frame, image_processing_options, timestamp_ms)()

    def begin_for_video(
        self,
        image: Any,  # noqa: ANN401
        timestamp_ms: int,
        image_processing_options: Any = None,  # noqa: ANN401
    ) -> Pending:
        """Infer as `detect_for_video` does, and return a function that makes the result of it.

        What it does needs no model, so that another thread can do it while this one infers. It
        may smooth what it finds, and waits for no other: call each once, one at a time, in the
        order of the frames, and use no `detect_for_video` of the same landmarker meanwhile.
        """
        self._expect("VIDEO")
        frame = images.frame(image, image_processing_options)
        with self._turn():
            self._advance(timestamp_ms)
            return self._process(image, frame, image_processing_options, timestamp_ms)

    def detect_async(
        self,
        image: Any,  # noqa: ANN401
        timestamp_ms: int,
        image_processing_options: Any = None,  # noqa: ANN401
    ) -> None:
        """Take a frame and return at once; only in LIVE_STREAM mode.

        The callback of the options gets (result, image, timestamp_ms) on another thread; frames
        that come faster than they can be worked on are dropped. An array must not be changed
        until then. Raises as `detect_for_video` does.
        """
        self._expect("LIVE_STREAM")
        frame = images.frame(image, image_processing_options)
        self._advance(timestamp_ms)
        if self.stream is not None:
            self.stream.send(image, frame, image_processing_options, timestamp_ms)

    def close(self) -> None:
        """Finish what was taken and free the models; a second call does nothing."""
        if self.closed:
            return
        self.closed = True
        if self.stream is not None:
            self.stream.close()
        with self.lock:
            self.runners.close()

    def __enter__(self) -> Self:
        """Return the landmarker."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close it."""
        self.close()

    def __del__(self) -> None:
        self.close()

    def _expect(self, mode: str) -> None:
        if self.closed:
            raise ClosedError(f"this {self.task} is closed")
        if self.mode.name != mode:
            needed, there = (word.lower().replace("_", " ") for word in (mode, self.mode.name))
            raise ModeError(
                f"Task is not initialized with the {needed} mode. Current running mode:{there} mode"
            )

    @contextlib.contextmanager
    def _turn(self) -> Iterator[None]:
        """Wait for the frame before; say once where another thread gives that at the same time."""
        busy = self.lock.locked()
        with self.lock:
            if busy and not (self.shared or self.closed):
                self.shared = True
                LOG.warning(SHARED, self.task)
            yield

    def _advance(self, timestamp_ms: int) -> None:
        try:
            now = operator.index(timestamp_ms)
        except TypeError:
            raise TimestampTypeError(
                f"a timestamp is a whole number of milliseconds, not {timestamp_ms!r}"
            ) from None
        # Apart from the lock of a running frame: a live stream's frames are taken at once.
        with self.clock:
            last, self.last_ms = self.last_ms, max(now, self.last_ms)
        if now <= last:
            # MediaPipe's own words to the letter, which its tests compare.
            raise TimestampError("Input timestamp must be monotonically increasing.")

    def _deliver(
        self,
        result: Any,  # noqa: ANN401
        image: Any,  # noqa: ANN401
        frame: images.Frame,
        processing: Any,  # noqa: ANN401
        timestamp_ms: int,
    ) -> None:
        del frame, processing
        self.options.result_callback(result, image, timestamp_ms)

    def _result(self, *frame: Any) -> Any:  # noqa: ANN401 # what `_process` takes
        with self.lock:
            return self._process(*frame)()

    def _process(
        self,
        image: Any,  # noqa: ANN401
        frame: images.Frame,
        processing: Any,  # noqa: ANN401
        timestamp_ms: int,
    ) -> Pending:
        """Run a frame; whoever calls it holds the lock."""
        # What a live stream took is finished while it is closed.
        if self.closed and not self.runners.loaded:
            raise ClosedError(f"this {self.task} is closed")
        return self.runners.process(image, frame, processing, timestamp_ms)

    def _load(self, name: str) -> Runner:
        if name in SUB_MODEL:
            return SubModelRunner(name, self.graph, self.convert, self.models, self.threads)
        return MediaPipeRunner(name, self.task, self.options, self.types, self.verb)
