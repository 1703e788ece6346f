"""TFLite and ONNX Runtime on one processor core: arrays in, arrays out, in TFLite's order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnxruntime
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from jetson_kit.onnx_export.bundle import SubModel
from jetson_kit.onnx_export.errors import ModelUnsupportedError

Arrays = tuple[Any, ...]
Run = Callable[[Sequence[Any]], Arrays]


class Lite:
    """A model in TFLite, by XNNPACK or by the plain kernels that define each operator."""

    def __init__(self, sub_model: SubModel, reference: bool = False) -> None:
        kind = OpResolverType.BUILTIN_REF if reference else OpResolverType.AUTO
        try:
            self.interpreter = Interpreter(
                model_content=sub_model.tflite, num_threads=1, experimental_op_resolver_type=kind
            )
            self.interpreter.allocate_tensors()
        except (RuntimeError, ValueError) as error:
            raise ModelUnsupportedError(sub_model.source, f"TFLite says: {error}") from error
        self.inputs = self.interpreter.get_input_details()
        self.outputs = self.interpreter.get_output_details()

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """Return the inputs' shapes."""
        return tuple(tuple(int(size) for size in item["shape"]) for item in self.inputs)

    def run(self, arrays: Sequence[Any]) -> Arrays:
        """Return the outputs for inputs in TFLite's order, float32."""
        for detail, array in zip(self.inputs, arrays, strict=True):
            self.interpreter.set_tensor(detail["index"], array)
        self.interpreter.invoke()
        return tuple(self.interpreter.get_tensor(output["index"]).copy() for output in self.outputs)


def session(blob: bytes, *, optimized: bool = True) -> Any:  # noqa: ANN401
    """Return ONNX Runtime's session of a model on one core."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    if not optimized:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(blob, options, providers=["CPUExecutionProvider"])


def onnx_run(inference_session: Any, layout: str = "nhwc") -> Run:  # noqa: ANN401
    """Return what runs a session on inputs in TFLite's order and layout."""
    names = [item.name for item in inference_session.get_inputs()]

    def run(arrays: Sequence[Any]) -> Arrays:
        given = {
            name: np.ascontiguousarray(np.moveaxis(array, 3, 1))
            if layout == "nchw" and array.ndim == 4
            else array
            for name, array in zip(names, arrays, strict=True)
        }
        return tuple(inference_session.run(None, given))

    return run
