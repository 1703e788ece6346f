"""A region of an image becomes a model's input: one warp and one scaling, straight into it.

Written to MediaPipe's ImageToTensorCalculator with its OpenCV converter. There a perspective warp
is used. Regions are turned rectangles, so here the places to read are computed for an affine one,
and read as OpenCV up to 4 does it, at 32nds of a pixel: OpenCV 5 reads between them, which moves
what a detector finds, and a landmark by 1 % of a person.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

from mediapipe_jetson.vision.errors import ImageError

if TYPE_CHECKING:
    from mediapipe_jetson.backends.base import Array
    from mediapipe_jetson.vision.rects import Rect, Size

RGBA = 4


def matrix(rect: Rect, size: Size, target: Size) -> Array:
    """Return the (2, 3) matrix from pixels of the target to pixels of the image."""
    width, height = size
    across, down = rect.width * width, rect.height * height
    cos, sin = math.cos(rect.rotation), math.sin(rect.rotation)
    x = rect.x * width - 0.5 * across * cos + 0.5 * down * sin
    y = rect.y * height - 0.5 * across * sin - 0.5 * down * cos
    return np.array(
        [
            [cos * across / target[0], -sin * down / target[1], x],
            [sin * across / target[0], cos * down / target[1], y],
        ]
    )


class Warp:
    """Reads an image at affine places, bilinearly; its scratch memory is made once."""

    def __init__(self, target: Size, *, zeros: bool) -> None:
        """Take the size to make, and whether outside of the image are zeros or its border."""
        width, height = self.target = target
        self.border = cv2.BORDER_CONSTANT if zeros else cv2.BORDER_REPLICATE
        self.columns = np.arange(width, dtype=np.float32)
        self.rows = np.arange(height, dtype=np.float32)[:, None]
        self.x = np.empty((height, width), np.float32)
        self.y = np.empty((height, width), np.float32)
        self.places = np.empty((height, width, 2), np.int16)
        self.parts = np.empty((height, width), np.uint16)

    def read(self, image: Array, transform: Array, out: Array) -> None:
        """Write the image at the places of a (2, 3) matrix into `out`; raise ImageError."""
        places = transform.astype(np.float32)
        for row, values in ((0, self.x), (1, self.y)):
            across, down, start = places[row]
            np.add(self.columns * across, self.rows * down + start, out=values)
        try:
            cv2.convertMaps(self.x, self.y, cv2.CV_16SC2, self.places, self.parts)
            cv2.remap(
                image, self.places, self.parts, cv2.INTER_LINEAR, dst=out, borderMode=self.border
            )
        except cv2.error as error:
            shape = "x".join(map(str, image.shape))
            raise ImageError(f"an image of {shape} can't be cropped: {error}") from error


class Crop:
    """Fills one model input from regions of images; its scratch memory is made once."""

    def __init__(self, shape: tuple[int, ...], low: float, high: float, *, zeros: bool) -> None:
        """Take the input's shape (1, height, width, 3) and the values for pixels 0 and 255.

        Outside of the image are zeros, or its border pixels again.
        """
        _, height, width, _ = shape
        self.warp = Warp((width, height), zeros=zeros)
        self.pixels = np.empty((height, width, 3), np.uint8)
        self.pixels4 = np.empty((height, width, RGBA), np.uint8)
        self.scale, self.offset = np.float32((high - low) / 255.0), np.float32(low)

    def fill(self, image: Array, rect: Rect, out: Array) -> None:
        """Write the region of an image (height, width, 3 or 4; uint8) into `out` (h, w, 3).

        Raises ImageError for an image that OpenCV can't take.
        """
        transform = matrix(rect, (image.shape[1], image.shape[0]), self.warp.target)
        if image.shape[2] == RGBA:
            self.warp.read(image, transform, self.pixels4)
            cv2.cvtColor(self.pixels4, cv2.COLOR_RGBA2RGB, dst=self.pixels)
        else:
            self.warp.read(image, transform, self.pixels)
        np.multiply(self.pixels, self.scale, out=out)
        if self.offset:
            np.add(out, self.offset, out=out)
