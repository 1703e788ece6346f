"""Infers with MediaPipe's vision tasks inside an emulated aarch64 process.

Its argument is a JSON object: `models` and `photographs` (paths), `delegate` (CPU or GPU), `video`
and `frames` of it (0: the photographs instead), `seconds` (the video's frames over and over for so
long), `out` (a file for the results) and `values` (a folder for each task's numbers as float64, or
""). Each task's results are one hash over all of its numbers, bit by bit: two runs can be compared.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import mediapipe
import numpy
from mediapipe.tasks.python import vision  # type: ignore[import-not-found, unused-ignore]
from mediapipe.tasks.python.core.base_options import (  # type: ignore[import-not-found, unused-ignore]
    BaseOptions,
)

FRAME_MS = 33
MALL_INFO = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"
PAGE = os.sysconf("SC_PAGE_SIZE")
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


class Record:
    """A hash over results, how many numbers they hold, and a file for these, if one is named."""

    def __init__(self, path: Path | None) -> None:
        self.digest = hashlib.sha256()
        self.file = path.open("wb") if path else None
        self.numbers = self.results = 0

    def add(self, value: Any) -> None:  # noqa: ANN401
        """Add every number of a result."""
        if value is None or isinstance(value, str):
            self.digest.update(repr(value).encode())
        elif isinstance(value, mediapipe.Image):
            self.add(value.numpy_view())
        elif isinstance(value, numpy.ndarray):
            self.digest.update(numpy.ascontiguousarray(value).tobytes())
            self._store(value)
        elif isinstance(value, (list, tuple)):
            for item in value:
                self.add(item)
        elif hasattr(value, "__dict__"):
            for _, item in sorted(vars(value).items()):
                self.add(item)
        else:
            self.digest.update(repr(value).encode())
            self._store(numpy.asarray(value))

    def _store(self, values: Any) -> None:  # noqa: ANN401
        self.numbers += int(values.size)
        if self.file:
            self.file.write(numpy.ascontiguousarray(values, dtype="<f8").tobytes())

    def facts(self) -> dict[str, Any]:
        """Return the hash and the counts."""
        if self.file:
            self.file.close()
        result = {"sha256": self.digest.hexdigest(), "numbers": self.numbers}
        return {**result, "results": self.results}


def images(request: dict[str, Any]) -> Iterator[Any]:
    """Yield the photographs, or frames of the video where a number of them is named."""
    if not request["frames"]:
        for path in request["photographs"]:
            yield mediapipe.Image.create_from_file(path)
        return
    until = time.monotonic() + request["seconds"]
    while True:
        capture = cv2.VideoCapture(request["video"])
        for _ in range(request["frames"]):
            good, frame = capture.read()
            if not good:
                break
            rgb = numpy.ascontiguousarray(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB))
            yield mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=rgb)
        if time.monotonic() >= until:
            break


class Memory:
    """What the process holds: once a round over the video, of a run that takes seconds."""

    def __init__(self) -> None:
        self.samples: list[dict[str, int]] = []
        self.begun = time.monotonic()
        self.libc = ctypes.CDLL("libc.so.6")
        self.libc.mallinfo2.restype = MallInfo

    def sample(self, frames: int) -> None:
        """Note what malloc has given out, and the resident size, which holds QEMU's code too."""
        heap = self.libc.mallinfo2()
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        row = {"seconds": round(time.monotonic() - self.begun), "frames": frames}
        row |= {"heap_bytes": heap.uordblks + heap.hblkhd, "resident_bytes": pages * PAGE}
        self.samples.append(row)


class MallInfo(ctypes.Structure):
    """struct mallinfo2 of glibc 2.33 and later."""

    _fields_ = tuple((name, ctypes.c_size_t) for name in MALL_INFO.split())


def infer(model: Path, request: dict[str, Any]) -> dict[str, Any]:
    """Return the hash of one task's results, and how many numbers it is over."""
    task, kind, extra = TASKS[model.name]
    delegate = BaseOptions.Delegate[request["delegate"]]
    base = BaseOptions(model_asset_path=str(model), delegate=delegate)
    in_video = bool(request["frames"])
    mode = vision.RunningMode.VIDEO if in_video else vision.RunningMode.IMAGE
    record = Record(Path(request["values"], model.name) if request["values"] else None)
    memory = Memory()
    with task.create_from_options(kind(base_options=base, running_mode=mode, **extra)) as runner:
        name = {"ImageSegmenter": "segment", "GestureRecognizer": "recognize"}.get(
            task.__name__, "detect"
        )
        for number, image in enumerate(images(request)):
            if in_video:
                result = getattr(runner, f"{name}_for_video")(image, number * FRAME_MS)
            else:
                result = getattr(runner, name)(image)
            record.add(result)
            record.results += 1
            if request["seconds"] and number % request["frames"] == 0:
                memory.sample(number)
    return {**record.facts(), **({"memory": memory.samples} if memory.samples else {})}


def main(text: str) -> None:
    """Run every task whose model is named; write the results."""
    request = json.loads(text)
    result = {}
    for path in map(Path, request["models"]):
        result[path.name] = infer(path, request)
        Path(request["out"]).write_text(json.dumps(result), encoding="utf-8")
    os._exit(0)


main(sys.argv[1])
