"""Every operator's handler, on small models of its own, judged by TFLite."""

from __future__ import annotations

import numpy as np
import pytest

from jetson_kit.onnx_export import export, runners
from jetson_kit.onnx_export.bundle import SubModel
from jetson_kit.onnx_export.errors import ModelUnsupportedError
from jetson_kit.onnx_export.ops import registry
from jetson_kit.onnx_export.options import Options
from tests.engines.operator_cases import CASES
from tests.engines.tiny import Tiny

pytestmark = pytest.mark.engines


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("layout", ["nhwc", "nchw"])
def test_onnx_gives_what_tflite_gives(name: str, layout: str) -> None:
    compare(CASES[name][0](), Options("fp32", layout, "1"), 2e-6)


@pytest.mark.parametrize("name", [name for name, (_, dynamic) in CASES.items() if dynamic])
def test_an_open_batch_gives_what_single_runs_give(name: str) -> None:
    compare(CASES[name][0](), Options("fp32", "nhwc", "dynamic"), 2e-6, batch=3)


@pytest.mark.parametrize("name", [name for name, (_, dynamic) in CASES.items() if not dynamic])
def test_what_keeps_the_batch_at_one_says_so(name: str) -> None:
    with pytest.raises(ModelUnsupportedError, match=r"operator 0 RESIZE_BILINEAR \(tensor 't2'\)"):
        export.export(CASES[name][0](), Options("fp32", "nhwc", "dynamic"))


@pytest.mark.parametrize("name", CASES)
def test_half_precision_comes_near(name: str) -> None:
    compare(CASES[name][0](), Options("fp16", "nhwc", "1"), 4e-3)


def compare(sub_model: SubModel, options: Options, tolerance: float, batch: int = 1) -> None:
    reference = sub_model.name != "tiny" or b"Convolution2DTransposeBias" not in sub_model.tflite
    lite = runners.Lite(sub_model, reference=reference)
    source = np.random.default_rng(7)
    given = [
        [(source.normal(0, 2, shape)).astype(np.float32) for shape in lite.shapes]
        for _ in range(batch)
    ]
    for arrays in given:  # nothing is near 0 that something is divided by
        arrays[1:] = [np.sign(array) * (np.abs(array) + 0.5) for array in arrays[1:]]
    expected = [lite.run(arrays) for arrays in given]
    run = runners.onnx_run(runners.session(export.export(sub_model, options)), options.layout)
    result = run([np.concatenate(column) for column in zip(*given, strict=True)])
    for output, array in enumerate(result):
        for place, item in enumerate(expected):
            there = array[place : place + 1] if batch > 1 else array
            if batch > 1 and there.ndim > item[output].ndim:
                there = there[0]
            assert there.shape == item[output].shape
            scale = max(1.0, float(np.abs(item[output]).max()))
            np.testing.assert_allclose(there, item[output], rtol=0, atol=tolerance * scale)


def test_every_handler_has_a_case() -> None:
    named = {name.split()[0] for name in CASES}
    # DENSIFY has a file of its own.
    assert set(registry.handlers()) - named == {"DENSIFY"}


def test_an_unknown_operator_is_named_with_its_tensor_and_model() -> None:
    t = Tiny("strange")
    x = t.input(1, 4)
    sub_model = t.done(t.op("COS", [x], (1, 4), table="CosOptions"))
    with pytest.raises(ModelUnsupportedError) as caught:
        export.export(sub_model, Options())
    assert caught.value.message == (
        "strange: operator 0 COS (tensor 't1'): no handler knows this operator"
    )


def test_an_unknown_custom_operator_is_named_by_its_own_name() -> None:
    t = Tiny("strange")
    x = t.input(1, 4)
    sub_model = t.done(t.op("MyOwnThing", [x], (1, 4), custom=b"1234"))
    with pytest.raises(ModelUnsupportedError, match="operator 0 MyOwnThing"):
        export.export(sub_model, Options())
