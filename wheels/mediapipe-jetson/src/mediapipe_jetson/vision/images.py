"""What a user passes as an image becomes pixels that can be cropped, or a clear error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mediapipe_jetson.vision.errors import ImageError, ImageTypeError, OptionError, OptionTypeError
from mediapipe_jetson.vision.rects import Rect, Size, whole

if TYPE_CHECKING:
    from mediapipe_jetson.backends.base import Array

CHANNELS = (3, 4)
# OpenCV keeps coordinates of a warp in 16 bits.
LONGEST_SIDE = (1 << 15) - 1


@dataclass(frozen=True)
class Frame:
    """Pixels (height, width, 3 or 4) of uint8, RGB or RGBA, and the region that is looked at."""

    pixels: Array
    size: Size
    region: Rect


def frame(image: Any, processing: Any = None) -> Frame:  # noqa: ANN401 # MediaPipe has no types
    """Return the frame of a MediaPipe Image or of a numpy array (height, width, 3 or 4; uint8).

    `processing` are MediaPipe's ImageProcessingOptions. Raises ImageError and OptionError.
    """
    result = pixels(image)
    size = (result.shape[1], result.shape[0])
    return Frame(result, size, whole(size, _degrees(processing)))


def pixels(image: Any) -> Array:  # noqa: ANN401 # MediaPipe has no types
    """Return an image's pixels, without a copy where OpenCV can read them; raise ImageError."""
    if isinstance(image, np.ndarray):
        result: Array = image
    elif hasattr(image, "numpy_view"):
        try:
            result = image.numpy_view()
        except (RuntimeError, ValueError, NotImplementedError) as error:
            raise ImageError(f"the image can't be read: {' '.join(str(error).split())}") from error
    else:
        raise ImageTypeError(f"an image is a mediapipe.Image or a numpy array, not {type(image)}")
    if result.ndim != 3 or result.shape[2] not in CHANNELS:
        raise ImageError(
            f"Only RGBA/RGB formats are supported: (height, width, 3 or 4), not {result.shape}"
        )
    if result.dtype != np.uint8:
        raise ImageError(f"Only 8 bits a channel are supported, not {result.dtype}")
    if not result.size:
        raise ImageError(f"the image is empty: {result.shape[1]}x{result.shape[0]} pixels")
    if max(result.shape[:2]) > LONGEST_SIDE:
        raise ImageError(f"the image has a side of more than {LONGEST_SIDE} pixels")
    # OpenCV takes rows of any stride, but packed pixels only.
    packed = result.strides[2] == 1 and result.strides[1] == result.shape[2] <= result.strides[0]
    return result if packed else np.ascontiguousarray(result)


def _degrees(processing: Any) -> int:  # noqa: ANN401 # MediaPipe has no types
    """Return the rotation asked for; raise OptionError as MediaPipe does."""
    if processing is None:
        return 0
    if getattr(processing, "region_of_interest", None) is not None:
        raise OptionError("This task doesn't support region-of-interest.")
    degrees = processing.rotation_degrees
    if not isinstance(degrees, (int, float, np.number)):
        raise OptionTypeError(f"rotation_degrees is a number, not {degrees!r}")
    if degrees % 90:
        raise OptionError("Expected rotation to be a multiple of 90°.")
    return int(degrees)
