"""The videos that old programs run on, made of the pictures and the video of tests/vision.

They are written without loss, so that every OpenCV reads the same pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from tests.vision import media

SIZE = (480, 360)
PER_SECOND = 25


def _fitted(pixels: Any) -> Any:
    """Return pixels (height, width, 3) with grey beside them where the shape differs."""
    height, width = pixels.shape[:2]
    scale = min(SIZE[0] / width, SIZE[1] / height)
    small = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    canvas = np.full((SIZE[1], SIZE[0], 3), 90, np.uint8)
    canvas[: small.shape[0], : small.shape[1]] = small
    return canvas


def _still(name: str, count: int) -> Iterator[Any]:
    """Yield a picture several times."""
    yield from [media.rgb(name)] * count


def face() -> Iterator[Any]:
    """Yield a cartoon's face, nothing, and a photograph's."""
    yield from islice(media.video("Megamind.avi"), 24, 58)
    yield from _still("fruits.jpg", 3)
    yield from islice(media.moving("astronaut.jpg", 24), 12)


def hand() -> Iterator[Any]:
    """Yield a hand, its mirror image, nothing, it upside down."""
    yield from islice(media.moving("right04.jpg", 30), 12)
    yield from (frame[:, ::-1] for frame in islice(media.moving("right04.jpg", 30), 8))
    yield from _still("fruits.jpg", 3)
    yield from (frame[::-1, ::-1] for frame in islice(media.moving("right04.jpg", 30), 8))


def person() -> Iterator[Any]:
    """Yield a man who stands, one who kneels, both again; nothing between them."""
    for _ in range(2):
        yield from islice(media.moving("basketball2.png", 60), 7)
        yield from _still("fruits.jpg", 3)
        yield from islice(media.moving("messi5.jpg", 60), 7)
        yield from _still("fruits.jpg", 4)


def whole() -> Iterator[Any]:
    """Yield a person with face and hands, nothing, the person again."""
    yield from islice(media.moving("messi5.jpg", 60), 15)
    yield from _still("baboon.jpg", 3)
    yield from islice(media.moving("messi5.jpg", 60), 20, 28)


FILMS: dict[str, Callable[[], Iterable[Any]]] = {
    "face": face,
    "hand": hand,
    "person": person,
    "whole": whole,
}
PICTURES = ("right04.jpg", "messi5.jpg", "fruits.jpg")


def write(name: str, path: Path) -> None:
    """Write a film."""
    out = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"FFV1"), PER_SECOND, SIZE)
    assert out.isOpened()
    for frame in FILMS[name]():
        out.write(np.ascontiguousarray(_fitted(frame)[:, :, ::-1]))
    out.release()
