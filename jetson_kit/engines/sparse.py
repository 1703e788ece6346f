"""Sparse constants: where each stored value belongs in the dense tensor.

Source: SparsityParameters in TFLite's schema.fbs. Dimensions are stored in a traversal order; the
ones from the tensor's rank on are blocks that split a dimension named by the block map. Each is
dense or compressed (CSR: segments of each parent, indices within them).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tflite

MAX_SPREAD = 1 << 24
"""Elements that one sparse tensor may unpack to."""
VECTORS = {
    int(tflite.SparseIndexVector.Int32Vector): tflite.Int32Vector,
    int(tflite.SparseIndexVector.Uint16Vector): tflite.Uint16Vector,
    int(tflite.SparseIndexVector.Uint8Vector): tflite.Uint8Vector,
}


@dataclass(frozen=True)
class Level:
    """One stored dimension; `segments` and `indices` are None where it is dense."""

    size: int
    segments: Any = field(default=None, repr=False)
    indices: Any = field(default=None, repr=False)


@dataclass(frozen=True)
class Sparsity:
    """The stored dimensions of a tensor, outermost first, as `order` names them."""

    order: tuple[int, ...]
    block_map: tuple[int, ...]
    levels: tuple[Level, ...] = field(repr=False)


def read_sparsity(table: Any, shape: tuple[int, ...], limit: int) -> Sparsity:  # noqa: ANN401
    """Return the sparsity of a tensor of `shape`; no vector is longer than `limit`.

    Raises ValueError where it contradicts itself.
    """
    depth = table.TraversalOrderLength()
    if depth != table.DimMetadataLength() or not len(shape) <= depth <= 2 * len(shape):
        raise ValueError("a sparse tensor's dimensions contradict its shape")
    order = tuple(int(table.TraversalOrder(level)) for level in range(depth))
    blocks = table.BlockMapLength()
    if sorted(order) != list(range(depth)) or blocks != depth - len(shape):
        raise ValueError("a sparse tensor's traversal order is no permutation")
    block_map = tuple(int(table.BlockMap(block)) for block in range(blocks))
    if len(set(block_map)) != blocks or any(not 0 <= axis < len(shape) for axis in block_map):
        raise ValueError("a sparse tensor's block map names no dimension")
    levels = tuple(_level(table.DimMetadata(level), limit) for level in range(depth))
    return Sparsity(order, block_map, levels)


def _level(table: Any, limit: int) -> Level:  # noqa: ANN401
    if table.Format() == tflite.DimensionType.DENSE:
        if not 0 < table.DenseSize() <= MAX_SPREAD:
            raise ValueError(f"a dense dimension of {table.DenseSize()}")
        return Level(int(table.DenseSize()))
    segments = _vector(table.ArraySegments(), table.ArraySegmentsType(), limit)
    indices = _vector(table.ArrayIndices(), table.ArrayIndicesType(), limit)
    return Level(0, segments, indices)


def _vector(union: Any, kind: int, limit: int) -> Any:  # noqa: ANN401
    if union is None or kind not in VECTORS:
        raise ValueError("a compressed dimension without its vectors")
    found = VECTORS[kind]()
    found.Init(union.Bytes, union.Pos)
    if not 0 < found.ValuesLength() <= limit:
        raise ValueError(f"a vector of {found.ValuesLength()} indices")
    return found.ValuesAsNumpy()


def spread(stored: Any, shape: tuple[int, ...], sparsity: Sparsity) -> Any:  # noqa: ANN401
    """Return the dense tensor of `shape` for its stored values, in their type.

    Raises ValueError where segments, indices and the number of values contradict each other.
    """
    total = math.prod(shape)
    if total > MAX_SPREAD:
        raise ValueError(f"a sparse tensor unpacks to {total} values, more than {MAX_SPREAD}")
    sizes = _sizes(shape, sparsity)
    at: list[Any] = [np.zeros(1, dtype=np.int64) for _ in sizes]
    for level, axis in zip(sparsity.levels, sparsity.order, strict=True):
        parents = len(at[0])
        if level.segments is None:
            if parents * level.size > total:
                raise ValueError("a sparse tensor has more places than its shape")
            repeat = np.full(parents, level.size)
            found = np.tile(np.arange(level.size, dtype=np.int64), parents)
        else:
            repeat, found = _compressed(level, parents, sizes[axis])
        at = [np.repeat(one, repeat) for one in at]
        at[axis] = found
    if len(at[0]) != len(stored):
        raise ValueError(f"a sparse tensor has {len(stored)} values for {len(at[0])} places")
    rank = len(shape)
    where = at[:rank]
    for block, axis in enumerate(sparsity.block_map):
        where[axis] = where[axis] * sizes[rank + block] + at[rank + block]
    dense = np.zeros(shape, dtype=stored.dtype)
    dense[tuple(where)] = stored
    return dense


def _sizes(shape: tuple[int, ...], sparsity: Sparsity) -> list[int]:
    """Return the size of each dimension, the blocks' behind the tensor's own."""
    sizes = [*shape, *(0 for _ in sparsity.block_map)]
    stored = dict(zip(sparsity.order, sparsity.levels, strict=True))
    for block, axis in enumerate(sparsity.block_map, len(shape)):
        size = stored[block].size
        if size < 1 or shape[axis] % size:
            raise ValueError("a block does not divide its dimension")
        sizes[block], sizes[axis] = size, shape[axis] // size
    for axis, level in stored.items():
        if level.segments is None and level.size != sizes[axis]:
            raise ValueError("a dense dimension has another size than the tensor's")
    return sizes


def _compressed(level: Level, parents: int, size: int) -> tuple[Any, Any]:
    """Return how many entries each parent has, and each entry's index."""
    segments = level.segments.astype(np.int64)
    found = level.indices.astype(np.int64)
    repeat = np.diff(segments)
    if len(repeat) != parents or segments[0] != 0 or (repeat < 0).any():
        raise ValueError("a sparse tensor's segments do not fit")
    if segments[-1] != len(found) or (found < 0).any() or (found >= size).any():
        raise ValueError("a sparse tensor's indices do not fit")
    return repeat, found
