"""The initializers of an ONNX graph: each once, in a type that holds its numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto

from jetson_kit.onnx_export.errors import ModelUnsupportedError
from jetson_kit.onnx_export.graph import MAX_WEIGHTS

HALF = "float16"
MAX_WRITTEN = 4 * MAX_WEIGHTS
"""Numbers in all uses of constants together: a small file can use a large one often."""
ONNX_TYPES = {
    "float32": TensorProto.FLOAT,
    HALF: TensorProto.FLOAT16,
    "int32": TensorProto.INT32,
    "int64": TensorProto.INT64,
}


class Weights:
    """Collects initializers; equal ones are shared."""

    def __init__(self, unsupported: Callable[[str], ModelUnsupportedError]) -> None:
        """Take what makes the error of numbers that can't be written."""
        self._unsupported = unsupported
        self._initializers: dict[tuple[Any, ...], Any] = {}
        self._written = 0

    @property
    def all(self) -> tuple[Any, ...]:
        """Return the initializers in the order of their first use."""
        return tuple(self._initializers.values())

    def add(self, array: Any, dtype: str) -> str:  # noqa: ANN401
        """Return the name of an initializer. Raises ModelUnsupportedError."""
        self._written += array.size
        if self._written > MAX_WRITTEN:
            raise self._unsupported(f"constants are used as {MAX_WRITTEN} numbers and more")
        with np.errstate(over="ignore"):
            values = np.asarray(array, dtype=dtype, order="C")
        if dtype == HALF and not np.array_equal(np.isfinite(values), np.isfinite(array)):
            raise self._unsupported("a weight is too large for fp16")
        key = (dtype, array.shape, values.tobytes())
        if key not in self._initializers:
            self._initializers[key] = onnx.TensorProto(
                name=f"w{len(self._initializers)}",
                dims=array.shape,
                data_type=ONNX_TYPES[dtype],
                raw_data=key[2],
            )
        return str(self._initializers[key].name)
