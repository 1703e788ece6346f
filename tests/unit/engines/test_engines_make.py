"""Engines are built aside and only then there: with trtexec's stand-in, and one that answers."""

from __future__ import annotations

import array
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from mediapipe_jetson.engines import background, builders, expected, make, manifest, places, trtexec
from mediapipe_jetson.engines.builders import Order
from mediapipe_jetson.engines.errors import BuildError, NoBuilderError
from mediapipe_jetson.engines.expected import Expected
from mediapipe_jetson.engines.identity import LocalRuntime
from mediapipe_jetson.engines.make import Place
from mediapipe_jetson.engines.manifest import Manifest, Onnx

from jetson_kit.virtual_devices.board_profile import ONNX, SOURCES
from jetson_kit.wheels.device_wheel import SOURCE as WHEEL
from tests.unit.engines.engine_files import SOURCE, onnx, tiny_onnx

# A program that behaves as trtexec: it builds a file of its options, and runs x + 0.25 on a file.
ANSWERING = """#!{python}
import json, sys, time, os
given = dict(word.partition("=")[::2] for word in sys.argv[1:])
print("&&&& RUNNING TensorRT.trtexec [TensorRT v100300] [b30] # trtexec")
if "--help" in given:
    sys.exit(0)
if os.environ.get("TRT_FAILS"):
    print("[E] Error[4]: it does not fit"), sys.exit(1)
time.sleep(float(os.environ.get("TRT_TAKES", "0")))
open(given["--saveEngine"], "w").write(" ".join(sorted(given)))
open(given["--timingCacheFile"], "a").write("timed ")
if "--exportOutput" in given:
    path = given["--loadInputs"].rpartition(":")[2]
    import array
    values = array.array("f", open(path, "rb").read())
    rows = [{{"name": "out", "dimensions": "1x2", "values": [one + {off} for one in values]}}]
    json.dump(rows, open(given["--exportOutput"], "w"))
print("[I] GPU Compute Time: min = 0.4 ms, max = 0.9 ms, mean = 0.5 ms, median = 0.45 ms, x")
"""


@pytest.fixture
def stand_in(tmp_path: Path) -> Path:
    """trtexec's stand-in, put as a virtual device has it."""
    folder = tmp_path / "stand-ins"
    folder.mkdir()
    shutil.copy(SOURCES / "trtexec.py", folder / "trtexec")
    (folder / "trtexec").chmod(0o755)
    shutil.copy(ONNX, folder)
    (folder / "face.json").write_text('{"tensorrt": "10.3.0.30"}')
    return folder / "trtexec"


def answering(folder: Path, off: float = 0.0) -> Path:
    path = folder / "trtexec"
    path.write_text(ANSWERING.format(python=sys.executable, off=off))
    path.chmod(0o755)
    return path


def floats(*values: float) -> bytes:
    return array.array("f", values).tobytes()


def source_in(folder: Path, *, check: bool = True) -> Onnx:
    result = onnx(folder)
    if check:
        shapes = {"in": (1, 2), "out": (1, 2)}
        tensors = {"in": floats(1, 2)}, {"out": floats(1, 2)}
        checks = Expected(result.sub_model, SOURCE, {"fp16": 0.01, "fp32": 0.001}, *tensors)
        expected.write(result.checks, checks, shapes)
    manifest.write(Manifest(folder, (), (result,)))
    return result


def place_in(folder: Path, **other: Any) -> Place:
    folder.mkdir(exist_ok=True)
    return Place(folder, "8.7", "10.3.0.30", other.pop("flags", ()), make.facts(other))


def test_an_engine_that_is_right(tmp_path: Path) -> None:
    program = trtexec.Trtexec(answering(tmp_path))
    assert program.tensorrt == "10.3.0.30"
    source, place = source_in(tmp_path / "onnx"), place_in(tmp_path / "made")
    built = make.build_engine(place, source, program)
    assert (built.check.ok, built.check.max_rel_err, built.check.median_ms) == (True, 0.0, 0.45)
    assert built.builder == "trtexec"
    options = built.path.read_text().split()
    assert {"--stronglyTyped", "--memPoolSize", "--loadInputs"} <= set(options)
    result = manifest.read(place.folder)
    assert result is not None
    assert [engine.file for engine in result.engines] == [built.file]
    assert make.known(place, source) is not None
    names = {path.name for path in place.folder.iterdir()}
    assert names == {built.file, manifest.FILE, "timing-sm8.7-trt10.3.0.30.cache"}


