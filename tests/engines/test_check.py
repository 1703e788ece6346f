"""The published models, in both precisions and layouts, fixed and open batch: judged for real."""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import onnx
import pytest
from mediapipe_jetson.solutions import weights

from jetson_kit.onnx_export import bundle, check, compare, export, nvidia
from jetson_kit.onnx_export.bundle import SubModel
from jetson_kit.onnx_export.criteria import Landmarks, of, table
from jetson_kit.onnx_export.options import BATCHES, LAYOUTS, PRECISIONS, Options
from tests.support.here import cannot_run_here

pytestmark = pytest.mark.engines

USUAL = [Options(precision) for precision in PRECISIONS]
OTHERS = [
    Options(*item)
    for item in itertools.product(PRECISIONS, LAYOUTS, BATCHES)
    if Options(*item) not in USUAL
]


@cache
def all_of_them() -> dict[str, SubModel]:
    """Return the published sub-models by their sha256."""
    from jetson_kit.models import bundles as models

    parts = [sub_model for path in models.fetch() for sub_model in bundle.read(path)]
    return {part.sha256: part for part in parts}


def weights_table() -> Any:
    """Return the device wheel's table of the legacy solutions' models."""
    return weights.table()


def named(name: str) -> SubModel:
    """Return the first published model that the table of judges calls so."""
    return next(sub_model for digest, sub_model in all_of_them().items() if of(digest).name == name)


@cache
def wanted(digest: str) -> check.ReferenceOutputs:
    return check.reference_outputs(all_of_them()[digest], all_of_them())


@pytest.fixture(scope="session")
def legacy_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, SubModel]:
    """Return the legacy solutions' models by their sha256.

    They are of MediaPipe's last wheel that has these, and the lite and heavy pose models.
    """
    from jetson_kit.core import uv
    from jetson_kit.models import legacy as legacy_models

    folder = tmp_path_factory.mktemp("wheel")
    arguments = ("pip", "install", "--no-deps", "--python-platform", "x86_64-unknown-linux-gnu")
    uv.uv([*arguments, "--python-version", "3.11", "--target", str(folder), "mediapipe==0.10.21"],
           what="fetching MediaPipe 0.10.21")  # fmt: skip
    files = sorted((folder / "mediapipe" / "modules").rglob("*.tflite"))
    files += legacy_models.fetch_pose()
    return {sub_model.sha256: sub_model for path in files for sub_model in bundle.read(path)}


HEAVY = "59e42d71bcd4"
"""Its file has 55 MB: it is parsed, and no engine is built of it."""
PUBLISHED = [digest for criteria in table().values() for digest in criteria.sha256]


@pytest.mark.parametrize("digest", PUBLISHED, ids=lambda item: str(item)[:12])
def test_a_model_is_equal_and_nvidia_takes_it(digest: str, request: pytest.FixtureRequest) -> None:
    there, others = all_of_them(), OTHERS
    if digest not in there:
        there, others = request.getfixturevalue("legacy_files"), []
    model, given = there[digest], check.reference_outputs(there[digest], {**all_of_them(), **there})
    build = not digest.startswith(HEAVY)
    for options in USUAL:
        verdict = check.judge(model, options, given, build=build)
        assert verdict.reasons == ()
        assert verdict.ok
        accepted = (verdict.parser_ok, verdict.builder_ok, verdict.capability_ok)
        parts = (True, True if build else None, True)
        assert accepted == (parts if nvidia.library() else (None,) * 3)
    for options in others:
        verdict = check.judge(model, options, given, build=False)
        assert (options, verdict.reasons) == (options, ())


def test_files_with_the_same_weights_give_the_same_onnx_file(
    legacy_files: dict[str, SubModel],
) -> None:
    """So the ONNX file and the engines of a bundle's sub-model serve the legacy file as well."""
    pairs = [item for item in weights_table().values() if item.same_weights]
    assert len(pairs) == 6
    for pair in pairs:
        assert pair.same_weights
        mine, theirs = (
            onnx.load_from_string(export.export(model, Options("fp16"))).graph
            for model in (legacy_files[pair.sha256], all_of_them()[pair.same_weights.sha256])
        )
        mine.name = theirs.name
        assert mine == theirs, pair.name


