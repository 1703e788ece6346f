"""What the legacy solutions share: process, reset, close, and results as they were."""

from __future__ import annotations

import operator
from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Optional

import numpy as np

from mediapipe_jetson.solutions import weights
from mediapipe_jetson.solutions.engine import NO_OUTPUTS, NO_THREADS, Engine, SolutionGraph
from mediapipe_jetson.solutions.errors import (
    ArgumentRangeError,
    ArgumentTypeError,
    ClosedSolutionError,
    NotSupportedError,
    SolutionsError,
)
from mediapipe_jetson.solutions.messages.repeated import RowMessages
from mediapipe_jetson.vision.errors import ImageError
from mediapipe_jetson.vision.graph import Limits
from mediapipe_jetson.vision.images import Frame
from mediapipe_jetson.vision.images import frame as frame_of

if TYPE_CHECKING:
    from typing_extensions import Self

    from mediapipe_jetson.backends.base import Array, SubModel

CHANNELS = 3
CONFIDENCE = 0.5
"""What a confidence is where None is given."""
STREAM = "image"
MODULE = "mediapipe.python.solution_base"
"""What results call their module when they are printed."""


@lru_cache(maxsize=None)
def _outputs(names: tuple[str, ...]) -> Any:  # noqa: ANN401 # a namedtuple class
    return namedtuple("SolutionOutputs", names)  # names are the solution's


class SolutionBase:
    """The base of all solutions.

    `process` returns a class with an attribute for each output, None where nothing was found, as
    MediaPipe 0.10.21 does; results of earlier frames stay as they were.
    """

    outputs: ClassVar[tuple[str, ...]] = ()
    _unread: Mapping[str, Sequence[int]] = NO_OUTPUTS
    """Positions of outputs of models that the graph doesn't read."""
    _threads: Mapping[str, int] = NO_THREADS
    """CPU threads of models, where not the backend's own choice."""

    def __init__(self, *_: Any, **__: Any) -> None:  # noqa: ANN401
        """Refuse graphs of one's own: raise NotSupportedError."""
        raise NotSupportedError(
            "SolutionBase with a graph of one's own needs the legacy MediaPipe (0.10.21 or before)"
        )

    def _start(self, models: Mapping[str, str], make: Callable[[], SolutionGraph]) -> None:
        """Open models, by the graph's names for them. Raises ModelMissingError, SolutionsError."""
        loaded = {key: weights.load(name) for key, name in models.items()}
        self._run(self._prepared(loaded), make)

    def _run(self, models: Mapping[str, SubModel], make: Callable[[], SolutionGraph]) -> None:
        self._engine: Optional[Engine] = Engine(
            type(self).__name__, models, make, self._unread, self._threads
        )

    def _prepared(self, models: dict[str, SubModel]) -> dict[str, SubModel]:
        """Return the models as the graph needs them."""
        return models

    def _values(self, result: Any) -> Mapping[str, Any]:  # noqa: ANN401 # the graph's
        """Return outputs of what the graph found; raise nothing."""
        raise NotImplementedError

    def process(self, input_data: Any) -> Any:  # noqa: ANN401 # numpy in, a result class out
        """Return what is in an image (height, width, 3; uint8, RGB).

        A mapping has the image under its stream's name, "image"; another name is a KeyError.
        Raises ValueError for other channels and after close(), IndexError for an image without
        channels, TypeError for other numbers, AttributeError for what is no array, and
        SolutionsError (a RuntimeError) when it can't be worked on.
        """
        engine = self._engine
        if engine is None:
            raise ClosedSolutionError("_graph is None in SolutionBase")
        image = input_data[STREAM] if isinstance(input_data, Mapping) else input_data
        values = self._values(self._find(engine, frame(image)))
        names = self.outputs
        content = {name: values.get(name) for name in names}
        content["__module__"] = MODULE
        return type("SolutionOutputs", (_outputs(names),), content)

    @staticmethod
    def _find(engine: Engine, pixels: Frame) -> Any:  # noqa: ANN401
        try:
            return engine.process(pixels)
        except ImageError as error:
            raise SolutionsError(str(error)) from error

    def reset(self) -> None:
        """Forget earlier frames."""
        if self._engine is not None:
            self._engine.reset()

    def close(self) -> None:
        """Free the models; raise ClosedSolutionError the second time."""
        if self._engine is None:
            raise ClosedSolutionError("Closing SolutionBase._graph which is already None")
        self._engine.close()
        self._engine = None

    def __enter__(self) -> Self:
        """Return the solution."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close it."""
        self.close()


def frame(image: Any) -> Frame:  # noqa: ANN401
    """Return the frame of an image; raise as `SolutionBase.process`."""
    # The legacy error for what is no array, or has no channels, is Python's own of this line.
    if image.shape[2] != CHANNELS or len(image.shape) != CHANNELS:
        raise ValueError("Input image must contain three channel rgb data.")
    if image.dtype == np.bool_:
        image = image.astype(np.uint8)
    if image.dtype != np.uint8:
        raise TypeError(
            f"Cannot cast array data from {image.dtype!r} to dtype('uint8') according to the rule "
            "'safe'"
        )
    if not image.size:
        raise SolutionsError("an image without pixels")
    try:
        return frame_of(image)
    except ImageError as error:
        raise SolutionsError(str(error)) from error


def limits(count: Any, detection: Any, tracking: Any, *, static: Any) -> Limits:  # noqa: ANN401
    """Return limits of legacy arguments. Raises ArgumentTypeError and ArgumentRangeError."""
    tracked = _confidence(tracking)
    # The tracking confidence is the least presence that counts, in stills too.
    return Limits(whole(count), _confidence(detection), tracked, tracked, stream=not static)


def _confidence(value: Any) -> float:  # noqa: ANN401
    """Return a number of any type, as NumPy's; None is the default."""
    if value is None:
        return CONFIDENCE
    try:
        if not isinstance(value, (str, bytes, bytearray)):
            return float(value)
    except TypeError:
        pass
    raise ArgumentTypeError(f"must be real number, not {type(value).__name__}")


def whole(value: Any, what: str = "a count") -> int:  # noqa: ANN401
    """Return a whole number of any type, as NumPy's.

    Raises ArgumentTypeError, and ArgumentRangeError for one of more than 32 bits.
    """
    try:
        number = int(value) if isinstance(value, np.bool_) else operator.index(value)
    except TypeError:
        raise ArgumentTypeError(f"{what} is a whole number, not {value!r}") from None
    if not -(2**31) <= number < 2**31:
        raise ArgumentRangeError(f"{what} is a whole number of 32 bits, not {number}")
    return number


def landmark_list(
    kind: Any,  # noqa: ANN401 # the list's class
    points: Array,
    visibility: Optional[Array] = None,
) -> Any:  # noqa: ANN401
    """Return a landmark list of points (n, 3), float32, and visibilities (n,)."""
    result = kind()
    field = result.DESCRIPTOR.fields_by_name["landmark"]
    names: Sequence[str] = ("x", "y", "z")
    if visibility is not None:
        names = (*names, "visibility")
        points = np.column_stack([points, visibility])
    result.values["landmark"] = RowMessages(field, result, names, points)
    return result
