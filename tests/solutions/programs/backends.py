"""An old program that makes solutions by name and sees a frame twice; writes what was logged.

Words: a .npz with one picture, then names of solutions, maybe with @ and a backend, and with ! for
one that loses its models between the frames. Writes, pickled, each one's log or the error with
which it could not be made.
"""

import logging
import os
import pickle
import sys

OUT = os.fdopen(os.dup(1), "wb")
os.dup2(2, 1)

import mediapipe as mp
import numpy as np
from mediapipe_jetson.solutions import configure

solutions = mp.solutions
MAKE = {
    "face": solutions.face_mesh.FaceMesh,
    "hands": solutions.hands.Hands,
    "detection_far": lambda: solutions.face_detection.FaceDetection(model_selection=1),
    "pose_lite": lambda: solutions.pose.Pose(True, 0),
    "pose_heavy": lambda: solutions.pose.Pose(True, 2),
}


class Lines(logging.Handler):
    """Collects what is logged."""

    def __init__(self):
        super().__init__(logging.INFO)
        self.lines = []

    def emit(self, record):
        """Keep a line."""
        self.lines.append(record.getMessage())


picture = np.load(sys.argv[1])["picture"]
out: dict[str, object] = {}
for name in sys.argv[2:]:
    lines = Lines()
    logger = logging.getLogger("mediapipe_jetson.solutions")
    logger.setLevel(logging.INFO)
    logger.addHandler(lines)
    kind, _, backend = name.rstrip("!").partition("@")
    try:
        if backend:
            configure(backend=backend)
        with MAKE[kind]() as solution:
            before = list(lines.lines)
            solution.process(picture)
            if name.endswith("!"):
                solution._engine.opened.close()
            found = solution.process(picture)
            assert kind != "face" or found.multi_face_landmarks
            out[name] = before, lines.lines
    except (RuntimeError, ValueError, OSError) as error:
        out[name] = type(error).__name__, str(error)
    logger.removeHandler(lines)
OUT.write(pickle.dumps(out))
OUT.close()
