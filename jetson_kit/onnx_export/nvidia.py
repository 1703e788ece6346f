"""NVIDIA's own judgement of an ONNX file, on a machine without a GPU.

It comes from TensorRT-RTX's parser and builder, and from Polygraphy's report of what can run.
TensorRT-RTX shares TensorRT's parser. Its engines are not TensorRT's, so what it builds is thrown
away. Source: TensorRT-RTX's documentation.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
import tempfile
from functools import cache
from typing import Any

import onnx

OPTIMUM = 4
"""The batch for which a file with an open one is built, of at most twice that."""


@cache
def library() -> Any:  # noqa: ANN401
    """Return TensorRT-RTX's module, or None where it does not exist (it is for x86_64 alone)."""
    try:
        import tensorrt_rtx_bindings as found  # noqa: PLC0415
    except ImportError:
        return None
    # Polygraphy asks for it by the name of the package that only asks for this one.
    sys.modules.setdefault("tensorrt_rtx", found)
    os.environ["POLYGRAPHY_USE_TENSORRT_RTX"] = "1"
    return found


@cache
def _logger() -> Any:  # noqa: ANN401
    trt = library()

    class Quiet(trt.ILogger):  # type: ignore[misc, name-defined]
        """Keeps what is worse than a warning for who asks."""

        def __init__(self) -> None:
            super().__init__()
            self.said: list[str] = []

        def log(self, severity: Any, message: str) -> None:  # noqa: ANN401
            if severity <= trt.Logger.ERROR:
                self.said.append(message)

    return Quiet()


def parse(blob: bytes) -> tuple[Any, Any, str]:
    """Return a builder and the network that the parser makes of a file, or why it makes none."""
    trt = library()
    builder = trt.Builder(_logger())
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(network, _logger())
    if parser.parse(blob):
        return builder, network, ""
    message = "; ".join(parser.get_error(index).desc() for index in range(parser.num_errors))
    return builder, None, " ".join(message.split()) or "the parser refuses it without a word"


def build(builder: Any, network: Any) -> str:  # noqa: ANN401
    """Build an engine for an Ampere GPU and throw it away; return why it can't be, or nothing."""
    trt = library()
    config = builder.create_builder_config()
    config.num_compute_capabilities = 1
    config.set_compute_capability(trt.ComputeCapability.SM86, 0)
    profile = builder.create_optimization_profile()
    for number in range(network.num_inputs):
        result = network.get_input(number)
        shape = tuple(result.shape)
        if -1 in shape:
            sizes = [
                tuple(batch if item == -1 else item for item in shape)
                for batch in (1, OPTIMUM, 2 * OPTIMUM)
            ]
            profile.set_shape(result.name, *sizes)
    config.add_optimization_profile(profile)
    _logger().said.clear()
    if builder.build_serialized_network(network, config) is not None:
        return ""
    return " ".join("; ".join(_logger().said).split()) or "the builder fails without a word"


def capability(blob: bytes) -> str:
    """Return what Polygraphy's `inspect capability` objects to, or nothing."""
    library()
    from polygraphy.tools.inspect.subtool.capability import supports_model  # noqa: PLC0415

    with (
        tempfile.NamedTemporaryFile(suffix=".onnx") as file,
        contextlib.redirect_stdout(io.StringIO()),
    ):
        file.write(blob)
        file.flush()
        supported, parts, _ = supports_model(file.name)
    if supported:
        return ""
    kinds = [node.op_type for node in onnx.load_from_string(blob).graph.node]
    # The parts are what it could take; of a file that it can't take whole, none counts as good.
    taken = {node for nodes, _ in parts for node in nodes}
    bad = sorted({kind for number, kind in enumerate(kinds) if number not in taken})
    return f"unsupported: {', '.join(bad) or 'something'}"
