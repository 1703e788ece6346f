"""TFLite files as bytes: inputs and outputs, and sparse weights made dense, judged by LiteRT."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from mediapipe_jetson import backends
from mediapipe_jetson.backends.base import ModelError, SubModel
from mediapipe_jetson.tflite import model
from mediapipe_jetson.tflite.flat import DamagedError
from mediapipe_jetson.vision import bundles

from tests.vision.near import Bundle

pytestmark = pytest.mark.vision
PARTS = [
    ("face", "face_detector"),
    ("face", "face_landmarks_detector"),
    ("face", "face_blendshapes"),
    ("hand", "hand_detector"),
    ("pose", "pose_detector"),
    ("pose", "pose_landmarks_detector"),
]


def content(bundle: Bundle, name: str, part: str) -> bytes:
    return bundles.read(bundle(name), None).sub_models([part])[part].tflite


def ran(tflite: bytes) -> tuple[Any, tuple[Any, ...]]:
    session = backends.create("litert").load(SubModel.of("it", tflite), 1)
    given = [
        np.random.default_rng(1).random(tensor_spec.shape, np.float32)
        for tensor_spec in session.inputs
    ]
    return session, tuple(item.copy() for item in session.run(given))


@pytest.mark.parametrize(("name", "part"), PARTS)
def test_inputs_and_outputs_are_as_litert_says(name: str, part: str, bundle: Bundle) -> None:
    tflite = content(bundle, name, part)
    session, _ = ran(tflite)
    assert model.specs(tflite) == (session.inputs, session.outputs)
    session.close()


def test_dense_weights_give_the_same_numbers(bundle: Bundle) -> None:
    sparse = content(bundle, "pose", "pose_detector")
    dense = model.densified(sparse)
    assert len(dense) > 2 * len(sparse)
    assert model.densified(dense)[: len(sparse)] == dense[: len(sparse)]
    (_, before), (_, after) = ran(sparse), ran(dense)
    for item, other in zip(before, after, strict=True):
        assert np.abs(item).max() > 1
        np.testing.assert_array_equal(item, other)


def test_a_model_without_sparse_weights_stays_as_it_is(bundle: Bundle) -> None:
    tflite = content(bundle, "face", "face_detector")
    assert model.densified(tflite) is tflite


@pytest.mark.parametrize("damage", [b"", b"TFL3", b"\0" * 64, b"\xff" * 64, b"\x1c\0\0\0TFL3"])
def test_what_is_no_model_is_refused(damage: bytes) -> None:
    for work in (model.specs, model.densified):
        with pytest.raises(DamagedError):
            work(damage)
    with pytest.raises(ModelError):
        backends.create("litert-gpu").load(SubModel.of("it", damage), 1)


def test_a_damaged_model_is_a_typed_error_or_a_model(bundle: Bundle) -> None:
    whole = content(bundle, "pose", "pose_detector")
    chance = random.Random(1)  # noqa: S311
    for _ in range(60):
        damaged = bytearray(whole[: chance.choice([len(whole), chance.randrange(len(whole))])])
        for _ in range(8):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        try:
            model.specs(bytes(damaged))
            model.densified(bytes(damaged))
        except DamagedError:
            pass
