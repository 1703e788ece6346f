"""The emulation of fp16 on a processor that has none."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from jetson_kit.onnx_export import half, runners

pytestmark = pytest.mark.engines


def through_half(values: Any) -> Any:
    """Return what a model makes of values that casts them to fp16 and back, emulated."""
    nodes = [
        helper.make_node("Cast", ["x"], ["h"], to=TensorProto.FLOAT16),
        helper.make_node("Cast", ["h"], ["y"], to=TensorProto.FLOAT),
    ]
    tensors = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [len(values)]) for name in "xy"
    ]
    graph = helper.make_graph(nodes, "g", tensors[:1], tensors[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)
    onnx.checker.check_model(model)
    session = runners.session(half.emulated(model.SerializeToString()))
    return session.run(None, {"x": values})[0]


def test_it_rounds_as_fp16_does() -> None:
    source = np.random.default_rng(1)
    values = (source.normal(size=4000) * 10.0 ** source.integers(-4, 4, 4000)).astype(np.float32)
    values = values[np.abs(values) > np.finfo(np.float16).smallest_normal]
    np.testing.assert_array_equal(through_half(values), values.astype(np.float16))


def test_ties_and_the_largest_number_stay_right() -> None:
    values = np.array([2048, 2049, 2051, 65504, 65519, -65504, 0], dtype=np.float32)
    np.testing.assert_array_equal(through_half(values), values.astype(np.float16))


def test_what_fp16_cannot_hold_is_infinite() -> None:
    values = np.array([65520, 1e6, -1e6], dtype=np.float32)
    np.testing.assert_array_equal(through_half(values), [np.inf, np.inf, -np.inf])
