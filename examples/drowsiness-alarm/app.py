"""Raises an alarm when a driver's eyes stay closed."""

import argparse
import sys

import cv2
from mediapipe_jetson import application
from mediapipe_jetson.pipeline import Pipeline, PipelineError

# Corner, two points of the upper lid, corner, two of the lower lid (indices of the face mesh).
EYES = ((33, 160, 158, 133, 153, 144), (362, 385, 387, 263, 373, 380))
# Eye aspect ratio: height of the eye over its width (Soukupova and Cech, 2016). Open eyes have
# about 0.3, closed ones 0.1; adjust it to your driver and camera.
CLOSED = 0.2
ALARM_MS = 1000
RED, WHITE = (0, 0, 255), (255, 255, 255)


def openness(face, width, height):
    """Return the mean eye aspect ratio of both eyes; landmarks are fractions of the frame."""

    def apart(one, other):
        across = (face[one].x - face[other].x) * width
        down = (face[one].y - face[other].y) * height
        return (across * across + down * down) ** 0.5

    ratios = [
        (apart(top1, low1) + apart(top2, low2)) / (2 * apart(left, right) or 1)
        for left, top1, top2, right, low2, low1 in EYES
    ]
    return sum(ratios) / len(ratios)


class Drowsiness:
    """Follows one pair of eyes; times are the frames' own, so that a slow board is no alarm."""

    def __init__(self):
        self.closed_since = None
        self.alarm = False

    def update(self, ratio, timestamp_ms):
        """Take an eye aspect ratio, None without a face; return whether the alarm changed."""
        if ratio is None or ratio >= CLOSED:
            self.closed_since = None
        elif self.closed_since is None:
            self.closed_since = timestamp_ms
        before = self.alarm
        since = self.closed_since
        self.alarm = since is not None and timestamp_ms - since >= ALARM_MS
        return self.alarm != before


def alarm(on, timestamp_ms):
    """Say it; put your buzzer, GPIO pin or message here."""
    print(f"{timestamp_ms / 1000:.1f} s: {'ALARM, eyes closed' if on else 'awake'}", flush=True)


def run(source, picture="", on_change=alarm):
    """Run until the source ends; return the pipeline's report. `picture` is of the last alarm."""
    state = Drowsiness()

    def sink(job):
        height, width = job.frame.bgr.shape[:2]
        faces = job.result.face_landmarks
        ratio = openness(faces[0], width, height) if faces else None
        if state.update(ratio, job.frame.timestamp_ms):
            on_change(state.alarm, job.frame.timestamp_ms)
        if picture and state.alarm:
            show(job.frame.bgr, faces[0], ratio)
            cv2.imwrite(picture, job.frame.bgr)

    with application.landmarker("face") as landmarker:
        (report,) = application.run(Pipeline(source, landmarker, sink, policy="auto"))
    print(*report.lines(), sep="\n")
    return report


def show(bgr, face, ratio):
    height, width = bgr.shape[:2]
    for eye in EYES:
        for index in eye:
            place = (int(face[index].x * width), int(face[index].y * height))
            cv2.circle(bgr, place, 2, WHITE, -1, cv2.LINE_AA)
    cv2.rectangle(bgr, (0, 0), (width - 1, height - 1), RED, 6)
    cv2.putText(bgr, f"ALARM {ratio:.2f}", (10, 26), cv2.FONT_HERSHEY_SIMPLEX, 0.7, RED, 2)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", default=application.source(), help="default: %(default)s")
    parser.add_argument("--picture", default="", metavar="FILE", help="write the last alarm")
    words = parser.parse_args()
    try:
        run(words.source, words.picture)
    except PipelineError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
