"""A camera whose pictures carry the time of their capture as bars, inferred and served.

python -m bench.app.camera_program VIDEO MODEL SECONDS: prints the port of the page, then what the
pipeline did. Above each frame is a strip of bars, white for 1 and black for 0, most significant
first: the Unix time in milliseconds modulo 2^BITS, then one bar of even parity.
"""

from __future__ import annotations

import contextlib
import json
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from mediapipe_jetson.live import serve
from mediapipe_jetson.pipeline import Pipeline, landmarkers

from bench.paced_video import pictures

BITS = 20
STRIP = 32


def marked(frame: Any, stamp_ms: int) -> Any:  # noqa: ANN401 # NumPy arrays
    """Return a frame (height, width, 3) with the strip above it: (height + STRIP, width, 3)."""
    _, width, _ = frame.shape
    bits = [stamp_ms >> place & 1 for place in reversed(range(BITS))]
    bits.append(sum(bits) % 2)
    bar = width // len(bits)
    strip = np.zeros((STRIP, width, 3), np.uint8)
    for place, bit in enumerate(bits):
        strip[:, place * bar : (place + 1) * bar] = 255 * bit
    return np.vstack((strip, frame))


def stamped(path: str) -> Iterator[Any]:
    """Yield the video's frames at a camera's pace, each with the time above it."""
    for frame in pictures(path):
        yield marked(frame, int(time.time() * 1000) % (1 << BITS))


def main(video: str, model: str, seconds: str) -> None:
    """Run for so long; print JSON."""
    cv2.setNumThreads(1)
    request = landmarkers.LandmarkerRequest("face", model, "litert", 1)
    with contextlib.ExitStack() as stack:
        landmarker = stack.enter_context(landmarkers.make(request))
        pipeline = Pipeline(stamped(video), landmarker, policy="latest")
        port = stack.enter_context(serve(pipeline, 0)).ports[0]
        print(json.dumps({"port": port, "bits": BITS, "strip": STRIP}), flush=True)
        threading.Timer(float(seconds), pipeline.stop).start()
        report = pipeline.run()
    print(json.dumps({"frames": report.done, "dropped": report.dropped}))


if __name__ == "__main__":
    main(*sys.argv[1:])
