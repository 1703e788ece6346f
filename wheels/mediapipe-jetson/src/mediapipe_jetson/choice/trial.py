"""The child process of one trial: a landmarker made, checked on a photograph, and timed.

Arguments: what is wanted as JSON, and the number of an open file to which JSON lines go. A driver
may end this process; what was told before tells how far it got.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

from mediapipe_jetson.observation import one_line
from mediapipe_jetson.pipeline import landmarkers

# How far the photograph moves about, as a fraction of its side, and in how many frames.
SWAY = 0.02
PERIOD = 24
FRAME_MS = 33
MOST_FRAMES = 2000


def moving(picture: Any, width: int, height: int) -> Iterator[Any]:  # noqa: ANN401 # an array
    """Give frames (height, width, 3) of a photograph that sways, scaled to fit; without end."""
    cv2: Any = importlib.import_module("cv2")
    numpy: Any = importlib.import_module("numpy")
    scale = min(width / picture.shape[1], height / picture.shape[0])
    left = (width - picture.shape[1] * scale) / 2
    top = (height - picture.shape[0] * scale) / 2
    frames = []
    for step in range(PERIOD):
        # A triangle wave: there and back at one speed.
        move = (abs(step - PERIOD / 2) / (PERIOD / 4) - 1) * SWAY * min(width, height)
        matrix = numpy.float32([[scale, 0, left + move], [0, scale, top + move / 2]])
        frames.append(cv2.warpAffine(picture, matrix, (width, height)))
    while True:
        yield from frames


def points(result: Any, field: str) -> list[list[list[float]]]:  # noqa: ANN401
    """Return [x, y] in fractions of the picture, of each landmark of each face, hand or person."""
    return [[[point.x, point.y] for point in item] for item in getattr(result, field)]


def attempt(requested: dict[str, Any], report: Any) -> None:  # noqa: ANN401 # a function
    """Make, check and time one landmarker; times in milliseconds."""
    task = landmarkers.tasks()[requested["task"]]
    cv2: Any = importlib.import_module("cv2")
    mediapipe: Any = importlib.import_module("mediapipe")
    cv2.setNumThreads(1)

    def image(bgr: Any) -> Any:  # noqa: ANN401
        rgb = cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
        return mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=rgb)

    def request(mode: str) -> landmarkers.LandmarkerRequest:
        return landmarkers.LandmarkerRequest(
            task.name, requested["model"], requested["backend"], requested["threads"], mode
        )

    picture = cv2.imread(str(task.picture))
    report(stage="create")
    begin = time.perf_counter()
    with landmarkers.make(request("IMAGE")) as landmarker:
        report(stage="infer", create_ms=(time.perf_counter() - begin) * 1e3)
        report(points=points(landmarker.detect(image(picture)), task.landmarks))
    width, height = requested["size"]
    frames = [image(bgr) for bgr, _ in zip(moving(picture, width, height), range(PERIOD))]  # noqa: B905
    with landmarkers.make(request("VIDEO")) as landmarker:
        times: list[float] = []
        cpu = 0.0
        for index in range(requested["warmup"] + MOST_FRAMES):
            begin, cpu_begin = time.perf_counter(), time.process_time()
            landmarker.detect_for_video(frames[index % PERIOD], index * FRAME_MS)
            if index >= requested["warmup"]:
                times.append((time.perf_counter() - begin) * 1e3)
                cpu += (time.process_time() - cpu_begin) * 1e3
            if len(times) >= requested["frames"]:
                break
    report(stage="done", frames_ms=times, cpu_ms=cpu / len(times))


def main(arguments: Sequence[str]) -> int:
    """Run, and tell an exception's type and text in place of a traceback."""
    requested, descriptor = json.loads(arguments[0]), int(arguments[1])

    def report(**facts: Any) -> None:  # noqa: ANN401 # JSON's values
        os.write(descriptor, (json.dumps(facts) + "\n").encode())

    try:
        attempt(requested, report)
    except Exception as error:  # whatever it is, the parent judges it
        report(error=f"{type(error).__name__}: {one_line(error)}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
