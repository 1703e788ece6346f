"""Publishes a person's landmarks and the picture to ROS 2, or records them where no ROS is."""

import argparse
import contextlib
import os
import sys
import time

import cv2
import messages
import outputs
from mediapipe_jetson import application
from mediapipe_jetson.pipeline import Pipeline, PipelineError
from mediapipe_jetson.pipeline.draw import draw_landmarks

FRAME = os.environ.get("FRAME_ID", "camera_optical_frame")


def run(source, output, picture=""):
    """Run until the source ends; return the pipeline's report. `output` is one of outputs.py."""

    def sink(job):
        # A message has the time of its capture, not that of its publication.
        stamp_ns = time.time_ns() - int((time.monotonic() - job.frame.taken_s) * messages.NANO)
        for person in job.result.pose_world_landmarks:
            poses = messages.pose_array(output.types, person, stamp_ns, FRAME)
            output.send("pose/landmarks", poses, stamp_ns)
        image = messages.image(output.types, job.frame.bgr, stamp_ns, FRAME)
        output.send("pose/image/compressed", image, stamp_ns)
        if picture:
            cv2.imwrite(picture, job.frame.bgr, [cv2.IMWRITE_JPEG_QUALITY, 80])

    with application.landmarker("pose") as landmarker:
        pipeline = Pipeline(source, landmarker, sink, draw=draw_landmarks, policy="auto")
        (report,) = application.run(pipeline)
    print(*report.lines(), sep="\n")
    return report


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", default=application.source(), help="default: %(default)s")
    parser.add_argument("--bag", metavar="FOLDER", help="record into a new folder, without ROS")
    parser.add_argument("--picture", default="", metavar="FILE", help="write the last frame")
    words = parser.parse_args()
    try:
        output = outputs.Bag(words.bag) if words.bag else outputs.Ros()
    except ImportError as error:
        sys.exit(f"error: {error.name} is not installed here: record with --bag FOLDER")
    except OSError as error:
        sys.exit(f"error: {error}")
    try:
        with contextlib.closing(output):
            run(words.source, output, words.picture)
    except PipelineError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
