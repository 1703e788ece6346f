"""Sparse tensors as TFLite stores them, made dense (SparsityParameters, FormatConverter)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Optional

import numpy as np

from mediapipe_jetson.tflite.flat import DamagedError, Table

if TYPE_CHECKING:
    from mediapipe_jetson.backends.base import Array

# Fields of SparsityParameters and of DimensionMetadata.
ORDER, BLOCK_MAP, DIMENSIONS = range(3)
FORMAT, SIZE, SEGMENTS_TYPE, SEGMENTS, INDICES_TYPE, INDICES = range(6)
KINDS = {1: np.int32, 2: np.uint16, 3: np.uint8}
MOST_VALUES = 1 << 26


@dataclass(frozen=True)
class Level:
    """One stored dimension; `segments` and `indices` are None where it is dense."""

    size: int
    segments: Optional[Array] = None
    indices: Optional[Array] = None


def levels(table: Table) -> list[Level]:
    """Return the stored dimensions, outermost first. Raises DamagedError."""
    found = []
    for row in table.tables(DIMENSIONS):
        if row.integer(FORMAT, "b") == 0:
            found.append(Level(row.integer(SIZE)))
            continue
        pair = []
        for kind, field in ((SEGMENTS_TYPE, SEGMENTS), (INDICES_TYPE, INDICES)):
            number = row.integer(kind, "B")
            if number not in KINDS:
                raise DamagedError("a compressed dimension without its vectors")
            pair.append(row.table(field).vector(0, KINDS[number]).astype(np.int64))
        found.append(Level(0, *pair))
    return found


def dense(stored: Array, shape: Sequence[int], table: Table) -> Array:
    """Return the dense tensor of `shape` for its stored values, in their type.

    Raises DamagedError where the parts contradict each other.
    """
    order = table.vector(ORDER).tolist()
    blocks = table.vector(BLOCK_MAP).tolist()
    rank, total = len(shape), math.prod(shape)
    stack = levels(table)
    fits = sorted(order) == list(range(rank + len(blocks))) and len(stack) == len(order)
    if not fits or any(not 0 <= axis < rank for axis in blocks) or total > MOST_VALUES:
        raise DamagedError("a sparse tensor's dimensions contradict its shape")
    at: list[Any] = [np.zeros(1, np.int64) for _ in order]
    for level, axis in zip(stack, order):  # noqa: B905 # Python 3.9
        parents = len(at[0])
        if level.segments is None or level.indices is None:
            if level.size < 1 or parents * level.size > total:
                raise DamagedError("a sparse tensor has more places than its shape")
            repeat: Any = np.full(parents, level.size)
            found = np.tile(np.arange(level.size, dtype=np.int64), parents)
        else:
            repeat, found = np.diff(level.segments), level.indices
            ends = level.segments[[0, -1]].tolist() if len(level.segments) else []
            if len(repeat) != parents or (repeat < 0).any() or ends != [0, len(found)]:
                raise DamagedError("a sparse tensor's segments do not fit")
        at = [np.repeat(one, repeat) for one in at]
        at[axis] = found
    where = at[:rank]
    sizes = {axis: level.size for level, axis in zip(stack, order)}  # noqa: B905
    for block, axis in enumerate(blocks, rank):
        where[axis] = where[axis] * sizes[block] + at[block]
    inside = all(((one >= 0) & (one < size)).all() for one, size in zip(where, shape))  # noqa: B905
    if len(where[0]) != len(stored) or not inside:
        raise DamagedError(f"a sparse tensor has {len(stored)} values for other places")
    out: Array = np.zeros(tuple(shape), stored.dtype)
    out[tuple(where)] = stored
    return out
