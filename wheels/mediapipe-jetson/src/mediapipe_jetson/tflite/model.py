"""A TFLite model's inputs and outputs, and the model with its sparse weights made dense.

Field numbers are those of TFLite's schema.fbs.
"""

from __future__ import annotations

import struct

import numpy as np

from mediapipe_jetson.backends.base import TensorSpec
from mediapipe_jetson.tflite import sparse
from mediapipe_jetson.tflite.flat import OFFSET, DamagedError, Data, Table, number, root

IDENTIFIER = b"TFL3"
CODES, GRAPHS, BUFFERS = 1, 2, 4  # Model
TENSORS, INPUTS, OUTPUTS, OPERATORS = range(4)  # SubGraph
SHAPE, TYPE, BUFFER, NAME, SPARSITY = 0, 1, 2, 3, 6  # Tensor
CODE, TAKES, GIVES = range(3)  # Operator
OLD_CODE, NEW_CODE = 0, 3  # OperatorCode
DENSIFY = 124
DTYPES = {0: "float32", 1: "float16", 2: "int32", 3: "uint8", 4: "int64", 6: "bool", 9: "int8"}
ALIGNMENT = 16


def graph(data: Data) -> Table:
    """Return the model's only graph. Raises DamagedError."""
    graphs = root(data, IDENTIFIER).tables(GRAPHS)
    if len(graphs) != 1:
        raise DamagedError(f"a model with {len(graphs)} graphs, where one is expected")
    return graphs[0]


def specs(data: bytes) -> tuple[tuple[TensorSpec, ...], tuple[TensorSpec, ...]]:
    """Return inputs and outputs in TFLite's order. Raises DamagedError."""
    only = graph(data)
    tensors = only.tables(TENSORS)

    def of(field: int) -> tuple[TensorSpec, ...]:
        return tuple(_spec(tensors[index]) for index in only.vector(field).tolist())

    try:
        return of(INPUTS), of(OUTPUTS)
    except IndexError as error:
        raise DamagedError("an input or output is no tensor of the graph") from error


def _spec(tensor: Table) -> TensorSpec:
    kind = tensor.integer(TYPE, "b")
    shape = tuple(int(size) for size in tensor.vector(SHAPE))
    return TensorSpec(tensor.text(NAME), shape, DTYPES.get(kind, f"type {kind}"))


def densified(data: bytes) -> bytes:
    """Return the model without DENSIFY operators: its sparse weights stored dense.

    The same bytes where it has none. The dense weights come behind the file, the operators are
    taken out of their vector, and who read an operator's output reads the weights themselves.
    Raises DamagedError.
    """
    codes = [_code(row) for row in root(data, IDENTIFIER).tables(CODES)]
    if DENSIFY not in codes:
        return data
    out = bytearray(data)
    only = graph(out)
    tensors, buffers = only.tables(TENSORS), root(out, IDENTIFIER).tables(BUFFERS)
    operators = only.tables(OPERATORS)
    try:
        gone = [row for row in operators if codes[row.integer(CODE, "I")] == DENSIFY]
        instead = {}
        for row in gone:
            (source,), (target,) = row.vector(TAKES).tolist(), row.vector(GIVES).tolist()
            instead[target] = source
            _spread(out, tensors[source], buffers)
        # Their layout is shared, with other sparse tensors alone.
        for source in instead.values():
            struct.pack_into("<H", out, tensors[source].slot(SPARSITY), 0)
    except (IndexError, ValueError) as error:
        raise DamagedError(f"an operator that makes weights dense is damaged: {error}") from error
    left = [row for row in operators if row not in gone]
    for row in left:
        _read_instead(out, row, instead)
    vector = only.target(OPERATORS)
    struct.pack_into("<I", out, vector, len(left))
    for index, row in enumerate(left):
        place = vector + OFFSET * (index + 1)
        struct.pack_into("<I", out, place, row.at - place)
    return bytes(out)


def _code(row: Table) -> int:
    return max(row.integer(OLD_CODE, "b"), row.integer(NEW_CODE))


def _spread(out: bytearray, tensor: Table, buffers: list[Table]) -> None:
    """Store one tensor's values dense, behind the file."""
    kind = DTYPES.get(tensor.integer(TYPE, "b"), "")
    if kind not in ("float32", "float16"):
        raise DamagedError(f"sparse weights of the type {kind or 'unknown'}")
    buffer = buffers[tensor.integer(BUFFER, "I")]
    shape = tensor.vector(SHAPE).tolist()
    stored = np.frombuffer(bytes(buffer.vector(0, np.uint8)), kind)
    values = sparse.dense(stored, shape, tensor.table(SPARSITY)).tobytes()
    out += bytes(-(len(out) + OFFSET) % ALIGNMENT)
    place = buffer.place(0)
    struct.pack_into("<I", out, place, len(out) - place)
    out += struct.pack("<I", len(values)) + values


def _read_instead(out: bytearray, operator: Table, instead: dict[int, int]) -> None:
    vector = operator.target(TAKES)
    for index in range(number(out, vector, "I") if vector else 0):
        place = vector + OFFSET * (index + 1)
        before = number(out, place, "i")
        struct.pack_into("<i", out, place, instead.get(before, before))
