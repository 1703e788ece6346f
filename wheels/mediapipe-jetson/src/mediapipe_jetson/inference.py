"""The child process of `selftest`: Face Landmarker on the CPU, told stage by stage.

Arguments: model, picture, number of frames, and the number of an open file to which JSON lines
go. MediaPipe writes its log to the standard streams, and a CPU that lacks an instruction ends the
process: what was told before tells how far it got.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from collections.abc import Sequence
from typing import Any


class Report:
    """Writes each stage at once."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def write(self, **facts: Any) -> None:  # noqa: ANN401 # JSON values
        """Write one line of JSON."""
        os.write(self.descriptor, (json.dumps(facts) + "\n").encode())


def infer(model: str, image: str, frames: int, report: Report) -> None:
    """Run the landmarker and report times in seconds and the landmarks of the first face."""
    started = time.perf_counter()
    report.write(stage="import")
    mediapipe: Any = importlib.import_module("mediapipe")
    vision: Any = importlib.import_module("mediapipe.tasks.python.vision")
    options: Any = importlib.import_module("mediapipe.tasks.python.core.base_options").BaseOptions

    imported = time.perf_counter()
    version = getattr(mediapipe, "__version__", None)
    report.write(stage="create", mediapipe=version, import_s=imported - started)
    # By name: CPU is 0 up to 1.2.0 and 1 from 1.2.2, where 0 means DEFAULT.
    base = options(model_asset_path=model, delegate=options.Delegate.CPU)
    requested = vision.FaceLandmarkerOptions(base_options=base, num_faces=1)
    with vision.FaceLandmarker.create_from_options(requested) as landmarker:
        report.write(stage="infer", create_s=time.perf_counter() - imported)
        picture = mediapipe.Image.create_from_file(image)
        times = []
        for _ in range(frames):
            begin = time.perf_counter()
            result = landmarker.detect(picture)
            times.append(time.perf_counter() - begin)
        faces = result.face_landmarks
        points = [[point.x, point.y] for point in faces[0]] if faces else []
        report.write(stage="done", frames_s=times, faces=len(faces), points=points)


def main(arguments: Sequence[str]) -> int:
    """Run, and report an exception's type and text in place of a traceback."""
    model, image, frames, descriptor = arguments
    report = Report(int(descriptor))
    try:
        infer(model, image, int(frames), report)
    except Exception as error:  # whatever it is, the parent judges it
        report.write(error=type(error).__name__, text=str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
