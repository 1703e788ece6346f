"""`python program.py FRAMES.npz WARM [CASE...]`: milliseconds a frame of mp.solutions.

Prints {case: [of the processor, on the clock]}. Imports nothing of the kit: it runs under MediaPipe
0.10.21 too.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import mediapipe as mp
import numpy as np

solutions: Any = mp.solutions
# (film, what makes the solution)
CASES = {
    "face": ("face", solutions.face_mesh.FaceMesh),
    "face_refined": ("face", lambda: solutions.face_mesh.FaceMesh(refine_landmarks=True)),
    "face_detection": ("face", solutions.face_detection.FaceDetection),
    "hands": ("hand", lambda: solutions.hands.Hands(max_num_hands=1)),
    "pose": ("person", solutions.pose.Pose),
    "holistic": ("person", solutions.holistic.Holistic),
    "holistic_refined": (
        "person",
        lambda: solutions.holistic.Holistic(refine_face_landmarks=True),
    ),
    "selfie": ("person", solutions.selfie_segmentation.SelfieSegmentation),
}


def measured(make: Any, frames: Any, warm: int) -> list[float]:  # noqa: ANN401
    """Return milliseconds a frame, of all threads and on the clock, after the first `warm`."""
    with make() as solution:
        for frame in frames[:warm]:
            solution.process(frame)
        start = time.process_time(), time.perf_counter()
        for frame in frames[warm:]:
            solution.process(frame)
        stop = time.process_time(), time.perf_counter()
        return [
            (end - begin) / (len(frames) - warm) * 1e3
            for begin, end in zip(start, stop, strict=True)
        ]


def main() -> None:
    """Measure each case."""
    films, warm = np.load(sys.argv[1]), int(sys.argv[2])
    pixels = {name: films[name] for name in films.files}
    chosen = sys.argv[3:] or CASES
    result = {name: measured(CASES[name][1], pixels[CASES[name][0]], warm) for name in chosen}
    print(json.dumps(result))


main()
