"""Backends over sub-models: what they take and give, their buffers, their errors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mediapipe_jetson import backends
from mediapipe_jetson.backends.base import InferenceError, InputError, ModelError, SubModel
from mediapipe_jetson.vision import bundles

from tests.vision.near import Bundle

pytestmark = pytest.mark.vision
MODELS = [
    ("face", "face_detector"),
    ("face", "face_landmarks_detector"),
    ("hand", "hand_landmarks_detector"),
    ("pose", "pose_detector"),
    ("pose", "pose_landmarks_detector"),
]


@pytest.fixture(params=["litert", "onnx"])
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    if request.param == "onnx":
        folder: Path = request.getfixturevalue("onnx_folder")
        monkeypatch.setenv("MEDIAPIPE_JETSON_ENGINES", f"/nowhere:{folder}")
    result = backends.create(request.param)
    assert result.available() == ""
    return result


def model(bundle: Bundle, name: str, part: str) -> SubModel:
    return bundles.read(bundle(name), None).sub_models([part])[part]


@pytest.mark.parametrize(("name", "part"), MODELS)
def test_backends_agree_in_tflites_order(
    name: str, part: str, backend: Any, bundle: Bundle
) -> None:
    reference = backends.create("litert").load(model(bundle, name, part), 1)
    session = backend.load(model(bundle, name, part), 1)
    assert [spec.shape for spec in session.inputs] == [spec.shape for spec in reference.inputs]
    assert [spec.shape for spec in session.outputs] == [spec.shape for spec in reference.outputs]
    chance = np.random.default_rng(1)
    given = chance.random(session.inputs[0].shape, np.float32)
    expected = [item.copy() for item in reference.run([given])]
    for expected_output, output in zip(expected, session.run([given]), strict=True):
        scale = max(1.0, float(np.abs(expected_output).max()))
        assert np.abs(expected_output - output).max() / scale < 0.01
    session.close()
    reference.close()


def test_a_sessions_own_buffer_gives_the_same_as_an_array(backend: Any, bundle: Bundle) -> None:
    session = backend.load(model(bundle, "face", "face_landmarks_detector"), 1)
    given = np.random.default_rng(2).random(session.inputs[0].shape, np.float32)
    first = [item.copy() for item in session.run([given])]
    session.buffers[0][:] = 0
    session.run(session.buffers)
    session.buffers[0][:] = given
    second = session.run(session.buffers)
    for left, right in zip(first, second, strict=True):
        assert np.array_equal(left, right)
    session.close()


@pytest.mark.parametrize(
    "wrong",
    [[], [np.zeros((1, 128, 128, 3), np.float64)], [np.zeros((1, 3, 128, 128), np.float32)]],
)
def test_a_wrong_input_is_named_and_the_session_lives_on(
    wrong: list[Any], backend: Any, bundle: Bundle
) -> None:
    session = backend.load(model(bundle, "face", "face_detector"), 1)
    with pytest.raises(InputError):
        session.run(wrong)
    assert len(session.run(session.buffers)) == 2
    session.close()


def test_a_closed_session_says_so(backend: Any, bundle: Bundle) -> None:
    session = backend.load(model(bundle, "face", "face_detector"), 1)
    given = np.zeros((1, 128, 128, 3), np.float32)
    session.close()
    session.close()
    with pytest.raises(InferenceError, match="closed"):
        session.run([given])


def test_litert_refuses_what_is_no_model() -> None:
    with pytest.raises(ModelError, match="litert can't load it"):
        backends.create("litert").load(SubModel.of("it", b"no model"), 1)


def test_onnx_says_which_file_it_lacks(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDIAPIPE_JETSON_ENGINES", str(tmp_path))
    with pytest.raises(ModelError, match=r"face_detector-b4578f35940b-fp32\.onnx"):
        backends.create("onnx").load(model(bundle, "face", "face_detector"), 1)


def test_onnx_refuses_the_file_of_another_model(
    bundle: Bundle, onnx_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sub_model = model(bundle, "face", "face_detector")
    (other,) = onnx_folder.glob("hand_detector-*-fp32.onnx")
    file = tmp_path / f"face_detector-{sub_model.sha256[:12]}-fp32.onnx"
    file.write_bytes(other.read_bytes())
    monkeypatch.setenv("MEDIAPIPE_JETSON_ENGINES", str(tmp_path))
    with pytest.raises(ModelError, match="it was made of 945f713bc235"):
        backends.create("onnx").load(sub_model, 1)
    file.write_bytes(b"no model")
    with pytest.raises(ModelError, match="can't be used for face_detector"):
        backends.create("onnx").load(sub_model, 1)
