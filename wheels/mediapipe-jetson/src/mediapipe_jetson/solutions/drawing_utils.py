"""MediaPipe's legacy drawing functions on OpenCV: the same pixels from the same landmarks."""

from __future__ import annotations

import dataclasses
import importlib
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Optional, Union

import cv2
import numpy as np

from mediapipe_jetson.solutions.messages import LocationData

_PRESENCE_THRESHOLD = 0.5
_VISIBILITY_THRESHOLD = 0.5
_BGR_CHANNELS = 3

WHITE_COLOR = (224, 224, 224)
BLACK_COLOR = (0, 0, 0)
RED_COLOR = (0, 0, 255)
GREEN_COLOR = (0, 128, 0)
BLUE_COLOR = (255, 0, 0)

Color = tuple[int, int, int]
Pixel = tuple[int, int]


@dataclasses.dataclass
class DrawingSpec:
    """How something is drawn: colour as BGR, thickness (-1: filled) and radius in pixels."""

    color: Color = WHITE_COLOR
    thickness: int = 2
    circle_radius: int = 2


Styles = Union[DrawingSpec, Mapping[Any, DrawingSpec]]
RED_SPEC = DrawingSpec(color=RED_COLOR)
WHITE_SPEC = DrawingSpec()


def __getattr__(name: str) -> Any:  # noqa: ANN401 # a module
    """Return the modules of messages that the legacy module had imported."""
    if name in ("detection_pb2", "landmark_pb2", "location_data_pb2"):
        return importlib.import_module(f"mediapipe.framework.formats.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _normalized_to_pixel_coordinates(
    normalized_x: float, normalized_y: float, image_width: int, image_height: int
) -> Optional[Pixel]:
    """Return the pixel of a point given as fractions of the image; None outside of it."""

    def valid(value: float) -> bool:
        return (value > 0 or math.isclose(0, value)) and (value < 1 or math.isclose(1, value))

    if not (valid(normalized_x) and valid(normalized_y)):
        return None
    return (
        min(math.floor(normalized_x * image_width), image_width - 1),
        min(math.floor(normalized_y * image_height), image_height - 1),
    )


def _size(image: Any) -> tuple[int, int]:  # noqa: ANN401 # an array
    """Return an image's width and height; raise ValueError unless it has three channels."""
    if image.shape[2] != _BGR_CHANNELS:
        raise ValueError("Input image must contain three channel bgr data.")
    return image.shape[1], image.shape[0]


def _style(styles: Styles, key: Any) -> DrawingSpec:  # noqa: ANN401 # a number or a pair
    return styles[key] if isinstance(styles, Mapping) else styles


def _visible(landmarks: Any) -> Iterator[tuple[int, Any]]:  # noqa: ANN401 # messages
    """Yield the landmarks that are not marked as hidden or absent, with their numbers."""
    for index, landmark in enumerate(landmarks):
        hidden = landmark.HasField("visibility") and landmark.visibility < _VISIBILITY_THRESHOLD
        absent = landmark.HasField("presence") and landmark.presence < _PRESENCE_THRESHOLD
        if not (hidden or absent):
            yield index, landmark


def _connected(
    connections: Optional[Iterable[tuple[int, int]]], count: int, there: Mapping[int, Any]
) -> Iterator[tuple[tuple[int, int], Any, Any]]:
    """Yield connections with what is at their ends, where both are; raise ValueError."""
    for connection in connections or ():
        start, end = connection[0], connection[1]
        if not (0 <= start < count and 0 <= end < count):
            raise ValueError(
                f"Landmark index is out of range. Invalid connection from landmark #{start} to "
                f"landmark #{end}."
            )
        if start in there and end in there:
            yield connection, there[start], there[end]


def draw_detection(
    image: Any,  # noqa: ANN401
    detection: Any,  # noqa: ANN401
    keypoint_drawing_spec: DrawingSpec = RED_SPEC,
    bbox_drawing_spec: DrawingSpec = WHITE_SPEC,
) -> None:
    """Draw a detection's key points and box on an image (height, width, 3; uint8, BGR).

    Raises ValueError for another image, and for a location that is not relative.
    """
    if not detection.location_data:
        return
    width, height = _size(image)
    location = detection.location_data
    if location.format != LocationData.RELATIVE_BOUNDING_BOX:
        raise ValueError("LocationData must be relative for this drawing funtion to work.")
    spec = keypoint_drawing_spec
    for point in location.relative_keypoints:
        pixel = _normalized_to_pixel_coordinates(point.x, point.y, width, height)
        cv2.circle(image, pixel, spec.circle_radius, spec.color, spec.thickness)
    if not location.HasField("relative_bounding_box"):
        return
    box = location.relative_bounding_box
    start = _normalized_to_pixel_coordinates(box.xmin, box.ymin, width, height)
    end = _normalized_to_pixel_coordinates(
        box.xmin + box.width, box.ymin + box.height, width, height
    )
    cv2.rectangle(image, start, end, bbox_drawing_spec.color, bbox_drawing_spec.thickness)


