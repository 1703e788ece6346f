"""What the landmarkers share: MediaPipe's methods, options and errors, a choice of backend."""

from __future__ import annotations

import dataclasses
import logging
import operator
import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Optional, Union

from mediapipe_jetson.backends import SUB_MODEL
from mediapipe_jetson.backends.base import BackendError, InferenceError
from mediapipe_jetson.vision import bundles, images, order, results
from mediapipe_jetson.vision.errors import (
    BundleError,
    ClosedError,
    ModeError,
    NoBackendError,
    OptionError,
    OptionRangeError,
    OptionTypeError,
    TimestampError,
    TimestampTypeError,
)
from mediapipe_jetson.vision.graph import Graph, Limits
from mediapipe_jetson.vision.runners import MediaPipeRunner, Pending, Runner, SubModelRunner
from mediapipe_jetson.vision.stream import LiveStream

if TYPE_CHECKING:
    from typing_extensions import Self

LOG = logging.getLogger(__name__)
# MediaPipe takes a first timestamp below zero, too.
BEFORE_ALL = -(1 << 63)
BASE_FIELDS = ("model_asset_path", "model_asset_buffer", "delegate")


@dataclass(frozen=True)
class Failure:
    """A backend that could not be used, or failed while it ran, and why."""

    backend: str
    reason: str


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
        self.options = options = self._options(options, fields)
        self.mode = options.running_mode
        self._check()
        self.threads = threads
        self.failures: tuple[Failure, ...] = ()
        self.backend = ""
        self.last_ms = BEFORE_ALL
        self.left = list(order.candidates(backend, options.base_options.delegate))
        base = options.base_options
        self.bundle = bundles.read(base.model_asset_path, base.model_asset_buffer)
        if backend == order.AUTO:
            model = base.model_asset_path or base.model_asset_buffer
            left, self.threads = order.measured(self.task, model, self.left, threads)
            self.left = list(left)
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
        self.runner: Optional[Runner] = self._next()
        live = self.mode == self.types.vision.RunningMode.LIVE_STREAM
        self.stream = LiveStream(self._result, self._deliver) if live else None
        self.closed = False

    @classmethod
    def create_from_options(cls, options: Any, **settings: Any) -> Self:  # noqa: ANN401
        """Make a landmarker of MediaPipe's options object; settings as of the constructor."""
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
        with self.lock:
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
        with self.lock:
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
            self._drop()

    def __enter__(self) -> Self:
        """Return the landmarker."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close it."""
        self.close()

    def __del__(self) -> None:
        self.close()

    def _options(self, options: Any, fields: dict[str, Any]) -> Any:  # noqa: ANN401
        """Return MediaPipe's options object; raise OptionError."""
        kind = getattr(self.types.vision, f"{self.task}Options")
        try:
            if options is not None:
                return dataclasses.replace(options, **fields)
            given = {name: fields.pop(name) for name in BASE_FIELDS if name in fields}
            if given or "base_options" not in fields:
                fields["base_options"] = self.types.base_options(**given)
            return kind(**fields)
        except TypeError as error:
            raise OptionError(f"{self.task}: {error}") from error

    def _check(self) -> None:
        """Raise OptionError for options that MediaPipe refuses, or would misunderstand."""
        options, modes = self.options, self.types.vision.RunningMode
        live = self.mode == modes.LIVE_STREAM
        if live and options.result_callback is None:
            raise OptionError(
                "The vision task is in live stream mode, a user-defined result callback must be "
                "provided."
            )
        if not live and options.result_callback:
            raise OptionError(
                "The vision task is in image or video mode, a user-defined result callback should "
                "not be provided."
            )
        count = getattr(options, self.count_field)
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            kind = OptionRangeError if isinstance(count, int) else OptionTypeError
            raise kind(f"{self.count_field} is a whole number from 1 on, not {count!r}")
        for name in (self.detection_field, self.presence_field, "min_tracking_confidence"):
            value = getattr(options, name)
            number = isinstance(value, (int, float))
            if not number or not 0 <= value <= 1:
                error = OptionError if number else OptionTypeError
                raise error(f"{name} is a number from 0 to 1, not {value!r}")

    def _expect(self, mode: str) -> None:
        if self.closed:
            raise ClosedError(f"this {self.task} is closed")
        if self.mode.name != mode:
            needed, there = (word.lower().replace("_", " ") for word in (mode, self.mode.name))
            raise ModeError(
                f"Task is not initialized with the {needed} mode. Current running mode:{there} mode"
            )

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
        """Run a frame; a backend that fails is reported and the next one takes the frame.

        Whoever calls it holds the lock.
        """
        while True:
            try:
                return self._current().process(image, frame, processing, timestamp_ms)
            except InferenceError as error:
                self._report(self.backend, error)
                self._drop()
                self.runner = self._next()

    def _next(self) -> Runner:
        """Return a runner on the next backend that can be used; raise NoBackendError."""
        while self.left:
            name = self.left.pop(0)
            try:
                runner = self._open(name)
            except (BackendError, BundleError) as error:
                self._report(name, error)
                continue
            self.backend = name
            return runner
        raise self._none_left()

    def _current(self) -> Runner:
        if self.runner is None:
            raise ClosedError(f"this {self.task} is closed") if self.closed else self._none_left()
        return self.runner

    def _drop(self) -> None:
        if self.runner is not None:
            self.runner.close()
        self.runner = None

    def _none_left(self) -> NoBackendError:
        reasons = "; ".join(f"{failure.backend}: {failure.reason}" for failure in self.failures)
        return NoBackendError(f"no backend can run {self.task}: {reasons}")

    def _open(self, name: str) -> Runner:
        if name in SUB_MODEL:
            return SubModelRunner(name, self.graph, self.convert, self.models, self.threads)
        return MediaPipeRunner(name, self.task, self.options, self.types, self.verb)

    def _report(self, name: str, error: Exception) -> None:
        reason = " ".join(str(error).split())
        self.failures = (*self.failures, Failure(name, reason))
        LOG.warning("%s: backend %s is not used: %s", self.task, name, reason)
