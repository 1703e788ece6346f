"""Sparse constants: orders, blocks, compressed and dense dimensions, and contradictions in them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from jetson_kit.onnx_export import export, runners
from jetson_kit.onnx_export.bundle import SubModel
from jetson_kit.onnx_export.errors import ModelDamagedError, ModelUnsupportedError
from jetson_kit.onnx_export.options import Options
from tests.engines.tiny import Compressed, Sparse, Tiny

pytestmark = pytest.mark.engines

SHAPE = (4, 6)


def dense() -> Any:
    source = np.random.default_rng(3)
    return np.where(source.random(SHAPE) < 0.5, source.normal(size=SHAPE), 0).astype(np.float16)


def compressed(rows: Any, kind: str) -> tuple[Compressed, Any]:
    """Return the compressed last dimension of what has rows, and its values."""
    filled = [np.flatnonzero(row) for row in rows]
    segments = np.cumsum([0, *(len(item) for item in filled)])
    values = np.concatenate([row[item] for row, item in zip(rows, filled, strict=True)])
    return Compressed(0, segments.astype(kind), np.concatenate(filled).astype(kind)), values


def by_rows() -> tuple[Sparse, Any]:
    level, values = compressed(dense(), "<u1")
    return Sparse((0, 1), (Compressed(SHAPE[0]), level)), values


def by_columns() -> tuple[Sparse, Any]:
    level, values = compressed(dense().T, "<u2")
    return Sparse((1, 0), (Compressed(SHAPE[1]), level)), values


def by_blocks() -> tuple[Sparse, Any]:
    """Blocks of 2 x 3, those with a number in them stored whole."""
    blocks = dense().reshape(2, 2, 2, 3).transpose(0, 2, 1, 3).reshape(2, 2, 6)
    filled = [np.flatnonzero(row.any(axis=1)) for row in blocks]
    segments = np.cumsum([0, *(len(item) for item in filled)])
    level = Compressed(0, segments.astype("<i4"), np.concatenate(filled).astype("<i4"))
    values = np.concatenate([row[item].ravel() for row, item in zip(blocks, filled, strict=True)])
    order = (0, 1, 2, 3)
    return Sparse(order, (Compressed(2), level, Compressed(2), Compressed(3)), (0, 1)), values


STORED = {"rows": by_rows, "columns": by_columns, "blocks": by_blocks}


def model(sparse: Sparse, values: Any) -> SubModel:
    t = Tiny()
    x = t.input(1, SHAPE[1])
    stored = t.constant(values, sparse, SHAPE)
    whole = t.op("DENSIFY", [stored], SHAPE, table="DensifyOptions", dtype=np.float16)
    weights = t.op("DEQUANTIZE", [whole], SHAPE)
    y = t.op("FULLY_CONNECTED", [x, weights, -1], (1, 4), table="FullyConnectedOptions", version=6)
    return t.done(y)


@pytest.mark.parametrize("stored", STORED)
def test_a_sparse_constant_is_spread_out(stored: str) -> None:
    blob = export.export(model(*STORED[stored]()), Options())
    (result,) = runners.onnx_run(runners.session(blob))([np.eye(1, 6, 2, dtype=np.float32)])
    np.testing.assert_array_equal(result[0], dense().astype(np.float32)[:, 2])


def test_tflite_reads_it_alike() -> None:
    """TFLite's DENSIFY takes rows alone, which is how MediaPipe's models are stored."""
    sub_model = model(*by_rows())
    given = [np.arange(6, dtype=np.float32)[None]]
    (expected,) = runners.Lite(sub_model).run(given)
    (result,) = runners.onnx_run(runners.session(export.export(sub_model, Options())))(given)
    np.testing.assert_allclose(result, expected, rtol=1e-6, atol=1e-6)


def test_a_sparse_constant_that_nothing_spreads_out_is_told() -> None:
    t = Tiny()
    x = t.input(*SHAPE)
    sparse, values = by_rows()
    stored = t.constant(values, sparse, SHAPE)
    sub_model = t.done(t.op("ADD", [x, stored], SHAPE, table="AddOptions"))
    with pytest.raises(ModelUnsupportedError, match="reads a sparse constant"):
        export.export(sub_model, Options())


LEVEL = by_rows()[0].levels[1]


@pytest.mark.parametrize(
    ("sparse", "cut"),
    [
        (by_rows()[0], 1),
        (Sparse((0, 1), (Compressed(4), replace(LEVEL, indices=LEVEL.indices + 3))), 0),
        (Sparse((0, 1), (Compressed(4), replace(LEVEL, segments=LEVEL.segments[::-1].copy()))), 0),
        (Sparse((0, 1), (Compressed(4), replace(LEVEL, segments=LEVEL.segments[:-1]))), 0),
        (Sparse((0, 1), (Compressed(3), LEVEL)), 0),
        (Sparse((0, 0), (Compressed(4), LEVEL)), 0),
        (Sparse((0, 1), (Compressed(4), Compressed(6))), 0),
        (Sparse((0, 1, 2), (Compressed(4), LEVEL, Compressed(5)), (1,)), 0),
        (Sparse((0, 1, 2), (Compressed(4), LEVEL, Compressed(2)), (7,)), 0),
        (replace(by_blocks()[0], block_map=(1, 1)), 0),
        (replace(by_blocks()[0], block_map=(-1, 1)), 0),
        (Sparse((0, 1, 2), (Compressed(4), LEVEL, LEVEL), (1,)), 0),
    ],
    ids=[
        "a value is missing",
        "an index beyond",
        "segments fall",
        "a segment is missing",
        "another size",
        "an axis twice",
        "all dense with too few values",
        "a block that does not divide",
        "a block of no axis",
        "two blocks of an axis",
        "a block of an axis before the first",
        "a compressed block",
    ],
)
def test_a_contradiction_is_damage(sparse: Sparse, cut: int) -> None:
    values = by_rows()[1]
    with pytest.raises(ModelDamagedError):
        export.export(model(sparse, values[: len(values) - cut]), Options())
