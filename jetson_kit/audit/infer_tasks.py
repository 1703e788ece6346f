"""One inference of MediaPipe's Face Landmarker, inside an emulated aarch64 process.

Arguments: the model and a photograph with a face.
"""

from __future__ import annotations

import os
import sys
import time

import mediapipe  # type: ignore[import-not-found, unused-ignore]
from mediapipe.tasks.python import vision  # type: ignore[import-not-found, unused-ignore]
from mediapipe.tasks.python.core.base_options import (  # type: ignore[import-not-found, unused-ignore]
    BaseOptions,
)


def main(model: str, photograph: str) -> None:
    """Find the face on the CPU; print how many landmarks it has, and the seconds."""
    base = BaseOptions(model_asset_path=model, delegate=BaseOptions.Delegate.CPU)
    began = time.monotonic()
    options = vision.FaceLandmarkerOptions(base_options=base)
    with vision.FaceLandmarker.create_from_options(options) as landmarker:
        faces = landmarker.detect(mediapipe.Image.create_from_file(photograph)).face_landmarks
    count = len(faces[0]) if faces else 0
    print(f"INFERRED {count} face landmarks found {time.monotonic() - began:.1f}", flush=True)
    os._exit(0)


main(*sys.argv[1:])
