"""The wheel's command line: usage, info, selftest's verdicts and endings."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from mediapipe_jetson import landmarks, models, selftest
from mediapipe_jetson.diagnosis import Ending, diagnose, refused
from mediapipe_jetson.observation import Absent
from mediapipe_jetson.observe.cpu import Cpu

from tests.unit.device_wheel_trees import SOURCE, schema, wheel

A57 = Cpu("aarch64", ("Cortex-A57",), 4, ("fp",), "AT_HWCAP", "armv8.0-a", False, None)
A76 = dataclasses.replace(A57, names=("Cortex-A76",), features=("atomics",), atomics=True)
EMULATED = dataclasses.replace(A76, names=(), emulated="QEMU user emulation on x86")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ([], 2),
        (["nonsense"], 2),
        (["info", "--nonsense"], 2),
        (["selftest", "--frames", "0"], 2),
        (["selftest", "--frames", "many"], 2),
        (["selftest", "--image", "/nonexistent.jpg"], 2),
        (["healthcheck", "--json"], 2),
        (["--help"], 0),
        (["--version"], 0),
        (["info", "--help"], 0),
        (["selftest", "--help"], 0),
        (["healthcheck", "--help"], 0),
        (["selftest", "--model", "/nonexistent.task"], 2),
    ],
)
def test_usage(arguments: list[str], code: int) -> None:
    done = wheel(*arguments)
    assert done.returncode == code, done
    assert "Traceback" not in done.stderr
    if code == 0:
        assert done.stdout
    elif arguments:
        assert done.stderr.startswith("error: ")


def test_info_runs_without_mediapipe() -> None:
    done = wheel("info", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    document = json.loads(done.stdout)
    jsonschema.validate(document, schema("info"))
    assert document["schema"] == "mediapipe-jetson/info/1"
    assert document["mediapipe_library"] == {
        "present": False,
        "reason": "mediapipe is not installed",
    }
    assert document["packages"]["python"] == ".".join(map(str, sys.version_info[:3]))
    assert wheel("info").stdout.startswith("Packages\n")


@pytest.mark.parametrize(("unbuffered", "code"), [("", 0), ("1", 141)])
def test_a_closed_pipe_is_no_error_once_all_is_done(unbuffered: str, code: int) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "mediapipe_jetson", "info"],
        env={**os.environ, "PYTHONPATH": str(SOURCE), "PYTHONUNBUFFERED": unbuffered},
        stdout=write,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (code, b"")


def stub(folder: Path, code: str) -> Path:
    """Make a package that stands where MediaPipe would, to end as no real one does here."""
    package = folder / "mediapipe"
    package.mkdir()
    (package / "__init__.py").write_text(f"import os, signal, sys, time\n{code}\n")
    return folder


@pytest.mark.parametrize(
    ("code", "cause", "expected"),
    [
        ("os.kill(os.getpid(), signal.SIGILL)", "cpu-feature", "SIGILL"),
        (
            "sys.stderr.write('This binary was compiled with lse enabled, but this feature is not "
            "available on this processor'); os.kill(os.getpid(), signal.SIGILL)",
            "cpu-feature",
            "mediapipe==0.10.18",
        ),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "crash", "SIGSEGV"),
        ("os._exit(9)", "crash", "exit code 9"),
        ("time.sleep(60)", "timeout", "--timeout"),
        (
            "raise OSError('libEGL.so.1: cannot open shared object file: No such file')",
            "missing-library",
            "libegl1",
        ),
        ("raise ModuleNotFoundError(\"No module named 'numpy'\")", "import", "numpy"),
    ],
)
def test_selftest_tells_how_mediapipe_broke(
    tmp_path: Path, code: str, cause: str, expected: str
) -> None:
    model = tmp_path / "face_landmarker.task"
    model.write_bytes(b"model")
    path = Path(f"{SOURCE}{os.pathsep}{stub(tmp_path, code)}")
    options = ["--model", str(model), "--timeout", "3"]
    done = wheel("selftest", "--json", *options, path=path)
    document = json.loads(done.stdout)
    jsonschema.validate(document, schema("selftest"))
    assert done.returncode == document["exit_code"] == 11
    assert (document["verdict"], document["cause"]) == ("broken", cause)
    assert expected in document["message"]
    assert "\n" not in document["message"]
    assert done.stderr == ""


def test_selftest_without_mediapipe(tmp_path: Path) -> None:
    (tmp_path / "face_landmarker.task").write_bytes(b"model")
    done = wheel("selftest", MEDIAPIPE_JETSON_MODELS=str(tmp_path))
    assert done.returncode == 11
    assert done.stderr == "error: mediapipe is not installed; run python -m pip install mediapipe\n"


@pytest.mark.parametrize(
    ("cpu", "code", "stderr", "cause", "expected"),
    [
        (A57, -signal.SIGILL, "", "cpu-feature", "atomics (LSE, part of ARMv8.1)"),
        (A57, -signal.SIGILL, "compiled with lse enabled", "cpu-feature", "Cortex-A57 lacks"),
        (A76, -signal.SIGILL, "", "cpu-feature", "Cortex-A76 lacks"),
        (A76, -signal.SIGSEGV, "", "crash", "on the first inference"),
        (EMULATED, -signal.SIGSEGV, "", "emulation", "./inv devices.up --kind vm"),
        (Absent("no"), -signal.SIGKILL, "", "crash", "SIGKILL"),
    ],
)
def test_diagnosis(cpu: Any, code: int, stderr: str, cause: str, expected: str) -> None:
    broken = diagnose(Ending({"stage": "infer"}, code, stderr), "1.2.2", cpu)
    assert broken.cause == cause
    assert expected in broken.message
    assert broken.message.startswith("mediapipe 1.2.2 ")


def test_what_cannot_run_is_not_started() -> None:
    """Cortex-A57 and Carmel lack what MediaPipe 1.x is compiled for; 0.10.18 runs on them."""
    carmel = dataclasses.replace(A76, names=("Carmel",))
    whole = dataclasses.replace(A76, features=("atomics", "asimddp", "lrcpc"))
    for cpu, lacks in ((A57, "LSE atomics and dotprod and RCpc"), (carmel, "dotprod and RCpc")):
        broken = refused("1.2.2", cpu)
        assert broken is not None
        assert broken.cause == "cpu-feature"
        assert f"needs {lacks}, which this {cpu.name} lacks" in broken.message
        assert refused("0.10.18", cpu) is None
    unknown = dataclasses.replace(A57, features=())
    x86 = dataclasses.replace(A57, arch="x86_64")
    for fine in (whole, unknown, x86, Absent("no")):
        assert refused("1.2.2", fine) is None
    assert refused(None, A57) is None


def test_an_emulator_without_arm_cores_in_cpuinfo_is_refused() -> None:
    """MediaPipe 1.x would end by SIGSEGV at its first inference; 0.10.18 runs."""
    whole = dataclasses.replace(EMULATED, features=("atomics", "asimddp", "lrcpc"))
    broken = refused("1.2.2", whole)
    assert broken is not None
    assert broken.cause == "emulation"
    assert "./inv emulate IMAGE -- COMMAND" in broken.message
    assert refused("0.10.18", whole) is None
    shown = dataclasses.replace(whole, names=("Cortex-A76",))
    assert refused("1.2.2", shown) is None


def facts(points: Any) -> dict[str, Any]:
    return {"points": points, "import_s": 1.0, "create_s": 0.1, "frames_s": [0.2, 0.1, 0.1]}


def judged(points: Any, model: str = "", *, own: bool = True) -> selftest.Verdict:
    expected = landmarks.expected()
    base = selftest.Verdict("broken", "", model_sha256=model or expected.model_sha256)
    return selftest.judge(base, facts(points), expected, own_picture=own)


def test_verdict_on_landmarks() -> None:
    right = [list(point) for point in landmarks.expected().points]
    tolerance = landmarks.expected().tolerance
    assert judged(right).verdict == "pass"
    near, far = ([[x, y] for x, y in right] for _ in range(2))
    near[100][0] += tolerance * 0.9
    far[100][0] += tolerance * 1.1
    assert judged(near).verdict == "pass"
    assert judged(near).distance_max == pytest.approx(tolerance * 0.9)
    assert judged(near).distance_mean == pytest.approx(tolerance * 0.9 / 478)
    assert (judged(far).verdict, judged(far).cause) == ("fail", "distance")
    assert (judged([]).verdict, judged([]).cause) == ("fail", "no-face")
    assert (judged(right[:468]).verdict, judged(right[:468]).cause) == ("fail", "count")
    assert "another" in judged(far, model="0" * 64).message
    nan = [[float("nan"), 0.5] for _ in right]
    assert judged(nan).verdict == "fail"


def test_verdict_on_another_picture() -> None:
    shifted = [[x + 0.1, y] for x, y in landmarks.expected().points]
    assert judged(shifted).verdict == "fail"
    assert judged(shifted, own=False).verdict == "pass"
    assert judged([[x + 0.9, y] for x, y in shifted], own=False).verdict == "fail"


def test_expected_landmarks_belong_to_the_picture() -> None:
    expected = landmarks.expected()
    assert models.sha256(landmarks.PICTURE) == expected.image_sha256
    assert len(expected.points) == landmarks.POINTS
    assert landmarks.PICTURE.stat().st_size <= 80 * 1024
    document = json.loads((landmarks.DATA / "landmarks.json").read_text())
    assert max(entry["max"] for entry in document["measured"]) * 50 < expected.tolerance
