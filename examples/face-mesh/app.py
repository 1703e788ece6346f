"""Draws the mesh of 478 landmarks over each face of a camera or video; shows it in a browser."""

import argparse
import sys

import cv2
import numpy as np
from mediapipe.tasks.python.vision import FaceLandmarksConnections
from mediapipe_jetson import application
from mediapipe_jetson.live import Live, ServeError
from mediapipe_jetson.pipeline import Pipeline, PipelineError

FACES = 2
MESH, LINES = (160, 200, 120), (0, 255, 255)


def pairs(connections):
    return np.array([(one.start, one.end) for one in connections])


TESSELATION = pairs(FaceLandmarksConnections.FACE_LANDMARKS_TESSELATION)
CONTOURS = pairs(FaceLandmarksConnections.FACE_LANDMARKS_CONTOURS)


def draw(job):
    """Draw into the frame: a stage of the pipeline, which overlaps with inference on the next."""
    height, width = job.frame.bgr.shape[:2]
    for face in job.result.face_landmarks:
        points = np.array([(point.x * width, point.y * height) for point in face]).astype(np.int32)
        # One call for all lines: a call for each would hold up inference.
        cv2.polylines(job.frame.bgr, points[TESSELATION], False, MESH, 1, cv2.LINE_AA)
        cv2.polylines(job.frame.bgr, points[CONTOURS], False, LINES, 1, cv2.LINE_AA)


def run(source, port=None, picture="", on_frame=None):
    """Run until the source ends; return the pipeline's report. `picture` is of the last frame."""

    def sink(job):
        if on_frame:
            on_frame(job)
        if job.frame.index % 30 == 0:
            print(f"frame {job.frame.index}: {len(job.result.face_landmarks)} faces", flush=True)
        if picture:
            cv2.imwrite(picture, job.frame.bgr, [cv2.IMWRITE_JPEG_QUALITY, 80])

    with application.landmarker("face", num_faces=FACES) as landmarker:
        pipeline = Pipeline(source, landmarker, sink, draw=draw, policy="auto")
        # The mesh is in the frame already.
        with Live(port, landmarks=False) as live:
            live.attach(pipeline)
            print(*live.lines(), sep="\n", flush=True)
            (report,) = application.run(pipeline)
    print(*report.lines(), sep="\n")
    return report


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", default=application.source(), help="default: %(default)s")
    parser.add_argument("--serve", type=int, metavar="PORT", help="show it in a browser")
    parser.add_argument("--picture", default="", metavar="FILE", help="write the last frame")
    words = parser.parse_args()
    try:
        run(words.source, words.serve, words.picture)
    except (PipelineError, ServeError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