def test_a_machine_that_is_no_jetson_s_own_is_told(tmp_path: Path) -> None:
    place = place_in(tmp_path / "made", emulated_why=["its marker says so"])
    engine = make.build_engine(
        place, source_in(tmp_path / "onnx"), trtexec.Trtexec(answering(tmp_path))
    )
    assert engine.emulated


def test_wrong_outputs_make_no_engine(tmp_path: Path) -> None:
    program = trtexec.Trtexec(answering(tmp_path, off=0.25))
    place = place_in(tmp_path / "made")
    with pytest.raises(BuildError, match="off by"):
        make.build_engine(place, source_in(tmp_path / "onnx"), program)
    assert not list(place.folder.glob("*.engine"))
    assert manifest.read(place.folder) is None


def test_what_the_program_says_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = trtexec.Trtexec(answering(tmp_path))
    monkeypatch.setenv("TRT_FAILS", "1")
    with pytest.raises(BuildError, match=r"Error\[4\]: it does not fit"):
        make.build_engine(place_in(tmp_path / "made"), source_in(tmp_path / "onnx"), program)


def test_a_changed_onnx_file_is_not_built(tmp_path: Path) -> None:
    source = source_in(tmp_path / "onnx")
    source.path.write_bytes(tiny_onnx() + b"\x72\x00")
    with pytest.raises(BuildError, match="other bytes"):
        make.build_engine(place_in(tmp_path / "made"), source, trtexec.Trtexec(answering(tmp_path)))


def test_the_stand_in_makes_no_engine_and_says_so(tmp_path: Path, stand_in: Path) -> None:
    place = place_in(tmp_path / "made")
    engine = make.build_engine(place, source_in(tmp_path / "onnx"), trtexec.Trtexec(stand_in))
    assert engine.emulated
    assert engine.builder == "stand-in"
    assert (engine.check.ok, engine.check.why) == (None, "a stand-in can't infer")
    assert engine.path.read_bytes().startswith(manifest.NO_ENGINE)
    result = manifest.read(place.folder)
    assert result is not None
    assert result.emulated


@pytest.mark.slow
def test_the_stand_in_refuses_what_is_no_onnx(tmp_path: Path, stand_in: Path) -> None:
    for raw in (b"", b"no onnx", tiny_onnx(broken=True), tiny_onnx()[:40]):
        source = onnx(tmp_path / "onnx", raw or b"\0")
        with pytest.raises(BuildError, match="Failed to parse"):
            make.build_engine(place_in(tmp_path / "made"), source, trtexec.Trtexec(stand_in))


@pytest.mark.parametrize(
    ("version", "precision", "flags", "there", "missing"),
    [
        ("8.5.2", "fp16", (), {"--fp16", "--buildOnly"}, {"--stronglyTyped", "--skipInference"}),
        ("8.6.2", "fp16", (), {"--fp16", "--skipInference"}, {"--stronglyTyped"}),
        ("10.3.0", "fp16", (), {"--stronglyTyped"}, {"--fp16", "--noTF32"}),
        ("10.3.0", "fp32", (), {"--stronglyTyped", "--noTF32"}, {"--fp16"}),
        ("11.4.0", "fp16", builders.LEAN_FLAGS,
         {"--versionCompatible", "--excludeLeanRuntime"}, {"--stronglyTyped", "--fp16"}),
    ],
)  # fmt: skip
def test_options_by_version(
    tmp_path: Path, version: str, precision: str, flags: tuple[str, ...], there: set[str],
    missing: set[str],
) -> None:  # fmt: skip
    source = onnx(tmp_path)
    if precision == "fp32":
        source = Onnx(**{**source.__dict__, "precision": "fp32"})
    order = Order(source, tmp_path / "plan", flags, tmp_path / "cache")
    arguments = trtexec.arguments(order, tmp_path, version)
    assert there <= set(arguments)
    assert not missing & set(arguments)
    if flags:
        with pytest.raises(BuildError, match="version-compatible"):
            trtexec.arguments(order, tmp_path, "8.5.2")


