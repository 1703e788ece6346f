"""How long one run of a model takes on one core: TFLite, and several ONNX files of it in turns.

What is counted is the time that the processor works on it: each runs in one thread, and what else
the machine does is left out.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from jetson_kit.onnx_export import runners
from jetson_kit.onnx_export.bundle import SubModel
from jetson_kit.onnx_export.criteria import of

WARM = 3
LEAST = 60
"""Runs of each, and more while they fit into `SECONDS`."""
MOST = 200
SECONDS = 4.0


def times(sub_model: SubModel, files: Mapping[str, bytes]) -> dict[str, Any]:
    """Return the least and the median time in ms of each runtime, and why some don't run at all.

    `files` are ONNX files by their maker's name; TFLite's own time is there as `tflite`. They run
    in turns on the same noise, so that what else the machine does meets all of them.
    """
    lite = runners.Lite(sub_model)
    low, high = of(sub_model.sha256).range
    source = np.random.default_rng(0)
    arrays = [source.uniform(low, high, shape).astype(np.float32) for shape in lite.shapes]
    names = [item["name"] for item in lite.inputs]
    failed: dict[str, str] = {}
    calls: dict[str, Callable[[], Any]] = {"tflite": lambda: lite.run(arrays)}
    for name, blob in files.items():
        try:
            session = runners.session(blob)
        except Exception as error:
            failed[name] = " ".join(str(error).split())
            continue
        named = dict(zip(names, arrays, strict=True))
        # tf2onnx drops inputs that reach no output.
        given = {item.name: named[item.name] for item in session.get_inputs()}
        calls[name] = functools.partial(session.run, None, given)
    result: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(WARM):
        for call in calls.values():
            call()
    started = time.perf_counter()
    while len(result["tflite"]) < MOST:
        if len(result["tflite"]) >= LEAST and time.perf_counter() - started > SECONDS:
            break
        for name, call in calls.items():
            before = time.thread_time()
            call()
            result[name].append((time.thread_time() - before) * 1e3)
    found_ms = {
        name: {"min_ms": round(min(item), 3), "median_ms": round(float(np.median(item)), 3)}
        for name, item in result.items()
    }
    return {"times": found_ms, "failed": failed}
