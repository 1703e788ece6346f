"""Sparse tensors as TFLite stores them, made dense.

Source: SparsityParameters in TFLite's schema.fbs. Dimensions are stored in a traversal order; the
ones from the tensor's rank on are blocks that split a dimension named by the block map. Each is
dense or compressed (CSR: segments of each parent, indices within them).
"""

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
MOST_VALUES = 1 << 24
"""Elements that one sparse tensor may unpack to."""


@dataclass(frozen=True)
class Level:
    """One stored dimension; `segments` and `indices` are None where it is dense."""

    size: int
    segments: Optional[Array] = None
    indices: Optional[Array] = None


def levels(table: Table) -> list[Level]:
    """Return the stored dimensions, outermost first. Raises DamagedError."""
    result = []
    for row in table.tables(DIMENSIONS):
        if row.integer(FORMAT, "b") == 0:
            result.append(Level(row.integer(SIZE)))
            continue
        pair = []
        for kind, field in ((SEGMENTS_TYPE, SEGMENTS), (INDICES_TYPE, INDICES)):
            number = row.integer(kind, "B")
            if number not in KINDS:
                raise DamagedError("a compressed dimension without its vectors")
            pair.append(row.table(field).vector(0, KINDS[number]).astype(np.int64))
        result.append(Level(0, *pair))
    return result


def dense(stored: Array, shape: Sequence[int], table: Table) -> Array:
    """Return the dense tensor of `shape` for its stored values, in their type.

    Raises DamagedError where the parts contradict each other.
    """
    order = table.vector(ORDER).tolist()
    blocks = table.vector(BLOCK_MAP).tolist()
    rank, total = len(shape), math.prod(shape)
    stack = levels(table)
    fits = sorted(order) == list(range(rank + len(blocks))) and len(stack) == len(order)
    split = len(set(blocks)) == len(blocks) and all(0 <= axis < rank for axis in blocks)
    if not fits or not split or total > MOST_VALUES:
        raise DamagedError("a sparse tensor's dimensions contradict its shape")
    sizes = _sizes(shape, blocks, dict(zip(order, stack)))  # noqa: B905 # Python 3.9
    at: list[Any] = [np.zeros(1, np.int64) for _ in order]
    for level, axis in zip(stack, order):  # noqa: B905
        parents = len(at[0])
        if level.segments is None or level.indices is None:
            if parents * level.size > total:
                raise DamagedError("a sparse tensor has more places than its shape")
            repeat: Any = np.full(parents, level.size)
            result = np.tile(np.arange(level.size, dtype=np.int64), parents)
        else:
            repeat, result = np.diff(level.segments), level.indices
            ends = level.segments[[0, -1]].tolist() if len(level.segments) else []
            if len(repeat) != parents or (repeat < 0).any() or ends != [0, len(result)]:
                raise DamagedError("a sparse tensor's segments do not fit")
            if ((result < 0) | (result >= sizes[axis])).any():
                raise DamagedError("a sparse tensor's indices do not fit")
        at = [np.repeat(item, repeat) for item in at]
        at[axis] = result
    if len(at[0]) != len(stored):
        raise DamagedError(f"a sparse tensor has {len(stored)} values for {len(at[0])} places")
    where = at[:rank]
    for block, axis in enumerate(blocks, rank):
        where[axis] = where[axis] * sizes[block] + at[block]
    out: Array = np.zeros(tuple(shape), stored.dtype)
    out[tuple(where)] = stored
    return out


def _sizes(shape: Sequence[int], blocks: Sequence[int], stack: dict[int, Level]) -> list[int]:
    """Return the size of each dimension, the blocks' behind the tensor's own."""
    sizes = [*shape, *(0 for _ in blocks)]
    for block, axis in enumerate(blocks, len(shape)):
        size = stack[block].size
        if size < 1 or shape[axis] % size:
            raise DamagedError("a block does not divide its dimension")
        sizes[block], sizes[axis] = size, shape[axis] // size
    for axis, level in stack.items():
        if level.segments is None and level.size != sizes[axis]:
            raise DamagedError("a dense dimension has another size than the tensor's")
    return sizes