@pytest.mark.parametrize(
    ("banner", "version"),
    [
        ("[TensorRT v8201]", "8.2.1"),
        ("[TensorRT v8502]", "8.5.2"),
        ("x [TensorRT v100300] # y", "10.3.0"),
        ("[TensorRT v101602] [b10] #", "10.16.2.10"),
        ("[TensorRT v110400] [b106]", "11.4.0.106"),
        ("no version", ""),
    ],
)
def test_versions_of_banners(banner: str, version: str) -> None:
    assert trtexec.version(banner) == version


@pytest.mark.slow
def test_a_builder_that_was_killed_leaves_nothing_that_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = answering(tmp_path)
    source = source_in(tmp_path / "onnx")
    path = tmp_path / "made"
    command = [sys.executable, "-m", "mediapipe_jetson", "engines", "build", "--from"]
    command += [str(source.folder), "--to", str(path), "--sm", "8.7", "--tensorrt", "10.3.0.30"]
    env = {
        **os.environ, "PYTHONPATH": str(WHEEL / "src"), "TRT_TAKES": "60",
        builders.PROGRAM_VARIABLE: str(program),
    }  # fmt: skip
    with subprocess.Popen(command, env=env, start_new_session=True) as child:
        end = time.monotonic() + 30
        while not list(path.glob(".make-*/.build-*")):
            assert time.monotonic() < end
            time.sleep(0.05)
        os.killpg(child.pid, signal.SIGKILL)
    assert manifest.read(path) is None
    env["TRT_TAKES"] = "0"
    for output in ("built in", "there already"):
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
        assert output in done.stdout
    assert not list(path.glob(".make-*"))


def test_nothing_builds_here(tmp_path: Path) -> None:
    with pytest.raises(NoBuilderError, match=r"no trtexec; no module of TensorRT"):
        builders.find({builders.PROGRAM_VARIABLE: str(tmp_path / "none")})


def test_in_the_background(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = source_in(tmp_path / "onnx")
    cache = tmp_path / "cache"
    monkeypatch.setenv(places.VARIABLE, str(source.folder))
    monkeypatch.setenv(places.CACHE_VARIABLE, str(cache))
    monkeypatch.setenv(builders.PROGRAM_VARIABLE, str(tmp_path / "none"))
    assert "no trtexec" in background.start()
    monkeypatch.setenv(builders.PROGRAM_VARIABLE, str(answering(tmp_path, off=9.0)))
    here = LocalRuntime("8.7", "10.3.0.30", lean=False)
    assert background.work(here, {}, ()) == 1
    assert background.state()["state"] == "failed"
    # What failed is not tried again and again.
    answering(tmp_path)
    assert background.work(here, {}, ()) == 1
    (cache / background.STATE).unlink()
    assert background.work(here, {}, ()) == 0
    assert background.state()["done"] == [place_in(cache).identity(source).file]
    with make.alone(cache, wait=False) as free:
        assert free
        with make.alone(cache, wait=False) as second:
            assert not second
        assert background.start() == "one is being built in the background"
    monkeypatch.setenv(background.VARIABLE, "off")
    assert background.VARIABLE in background.start()


@pytest.mark.slow
def test_the_background_process_goes_on_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = source_in(tmp_path / "onnx")
    cache = tmp_path / "cache"
    cache.mkdir()
    env = {
        **os.environ, "PYTHONPATH": str(WHEEL / "src"), places.VARIABLE: str(source.folder),
        places.CACHE_VARIABLE: str(cache), "TRT_TAKES": "1",
        builders.PROGRAM_VARIABLE: str(answering(tmp_path)),
    }  # fmt: skip
    command = [sys.executable, "-m", "mediapipe_jetson", "engines", "background", "--detach"]
    command += ["--sm", "8.7", "--tensorrt", "10.3.0.30"]
    subprocess.run(command, env=env, check=True, timeout=30)
    end = time.monotonic() + 60
    while (state := background.state(cache).get("state")) != "done":
        assert time.monotonic() < end, (state, (cache / background.LOG).read_text())
        if state == "building":
            pid = background.state(cache)["pid"]
            if (fields := Path(f"/proc/{pid}/stat")).exists():
                assert fields.read_text().rpartition(")")[2].split()[16] == "19", "its nice value"
        time.sleep(0.05)
    result = manifest.read(cache)
    assert result is not None
    assert json.loads((cache / manifest.FILE).read_text())["engines"][0]["check"]["ok"] is True
