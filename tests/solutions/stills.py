"""Pictures whose object is whole, turned, small, cut off, one of two, or missing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from tests.vision import media

SIDE = 480
GREY = 90
TURNS = (-45, -20, 20, 45, 90, 180)
PARTS = (2, 3, 5)
# From the middle, as parts of the picture's width.
CUTS = {"in the middle": 0, "beside it": SIDE // 8}
MISSING = ("fruits.jpg", "baboon.jpg")
KINDS = ("whole", "turned", "small", "cut off", "two", "missing")


@dataclass(frozen=True)
class Object:
    """Where a picture has what a solution looks for: the middle and side of a square, in pixels."""

    picture: str
    x: int
    y: int
    side: int

    @property
    def name(self) -> str:
        """Return the picture's name and the place in it."""
        return f"{self.picture.partition('.')[0]} {self.x}"

    def pixels(self) -> Any:
        """Return the square, as large as all others; it is grey outside of the picture."""
        whole = media.rgb(self.picture)
        half = self.side // 2
        wide = cv2.copyMakeBorder(whole, *[half] * 4, cv2.BORDER_CONSTANT, value=[GREY] * 3)
        square = wide[self.y : self.y + self.side, self.x : self.x + self.side]
        return cv2.resize(square, (SIDE, SIDE), interpolation=cv2.INTER_AREA)


PEOPLE = (Object("messi5.jpg", 265, 171, 420), Object("astronaut.jpg", 256, 256, 512))
OBJECTS = {
    "face": (Object("astronaut.jpg", 222, 115, 220), Object("messi5.jpg", 240, 105, 120)),
    "hands": (
        Object("messi5.jpg", 352, 160, 120),
        Object("messi5.jpg", 88, 97, 90),
        Object("right04.jpg", 470, 290, 480),
    ),
    "pose": (*PEOPLE, Object("basketball1.png", 65, 230, 420)),
    "holistic": PEOPLE,
}
SOLUTIONS = {
    "face_still": "face",
    "face_refined_still": "face",
    "hands_still": "hands",
    "pose_mask_still": "pose",
    "holistic_still": "holistic",
    "detection": "face",
    "detection_far": "pose",
    "selfie": "pose",
    "selfie_wide": "pose",
}


def turned(pixels: Any, degrees: float) -> Any:
    """Return a picture turned around its middle, grey where it had nothing."""
    matrix = cv2.getRotationMatrix2D((SIDE / 2, SIDE / 2), degrees, 1)
    return cv2.warpAffine(pixels, matrix, (SIDE, SIDE), borderValue=(GREY,) * 3)


def small(pixels: Any, part: int) -> Any:
    """Return a picture made smaller, in the middle of a grey one of its size."""
    side = SIDE // part
    start = (SIDE - side) // 2
    canvas = np.full_like(pixels, GREY)
    scaled = cv2.resize(pixels, (side, side), interpolation=cv2.INTER_AREA)
    canvas[start : start + side, start : start + side] = scaled
    return canvas


def cut(pixels: Any) -> Iterator[tuple[str, Any]]:
    """Yield what is left of a picture that is cut, from each side."""
    for where, along in CUTS.items():
        end = SIDE // 2 + along
        yield f"left {where}", pixels[:, SIDE - end :]
        yield f"right {where}", pixels[:, :end]
        yield f"top {where}", pixels[SIDE - end :]
        yield f"bottom {where}", pixels[:end]


def pictures(what: str) -> Iterator[tuple[str, str, Any]]:
    """Yield kind, name and pixels of each picture of an object."""
    for item in OBJECTS[what]:
        pixels = item.pixels()
        yield "whole", item.name, pixels
        for degrees in TURNS:
            yield "turned", f"{item.name} by {degrees}", turned(pixels, degrees)
        for part in PARTS:
            yield "small", f"{item.name} 1 of {part}", small(pixels, part)
        for side, rest in cut(pixels):
            yield "cut off", f"{item.name} {side}", np.ascontiguousarray(rest)
        yield "two", item.name, np.hstack([pixels, pixels[:, ::-1]])
    for picture in MISSING:
        yield "missing", picture.partition(".")[0], media.rgb(picture)


def of_kind(solution: str, kind: str, cases: Iterable[str]) -> list[str]:
    """Return the cases of a solution and a kind."""
    return [case for case in cases if case.startswith(f"{solution}@{kind}@")]


def cases() -> dict[str, Any]:
    """Return frames (1, height, width, 3) by `solution@kind@name`."""
    return {
        f"{solution}@{kind}@{name}": pixels[None]
        for solution, what in SOLUTIONS.items()
        for kind, name, pixels in pictures(what)
    }
