"""Frames of objects that move: one and two of them, photographs and a video."""

from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np

from tests.solutions.stills import OBJECTS
from tests.vision import media

FRAMES = 36
MOVING = {
    "hands@right04": "right04.jpg",
    "hands_one@messi5": "messi5.jpg",
    "pose@basketball1": "basketball1.png",
    "holistic@messi5": "messi5.jpg",
}
VIDEO = ("face@video", "face_refined@video")
TWO = {"face_refined@two": "face", "hands@two": "hands"}
STREAMS = (*MOVING, *VIDEO, *TWO)


def cases() -> dict[str, Any]:
    """Return the frames (n, height, width, 3) of each stream."""
    result = {key: np.stack(list(media.moving(name, FRAMES))) for key, name in MOVING.items()}
    for key, what in TWO.items():
        picture = OBJECTS[what][0].pixels()
        result[key] = np.stack(list(media.moved(np.hstack([picture, picture[:, ::-1]]), FRAMES)))
    film = np.stack(list(islice(media.video("Megamind.avi"), FRAMES)))
    return result | dict.fromkeys(VIDEO, film)
