"""The exporter as the host sees it, without the environment in which it works."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jetson_kit.core import errors
from jetson_kit.core.errors import BadInputError, CheckFailedError, IntegrityError, StepFailedError
from jetson_kit.core.paths import ROOT
from jetson_kit.models import bundles as models
from jetson_kit.onnx_export import catalog, check_view, commands, criteria, environment
from jetson_kit.onnx_export.options import Options

ROW: dict[str, Any] = {
    "sub_model": "face_detector",
    "precision": "fp16",
    "layout": "nhwc",
    "batch": "1",
    "ok": True,
    "max_rel_err": 1.5e-3,
    "tolerance": 5e-2,
    "landmarks_err": 0.00073,
    "mask_err": None,
    "parser_ok": True,
    "builder_ok": None,
    "capability_ok": True,
    "reasons": [],
    "unjudged": "",
}


def test_files_are_named_by_what_they_are_made_of_and_how() -> None:
    sha = "0123456789abcdef"
    assert Options().filename("a", sha) == "a-0123456789ab-fp32.onnx"
    filename = Options("fp16", "nchw", "dynamic").filename("a", sha)
    assert filename == "a-0123456789ab-fp16-nchw-dynamic.onnx"


def test_every_published_sub_model_has_its_judges() -> None:
    """By its bytes; no model has two."""
    every = [
        digest
        for model in models.load().models
        if not model.extra
        for digest in [part.sha256 for part in model.parts] or [model.sha256]
    ]
    assert [digest for digest in every if not criteria.of(digest).name] == []
    listed = [digest for item in criteria.table().values() for digest in item.sha256]
    assert len(listed) == len(set(listed))
    assert criteria.of("0" * 64) == criteria.Criteria()


def test_judges_know_every_picture() -> None:
    pictures = ROOT / "wheels/mediapipe-jetson/src/mediapipe_jetson/data"
    named = {crop.picture for item in criteria.table().values() for crop in item.crops}
    assert {name for name in named if not (pictures / name).is_file()} == set()


@pytest.mark.parametrize(
    "given", [{"precision": "int8"}, {"layout": "chwn"}, {"batch": "2"}], ids=str
)
def test_an_unknown_kind_is_told_with_the_known_ones(given: dict[str, str]) -> None:
    with pytest.raises(BadInputError, match="is unknown"):
        commands.export(**given)  # type: ignore[arg-type]


def test_an_unknown_model_is_told() -> None:
    with pytest.raises(BadInputError, match="unknown model nose"):
        catalog.files(["nose"])


def test_paths_need_no_model_of_the_table() -> None:
    files = catalog.files(["/a/b.task", "/c.tflite", "/a/b.task"])
    assert files == [Path("/a/b.task"), Path("/c.tflite")]


@pytest.mark.parametrize(
    "kind", [name for name, item in vars(errors).items() if getattr(item, "exit_code", 0)]
)
def test_an_error_comes_through_as_it_was(kind: str) -> None:
    error = environment.error({"kind": kind, "message": "broken", "cure": "mend it"})
    assert (type(error).__name__, error.message, error.cure) == (kind, "broken", "mend it")


def test_an_error_of_no_kind_is_a_failed_step() -> None:
    error = environment.error({"kind": "Nothing", "message": "broken", "cure": ""})
    assert type(error) is StepFailedError


def test_damage_ends_as_integrity_errors_do() -> None:
    assert environment.error({"kind": "IntegrityError", "message": "", "cure": ""}).exit_code == (
        IntegrityError.exit_code
    )


def test_a_verdict_is_one_line() -> None:
    line = check_view.table([ROW]).splitlines()[1]
    assert line.split() == [
        *("face_detector", "fp16", "nhwc", "1.5e-03", "5.0e-02", "0.073%"),
        *("parsed,", "supported"),
    ]


def test_why_a_file_is_bad_stands_below_it() -> None:
    bad = {**ROW, "ok": False, "reasons": ["output 0 is 1 off"]}
    assert check_view.table([bad]).splitlines()[2] == "  not equal: output 0 is 1 off"
    with pytest.raises(CheckFailedError, match="face_detector fp16"):
        check_view.conclude([ROW, bad])


def test_what_could_not_be_judged_is_said() -> None:
    unjudged = dict.fromkeys(("parser_ok", "builder_ok", "capability_ok"))
    assert check_view.table([{**ROW, **unjudged}]).endswith("not judged here")


def test_a_model_that_can_not_be_judged_is_no_pass() -> None:
    unknown = {**ROW, "ok": None, "unjudged": "no photographs are known"}
    assert check_view.table([unknown]).splitlines()[2] == "  not judged: no photographs are known"
    with pytest.raises(CheckFailedError, match="not judged: face_detector fp16"):
        check_view.conclude([ROW, unknown])


def test_good_verdicts_raise_nothing() -> None:
    check_view.conclude([ROW])
