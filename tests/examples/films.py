"""The clips of examples/*/tests: what is drawn in each frame is known, and so what is to be found.

    python -m tests.examples.films          # in the environment of the stage `vision`

A photograph of the kit's own (NASA's, public domain) gives the faces; hands and bodies are drawn.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from jetson_kit.app_testing import clip
from jetson_kit.core.paths import ROOT
from jetson_kit.wheels.device_wheel import PACKAGE

EXAMPLES = ROOT / "examples"
PHOTOGRAPH = PACKAGE / "mediapipe_jetson" / "data" / "astronaut.jpg"
QUALITY = 78
SKIN, SHADE, NAIL = (140, 170, 225), (95, 125, 185), (175, 195, 240)
SUIT, SUIT_SHADE, TROUSERS, TROUSERS_SHADE = (
    (40, 95, 215),
    (25, 60, 150),
    (120, 70, 40),
    (80, 45, 25),
)
WALL, FLOOR, SHOE = (150, 150, 145), (105, 110, 115), (40, 40, 40)
# The lines of both upper and lower eyelids in the photograph, in pixels from corner to corner.
LIDS = (
    (
        ((195, 100.7), (199, 98.3), (202, 97.9), (206, 98.4), (209, 100.0), (213, 103.4)),
        ((195, 100.7), (200, 103.7), (204, 104.1), (207, 103.9), (210, 103.6), (213, 103.4)),
    ),
    (
        ((236, 104.7), (240, 101.6), (244, 100.3), (248, 100.3), (252, 101.1), (255, 103.8)),
        ((236, 104.7), (239, 105.3), (242, 105.9), (246, 106.4), (249, 106.3), (255, 103.8)),
    ),
)
# Which fingers are up, from the thumb on, by MediaPipe's names of gestures.
HANDS = {
    "Open_Palm": (1, 1, 1, 1, 1),
    "Victory": (0, 1, 1, 0, 0),
    "Pointing_Up": (0, 1, 0, 0, 0),
    "ILoveYou": (1, 1, 0, 0, 1),
}
GESTURES = ("Open_Palm", "", "Victory", "Pointing_Up")
# Each finger's base in palms from the palm's middle, its turn in degrees, its length in palms.
FINGERS = (
    (-0.8, -0.9, -14, 1.75),
    (-0.27, -1.05, -3, 2.05),
    (0.27, -1.0, 6, 1.9),
    (0.8, -0.8, 18, 1.45),
)
EYES = "oooccooo" + "c" * 13 + "oooo"
SQUATS = 2
DEPTHS = (0, 0, 0.3, 0.7, 1, 1, 0.7, 0.3, 0, 0)
Point = tuple[float, float]


def drowsy() -> Iterator[Any]:
    """Yield a face that blinks for 0.2 s, and then closes its eyes for 1.3 s."""
    opened = cv2.imread(str(PHOTOGRAPH))
    closed = _closed(opened)
    for eyes in EYES:
        yield (closed if eyes == "c" else opened)[8:232, 116:340]


def gestures() -> Iterator[Any]:
    """Yield hands that make a gesture each, for 0.6 s, and nothing in between."""
    for name in GESTURES:
        for _ in range(6):
            yield _hand(HANDS[name]) if name else _background(240, 240)


def squats() -> Iterator[Any]:
    """Yield a person who stands, and squats twice."""
    for _ in range(SQUATS):
        for depth in DEPTHS:
            yield _person(depth)


CLIPS: dict[str, Callable[[], Iterator[Any]]] = {
    "drowsiness-alarm": drowsy,
    "mqtt-gestures": gestures,
    "squat-counter": squats,
}


def _closed(picture: Any) -> Any:
    """Return the photograph with the skin above both eyes drawn down over them."""
    height, width = picture.shape[:2]
    columns, rows = np.meshgrid(
        np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)
    )
    for upper, lower in LIDS:
        above, below = np.array(upper), np.array(lower)
        reach = 0.45 * (above[-1, 0] - above[0, 0])
        for column in range(int(above[0, 0]) - 3, int(above[-1, 0]) + 4):
            lid = float(np.interp(column, above[:, 0], above[:, 1]))
            bottom = float(np.interp(column, below[:, 0], below[:, 1]))
            top, end = lid - reach, bottom - 0.1 * max(bottom - lid, 0)
            place = np.arange(int(np.floor(top)), int(np.ceil(end)))
            rows[place, column] = top + (place - top) * (lid - 1.5 - top) / (end - top)
    return cv2.remap(picture, columns, rows, cv2.INTER_LINEAR)


def _background(height: int, width: int) -> Any:
    return np.full((height, width, 3), (90, 80, 70), np.uint8)


def _limb(
    picture: Any, start: Sequence[float], end: Sequence[float], radii: Point, colour: Any
) -> None:
    """Draw a cone with round ends."""
    first, way = np.array(start, float), np.array(end, float) - np.array(start, float)
    for part in np.linspace(0, 1, 60):
        x, y = first + way * part
        radius = int(radii[0] + (radii[1] - radii[0]) * part)
        cv2.circle(picture, (int(x), int(y)), radius, colour, -1, cv2.LINE_AA)


def _edged(
    picture: Any, start: Sequence[float], end: Sequence[float], radii: Point, colours: Sequence[Any]
) -> None:
    _limb(picture, start, end, (radii[0] + 1.5, radii[1] + 1.5), colours[1])
    _limb(picture, start, end, radii, colours[0])


def _hand(fingers: Sequence[int], size: int = 240) -> Any:
    picture = _background(size, size)
    x, y, unit = size * 0.5, size * 0.66, size * 0.117
    _limb(picture, (x, size + 20), (x, y + unit * 0.9), (unit * 0.75, unit * 0.7), SKIN)
    palm = np.array([(-0.95, -0.9), (0.95, -0.75), (0.75, 1.0), (-0.75, 1.0)]) * unit + (x, y)
    cv2.fillConvexPoly(picture, palm.astype(np.int32), SKIN, cv2.LINE_AA)
    cv2.polylines(picture, [palm.astype(np.int32)], True, SKIN, int(unit * 0.35), cv2.LINE_AA)
    for up, finger in zip(fingers[1:], FINGERS, strict=True):
        _finger(picture, up, (x, y, unit), finger)
    if fingers[0]:
        joint = (x - unit * 1.5, y - unit * 0.25)
        _limb(picture, (x - unit * 0.75, y + unit * 0.35), joint, (unit * 0.4, unit * 0.3), SKIN)
        _limb(picture, joint, (x - unit * 1.95, y - unit * 0.95), (unit * 0.28, unit * 0.2), SKIN)
    else:
        joint = (x - unit * 0.5, y)
        colours = (SKIN, SHADE)
        _edged(
            picture, (x - unit * 0.7, y + unit * 0.45), joint, (unit * 0.33, unit * 0.27), colours
        )
        _edged(picture, joint, (x + unit * 0.35, y), (unit * 0.25, unit * 0.19), colours)
    line = (int(x - unit * 0.2), int(y + unit * 0.25))
    cv2.ellipse(
        picture, line, (int(unit * 0.75), int(unit * 0.5)), 10, 200, 320, SHADE, 1, cv2.LINE_AA
    )
    return cv2.GaussianBlur(picture, (0, 0), 0.8)


def _finger(
    picture: Any, up: int, palm: tuple[float, float, float], finger: Sequence[float]
) -> None:
    x, y, unit = palm
    base = np.array((x + finger[0] * unit, y + finger[1] * unit))
    if not up:
        middle, shape = (
            (int(base[0]), int(base[1] + unit * 0.25)),
            (int(unit * 0.28), int(unit * 0.45)),
        )
        cv2.ellipse(picture, middle, shape, 0, 0, 360, SKIN, -1, cv2.LINE_AA)
        cv2.ellipse(picture, middle, shape, 0, 0, 360, SHADE, 1, cv2.LINE_AA)
        return
    turn = np.radians(finger[2])
    way = np.array([np.sin(turn), -np.cos(turn)])
    tip = base + way * finger[3] * unit
    _edged(picture, base, tip, (unit * 0.25, unit * 0.18), (SKIN, SHADE))
    for part in (0.45, 0.75):
        joint, across = (
            base + way * finger[3] * unit * part,
            np.array([-way[1], way[0]]) * unit * 0.14,
        )
        ends = ((joint - across).astype(int), (joint + across).astype(int))
        cv2.line(picture, tuple(ends[0]), tuple(ends[1]), SHADE, 1, cv2.LINE_AA)
    nail = tuple((tip - way * unit * 0.02).astype(int))
    cv2.ellipse(
        picture, nail, (int(unit * 0.1), int(unit * 0.13)), finger[2], 0, 360, NAIL, -1, cv2.LINE_AA
    )


def legs(depth: float, width: int = 240, height: int = 300) -> list[tuple[Any, Any, Any]]:
    """Return hip, knee and ankle of both legs in pixels: a depth of 0 stands, 1 is a deep squat."""
    unit = height / 8.6
    ankle_y, length = height * 0.9, 1.85 * unit
    hip_y = ankle_y - 2 * length * (1 - 0.42 * depth)
    result = []
    for side in (-1, 1):
        hip = np.array((width / 2 + side * 0.42 * unit, hip_y))
        ankle = np.array((width / 2 + side * (0.45 + 0.35 * depth) * unit, ankle_y))
        apart = float(np.linalg.norm(ankle - hip))
        out = np.array((ankle[1] - hip[1], hip[0] - ankle[0])) / apart
        out = out if out[0] * side > 0 else -out
        knee = (hip + ankle) / 2 + out * np.sqrt(max(length**2 - (apart / 2) ** 2, 0))
        result.append((hip, knee, ankle))
    return result


def _person(depth: float, width: int = 240, height: int = 300) -> Any:
    picture = np.full((height, width, 3), WALL, np.uint8)
    cv2.rectangle(picture, (0, int(height * 0.86)), (width, height), FLOOR, -1)
    unit, middle = height / 8.6, width / 2
    trousers = (TROUSERS, TROUSERS_SHADE)
    both = legs(depth, width, height)
    for side, (hip, knee, ankle) in zip((-1, 1), both, strict=True):
        _edged(picture, hip, knee, (0.33 * unit, 0.24 * unit), trousers)
        _edged(picture, knee, ankle, (0.24 * unit, 0.14 * unit), trousers)
        toe = ankle + np.array((side * 0.28 * unit, 0.12 * unit))
        _limb(picture, ankle, toe, (0.15 * unit, 0.12 * unit), SHOE)
    hip_y = float(both[0][0][1])
    shoulder_y = hip_y - 2.15 * unit
    for side in (-1, 1):
        shoulder = np.array((middle + side * 0.78 * unit, shoulder_y + 0.1 * unit))
        elbow = shoulder + np.array((side * 0.35 * unit, 1.15 * unit * (1 - 0.6 * depth)))
        wrist = elbow + np.array(
            (side * (0.05 - 0.2 * depth) * unit, 0.95 * unit * (1 - 1.2 * depth))
        )
        _edged(picture, shoulder, elbow, (0.23 * unit, 0.17 * unit), (SUIT, SUIT_SHADE))
        _edged(picture, elbow, wrist, (0.17 * unit, 0.11 * unit), (SUIT, SUIT_SHADE))
        _limb(picture, wrist, wrist + np.array((0, 0.12 * unit)), (0.17 * unit, 0.17 * unit), SKIN)
    body = np.array([
        (middle - 0.78 * unit, shoulder_y), (middle + 0.78 * unit, shoulder_y),
        (middle + 0.55 * unit, hip_y + 0.1 * unit), (middle - 0.55 * unit, hip_y + 0.1 * unit),
    ], np.int32)  # fmt: skip
    cv2.fillConvexPoly(picture, body, SUIT, cv2.LINE_AA)
    cv2.polylines(picture, [body], True, SUIT, int(0.3 * unit), cv2.LINE_AA)
    _limb(
        picture,
        (middle, shoulder_y),
        (middle, shoulder_y - 0.3 * unit),
        (0.2 * unit, 0.2 * unit),
        SKIN,
    )
    _head(picture, int(middle), int(shoulder_y - 0.12 * unit), int(1.35 * unit))
    return cv2.GaussianBlur(picture, (0, 0), 0.6)


def _head(picture: Any, middle: int, bottom: int, tall: int) -> None:
    """Paste the photograph's head, softly cut out."""
    head = cv2.imread(str(PHOTOGRAPH))[0:215, 140:310]
    wide = tall * head.shape[1] // head.shape[0]
    head = cv2.resize(head, (wide, tall), interpolation=cv2.INTER_AREA)
    mask = np.zeros((tall, wide), np.float32)
    shape = (int(wide * 0.48), tall // 2)
    cv2.ellipse(mask, (wide // 2, tall // 2), shape, 0, 0, 360, 1, -1)
    mask = cv2.GaussianBlur(mask, (0, 0), 1.5)[..., None]
    place = picture[bottom - tall : bottom, middle - wide // 2 : middle - wide // 2 + wide]
    place[:] = (place * (1 - mask) + head * mask).astype(np.uint8)


def write(path: Path, frames: Iterator[Any]) -> None:
    """Write a clip, ten frames a second."""
    with tempfile.TemporaryDirectory() as scratch:
        pictures = []
        for number, frame in enumerate(frames):
            pictures.append(Path(scratch, f"{number:03d}.jpg"))
            cv2.imwrite(str(pictures[-1]), frame, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        clip.write(path, pictures)


if __name__ == "__main__":
    for name, frames in CLIPS.items():
        write(EXAMPLES / name / "tests" / "clip.avi", frames())
