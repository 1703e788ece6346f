"""TensorRT in images: which, by release and base; which engines fit; what is refused and why."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from jetson_kit.build import plan as planning
from jetson_kit.build.request import Request
from jetson_kit.core.errors import BadInputError
from jetson_kit.targets import table as targets
from jetson_kit.tensorrt import image
from jetson_kit.wheels import runtimes
from tests.unit.engines.engine_files import engine, folder_of

ALL = targets.load().all


def request(l4t: str, engines: str, **other: Any) -> Request:
    return Request(jetson=True, l4t=l4t, engines=engines, **other)


def refused(expected: Request) -> str:
    with pytest.raises(BadInputError) as caught:
        planning.make(expected)
    assert caught.value.cure
    return caught.value.line()


@pytest.mark.parametrize("target", ALL, ids=lambda item: item.name)
def test_every_release_has_a_way_or_a_reason(target: targets.Target) -> None:
    for base, python in (("debian", "3.11"), (target.ngc_image, target.python)):
        runtime = runtimes.for_image(target, target.socs, base, python)
        assert bool(runtime.why_not) == bool(runtime.cure)
        if not runtime.why_not:
            assert runtimes.lock_of(runtime).is_file()
            assert runtime.builds is (runtime.way == runtimes.NGC)
            assert runtime.lean is (target.jetpack[0] == "7")


@pytest.mark.parametrize(
    ("l4t", "version"),
    [("38.2.0", "10.15.1.29"), ("38.4.0", "10.15.1.29"), ("39.2.0", "11.0.0.114"),
     ("39.2.1", "11.0.0.114")],
)  # fmt: skip
def test_the_lean_runtime_of_a_release(l4t: str, version: str) -> None:
    target = targets.resolve(l4t)
    assert runtimes.lean_for(target, target.socs) == version


def test_the_release_s_own_version_is_taken_where_it_is_published() -> None:
    target = targets.resolve("39.2.0")
    for own, version in (("10.16.1", "10.16.1.11"), ("11.4.0", "11.4.0.106"), ("12.0.0", "")):
        changed = targets.Target(**{**target.__dict__, "tensorrt": own})
        assert runtimes.lean_for(changed, target.socs) == version
    # 10.15.1 has no kernels for Orin.
    old = targets.Target(**{**target.__dict__, "tensorrt": "10.15.1"})
    assert runtimes.lean_for(old, target.socs) == "10.16.0.72"
    thor = [soc for soc in target.socs if soc.sm == "11.0"]
    assert runtimes.lean_for(old, thor) == "10.15.1.29"


def test_locks_are_those_that_are_needed_and_pinned() -> None:
    expected = runtimes.wanted_locks()
    assert {path.name for path in runtimes.LOCKS.iterdir()} == {path.name for path in expected}
    for path, requirements in expected.items():
        text = path.read_text(encoding="utf-8")
        for requirement in requirements:
            assert f"{requirement} \\\n    --hash=sha256:" in text, path.name
        assert "://" not in text


def test_engines_that_fit_are_planned(tmp_path: Path) -> None:
    folder_of(tmp_path, engine(tmp_path), engine(tmp_path, sm="11.0"))
    plan = planning.make(request("36.4.4", str(tmp_path), base="ngc"))
    assert plan.engines is not None
    assert plan.engines.engines == ("face_detector-61e13061281b-sm87-trt10.3.0-fp16.engine",)
    assert plan.name == "r36.4.4-ngc-engines"
    engines = json.loads(json.dumps(plan.as_json()))["engines"]
    assert engines["tensorrt"]["tensorrt"] == "10.3.0.30"
    assert planning.make(Request(jetson=True)).engines is None
    assert "engines" not in planning.make(Request(jetson=True)).as_json()


def test_lean_engines_of_one_class_leave_the_others_to_other_backends(tmp_path: Path) -> None:
    folder_of(tmp_path, engine(tmp_path, sm="11.0", tensorrt="10.16.2.10", lean=True))
    plan = planning.make(request("39.2.0", str(tmp_path)))
    assert plan.engines is not None
    assert plan.engines.runtime.tensorrt == "11.0.0.114"
    assert any("no engines for Orin" in note for note in plan.notes)
    only = planning.make(request("39.2.0", str(tmp_path), module="agx-thor"))
    assert not any("no engines for" in note for note in only.notes)


@pytest.mark.parametrize(
    ("l4t", "other", "engines", "expected"),
    [
        ("32.7.6", {}, "store", "Python 3.6 alone"),
        ("35.6.1", {"base": "ngc"}, "store", "Python 3.8 alone"),
        ("36.4.4", {}, "onnx", "NVIDIA's image alone; add --base ngc"),
        ("36.4.4", {"base": "ngc", "python": "3.11"}, "onnx", "Python 3.10, the image has 3.11"),
        ("38.2.0", {}, "onnx", "builds no engines on a board"),
        ("39.0.0", {}, "store", "is not known"),
        ("39.2.0", {}, "/nowhere", "no such folder"),
        ("39.2.0", {}, "store", "there are none in store"),
    ],
)
def test_what_can_t_be_is_refused(
    l4t: str, other: dict[str, str], engines: str, expected: str, monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:  # fmt: skip
    monkeypatch.setenv("KIT_STATE", str(tmp_path))
    assert expected in refused(request(l4t, engines, **other))


def test_engines_need_a_jetson_image() -> None:
    assert "add --jetson" in refused(Request(engines="store"))


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"emulated": True}, "stand-in's"),
        ({"sm": "11.0"}, "GPUs of SM 11.0"),
        ({"tensorrt": "10.7.0"}, "TensorRT 10.7.0 alone"),
        ({"ok": False}, "outputs were wrong"),
    ],
)
def test_engines_that_do_not_fit_are_refused(
    tmp_path: Path, changed: dict[str, Any], expected: str
) -> None:
    folder_of(tmp_path, engine(tmp_path, **changed))
    message = refused(request("36.4.4", str(tmp_path), base="ngc"))
    assert expected in message
    assert "./inv engines.build" in message


def test_the_layer_of_engines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "engines"
    folder_of(folder, engine(folder))
    rows = image.checked(folder).engines
    tar = image._tar(rows, (), ("opt/mediapipe/x", "/usr/lib/x"))
    assert image._tar(rows, (), ("opt/mediapipe/x", "/usr/lib/x")) == tar
    with tarfile.open(tar) as read:
        names = {member.name: member for member in read.getmembers() if not member.isdir()}
        listed = read.extractfile(f"{image.FOLDER}/engines.json")
        assert listed is not None
        body = json.loads(listed.read())
    assert set(names) == {f"{image.FOLDER}/engines.json", f"{image.FOLDER}/{rows[0].file}",
                          "opt/mediapipe/x"}  # fmt: skip
    assert names["opt/mediapipe/x"].linkname == "/usr/lib/x"
    assert body["engines"][0]["sha256"] == rows[0].sha256
    assert body["emulated"] is False
