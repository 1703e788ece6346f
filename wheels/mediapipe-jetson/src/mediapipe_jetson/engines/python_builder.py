"""Builds engines by TensorRT's own Python module, where a container has no trtexec."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Optional

from mediapipe_jetson.backends import tensorrt, tensorrt_session
from mediapipe_jetson.backends.base import BackendError
from mediapipe_jetson.backends.cuda import Cuda
from mediapipe_jetson.engines.builders import Order, Result
from mediapipe_jetson.engines.errors import BuildError, NoBuilderError
from mediapipe_jetson.engines.identity import numbers

WORKSPACE = 512 << 20
FLAGS = {"version-compatible": "VERSION_COMPATIBLE", "exclude-lean-runtime": "EXCLUDE_LEAN_RUNTIME"}


def find() -> PythonBuilder:
    """Return the builder of the module that is here. Raises NoBuilderError."""
    try:
        library = tensorrt.library()
        Cuda().close()
    except BackendError as error:
        raise NoBuilderError(str(error)) from error
    if library.lean or not hasattr(library.module, "Builder"):
        raise NoBuilderError(
            f"TensorRT {library.version} is here as the lean runtime, which builds nothing"
        )
    return PythonBuilder(library)


class PythonBuilder:
    """TensorRT's module."""

    name = "python"
    card = "CURRENT"
    """The card that TensorRT-RTX builds for, by its own name: the first one here."""

    def __init__(self, library: tensorrt.Library) -> None:
        self._library = library

    @property
    def tensorrt(self) -> str:
        """Return the module's version."""
        return self._library.version

    def build(self, order: Order) -> Result:
        """Build and run; see builders.Builder. Raises BuildError with TensorRT's own words."""
        began = time.monotonic()
        messages: list[str] = []
        plan = self._plan(order, messages)
        if plan is None:
            raise BuildError(f"TensorRT on {order.source.file}: {_last(messages)}")
        order.plan.write_bytes(plan)
        seconds = time.monotonic() - began
        if order.check is None:
            return Result(seconds, not_run="there are no expected outputs for it")
        try:
            outputs = tensorrt.try_out(
                self._library,
                order.source.inputs,
                order.source.outputs,
                bytes(plan),
                order.check.inputs,
            )
        except BackendError as error:
            return Result(seconds, not_run=str(error))
        return Result(seconds, outputs)

    def _plan(self, order: Order, messages: list[str]) -> Optional[Any]:  # noqa: ANN401
        trt = self._library.module
        at = numbers(self.tensorrt)
        logger = tensorrt_session.logger(trt, messages)
        builder = trt.Builder(logger)
        kinds = trt.NetworkDefinitionCreationFlag
        # Types as the ONNX file has them; before 10 a flag asks for half precision instead.
        typed = self._library.rtx or at >= (10,)
        kind = "STRONGLY_TYPED" if typed else "EXPLICIT_BATCH"
        network = builder.create_network(
            1 << int(getattr(kinds, kind)) if hasattr(kinds, kind) else 0
        )
        parser = trt.OnnxParser(network, logger)
        if not parser.parse(order.source.path.read_bytes()):
            messages += [str(parser.get_error(number)) for number in range(parser.num_errors)]
            return None
        config = builder.create_builder_config()
        config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, WORKSPACE)
        if order.source.precision == "fp32":
            config.clear_flag(trt.BuilderFlag.TF32)
        elif not typed:
            config.set_flag(trt.BuilderFlag.FP16)
        if self._library.rtx:
            # Else it would build for every kind of card.
            config.num_compute_capabilities = 1
            config.set_compute_capability(getattr(trt.ComputeCapability, self.card), 0)
        for flag in order.flags:
            if not hasattr(trt.BuilderFlag, FLAGS[flag]):
                raise BuildError(f"TensorRT {self.tensorrt} knows no {flag}")
            config.set_flag(getattr(trt.BuilderFlag, FLAGS[flag]))
        cached = order.timing_cache.read_bytes() if order.timing_cache.is_file() else b""
        cache = config.create_timing_cache(cached)
        config.set_timing_cache(cache, ignore_mismatch=False)
        plan = builder.build_serialized_network(network, config)
        if plan is not None:
            order.timing_cache.write_bytes(bytes(cache.serialize()))
        return plan


def _last(messages: Sequence[str]) -> str:
    return "; ".join(messages[-3:]) or "it gives no reason"
