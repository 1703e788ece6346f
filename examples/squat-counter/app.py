"""Counts the squats of a person in front of a camera."""

import argparse
import math
import sys

import cv2
from mediapipe.tasks.python.vision import PoseLandmarksConnections
from mediapipe_jetson import application
from mediapipe_jetson.pipeline import Pipeline, PipelineError

# Hip, knee and ankle of both legs (indices of the pose's landmarks).
LEGS = ((23, 25, 27), (24, 26, 28))
# In degrees at the knee. A squat is complete when the legs are straight again.
BENT, STRAIGHT = 100, 150
VISIBLE = 0.5
LINE, DOT, TEXT = (120, 220, 120), (0, 0, 255), (30, 30, 30)


def angle(before, corner, after):
    """Return the angle at a corner in degrees; points are (x, y) in pixels."""
    one = math.atan2(before[1] - corner[1], before[0] - corner[0])
    other = math.atan2(after[1] - corner[1], after[0] - corner[0])
    turn = abs(math.degrees(one - other)) % 360
    return min(turn, 360 - turn)


def knees(person, width, height):
    """Return the mean angle of the legs that are seen whole; None if none is."""
    angles = [
        angle(*((person[index].x * width, person[index].y * height) for index in leg))
        for leg in LEGS
        if min(person[index].visibility for index in leg) >= VISIBLE
    ]
    return sum(angles) / len(angles) if angles else None


class Squats:
    """Counts; between the two angles nothing changes, so that a trembling knee counts once."""

    def __init__(self):
        self.count = 0
        self.down = False

    def update(self, degrees):
        """Take the knees' angle, None if they aren't seen; return whether a squat was completed."""
        if degrees is None:
            return False
        if degrees < BENT:
            self.down = True
        elif degrees > STRAIGHT and self.down:
            self.down = False
            self.count += 1
            return True
        return False


def run(source, picture="", on_frame=None):
    """Run until the source ends; return how many squats. `picture` is of the last deep one."""
    squats = Squats()

    def sink(job):
        height, width = job.frame.bgr.shape[:2]
        people = job.result.pose_landmarks
        degrees = knees(people[0], width, height) if people else None
        if squats.update(degrees):
            print(f"{job.frame.timestamp_ms / 1000:.1f} s: squat {squats.count}", flush=True)
        if on_frame:
            on_frame(degrees)
        if picture and squats.down and degrees and degrees < BENT:
            show(job.frame.bgr, people[0], f"{squats.count} done, knees at {degrees:.0f}")
            cv2.imwrite(picture, job.frame.bgr)

    with application.landmarker("pose") as landmarker:
        (report,) = application.run(Pipeline(source, landmarker, sink, policy="auto"))
    print(*report.lines(), sep="\n")
    return squats.count


def show(bgr, person, text):
    height, width = bgr.shape[:2]
    places = [(int(point.x * width), int(point.y * height)) for point in person]
    for one in PoseLandmarksConnections.POSE_LANDMARKS:
        cv2.line(bgr, places[one.start], places[one.end], LINE, 2, cv2.LINE_AA)
    for index in (index for leg in LEGS for index in leg):
        cv2.circle(bgr, places[index], 4, DOT, -1, cv2.LINE_AA)
    cv2.putText(bgr, text, (8, 22), cv2.FONT_HERSHEY_SIMPLEX, 0.5, TEXT, 1, cv2.LINE_AA)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", default=application.source(), help="default: %(default)s")
    parser.add_argument("--picture", default="", metavar="FILE", help="write the last deep squat")
    words = parser.parse_args()
    try:
        print(f"{run(words.source, words.picture)} squats")
    except PipelineError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
