"""Small real .tflite models, written with TFLite's own schema."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import flatbuffers
import numpy as np
import tflite

from jetson_kit.onnx_export.bundle import SubModel
from jetson_kit.onnx_export.schema import DTYPES, accessor

TYPES = {DTYPES[name]: getattr(tflite.TensorType, name) for name in DTYPES}
INDICES = {"i4": "Int32Vector", "u2": "Uint16Vector", "u1": "Uint8Vector"}


@dataclass(frozen=True)
class Compressed:
    """A stored dimension: a size where it is dense, else segments and indices."""

    size: int = 0
    segments: Any = None
    indices: Any = None


@dataclass(frozen=True)
class Sparse:
    """How a constant is stored sparsely."""

    order: tuple[int, ...]
    levels: tuple[Compressed, ...]
    block_map: tuple[int, ...] = ()


class Tiny:
    """Collects tensors and operators; each method returns a tensor's index."""

    def __init__(self, name: str = "tiny") -> None:
        self.name = name
        self.b = flatbuffers.Builder(1024)
        self.tensors: list[int] = []
        self.buffers: list[bytes] = [b""]
        self.operators: list[int] = []
        self.codes: list[tuple[str, str, int]] = []
        self.inputs: list[int] = []

    def input(self, *shape: int) -> int:
        """Add an input, float32."""
        index = self.tensor(shape)
        self.inputs.append(index)
        return index

    def constant(self, array: Any, sparse: Sparse | None = None, shape: Sequence[int] = ()) -> int:
        """Add a constant; a sparse one's array has its stored values, `shape` is the dense one."""
        values = np.asarray(array)
        self.buffers.append(values.tobytes())
        there = tuple(shape) if sparse else values.shape
        return self.tensor(there, values.dtype, len(self.buffers) - 1, sparse)

    def tensor(
        self,
        shape: Sequence[int],
        dtype: Any = np.float32,
        buffer: int = 0,
        sparse: Sparse | None = None,
    ) -> int:
        """Add a tensor."""
        b = self.b
        label = b.CreateString(f"t{len(self.tensors)}")
        axes = b.CreateNumpyVector(np.asarray(shape, dtype=np.int32))
        sparsity = self._sparsity(sparse) if sparse else 0
        tflite.TensorStart(b)
        tflite.TensorAddShape(b, axes)
        tflite.TensorAddType(b, TYPES[np.dtype(dtype)])
        tflite.TensorAddBuffer(b, buffer)
        tflite.TensorAddName(b, label)
        if sparsity:
            tflite.TensorAddSparsity(b, sparsity)
        self.tensors.append(tflite.TensorEnd(b))
        return len(self.tensors) - 1

    def op(
        self,
        kind: str,
        inputs: Sequence[int],
        *shapes: Sequence[int],
        table: str = "",
        version: int = 1,
        custom: bytes = b"",
        dtype: Any = np.float32,
        **options: Any,
    ) -> int:
        """Add an operator with outputs of these shapes; return the first one's index."""
        outputs = [self.tensor(shape, dtype) for shape in shapes]
        b = self.b
        built = self._options(table, options) if table else 0
        given = b.CreateNumpyVector(np.asarray(inputs, dtype=np.int32))
        result = b.CreateNumpyVector(np.asarray(outputs, dtype=np.int32))
        extra = b.CreateByteVector(custom) if custom else 0
        code = ("CUSTOM" if custom else kind, kind if custom else "", version)
        if code not in self.codes:
            self.codes.append(code)
        tflite.OperatorStart(b)
        tflite.OperatorAddOpcodeIndex(b, self.codes.index(code))
        tflite.OperatorAddInputs(b, given)
        tflite.OperatorAddOutputs(b, result)
        if built:
            tflite.OperatorAddBuiltinOptionsType(b, getattr(tflite.BuiltinOptions, table))
            tflite.OperatorAddBuiltinOptions(b, built)
        if extra:
            tflite.OperatorAddCustomOptions(b, extra)
        self.operators.append(tflite.OperatorEnd(b))
        return outputs[0]

    def _options(self, table: str, options: dict[str, Any]) -> int:
        getattr(tflite, f"{table}Start")(self.b)
        for field, value in options.items():
            getattr(tflite, f"{table}Add{accessor(field)}")(self.b, value)
        return int(getattr(tflite, f"{table}End")(self.b))

    def _sparsity(self, sparse: Sparse) -> int:
        b = self.b
        levels = []
        for level in sparse.levels:
            vectors = [self._indices(item) for item in (level.segments, level.indices)]
            tflite.DimensionMetadataStart(b)
            compressed = level.segments is not None
            kind = tflite.DimensionType.SPARSE_CSR if compressed else tflite.DimensionType.DENSE
            tflite.DimensionMetadataAddFormat(b, kind)
            tflite.DimensionMetadataAddDenseSize(b, level.size)
            if compressed:
                tflite.DimensionMetadataAddArraySegmentsType(b, vectors[0][0])
                tflite.DimensionMetadataAddArraySegments(b, vectors[0][1])
                tflite.DimensionMetadataAddArrayIndicesType(b, vectors[1][0])
                tflite.DimensionMetadataAddArrayIndices(b, vectors[1][1])
            levels.append(tflite.DimensionMetadataEnd(b))
        order = b.CreateNumpyVector(np.asarray(sparse.order, dtype=np.int32))
        blocks = b.CreateNumpyVector(np.asarray(sparse.block_map, dtype=np.int32))
        stored = self._offsets(levels)
        tflite.SparsityParametersStart(b)
        tflite.SparsityParametersAddTraversalOrder(b, order)
        tflite.SparsityParametersAddBlockMap(b, blocks)
        tflite.SparsityParametersAddDimMetadata(b, stored)
        return int(tflite.SparsityParametersEnd(b))

    def _indices(self, array: Any) -> tuple[int, int]:
        if array is None:
            return 0, 0
        kind = INDICES[array.dtype.str[1:]]
        values = self.b.CreateNumpyVector(array)
        getattr(tflite, f"{kind}Start")(self.b)
        getattr(tflite, f"{kind}AddValues")(self.b, values)
        end = getattr(tflite, f"{kind}End")(self.b)
        return int(getattr(tflite.SparseIndexVector, kind)), int(end)

    def _offsets(self, offsets: Sequence[int]) -> int:
        self.b.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            self.b.PrependUOffsetTRelative(offset)
        return int(self.b.EndVector())

    def done(self, *outputs: int) -> SubModel:
        """Return the model with these outputs."""
        b = self.b
        tensors, operators = self._offsets(self.tensors), self._offsets(self.operators)
        given = b.CreateNumpyVector(np.asarray(self.inputs, dtype=np.int32))
        result = b.CreateNumpyVector(np.asarray(outputs, dtype=np.int32))
        tflite.SubGraphStart(b)
        tflite.SubGraphAddTensors(b, tensors)
        tflite.SubGraphAddInputs(b, given)
        tflite.SubGraphAddOutputs(b, result)
        tflite.SubGraphAddOperators(b, operators)
        subgraphs = self._offsets([tflite.SubGraphEnd(b)])
        buffers = self._offsets([self._buffer(data) for data in self.buffers])
        codes = self._offsets([self._code(*code) for code in self.codes])
        tflite.ModelStart(b)
        tflite.ModelAddVersion(b, 3)
        tflite.ModelAddOperatorCodes(b, codes)
        tflite.ModelAddSubgraphs(b, subgraphs)
        tflite.ModelAddBuffers(b, buffers)
        b.Finish(tflite.ModelEnd(b), file_identifier=b"TFL3")
        blob = bytes(b.Output())
        return SubModel(self.name, f"{self.name}.tflite", hashlib.sha256(blob).hexdigest(), blob)

    def _buffer(self, data: bytes) -> int:
        if data:
            self.b.StartVector(1, len(data), 16)
            self.b.head -= len(data)
            self.b.Bytes[self.b.head : self.b.head + len(data)] = data
            stored = self.b.EndVector()
        tflite.BufferStart(self.b)
        if data:
            tflite.BufferAddData(self.b, stored)
        return int(tflite.BufferEnd(self.b))

    def _code(self, kind: str, custom: str, version: int) -> int:
        number = getattr(tflite.BuiltinOperator, kind)
        name = self.b.CreateString(custom) if custom else 0
        tflite.OperatorCodeStart(self.b)
        tflite.OperatorCodeAddDeprecatedBuiltinCode(self.b, min(number, 127))
        tflite.OperatorCodeAddBuiltinCode(self.b, number)
        tflite.OperatorCodeAddVersion(self.b, version)
        if custom:
            tflite.OperatorCodeAddCustomCode(self.b, name)
        return int(tflite.OperatorCodeEnd(self.b))