def draw_landmarks(
    image: Any,  # noqa: ANN401
    landmark_list: Any,  # noqa: ANN401
    connections: Optional[Iterable[tuple[int, int]]] = None,
    landmark_drawing_spec: Optional[Styles] = RED_SPEC,
    connection_drawing_spec: Styles = WHITE_SPEC,
    is_drawing_landmarks: bool = True,  # the legacy signature
) -> None:
    """Draw landmarks and their connections on an image (height, width, 3; uint8, BGR).

    Raises ValueError for another image, and for a connection to a landmark that is not there.
    """
    if not landmark_list:
        return
    width, height = _size(image)
    pixels: dict[int, Pixel] = {}
    for index, landmark in _visible(landmark_list.landmark):
        pixel = _normalized_to_pixel_coordinates(landmark.x, landmark.y, width, height)
        if pixel:
            pixels[index] = pixel
    for pair, start, end in _connected(connections, len(landmark_list.landmark), pixels):
        spec = _style(connection_drawing_spec, pair)
        cv2.line(image, start, end, spec.color, spec.thickness)
    if not (is_drawing_landmarks and landmark_drawing_spec):
        return
    for index, pixel in pixels.items():
        spec = _style(landmark_drawing_spec, index)
        border = max(spec.circle_radius + 1, int(spec.circle_radius * 1.2))
        cv2.circle(image, pixel, border, WHITE_COLOR, spec.thickness)
        cv2.circle(image, pixel, spec.circle_radius, spec.color, spec.thickness)


def draw_axis(
    image: Any,  # noqa: ANN401
    rotation: Any,  # noqa: ANN401
    translation: Any,  # noqa: ANN401
    focal_length: tuple[float, float] = (1.0, 1.0),
    principal_point: tuple[float, float] = (0.0, 0.0),
    axis_length: float = 0.1,
    axis_drawing_spec: DrawingSpec = WHITE_SPEC,
) -> None:
    """Draw the axes of an object that is turned (3, 3) and moved (3,) before the camera.

    Raises ValueError for an image that is not (height, width, 3).
    """
    width, height = _size(image)
    ends = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], np.float32)
    seen = np.matmul(rotation, axis_length * ends.T).T + translation
    depth = seen[..., 2] + 1e-5
    across = np.clip(-focal_length[0] * seen[..., 0] / depth + principal_point[0], -1.0, 1.0)
    up = np.clip(-focal_length[1] * seen[..., 1] / depth + principal_point[1], -1.0, 1.0)
    columns = ((1 + across) * 0.5 * width).astype(np.int32).tolist()
    rows = ((1 - up) * 0.5 * height).astype(np.int32).tolist()
    origin, *tips = zip(columns, rows)  # noqa: B905 # Python 3.9
    for tip, color in zip(tips, (RED_COLOR, GREEN_COLOR, BLUE_COLOR)):  # noqa: B905
        cv2.arrowedLine(image, origin, tip, color, axis_drawing_spec.thickness)


def _normalize_color(color: Color) -> tuple[float, ...]:
    """Return a colour, in its order, with parts from 0 to 1."""
    return tuple(value / 255.0 for value in color)


def plot_landmarks(
    landmark_list: Any,  # noqa: ANN401
    connections: Optional[Iterable[tuple[int, int]]] = None,
    landmark_drawing_spec: DrawingSpec = DrawingSpec(color=RED_COLOR, thickness=5),  # noqa: B008
    connection_drawing_spec: DrawingSpec = DrawingSpec(color=BLACK_COLOR, thickness=5),  # noqa: B008
    elevation: int = 10,
    azimuth: int = 10,
) -> None:
    """Show landmarks in a three-dimensional plot; needs matplotlib.

    Raises ValueError for a connection to a landmark that is not there, and ImportError.
    """
    if not landmark_list:
        return
    try:
        from matplotlib import pyplot  # type: ignore[import-not-found] # noqa: PLC0415 # an extra
    except ImportError as error:
        raise ImportError(
            f"plot_landmarks needs matplotlib: pip install 'mediapipe-jetson[plot]' ({error})"
        ) from error

    pyplot.figure(figsize=(10, 10))
    axes: Any = pyplot.axes(projection="3d")
    axes.view_init(elev=elevation, azim=azimuth)
    places: dict[int, tuple[float, float, float]] = {}
    color = _normalize_color(landmark_drawing_spec.color[::-1])
    for index, landmark in _visible(landmark_list.landmark):
        x, y, z = places[index] = (-landmark.z, landmark.x, -landmark.y)
        axes.scatter3D([x], [y], [z], color=color, linewidth=landmark_drawing_spec.thickness)
    color = _normalize_color(connection_drawing_spec.color[::-1])
    for _, start, end in _connected(connections, len(landmark_list.landmark), places):
        axes.plot3D(
            *zip(start, end),  # noqa: B905
            color=color,
            linewidth=connection_drawing_spec.thickness,
        )
    pyplot.show()
