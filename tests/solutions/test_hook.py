"""How the solutions get under `import mediapipe`."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from jetson_kit.wheels import pins as wheels
from tests.solutions.conftest import SOURCE, legacy_python

pytestmark = pytest.mark.vision
HOOK = "from mediapipe_jetson.solutions import hook; hook.install()\n"
FORMS = (
    "import mediapipe as mp; mp.solutions.face_mesh.FaceMesh",
    "import mediapipe; mediapipe.solutions.hands.HandLandmark.WRIST",
    "from mediapipe import solutions; solutions.pose.Pose",
    "import mediapipe.python.solutions.holistic as holistic; holistic.Holistic",
    "from mediapipe.python.solutions import drawing_utils, drawing_styles",
    "from mediapipe.python.solutions.face_mesh import FaceMesh, FACEMESH_CONTOURS",
    "from mediapipe.python.solution_base import SolutionBase",
    "from mediapipe.framework.formats import landmark_pb2, detection_pb2",
    "import mediapipe.framework.formats.landmark_pb2 as pb; pb.NormalizedLandmarkList()",
    "import mediapipe as mp; assert hasattr(mp, 'solutions')",
    "import mediapipe as mp; mp.tasks.vision.FaceLandmarker",
    "import mediapipe as mp; mp.python.solutions.hands.Hands",
    "import mediapipe as mp; mp.framework.formats.landmark_pb2.NormalizedLandmarkList()",
    "import mediapipe.python as p; p.solution_base.SolutionBase",
)


def start(
    code: str, *, python: str | Path = sys.executable, folder: Path = SOURCE, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run code in a fresh process."""
    return subprocess.run(
        [python, "-c", code],
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(folder), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("form", FORMS)
def test_each_form_of_import_works(form: str) -> None:
    done = start(HOOK + form)
    assert done.returncode == 0, done.stderr


def test_nothing_of_the_kit_is_imported_before_it_is_asked_for() -> None:
    done = start(
        HOOK + "import mediapipe, sys\n"
        "print(sorted(one for one in sys.modules if one.startswith('mediapipe_jetson')))"
    )
    names = ["mediapipe_jetson", "mediapipe_jetson.solutions", "mediapipe_jetson.solutions.hook"]
    assert done.stdout.strip() == str(names), done.stderr


def test_a_start_of_python_imports_no_module_for_types_or_metadata() -> None:
    done = start(HOOK + "import sys; print(*sys.modules)", python="/usr/bin/python3", folder=SOURCE)
    slow = {"typing", "re", "pathlib", "importlib.abc", "importlib.resources", "email.message"}
    isolated = start("import sys; print(*sys.modules)", python="/usr/bin/python3")
    assert not slow & (set(done.stdout.split()) - set(isolated.stdout.split())), done.stderr


def test_it_can_be_switched_off() -> None:
    done = start(
        HOOK + "import mediapipe as mp; print(hasattr(mp, 'solutions'))",
        MEDIAPIPE_JETSON_SOLUTIONS="off",
    )
    assert done.stdout == "False\n", done.stderr


DELEGATE = "print(repr(mp.tasks.BaseOptions({}).delegate))\n"
KINDS = "import mediapipe as mp\nD = mp.tasks.BaseOptions.Delegate\n"
CHANGED = KINDS + "o = mp.tasks.BaseOptions()\no.delegate = D.GPU\nprint(repr(o.delegate))\n"


@pytest.mark.parametrize(
    ("code", "value", "same"),
    [
        (KINDS + DELEGATE.format("delegate=D.GPU"), "CPU", "CPU"),
        (KINDS + DELEGATE.format("None, None, D.GPU"), " cpu ", "CPU"),
        (CHANGED, "CPU", "CPU"),
        (KINDS + DELEGATE.format("delegate=D.CPU"), "CPU", "CPU"),
        (KINDS + DELEGATE.format(""), "CPU", "None"),
        (KINDS + DELEGATE.format("delegate=D.GPU"), "", "GPU"),
        (KINDS + DELEGATE.format("delegate=D.GPU"), "GPU", "GPU"),
        (CHANGED, "", "GPU"),
    ],
)
@pytest.mark.parametrize("solutions", ["", "off"])
def test_the_environment_puts_the_cpu_in_the_gpus_place(
    code: str, value: str, same: str, solutions: str
) -> None:
    done = start(
        HOOK + code,
        MEDIAPIPE_JETSON_DELEGATE=value,
        MEDIAPIPE_JETSON_SOLUTIONS=solutions,
    )
    assert same in done.stdout, done.stderr


@pytest.mark.parametrize(
    ("delegate", "value", "times"), [("D.GPU", "CPU", 1), ("D.CPU", "CPU", 0), ("D.GPU", "", 0)]
)
def test_the_cpu_in_the_gpus_place_is_told_once(delegate: str, value: str, times: int) -> None:
    code = DELEGATE.format(f"delegate={delegate}")
    done = start(f"{HOOK}{KINDS}{code}\n{code}", MEDIAPIPE_JETSON_DELEGATE=value)
    assert done.stderr.count("MediaPipe runs on the CPU, as MEDIAPIPE_JETSON_DELEGATE") == times


@pytest.mark.parametrize("code", ["import mediapipe.framework.nothing", "import mediapipe.nothing"])
def test_what_is_missing_is_still_missing(code: str) -> None:
    done = start(HOOK + code)
    assert "ModuleNotFoundError" in done.stderr


@pytest.mark.parametrize(
    "name", ["nothing", "framework.nothing", "python.__wrapped__", "framework.formats.x_pb2"]
)
def test_what_is_missing_is_no_attribute_either(name: str) -> None:
    done = start(HOOK + f"import mediapipe as mp; mp.{name}")
    assert done.stderr.splitlines()[-1].startswith("AttributeError: module 'mediapipe")


def test_solutions_of_the_installed_mediapipe_stay_in_use() -> None:
    legacy = legacy_python()
    done = start(HOOK + "import mediapipe as mp; print(mp.solutions.hands.__name__)", python=legacy)
    assert done.stdout == "mediapipe.python.solutions.hands\n", done.stderr


def test_the_kits_can_be_chosen_where_there_are_others() -> None:
    legacy = legacy_python()
    done = start(
        HOOK + "import mediapipe as mp; print(mp.solutions.hands.__name__)",
        python=legacy,
        MEDIAPIPE_JETSON_SOLUTIONS="kit",
    )
    assert done.stdout == "mediapipe_jetson.solutions.hands\n", done.stderr


def test_without_mediapipe_nothing_is_said(tmp_path: Path) -> None:
    done = start(HOOK + "import mediapipe", python="/usr/bin/python3")
    assert "No module named 'mediapipe'" in done.stderr


def test_a_missing_model_says_how_to_get_it(tmp_path: Path) -> None:
    done = start(
        HOOK + "import mediapipe as mp; mp.solutions.face_mesh.FaceMesh()",
        MEDIAPIPE_JETSON_MODELS=str(tmp_path),
        XDG_CACHE_HOME=str(tmp_path),
    )
    last = done.stderr.strip().splitlines()[-1]
    assert "mediapipe_jetson.solutions fetch" in last


def test_models_are_fetched_out_of_a_wheel_that_is_given(tmp_path: Path) -> None:
    wheel = wheels.fetch(wheels.select("arm64", "3.11", "0.10.18"))
    code = "import sys; from mediapipe_jetson.solutions.__main__ import main; sys.exit(main({}))"
    done = start(
        code.format(["fetch", "--from", str(wheel)]),
        XDG_CACHE_HOME=str(tmp_path),
        MEDIAPIPE_JETSON_MODELS=str(tmp_path),
    )
    assert done.returncode == 0, done.stderr
    done = start(
        HOOK + "import mediapipe as mp; mp.solutions.face_mesh.FaceMesh().close()",
        XDG_CACHE_HOME=str(tmp_path),
        MEDIAPIPE_JETSON_MODELS=str(tmp_path),
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("kind", ["text", "other", "cut", "none"])
def test_a_wrong_archive_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.whl"
    if kind == "text":
        path.write_text("no archive")
    elif kind in ("other", "cut"):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("mediapipe/modules/face_landmark/face_landmark.tflite", b"other")
        if kind == "cut":
            path.write_bytes(path.read_bytes()[:60])
    code = "import sys; from mediapipe_jetson.solutions.__main__ import main; sys.exit(main({}))"
    done = start(
        code.format(["fetch", "--from", str(path)]), XDG_CACHE_HOME=str(tmp_path / "cache")
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert not list((tmp_path / "cache").rglob("*.tflite"))
