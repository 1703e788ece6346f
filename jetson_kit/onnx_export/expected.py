"""What engines are judged by on a board: fixed inputs of each sub-model, and TFLite's outputs.

Runs in the engines' environment. The photographs are the device wheel's own. How far an engine may
be off comes from what is seen here: ONNX Runtime's distance from TFLite on the same file.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from ai_edge_litert.interpreter import Interpreter
from mediapipe_jetson.engines import expected as device

from jetson_kit.onnx_export.bundle import SubModel
from jetson_kit.onnx_export.criteria import Criteria, of, table
from jetson_kit.onnx_export.samples import pixels

LEAST = {"fp32": 1e-3, "fp16": 1e-2}
SLACK = 4.0
"""Another kernel's rounding may go another way: this many times what one other kernel was off."""
SEED = 20250101


def write(sub_model: SubModel, onnx: Mapping[str, Path], path: Path) -> dict[str, float]:
    """Write a sub-model's check; return its tolerances. `onnx`: precision to the ONNX file."""
    inputs, outputs = _tflite(sub_model)
    tolerance = {
        kind: float(f"{max(LEAST[kind], SLACK * _distance(file, inputs, outputs)):.3g}")
        for kind, file in onnx.items()
    }
    names = _names(next(iter(onnx.values())))
    shapes = dict(zip(names[0], (item.shape for item in inputs), strict=True))
    shapes |= dict(zip(names[1], (output.shape for output in outputs), strict=True))
    result = device.Expected(
        sub_model.name,
        sub_model.sha256,
        tolerance,
        dict(zip(names[0], map(_raw, inputs), strict=True)),
        dict(zip(names[1], map(_raw, outputs), strict=True)),
    )
    device.write(path, result, shapes)
    return tolerance


def _raw(values: Any) -> bytes:  # noqa: ANN401
    return bytes(np.ascontiguousarray(values, dtype="<f4").tobytes())


def _tflite(sub_model: SubModel) -> tuple[list[Any], list[Any]]:
    """Return inputs and TFLite's outputs for them, each in TFLite's order."""
    interpreter = Interpreter(model_content=sub_model.tflite, num_threads=1)
    interpreter.allocate_tensors()
    inputs = []
    for row in interpreter.get_input_details():
        result = _input(of(sub_model.sha256), tuple(int(item) for item in row["shape"]))
        interpreter.set_tensor(row["index"], result.astype(row["dtype"]))
        inputs.append(result)
    interpreter.invoke()
    outputs = [
        interpreter.get_tensor(row["index"]).astype(np.float32)
        for row in interpreter.get_output_details()
    ]
    return inputs, outputs


def _input(criteria: Criteria, shape: tuple[int, ...]) -> Any:  # noqa: ANN401
    """Return a photograph in the model's range, else numbers in it, always the same."""
    low, high = criteria.range
    if len(shape) == 4 and shape[3] == 3:
        crops = criteria.crops or table()["pose_landmarks_detector"].crops
        image = pixels(crops[0], shape[1], shape[2])[None]
    else:
        image = np.random.default_rng(SEED).random(shape, dtype=np.float32)
    return np.ascontiguousarray(image * np.float32(high - low) + np.float32(low))


def _session(path: Path) -> Any:  # noqa: ANN401
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _names(path: Path) -> tuple[list[str], list[str]]:
    session = _session(path)
    return [item.name for item in session.get_inputs()], [
        output.name for output in session.get_outputs()
    ]


def _distance(path: Path, inputs: list[Any], outputs: list[Any]) -> float:
    """Return how far ONNX Runtime is from TFLite, relative to the largest value of an output."""
    session = _session(path)
    given = {item.name: value for item, value in zip(session.get_inputs(), inputs, strict=True)}
    result = session.run(None, given)
    return max(
        float(np.max(np.abs(item - output)) / (np.max(np.abs(output)) or 1.0))
        for item, output in zip(result, outputs, strict=True)
    )
