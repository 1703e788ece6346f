"""The child process of a first use: one model on the GPU and on the CPU, the same inputs.

Arguments: the model's file and the backend's name. Prints one line of JSON; LiteRT's log, which
names the adapter, goes to standard error.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mediapipe_jetson.backends import litert, litert_gpu
from mediapipe_jetson.backends.base import BackendError, SubModel
from mediapipe_jetson.observation import one_line
from mediapipe_jetson.tflite import model

RUNS = 3


def tried(tflite: bytes, name: str) -> dict[str, Any]:
    """Return the largest difference over the largest value of any output, and milliseconds.

    Inputs are zeros, then noise from 0 to 1: an output that does not depend on the input is wrong.
    Raises BackendError.
    """
    sub_model = SubModel.of("model", tflite)
    litert_gpu.keep_shaders()
    cpu = litert.create().load(sub_model, 0)
    begin = time.perf_counter()
    gpu = litert_gpu.LiteRTGpuSession(
        tflite, model.specs(tflite), single=name == litert_gpu.NAMES[0]
    )
    gpu.warm_up()
    result: dict[str, Any] = {"first_ms": (time.perf_counter() - begin) * 1e3}
    noise = np.random.default_rng(0)
    given = tuple(noise.random(spec.shape, dtype=np.float32) for spec in gpu.inputs)
    worst = 0.0
    for arrays in (gpu.buffers, given):
        for mine, right in zip(gpu.run(arrays), cpu.run(arrays)):  # noqa: B905 # Python 3.9
            scale = max(float(np.abs(right).max()), 1e-6)
            worst = max(worst, float(np.abs(mine - right).max()) / scale)
            if not np.isfinite(mine).all():
                worst = float("inf")
    result["error"] = worst
    for label, session in (("gpu_ms", gpu), ("cpu_ms", cpu)):
        times = []
        for _ in range(RUNS):
            at = time.perf_counter()
            session.run(given)
            times.append((time.perf_counter() - at) * 1e3)
        result[label] = min(times)
    return result


def main(arguments: Sequence[str]) -> int:
    """Try, and print the result or why there is none."""
    path, name = arguments
    result: dict[str, Any] = {"tolerance": litert_gpu.table()["tolerance"][name]}
    try:
        result.update(tried(Path(path).read_bytes(), name))
    except (BackendError, ValueError, OSError) as error:
        result["why_not"] = one_line(error)[:300]
    print(json.dumps(result), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