def test_the_table_of_samples_knows_every_model() -> None:
    assert {digest for digest in all_of_them() if not of(digest).name} == set()


NAMES = ("my_pose", "face_landmarks_detector", "hand_landmarks_detector", "selfie_segmenter", "x y")


@pytest.mark.parametrize("name", NAMES)
def test_a_name_changes_no_verdict(name: str) -> None:
    """The same bytes under whatever name are judged alike, by their own photographs."""
    model = named("pose_landmarks_detector")
    renamed = replace(model, name=name, source=f"{name}.tflite")
    there = check.reference_outputs(renamed, all_of_them())
    assert [sample.name for sample in there.samples] == [
        sample.name for sample in wanted(model.sha256).samples
    ]
    for options in USUAL:
        verdict = check.judge(renamed, options, there, build=False)
        usual = check.judge(model, options, wanted(model.sha256), build=False)
        assert verdict.ok and verdict.landmarks_err is not None
        assert (verdict.max_rel_err, verdict.mask_err) == (usual.max_rel_err, usual.mask_err)


def test_an_unknown_model_is_not_judged_by_what_its_name_promises() -> None:
    """Noise alone tells nothing in half precision: the answer is none, not wrong, nor right."""
    model = named("pose_landmarks_detector")
    # A TFLite file ends with what nobody reads: other bytes, the same model.
    other = replace(
        model, sha256=hashlib.sha256(model.tflite + bytes(4)).hexdigest(), tflite=model.tflite
    )
    there = check.reference_outputs(other, all_of_them())
    assert {sample.kind for sample in there.samples} == {"noise", "edge"}
    half = check.judge(other, Options("fp16"), there, build=False)
    assert (half.ok, half.reasons) == (None, ())
    assert "no photographs" in half.unjudged
    single = check.judge(other, Options("fp32"), there, build=False)
    assert (single.ok, single.unjudged) == (True, "")


def test_a_model_that_computes_something_else_is_found() -> None:
    """The judge is not blind: another model's weights, a wrong range, are far outside."""
    model = named("face_detector")
    there = wanted(model.sha256)
    spoilt = check.ReferenceOutputs(
        there.samples,
        tuple(tuple(a * 1.001 for a in output) for output in there.outputs),
        there.floor,
    )
    verdict = check.judge(model, Options(), spoilt, build=False)
    assert not verdict.ok
    assert "more than" in verdict.reasons[0]


def test_nvidias_parser_refuses_what_it_does_not_know() -> None:
    if nvidia.library() is None:
        cannot_run_here("TensorRT-RTX is there for x86_64 alone")
    blob = export.export(named("canned_gesture_classifier"), Options())
    strange = blob.replace(b"Softmax", b"Softwax")
    assert strange != blob
    _, network, message = nvidia.parse(strange)
    assert network is None
    assert message
    assert "Softwax" in nvidia.capability(strange)


def test_landmarks_are_measured_by_the_size_of_what_they_belong_to() -> None:
    points = np.array([[0, 0, 9], [200, 100, 9]], dtype=np.float32)
    moved = points + np.array([0, 1, 50], dtype=np.float32)
    assert compare.landmarks_off([(moved,)], [(points,)], Landmarks(2, 3)) == pytest.approx(0.005)


def test_a_number_that_is_none_is_far_from_any() -> None:
    with_nan, other = np.array([1.0, np.nan]), np.array([1.0, 2.0])
    assert compare.apart([(with_nan,)], [(other,)]).worst == compare.FAR
    assert compare.apart([(with_nan,)], [(with_nan,)]).worst == 0.0
    assert compare.overflows([(with_nan,)], [(other,)])
