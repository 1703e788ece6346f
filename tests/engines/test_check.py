"""The ten models, each in both precisions and layouts, fixed and open batch: judged for real."""

from __future__ import annotations

import itertools
from functools import cache

import numpy as np
import pytest

from jetson_kit.engines import bundle, check, compare, export, nvidia
from jetson_kit.engines.bundle import SubModel
from jetson_kit.engines.judged import Landmarks, table
from jetson_kit.engines.options import BATCHES, LAYOUTS, PRECISIONS, Options
from tests.support.here import cannot_run_here

pytestmark = pytest.mark.engines

USUAL = [Options(precision) for precision in PRECISIONS]
OTHERS = [
    Options(*one)
    for one in itertools.product(PRECISIONS, LAYOUTS, BATCHES)
    if Options(*one) not in USUAL
]


@cache
def all_of_them() -> dict[str, SubModel]:
    from jetson_kit import models

    parts = [one for path in models.fetch() for one in bundle.read(path)]
    return {one.name: one for one in parts}


@cache
def wanted(name: str) -> check.Wanted:
    return check.wanted(all_of_them()[name], all_of_them())


@pytest.mark.parametrize("name", sorted(table()))
def test_a_model_is_equal_and_nvidia_takes_it(name: str) -> None:
    for options in USUAL:
        verdict = check.judge(all_of_them()[name], options, wanted(name))
        assert verdict.reasons == ()
        assert verdict.ok
        judged = (verdict.parser_ok, verdict.builder_ok, verdict.capability_ok)
        assert judged == ((True,) * 3 if nvidia.library() else (None,) * 3)
    for options in OTHERS:
        verdict = check.judge(all_of_them()[name], options, wanted(name), build=False)
        assert (options, verdict.reasons) == (options, ())


def test_the_table_of_samples_knows_every_model() -> None:
    assert set(table()) == set(all_of_them())


def test_a_model_that_computes_something_else_is_found() -> None:
    """The judge is not blind: another model's weights, a wrong range, are far outside."""
    name = "face_detector"
    there = wanted(name)
    spoilt = check.Wanted(
        there.samples, tuple(tuple(a * 1.001 for a in one) for one in there.outputs), there.floor
    )
    verdict = check.judge(all_of_them()[name], Options(), spoilt, build=False)
    assert not verdict.ok
    assert "more than" in verdict.reasons[0]


def test_nvidias_parser_refuses_what_it_does_not_know() -> None:
    if nvidia.library() is None:
        cannot_run_here("TensorRT-RTX is there for x86_64 alone")
    blob = export.export(all_of_them()["canned_gesture_classifier"], Options())
    strange = blob.replace(b"Softmax", b"Softwax")
    assert strange != blob
    _, network, said = nvidia.parse(strange)
    assert network is None
    assert said
    assert "Softwax" in nvidia.capability(strange)


def test_landmarks_are_measured_by_the_size_of_what_they_belong_to() -> None:
    points = np.array([[0, 0, 9], [200, 100, 9]], dtype=np.float32)
    moved = points + np.array([0, 1, 50], dtype=np.float32)
    assert compare.landmarks_off([(moved,)], [(points,)], Landmarks(2, 3)) == pytest.approx(0.005)


def test_a_number_that_is_none_is_far_from_any() -> None:
    one, other = np.array([1.0, np.nan]), np.array([1.0, 2.0])
    assert compare.apart([(one,)], [(other,)]).worst == compare.FAR
    assert compare.apart([(one,)], [(one,)]).worst == 0.0
    assert compare.overflows([(one,)], [(other,)])
