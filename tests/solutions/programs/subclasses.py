"""An old program that builds on the solutions' classes and plots; writes, pickled, what came.

Arguments: a .npz with one picture.
"""

import os
import pickle
import sys

OUT = os.fdopen(os.dup(1), "wb")
os.dup2(2, 1)

import matplotlib  # type: ignore[import-not-found]

matplotlib.use("Agg")
import mediapipe as mp
import numpy as np
from matplotlib import pyplot
from mediapipe.framework.formats import landmark_pb2
from mediapipe.python.solution_base import SolutionBase
from mediapipe.python.solutions import drawing_utils, face_detection, pose

picture = np.load(sys.argv[1])["picture"]


class Person(pose.Pose):  # type: ignore[misc]
    """A pose that counts its frames and returns points."""

    def __init__(self, **options):
        super().__init__(static_image_mode=True, **options)
        self.frames = 0

    def process(self, image):
        """Return the landmarks, and the class of the result."""
        self.frames += 1
        return super().process(image=image)


class Faces(face_detection.FaceDetection):  # type: ignore[misc]
    """A detector that goes to the base itself, by the stream's name."""

    def process(self, image):
        """Return how many faces there are."""
        return len(SolutionBase.process(self, input_data={"image": image}).detections)


def attempt(act):
    """Return what an act raises."""
    try:
        return act()
    except Exception as error:
        return next(base.__name__ for base in type(error).__mro__ if base.__module__ == "builtins")


out = {}
with Person(min_detection_confidence=0.6) as person:
    result = person.process(picture)
    person.process(picture)
    out["frames"] = person.frames
    out["fields"] = result._fields if hasattr(result, "_fields") else dir(result)
    out["kinds"] = [isinstance(person, one) for one in (SolutionBase, pose.SolutionBase, pose.Pose)]
with Faces() as faces:
    out["faces"] = faces.process(picture)
    out["stream"] = attempt(lambda: SolutionBase.process(faces, {"other": picture}))
points = landmark_pb2.LandmarkList()
for x, y, z, visibility in np.random.default_rng(4).random((33, 4)).tolist():
    points.landmark.add(x=x, y=y, z=z, visibility=visibility)
drawing_utils.plot_landmarks(points, mp.solutions.pose.POSE_CONNECTIONS)
figure = pyplot.gcf()
figure.canvas.draw()
out["plot"] = np.asarray(figure.canvas.buffer_rgba()).copy()
pyplot.close(figure)
drawing_utils.plot_landmarks(None)
out["figures"] = pyplot.get_fignums()
OUT.write(pickle.dumps(out))
OUT.close()
