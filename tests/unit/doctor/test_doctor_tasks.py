"""Which delegate each task is given: followed through code of many styles."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest
from mediapipe_jetson.doctor.sources import Scan

from tests.unit.doctor.delegates import BY_CPU, BY_GPU, DELEGATES, HEAD, made
from tests.unit.doctor.projects import project
from tests.unit.doctor_scenes import answer, plant, scene


@pytest.mark.parametrize(
    ("code", "expected"), [item[1:] for item in DELEGATES], ids=[item[0] for item in DELEGATES]
)
def test_delegate(tmp_path: Path, code: str, expected: str) -> None:
    plant(tmp_path, {"app.py": f"{HEAD}{code}\n"})
    scan = Scan(tmp_path)
    assert not scan.unread, scan.unread
    tasks = scan.programs.tasks.by_place
    assert tasks
    for task in tasks:
        assert " ".join([*sorted(task.delegates), *(["?"] if task.unknown else [])]) == expected, (
            task
        )


HELPER = "def f(d):\n    " + made("BaseOptions(delegate=d)") + "\n"
ONE_OF_TWO = [
    ("a function", f"{HELPER}f(GPU)\nf(CPU)", ["f(CPU)"]),
    ("three calls", f"{HELPER}f(CPU)\nf(GPU)\na = f(None)", ["f(CPU)", "a = f(None)"]),
    ("by keyword", f"{HELPER}f(d=CPU)\nf(d=GPU)", ["f(d=CPU)"]),
    ("through another", f"{HELPER}def g(x):\n    return f(x)\ng(GPU)\ng(CPU)", ["g(CPU)"]),
    ("both ways", f"{HELPER}def g(x):\n    return f(x)\nf(GPU)\ng(CPU)", ["    return f(x)"]),
    (
        "a method",
        "class A:\n    def __init__(self, d):\n        self.d = d\n    def go(self):\n        "
        + made("BaseOptions(delegate=self.d)")
        + "\nA(GPU).go()\nA(CPU).go()",
        ["A(CPU).go()"],
    ),
    (
        "a constructor",
        "class A:\n    def __init__(self, d):\n        "
        + made("BaseOptions(delegate=d)")
        + "\nb = A(GPU)\nc = A(CPU)",
        ["c = A(CPU)"],
    ),
    ("a default", HELPER.replace("(d)", "(d=CPU)", 1) + "f(GPU)\nf()", ["f()"]),
]


@pytest.mark.parametrize(
    ("code", "places"), [item[1:] for item in ONE_OF_TWO], ids=[item[0] for item in ONE_OF_TWO]
)
def test_the_call_for_the_cpu_is_listed(tmp_path: Path, code: str, places: list[str]) -> None:
    text = f"{HEAD}{code}\n"
    here = scene(tmp_path, files={"app/a.py": text}, code=tmp_path / "app")
    result = answer(here, "gpu-not-requested").result
    assert result.status == "bad", result
    lines = text.splitlines()
    assert [lines[item.line - 1] for item in result.findings] == places
    assert {item.instead for item in result.findings} == {
        "delegate=BaseOptions.Delegate.GPU for this call"
    }


SOME = "The program asks for the GPU in some places, not in these"
NEVER = "The program never asks for the GPU"


@pytest.mark.parametrize(
    ("code", "title"),
    [
        (HELPER + "import sys\nif '--cpu' in sys.argv:\n    f(CPU)\nelse:\n    f(GPU)", SOME),
        (HELPER + "f(GPU)\nf(None)", SOME),
        (f"{BY_GPU}\n{BY_CPU}", SOME),
        (HELPER + "f(CPU)\nf(None)", NEVER),
        (BY_CPU, NEVER),
        (f"{BY_CPU}\nmp.tasks.text.TextClassifier.create_from_model_path('x')", NEVER),
    ],
)
def test_the_title_says_whether_the_gpu_is_asked_for(tmp_path: Path, code: str, title: str) -> None:
    here = scene(tmp_path, files={"app/a.py": f"{HEAD}{code}\n"}, code=tmp_path / "app")
    finding = answer(here, "gpu-not-requested")
    assert (finding.result.status, finding.title) == ("bad", title)


def test_of_calls_that_differ_the_unknown_one_is_named(tmp_path: Path) -> None:
    code = f"{HEAD}import sys\n{HELPER}f(GPU)\nf(sys.argv[1])\n"
    here = scene(tmp_path, files={"app/a.py": code}, code=tmp_path / "app")
    result = answer(here, "gpu-not-requested").result
    assert result.status == "unknown"
    number = code.splitlines().index("f(sys.argv[1])") + 1
    assert result.evidence[0].startswith(f"a.py:{number}: FaceLandmarker: its delegate can't be")


def test_calls_for_the_gpu_are_as_good_as_one(tmp_path: Path) -> None:
    here = scene(
        tmp_path,
        files={"app/a.py": f"{HEAD}{HELPER}f(GPU)\nf(GPU)\n"},
        code=tmp_path / "app",
    )
    assert answer(here, "gpu-not-requested").result.status == "ok"


def test_a_fallback_to_the_cpu_is_no_fault(tmp_path: Path) -> None:
    code = f"try:\n    {BY_GPU}\nexcept RuntimeError:\n    {BY_CPU}\n"
    status, message = project(tmp_path, {"app.py": HEAD + code})
    assert status == "unknown"
    assert "app.py:10: FaceLandmarker: it falls back to the CPU" in message


@pytest.mark.parametrize(
    ("second", "status"), [("CPU", "unknown"), ("GPU", "ok"), ("DEFAULT", "unknown")]
)
def test_a_helper_that_is_called_once_more_where_it_failed(
    tmp_path: Path, second: str, status: str
) -> None:
    helper = (
        "from mediapipe.tasks.python import BaseOptions, vision\n"
        "def make(delegate):\n"
        "    base = BaseOptions(model_asset_path='f.task', delegate=delegate)\n"
        "    options = vision.FaceLandmarkerOptions(base_options=base)\n"
        "    return vision.FaceLandmarker.create_from_options(options)\n"
        "try:\n    task = make(BaseOptions.Delegate.GPU)\n"
        f"except Exception:\n    task = make(BaseOptions.Delegate.{second})\n"
    )
    result, message = project(tmp_path, {"app.py": helper})
    assert result == status, message


def test_every_task_is_listed_with_its_cure(tmp_path: Path) -> None:
    code = HEAD + dedent(
        """\
        base = BaseOptions(model_asset_path="x")
        options = vision.FaceLandmarkerOptions(base_options=base)
        for_face = vision.FaceLandmarker.create_from_options(options)
        for_hand = vision.HandLandmarker.create_from_model_path("hand.task")
        """
    )
    status, message = project(tmp_path, {"app.py": code})
    assert status == "bad"
    assert "app.py:9: FaceLandmarker is created with no delegate" in message
    assert "app.py:10: HandLandmarker is created with no delegate" in message
    assert (
        "HandLandmarkerOptions(base_options=BaseOptions(model_asset_path=..., delegate=" in message
    )
    assert "write delegate=BaseOptions.Delegate.GPU" in message


@pytest.mark.parametrize(
    ("version", "number", "status"),
    [
        ("0.10.18", 1, "ok"),
        ("0.10.18", 0, "bad"),
        ("1.2.0", 1, "ok"),
        ("1.2.2", 1, "bad"),
        ("1.2.2", 2, "ok"),
        ("1.2.2", 0, "bad"),
        (None, 1, "unknown"),
    ],
)
def test_numbers_go_by_the_version(
    tmp_path: Path, version: str | None, number: int, status: str
) -> None:
    code = made(f"BaseOptions(delegate=BaseOptions.Delegate({number}))")
    assert project(tmp_path, {"app.py": HEAD + code}, mediapipe=version)[0] == status


def test_later_versions_may_choose_otherwise(tmp_path: Path) -> None:
    status, message = project(tmp_path, {"app.py": HEAD + made("BaseOptions()")}, mediapipe="9.0.0")
    assert status == "unknown"
    assert "what mediapipe 9.0.0 does without a delegate is not known" in message
    assert (
        project(tmp_path, {"app.py": HEAD + made("BaseOptions(delegate=CPU)")}, mediapipe="9.0.0")[
            0
        ]
        == "bad"
    )


def test_the_version_is_the_lock_files(tmp_path: Path) -> None:
    code = HEAD + made("BaseOptions(delegate=BaseOptions.Delegate(1))")
    lock = '[[package]]\nname = "mediapipe"\nversion = "1.2.2"\n'
    files = {
        "app.py": code,
        "uv.lock": lock,
        "pyproject.toml": '[project]\ndependencies = ["mediapipe"]\n',
    }
    assert project(tmp_path, files, mediapipe="0.10.18")[0] == "bad"


def test_a_wheel_without_the_gpu_comes_first(tmp_path: Path) -> None:
    files = {"app.py": HEAD + made("BaseOptions()"), "requirements.txt": "mediapipe==0.10.31\n"}
    _, message = project(tmp_path, files, library=None, device="orin")
    assert "first a wheel with the GPU inside (mediapipe>=1.0.1)" in message


def test_a_board_without_such_a_wheel_gets_no_advice_that_breaks_the_program(
    tmp_path: Path,
) -> None:
    files = {"app.py": HEAD + made("BaseOptions()")}
    status, message = project(tmp_path, files, device="nano", library=None, mediapipe="0.10.18")
    assert status == "unknown"
    assert "no official wheel has the GPU inside for this CPU" in message
    assert "app.py:7" in message


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (
            "from mediapipe.tasks.python import text\ntext.TextEmbedder.create_from_options(x)\n",
            "text and audio",
        ),
        ("import mediapipe as mp\n", "no task of MediaPipe's is created"),
        ("print(1)\n", "no task of MediaPipe's is created"),
        (
            "import mediapipe as mp\nx = mp.solutions.hands.Hands()\n",
            "no task of MediaPipe's is created",
        ),
        ("import mediapipe\nprint 'x'\n", "not read: app.py"),
    ],
)
def test_what_was_not_examined_is_not_ok(tmp_path: Path, code: str, expected: str) -> None:
    status, text = project(tmp_path, {"app.py": code})
    assert status == "unknown"
    assert expected in text


def test_packages_that_create_tasks_inside_are_named(tmp_path: Path) -> None:
    files = {"app.py": HEAD + made("BaseOptions(delegate=GPU)"), "requirements.txt": "cvzone>=2\n"}
    status, message = project(tmp_path, files)
    assert status == "unknown"
    assert "requirements.txt:1: cvzone creates tasks inside" in message


def test_notebooks_share_their_cells(tmp_path: Path) -> None:
    import json

    cells = [
        {"cell_type": "code", "source": HEAD},
        {"cell_type": "code", "source": made("BaseOptions(delegate=CPU)")},
    ]
    status, message = project(tmp_path, {"a.ipynb": json.dumps({"cells": cells})})
    assert status == "bad"
    assert "a.ipynb: cell 2, line 1" in message


def test_entangled_code_is_said_to_be_so(tmp_path: Path) -> None:
    """Calls that multiply are cut off; the rest of the project is judged."""
    lines = [f"def f{n}(x):\n    return " + " + ".join([f"f{n + 1}(x)"] * 9) for n in range(40)]
    code = (
        f"{HEAD}{made('BaseOptions(delegate=GPU)')}\n"
        + "\n".join(lines)
        + "\ndef f40(x):\n    return x\nf0(1)\n"
    )
    status, _ = project(tmp_path, {"app.py": code})
    assert status in ("ok", "unknown")
