"""What a build asks of a new image, run natively: stand-ins for the modules that must import."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from tests.unit.device_wheel_trees import SOURCE, schema

BASE_OPTIONS = """
class BaseOptions:
    class Delegate:
        CPU = 1
    def __init__(self, **_):
        pass
"""
VISION = """
import json, os, signal, sys, time
from types import SimpleNamespace
from mediapipe_jetson import landmarks

class FaceLandmarkerOptions:
    def __init__(self, **_):
        pass

class FaceLandmarker:
    @classmethod
    def create_from_options(cls, options):
        return cls()
    def __enter__(self):
        return self
    def __exit__(self, *_):
        pass
    def detect(self, picture):
        print("a line of MediaPipe's own", flush=True)
        {detect}
        points = [SimpleNamespace(x=x, y=y) for x, y in landmarks.expected().points]
        return SimpleNamespace(face_landmarks=[points])
"""


def stand_in(folder: Path, detect: str = "pass") -> Path:
    """Make modules that import as the image's do, and MediaPipe's way to find a face."""
    for name, text in {
        "cv2.py": "",
        "numpy.py": "",
        "mediapipe/__init__.py": "class Image:\n    create_from_file = staticmethod(str)\n",
        "mediapipe/tasks/python/vision.py": VISION.replace("{detect}", detect),
        "mediapipe/tasks/python/core/base_options.py": BASE_OPTIONS,
        "models/face_landmarker.task": "a model",
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def start(*folders: Path, models: str = "/nonexistent") -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(map(str, (SOURCE, *folders)))
    return subprocess.run(
        [sys.executable, "-m", "mediapipe_jetson.first_start", "1"],
        env={**os.environ, "PYTHONPATH": path, "MEDIAPIPE_JETSON_MODELS": models},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_one_document_says_what_is_here_and_how_the_inference_went(tmp_path: Path) -> None:
    for name in ("cv2", "numpy"):
        (tmp_path / f"{name}.py").write_text("")
    done = start(tmp_path)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    jsonschema.validate(document["info"], schema("info"))
    jsonschema.validate(document["selftest"], schema("selftest"))
    assert document["selftest"]["cause"] == "missing-model"
    assert document["python"] == ".".join(map(str, sys.version_info[:3]))
    assert document["distributions"]["pytest"]


def test_a_module_that_does_not_import_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "cv2.py").write_text("import no_such_library\n")
    done = start(tmp_path)
    assert (done.returncode, done.stdout) == (3, "")
    (line,) = done.stderr.strip().splitlines()
    assert line == "error: ModuleNotFoundError: No module named 'no_such_library'"


def test_the_inference_of_a_fork_is_judged_as_the_selftest_is(tmp_path: Path) -> None:
    done = start(stand_in(tmp_path), models=str(tmp_path / "models"))
    assert (done.returncode, done.stderr) == (0, "")
    selftest = json.loads(done.stdout)["selftest"]
    jsonschema.validate(selftest, schema("selftest"))
    assert (selftest["verdict"], selftest["landmarks"], selftest["times"]["frames"]) == (
        "pass",
        478,
        1,
    )


@pytest.mark.parametrize(
    ("detect", "cause"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", "crash"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "crash"),
        ("os._exit(7)", "crash"),
        ("raise RuntimeError('no graph')", "error"),
        ("sys.exit(11)", "crash"),
    ],
)
def test_an_inference_that_breaks_is_told(tmp_path: Path, detect: str, cause: str) -> None:
    done = start(stand_in(tmp_path, detect), models=str(tmp_path / "models"))
    assert (done.returncode, done.stderr) == (0, "")
    selftest = json.loads(done.stdout)["selftest"]
    assert (selftest["verdict"], selftest["cause"]) == ("broken", cause)


def test_an_inference_that_nobody_waits_for_is_ended(tmp_path: Path) -> None:
    stand_in(tmp_path, "time.sleep(600)")
    (tmp_path / "cv2.py").write_text("import no_such_library\n")
    assert start(tmp_path, models=str(tmp_path / "models")).returncode == 3


def test_an_inference_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    stand_in(tmp_path, "time.sleep(600)")
    environment = {"PYTHONPATH": os.pathsep.join(map(str, (SOURCE, tmp_path)))}
    text = (
        "from mediapipe_jetson.forked import Forked\n"
        "with Forked(1) as forked:\n"
        "    told, code = forked.result(1.0)\n"
        "print(code, forked._process)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", text],
        env={**os.environ, **environment, "MEDIAPIPE_JETSON_MODELS": str(tmp_path / "models")},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stdout.split() == ["None", "0"], done.stderr


def forked(folder: Path, script: str) -> subprocess.Popen[str]:
    """Run a script that has `Forked`; modules and models are those of `stand_in`."""
    path = os.pathsep.join(map(str, (SOURCE, folder)))
    models = {"MEDIAPIPE_JETSON_MODELS": str(folder / "models")}
    return subprocess.Popen(
        [sys.executable, "-c", f"from mediapipe_jetson.forked import Forked\n{script}"],
        env={**os.environ, "PYTHONPATH": path, **models},
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(
    ("raised", "code", "expected"),
    [
        ("sys.exit(11)", 11, ""),
        ("sys.exit()", 0, ""),
        ("sys.exit(0)", 0, ""),
        ("sys.exit(True)", 1, ""),
        ("sys.exit('no graph')", 1, "no graph\n"),
        ("sys.exit(-1)", 255, ""),
        ("sys.exit(1 << 70)", 255, ""),
        ("raise SystemExit((1, 2))", 1, "(1, 2)\n"),
        ("raise KeyboardInterrupt", 1, "KeyboardInterrupt\n"),
    ],
)
def test_an_inference_ends_with_the_code_of_its_own_exit(
    tmp_path: Path, raised: str, code: int, expected: str
) -> None:
    stand_in(tmp_path, raised)
    script = (
        "with Forked(1) as forked:\n"
        "    code = forked.result(50.0)[1]\n"
        "    forked.output.seek(0)\n"
        "    print(code, forked.output.read().decode(), sep='|', end='')\n"
    )
    with forked(tmp_path, script) as process:
        assert process.stdout is not None
        text = process.stdout.read()
    # As a Python of its own ends, which adds where it was interrupted.
    assert text.startswith(f"{code}|a line of MediaPipe's own\n")
    assert text.endswith(expected or "own\n")


@pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux tells a child that its parent ended"
)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGHUP])
def test_an_inference_ends_with_its_parent(tmp_path: Path, number: int) -> None:
    stand_in(tmp_path, "open(os.environ['BEGUN'], 'w').close(); time.sleep(600)")
    begun = tmp_path / "begun"
    script = (
        f"import os, time\nos.environ['BEGUN'] = {str(begun)!r}\n"
        "with Forked(1) as forked:\n"
        f"    while not os.path.exists({str(begun)!r}): time.sleep(0.05)\n"
        "    print(forked._process, flush=True)\n"
        "    time.sleep(600)\n"
    )
    with forked(tmp_path, script) as process:
        assert process.stdout is not None
        child = os.pidfd_open(int(process.stdout.readline()))
        try:
            process.send_signal(number)
            assert process.wait(60) == -number
            # Readable once the process has ended.
            assert select.select([child], [], [], 60)[0]
        finally:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(child, signal.SIGKILL)
            os.close(child)


@pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux tells a child that its parent ended"
)
def test_an_inference_whose_parent_ended_before_it_began_ends(tmp_path: Path) -> None:
    stand_in(tmp_path, "open(os.environ['BEGUN'], 'w').close()")
    begun = tmp_path / "begun"
    # The parent is gone, and another has the child, before the child asks to be told.
    script = (
        f"import os, sys\nos.environ['BEGUN'] = {str(begun)!r}\n"
        "from mediapipe_jetson import forked\n"
        "fork, ready = os.fork, os.pipe()\n"
        "def late():\n"
        "    parent, child = os.getpid(), fork()\n"
        "    if not child:\n"
        "        while os.getppid() == parent: pass\n"
        "    return child\n"
        "os.fork = late\n"
        "Forked(1)\n"
        "os._exit(0)\n"
    )
    with forked(tmp_path, script) as process:
        assert process.stdout is not None
        # At its end once no process has it.
        assert process.stdout.read() == ""
    assert not begun.exists()
