"""A part of a TFLite model as a model of its own: some of its operators, other inputs and outputs.

The file stays as it is but for its lists of operators, inputs and outputs, so no tensor moves.
Layout after flatbuffers' internals and TFLite's schema.fbs.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from mediapipe_jetson.backends.base import ModelError

WORD = struct.Struct("<I")
SUBGRAPHS = 2  # field of Model
INPUTS, OUTPUTS, OPERATORS = 1, 2, 3  # fields of SubGraph
IDENTIFIER = b"TFL3"


def part(
    model: bytes,
    operators: Sequence[tuple[int, int]],
    outputs: Sequence[int],
    inputs: Sequence[int] = (),
) -> bytes:
    """Return a model of ranges of operators, with tensors by number as inputs and outputs.

    Without `inputs` those of the whole stay. Raises ModelError for what is no TFLite model of one
    subgraph, or has not so many operators.
    """
    if model[4:8] != IDENTIFIER:
        raise ModelError("not a TFLite model")
    data = bytearray(model)
    try:
        graphs = _follow(data, _field(data, _follow(data, 0), SUBGRAPHS))
        if _read(data, graphs) != 1:
            raise ModelError("a model of more than one subgraph can't be cut")
        graph = _follow(data, graphs + WORD.size)
        _keep(data, _follow(data, _field(data, graph, OPERATORS)), operators)
        _replace(data, _field(data, graph, OUTPUTS), outputs)
        if inputs:
            _replace(data, _field(data, graph, INPUTS), inputs)
    except struct.error as error:
        raise ModelError(f"a damaged TFLite model: {error}") from error
    return bytes(data)


def _read(data: bytearray, place: int) -> int:
    (value,) = WORD.unpack_from(data, place)
    return int(value)


def _follow(data: bytearray, place: int) -> int:
    return place + _read(data, place)


def _field(data: bytearray, table: int, number: int) -> int:
    """Return where a table keeps a field; raise ModelError."""
    (back,) = struct.unpack_from("<i", data, table)
    start = table - back
    (size,) = struct.unpack_from("<H", data, start)
    slot = 4 + 2 * number
    offset = struct.unpack_from("<H", data, start + slot)[0] if slot < size else 0
    if not offset:
        raise ModelError("a TFLite model without operators, inputs or outputs")
    return table + int(offset)


def _keep(data: bytearray, vector: int, ranges: Sequence[tuple[int, int]]) -> None:
    """Leave only some entries of a vector of tables; offsets are from the entry's own place."""
    count = _read(data, vector)
    places = [vector + WORD.size * (1 + index) for index in range(count)]
    targets = [_follow(data, place) for place in places]
    remaining = [targets[index] for start, end in ranges for index in range(start, min(end, count))]
    if len(remaining) != sum(end - start for start, end in ranges):
        raise ModelError(f"a TFLite model of {count} operators has not those to keep")
    for place, target in zip(places, remaining):  # noqa: B905 # Python 3.9; entries are left over
        WORD.pack_into(data, place, target - place)
    WORD.pack_into(data, vector, len(remaining))


def _replace(data: bytearray, field: int, tensors: Sequence[int]) -> None:
    """Let a field refer to a new vector at the end of the file."""
    data += bytes(-len(data) % WORD.size)
    WORD.pack_into(data, field, len(data) - field)
    data += struct.pack(f"<I{len(tensors)}i", len(tensors), *tensors)
