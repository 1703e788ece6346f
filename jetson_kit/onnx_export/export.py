"""A .tflite model as an ONNX file: same inputs and outputs, same order, same numbers."""

from __future__ import annotations

from typing import Any

import onnx
from onnx import helper

from jetson_kit.onnx_export import graph as graphs
from jetson_kit.onnx_export import graph_io
from jetson_kit.onnx_export.builder import Builder
from jetson_kit.onnx_export.bundle import SubModel
from jetson_kit.onnx_export.errors import ModelDamagedError
from jetson_kit.onnx_export.ops import registry
from jetson_kit.onnx_export.options import Options

OPSET = 13
"""The newest that TensorRT 8.2 reads, which JetPack 4 has."""
IR_VERSION = 7
KIT = "mediapipe-jetson-kit"


def export(sub_model: SubModel, options: Options) -> bytes:
    """Return the bytes of an ONNX file, the same for the same model and options.

    Inputs and outputs are float32 and in TFLite's order and shapes; image inputs are NCHW and the
    first axis is open where `options` says so. Raises ModelDamagedError, ModelUnsupportedError.
    """
    graph = graphs.read(sub_model)
    builder = Builder(graph, options)
    inputs = graph_io.add_inputs(builder)
    for operator in graph.operators:
        registry.write(builder, operator)
    builder.operator = None
    outputs = graph_io.add_outputs(builder)
    nodes = _needed(builder.nodes, [output.name for output in outputs])
    read = {name for node in nodes for name in node.input}
    weights = [item for item in builder.weights.all if item.name in read]
    model = helper.make_model(
        helper.make_graph(nodes, sub_model.name, inputs, outputs, weights),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name=KIT,
    )
    helper.set_model_props(
        model,
        {
            "batch": options.batch,
            "kit": KIT,
            "layout": options.layout,
            "precision": options.precision,
            "source_sha256": sub_model.sha256,
            "sub_model": sub_model.name,
        },
    )
    _check(sub_model, model)
    return bytes(model.SerializeToString(deterministic=True))


def _needed(nodes: list[Any], outputs: list[str]) -> list[Any]:
    """Return the nodes on which the outputs depend, in their order."""
    requested = set(outputs)
    result = []
    for node in reversed(nodes):
        if requested.intersection(node.output):
            requested.update(name for name in node.input if name)
            result.append(node)
    return result[::-1]


def _check(sub_model: SubModel, model: Any) -> None:  # noqa: ANN401
    """Raise ModelDamagedError unless ONNX's checker and its inference of shapes agree."""
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        message = " ".join(str(error).split())
        raise ModelDamagedError(
            sub_model.source, f"ONNX's checker says: {message[:400]}"
        ) from error
