"""`python tasks_program.py FRAMES.npz WARM FOLDER`: milliseconds a frame of Tasks' CPU path.

They are of processor time. FOLDER has the bundles. Prints {case: milliseconds}, in the words
of program.py.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import mediapipe as mp
import numpy as np

vision: Any = mp.tasks.vision
FRAME_MS = 33
# (film, task, bundle)
CASES = {
    "face": ("face", "FaceLandmarker", "face_landmarker.task"),
    "hands": ("hand", "HandLandmarker", "hand_landmarker.task"),
    "pose": ("person", "PoseLandmarker", "pose_landmarker_full.task"),
    "selfie": ("person", "ImageSegmenter", "selfie_segmenter.tflite"),
}


def measured(task: str, bundle: Path, frames: Any, warm: int) -> list[float]:  # noqa: ANN401
    """Return milliseconds a frame, of all threads and on the clock, after the first `warm`."""
    base = mp.tasks.BaseOptions(
        model_asset_path=str(bundle), delegate=mp.tasks.BaseOptions.Delegate.CPU
    )
    options = getattr(vision, f"{task}Options")(
        base_options=base, running_mode=vision.RunningMode.VIDEO
    )
    run = "segment_for_video" if task == "ImageSegmenter" else "detect_for_video"
    start = 0.0, 0.0
    with getattr(vision, task).create_from_options(options) as landmarker:
        for index, frame in enumerate(frames):
            if index == warm:
                start = time.process_time(), time.perf_counter()
            image = mp.Image(image_format=mp.ImageFormat.SRGB, data=frame)
            getattr(landmarker, run)(image, index * FRAME_MS)
        stop = time.process_time(), time.perf_counter()
        return [
            (end - begin) / (len(frames) - warm) * 1e3
            for begin, end in zip(start, stop, strict=True)
        ]


def main() -> None:
    """Measure each case."""
    films, warm, folder = np.load(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    pixels = {name: films[name] for name in films.files}
    result = {
        name: measured(task, folder / bundle, pixels[film], warm)
        for name, (film, task, bundle) in CASES.items()
    }
    print(json.dumps(result))


main()
