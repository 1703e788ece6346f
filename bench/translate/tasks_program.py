"""Infers with MediaPipe's vision tasks on the CPU, inside an emulated aarch64 process.

Arguments: a file for the results, how many frames, a video (or "-"), then photographs and models.
Each task's results are one hash over all of its numbers, bit by bit: two runs can be compared.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any

import cv2
import mediapipe
import numpy
from mediapipe.tasks.python import vision  # type: ignore[import-not-found, unused-ignore]
from mediapipe.tasks.python.core.base_options import (  # type: ignore[import-not-found, unused-ignore]
    BaseOptions,
)

TASKS = {
    "face_landmarker.task": (
        vision.FaceLandmarker,
        vision.FaceLandmarkerOptions,
        {"output_face_blendshapes": True, "output_facial_transformation_matrixes": True},
    ),
    "hand_landmarker.task": (vision.HandLandmarker, vision.HandLandmarkerOptions, {}),
    "pose_landmarker_full.task": (
        vision.PoseLandmarker,
        vision.PoseLandmarkerOptions,
        {"output_segmentation_masks": True},
    ),
    "gesture_recognizer.task": (vision.GestureRecognizer, vision.GestureRecognizerOptions, {}),
    "selfie_segmenter.tflite": (
        vision.ImageSegmenter,
        vision.ImageSegmenterOptions,
        {"output_category_mask": True, "output_confidence_masks": True},
    ),
}


def feed(digest: Any, value: Any) -> int:  # noqa: ANN401
    """Add every number of a result to a hash; return how many there were."""
    if value is None or isinstance(value, str):
        digest.update(repr(value).encode())
        return 0
    if isinstance(value, mediapipe.Image):
        value = value.numpy_view()
    if isinstance(value, numpy.ndarray):
        digest.update(numpy.ascontiguousarray(value).tobytes())
        return int(value.size)
    if isinstance(value, (list, tuple)):
        return sum(feed(digest, item) for item in value)
    if hasattr(value, "__dict__"):
        return sum(feed(digest, item) for _, item in sorted(vars(value).items()))
    digest.update(repr(value).encode())
    return 1


def infer(model: Path, photographs: list[Path], video: str, frames: int) -> dict[str, Any]:
    """Return the hash of one task's results, and how many numbers it is over."""
    task, kind, extra = TASKS[model.name]
    base = BaseOptions(model_asset_path=str(model), delegate=BaseOptions.Delegate.CPU)
    mode = vision.RunningMode.VIDEO if frames else vision.RunningMode.IMAGE
    digest, numbers, results = hashlib.sha256(), 0, 0
    with task.create_from_options(kind(base_options=base, running_mode=mode, **extra)) as runner:
        name = {"ImageSegmenter": "segment", "GestureRecognizer": "recognize"}.get(
            task.__name__, "detect"
        )
        if not frames:
            for path in photographs:
                result = getattr(runner, name)(mediapipe.Image.create_from_file(str(path)))
                numbers += feed(digest, result)
                results += 1
        else:
            capture = cv2.VideoCapture(video)
            for number in range(frames):
                good, frame = capture.read()
                if not good:
                    break
                rgb = numpy.ascontiguousarray(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB))
                image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=rgb)
                result = getattr(runner, f"{name}_for_video")(image, number * 33)
                numbers += feed(digest, result)
                results += 1
    return {"sha256": digest.hexdigest(), "numbers": numbers, "results": results}


def main(out: str, frames: str, video: str, *paths: str) -> None:
    """Run every task whose model is named; write the results."""
    files = [Path(path) for path in paths]
    models = [path for path in files if path.name in TASKS]
    photographs = [path for path in files if path.name not in TASKS]
    found = {}
    for model in models:
        found[model.name] = infer(model, photographs, video, int(frames))
        Path(out).write_text(json.dumps(found), encoding="utf-8")
    os._exit(0)


main(*sys.argv[1:])
