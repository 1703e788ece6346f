"""Follows the faces of several cameras at once, one pipeline each, and shows them side by side."""

import argparse
import contextlib
import os
import sys
import threading

import cv2
import numpy as np
from mediapipe_jetson import application
from mediapipe_jetson.pipeline import Pipeline, PipelineError
from mediapipe_jetson.pipeline.draw import draw_landmarks

CAMERAS = os.environ.get("CAMERAS", "").split() or [application.source()]
TILE = (320, 240)
WHITE = (255, 255, 255)


class Wall:
    """The latest picture of each camera, side by side; pipelines write it from their threads."""

    def __init__(self, count):
        self._tiles = [np.zeros((TILE[1], TILE[0], 3), np.uint8) for _ in range(count)]
        self._lock = threading.Lock()

    def put(self, place, bgr, text):
        """Take a camera's picture (height, width, 3), fitted into its tile."""
        scale = min(TILE[0] / bgr.shape[1], TILE[1] / bgr.shape[0])
        small = cv2.resize(bgr, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        tile = np.zeros((TILE[1], TILE[0], 3), np.uint8)
        tile[: small.shape[0], : small.shape[1]] = small[: TILE[1], : TILE[0]]
        cv2.putText(tile, text, (6, TILE[1] - 8), cv2.FONT_HERSHEY_SIMPLEX, 0.5, WHITE, 1)
        with self._lock:
            self._tiles[place] = tile

    def picture(self):
        """Return all tiles in one picture (height, width, 3)."""
        with self._lock:
            return np.hstack(self._tiles)


def run(sources, picture="", on_result=None):
    """Run until all sources have ended; return a report each. Raises PipelineError."""
    wall = Wall(len(sources))

    def pipeline(place, source, landmarker):
        def sink(job):
            faces = len(job.result.face_landmarks)
            if on_result:
                on_result(place, faces)
            wall.put(place, job.frame.bgr, f"camera {place}: {faces} faces")
            if job.frame.index % 30 == 0:
                print(f"camera {place}, frame {job.frame.index}: {faces} faces", flush=True)

        return Pipeline(source, landmarker, sink, draw=draw_landmarks, policy="auto")

    with contextlib.ExitStack() as stack:
        # A landmarker follows one camera: each pipeline has its own.
        pipelines = [
            pipeline(place, source, stack.enter_context(application.landmarker("face")))
            for place, source in enumerate(sources)
        ]
        reports = application.run(*pipelines)
    for place, report in enumerate(reports):
        print(f"camera {place}:", *report.lines(), sep="\n")
    if picture:
        cv2.imwrite(picture, wall.picture())
    return reports


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sources", nargs="*", default=CAMERAS, help="default: $CAMERAS")
    parser.add_argument("--picture", default="", metavar="FILE", help="write the last pictures")
    words = parser.parse_args()
    try:
        run(words.sources, words.picture)
    except PipelineError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
