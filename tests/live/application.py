"""An application with the live view's options, run in their environment: prints its port.

python application.py webrtc|page SECONDS: pictures that change, and a function that infers nothing.
They stop at SIGUSR1, for three times as long as a source may be silent: here a second, not ten.
"""

from __future__ import annotations

import itertools
import signal
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from mediapipe_jetson.live import handler, serve, webrtc
from mediapipe_jetson.pipeline import Frame, Pipeline

PATIENCE_S = 1.0
stall = threading.Event()


def pictures() -> Iterator[Any]:
    """Give 25 pictures a second, 320x240; half of each is white, by turns."""
    for count in itertools.count():
        time.sleep(1 / 25)
        if stall.is_set():
            stall.clear()
            time.sleep(3 * PATIENCE_S)
        picture = np.full((240, 320, 3), 30, np.uint8)
        half = count // 25 % 2 * 160
        picture[:, half : half + 160] = 255
        yield picture


def nothing(frame: Frame) -> int:
    """Infer nothing."""
    return frame.index


def main(mode: str, seconds: str) -> None:
    """Run for so long."""
    webrtc.PATIENCE_S = handler.PATIENCE_S = PATIENCE_S
    signal.signal(signal.SIGUSR1, lambda *_: stall.set())
    pipeline = Pipeline(pictures(), nothing, policy="latest")
    with serve(pipeline, 0, webrtc=mode == "webrtc", landmarks=False) as live:
        print(live.ports[0], flush=True)
        threading.Timer(float(seconds), pipeline.stop).start()
        report = pipeline.run()
    print(report.done, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
