"""A .tflite file as typed values; every offset, count, shape and size in it is checked first."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tflite
from mediapipe_jetson.tflite import flat

from jetson_kit.onnx_export import schema
from jetson_kit.onnx_export.bundle import IDENTIFIER, SubModel
from jetson_kit.onnx_export.errors import ModelDamagedError, ModelUnsupportedError

MAX_TENSORS = 20_000
MAX_OPERATORS = 10_000
MAX_LINKS = 100_000
"""Inputs and outputs of all operators together."""
MAX_RANK = 6
MAX_ELEMENTS = 1 << 28
MAX_WEIGHTS = 64 << 20
"""Elements of all constants together, sparse ones spread out."""
MAX_NAME = 4096
# What the flatbuffers runtime raises where offsets and lengths lead out of the file.
LOST = (struct.error, IndexError, ValueError, TypeError, AttributeError, OverflowError)


@dataclass(frozen=True)
class Tensor:
    """A tensor; `data` is a view into the file, None for what is computed.

    The data of a sparse tensor is flat: its stored values, to be spread out by `sparsity`, which is
    the place of its SparsityParameters in the file.
    """

    index: int
    name: str
    shape: tuple[int, ...]
    dtype: str
    data: Any = field(default=None, repr=False)
    sparsity: Any = field(default=None, repr=False)


@dataclass(frozen=True)
class Operator:
    """One step: the schema's name of it, or a custom one's own; -1 is an input left out."""

    index: int
    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Mapping[str, Any]
    custom_options: bytes = b""


@dataclass(frozen=True)
class Graph:
    """A model of one subgraph, its operators in an order in which they can run."""

    model: str
    sha256: str
    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]

    def label(self, operator: Operator) -> str:
        """Return how messages name an operator: its number, its kind, its first output."""
        named = self.tensors[operator.outputs[0]].name if operator.outputs else ""
        return f"operator {operator.index} {operator.name} (tensor {named!r})"


def read(sub_model: SubModel) -> Graph:
    """Return the graph of a model. Raises ModelDamagedError, ModelUnsupportedError."""
    if sub_model.tflite[4:8] != IDENTIFIER:
        raise ModelDamagedError(sub_model.source, "not a TFLite model")
    try:
        graph = _Reader(sub_model).graph()
    except LOST as error:
        raise ModelDamagedError(sub_model.source, f"its tables lead astray: {error}") from error
    _check_order(graph)
    return graph


class _Reader:
    """Walks the flatbuffer; counts are checked before anything is read that often."""

    def __init__(self, sub_model: SubModel) -> None:
        self.source = sub_model.source
        self.sub_model = sub_model
        self.model = tflite.Model.GetRootAs(sub_model.tflite, 0)
        self.weights = 0
        self.links = 0

    def graph(self) -> Graph:
        if self.model.SubgraphsLength() != 1:
            raise self.unsupported(f"{self.model.SubgraphsLength()} subgraphs, not one")
        subgraph = self.model.Subgraphs(0)
        count = self.bounded(subgraph.TensorsLength(), MAX_TENSORS, "tensors")
        tensors = tuple(self.tensor(index, subgraph.Tensors(index)) for index in range(count))
        return Graph(
            self.sub_model.name,
            self.sub_model.sha256,
            tensors,
            tuple(self.operators(subgraph, count)),
            self.indexes(subgraph.InputsAsNumpy(), count),
            self.indexes(subgraph.OutputsAsNumpy(), count),
        )

    def tensor(self, index: int, table: Any) -> Tensor:  # noqa: ANN401
        name = self.text(table.Name()) or f"tensor_{index}"
        rank = self.bounded(table.ShapeLength(), MAX_RANK, "dimensions")
        shape = tuple(int(table.Shape(axis)) for axis in range(rank))
        if min(shape, default=1) < 1 or math.prod(shape) > MAX_ELEMENTS:
            raise self.damaged(f"tensor {name!r} has the shape {list(shape)}")
        dtype = schema.TYPES.get(table.Type(), "")
        buffer = table.Buffer()
        if not 0 <= buffer < self.model.BuffersLength():
            raise self.damaged(f"tensor {name!r} has no buffer {buffer}")
        stored = self.model.Buffers(buffer)
        if stored.Offset() > 1:
            raise self.unsupported(f"tensor {name!r} lies outside of the tables")
        if stored.DataLength() == 0:
            return Tensor(index, name, shape, dtype)
        if dtype not in schema.DTYPES:
            raise self.unsupported(f"tensor {name!r} has the type {dtype or table.Type()}")
        self.weights += math.prod(shape)
        self.bounded(self.weights, MAX_WEIGHTS, "elements of constants")
        raw = stored.DataAsNumpy()
        kind = schema.DTYPES[dtype]
        sparse = table.Sparsity()
        if sparse is not None:
            if raw.nbytes % kind.itemsize:
                raise self.damaged(f"tensor {name!r} has {raw.nbytes} bytes")
            place = flat.Table(sparse._tab.Bytes, sparse._tab.Pos)
            return Tensor(index, name, shape, dtype, raw.view(kind), place)
        if raw.nbytes != math.prod(shape) * kind.itemsize:
            raise self.damaged(f"tensor {name!r} has {raw.nbytes} bytes for {dtype} {list(shape)}")
        return Tensor(index, name, shape, dtype, raw.view(kind).reshape(shape))

    def operators(self, subgraph: Any, tensors: int) -> Iterator[Operator]:  # noqa: ANN401
        codes = self.model.OperatorCodesLength()
        for index in range(self.bounded(subgraph.OperatorsLength(), MAX_OPERATORS, "operators")):
            table = subgraph.Operators(index)
            if not 0 <= table.OpcodeIndex() < codes:
                raise self.damaged(f"operator {index} has no kind {table.OpcodeIndex()}")
            code = self.model.OperatorCodes(table.OpcodeIndex())
            # Old files have the kind in a byte of its own: schema.fbs, OperatorCode.
            kind = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
            name = schema.OPERATORS.get(kind, f"of kind {kind}")
            custom = b""
            if kind == schema.CUSTOM:
                name = self.text(code.CustomCode())
                custom = _bytes(table.CustomOptionsAsNumpy())
            self.links += table.InputsLength() + table.OutputsLength()
            self.bounded(self.links, MAX_LINKS, "links between operators")
            yield Operator(
                index,
                name,
                self.indexes(table.InputsAsNumpy(), tensors, optional=True),
                self.indexes(table.OutputsAsNumpy(), tensors),
                self.options(name, table),
                custom,
            )

    def options(self, name: str, table: Any) -> dict[str, Any]:  # noqa: ANN401
        """Return an operator's options, the schema's defaults where the file has none."""
        if name not in schema.OPTIONS:
            return {}
        kind, fields = schema.OPTIONS[name]
        there = schema.OPTION_TABLES.get(table.BuiltinOptionsType(), "?")
        result = getattr(tflite, kind)()
        union = table.BuiltinOptions()
        if union is None or there == "NONE":
            result.Init(_EMPTY_TABLE, _EMPTY_AT)
        elif there == kind:
            result.Init(union.Bytes, union.Pos)
        else:
            raise self.damaged(f"{name} has {there} for options")
        return {field: getattr(result, schema.accessor(field))() for field in fields}

    def indexes(self, vector: Any, tensors: int, optional: bool = False) -> tuple[int, ...]:  # noqa: ANN401
        listed = (
            () if isinstance(vector, int) else tuple(int(item) for item in vector[: MAX_LINKS + 1])
        )
        if len(listed) > MAX_LINKS or any(
            not (-1 if optional else 0) <= item < tensors for item in listed
        ):
            raise self.damaged("an operator or the graph names a tensor that isn't there")
        return listed

    def text(self, raw: bytes | None) -> str:
        if raw is None:
            return ""
        self.bounded(len(raw), MAX_NAME, "characters of a name")
        return raw.decode("utf-8", errors="replace")

    def bounded(self, count: int, limit: int, what: str) -> int:
        if not 0 <= count <= limit:
            raise self.damaged(f"{count} {what}, more than {limit}")
        return int(count)

    def damaged(self, what: str) -> ModelDamagedError:
        return ModelDamagedError(self.source, what)

    def unsupported(self, what: str) -> ModelUnsupportedError:
        return ModelUnsupportedError(self.source, what)


# A flatbuffer table without fields, at 4: its distance to its vtable, after which that follows.
_EMPTY_TABLE = struct.pack("<HHi", 4, 4, 4)
_EMPTY_AT = 4


def _bytes(vector: Any) -> bytes:  # noqa: ANN401
    return b"" if isinstance(vector, int) else np.asarray(vector).tobytes()


def _check_order(graph: Graph) -> None:
    """Raise ModelDamagedError unless every operator finds its inputs made before it."""
    indexes = {tensor.index for tensor in graph.tensors if tensor.data is not None}
    twice = indexes & {*graph.inputs, *(output for op in graph.operators for output in op.outputs)}
    if twice or len(set(graph.inputs)) != len(graph.inputs):
        raise ModelDamagedError(graph.model, "a tensor is made twice")
    indexes.update(graph.inputs)
    for operator in graph.operators:
        if not operator.outputs:
            raise ModelDamagedError(graph.model, f"{graph.label(operator)} makes nothing")
        if any(item >= 0 and item not in indexes for item in operator.inputs):
            raise ModelDamagedError(
                graph.model, f"{graph.label(operator)} needs what is not made before it"
            )
        if indexes.intersection(operator.outputs):
            raise ModelDamagedError(graph.model, f"{graph.label(operator)} makes a tensor again")
        indexes.update(operator.outputs)
    if not graph.inputs or not graph.outputs or not indexes.issuperset(graph.outputs):
        raise ModelDamagedError(graph.model, "its inputs and outputs do not hang together")
