"""Orders of axes: how a tensor lies in ONNX compared with how TFLite has it.

An order is a permutation: axis `i` of what lies there is TFLite's axis `order[i]`. Nothing is moved
until an operator asks for another order than the one that is there.
"""

from __future__ import annotations

from collections.abc import Sequence

Order = tuple[int, ...]
NCHW: Order = (0, 3, 1, 2)
"""Channels first, of TFLite's NHWC."""


def same(rank: int) -> Order:
    """Return TFLite's own order."""
    return tuple(range(rank))


def arranged(shape: Sequence[int], order: Order) -> tuple[int, ...]:
    """Return the shape that a tensor of TFLite's `shape` has in an order."""
    return tuple(shape[axis] for axis in order)


def between(there: Order, requested: Order) -> Order:
    """Return the Transpose that leads from one order to another."""
    return tuple(there.index(axis) for axis in requested)


def transposed(there: Order, by: Order) -> Order:
    """Return the order in which what lies `there` is TFLite's transpose by `by`."""
    return tuple(by.index(axis) for axis in there)


def moves_nothing(shape: Sequence[int], there: Order, requested: Order, batched: bool) -> bool:
    """Return whether both orders have the elements in the same sequence in memory.

    Axes of size 1 don't count, except the batch where it may become larger.
    """

    def long(order: Order) -> list[int]:
        return [axis for axis in order if shape[axis] != 1 or (batched and axis == 0)]

    return long(there) == long(requested)
