"""Packages that a project imports and that no table knows: named, never passed as ok."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.doctor_scenes import judged, lines

TASK = "import mediapipe as mp\nimage = mp.Image\n"


def notebook(*cells: str) -> str:
    """Return a notebook with these code cells."""
    listed = [{"cell_type": "code", "source": cell.splitlines(keepends=True)} for cell in cells]
    return json.dumps({"cells": listed, "nbformat": 4})


IMPORTS = {
    "from": "from super_hands import track\ntrack()\n",
    "from a part": "from super_hands.live.web import track\n",
    "plain": "import super_hands\n",
    "renamed": "import super_hands as sh\n",
    "behind a known one": "import numpy, super_hands\n",
    "before a known one": "import super_hands as sh, numpy as np\n",
    "in a function": "def run():\n    import super_hands\n    return super_hands.track()\n",
    "behind a colon": "try: import super_hands\nexcept ImportError: super_hands = None\n",
    "behind a semicolon": "import os; import super_hands\n",
    "over two lines": "from super_hands \\\n    import track\n",
    "a list over two lines": "import os, \\\n    super_hands\n",
    "in brackets": "from super_hands import (\n    track,\n    draw,\n)\n",
    "by its name": "import importlib\nhands = importlib.import_module('super_hands.live')\n",
    "by __import__": "hands = __import__('super_hands')\n",
    "a star": "from super_hands import *\n",
}


@pytest.mark.parametrize("kind", IMPORTS)
@pytest.mark.parametrize("beside", [{}, {"other.py": TASK, "requirements.txt": "numpy\n"}])
def test_a_package_that_is_only_imported_is_named(
    tmp_path: Path, kind: str, beside: dict[str, str]
) -> None:
    answer = judged(tmp_path, {"app.py": IMPORTS[kind], **beside})["legacy-api"]
    assert answer.result.status == "unknown", lines(answer)
    assert "packages were not looked into: super_hands" in lines(answer)


@pytest.mark.parametrize("kind", IMPORTS)
@pytest.mark.parametrize("task", ["", TASK])
def test_the_same_within_a_package(tmp_path: Path, kind: str, task: str) -> None:
    files = {"pkg/__init__.py": "", "pkg/part/__init__.py": ""}
    for name in ("pkg/app.py", "pkg/part/app.py"):
        answer = judged(tmp_path / name, {**files, name: f"{task}{IMPORTS[kind]}"})["legacy-api"]
        assert answer.result.status == "unknown", lines(answer)
        assert "packages were not looked into: super_hands" in lines(answer)


@pytest.mark.parametrize("kind", IMPORTS)
def test_the_same_in_a_notebook(tmp_path: Path, kind: str) -> None:
    files = {"a.ipynb": notebook("x = 1\n", f"%matplotlib inline\n{IMPORTS[kind]}")}
    answer = judged(tmp_path, files)["legacy-api"]
    assert answer.result.status == "unknown", lines(answer)
    assert "packages were not looked into: super_hands" in lines(answer)


def test_a_notebook_with_a_package_that_calls_mediapipe_inside(tmp_path: Path) -> None:
    text = notebook("!pip install cvzone==1.5.6\n", "from cvzone.PoseModule import PoseDetector\n")
    answer = judged(tmp_path, {"a.ipynb": text})["legacy-api"]
    assert answer.result.status == "bad", lines(answer)
    text = notebook("from cvzone.PoseModule import PoseDetector\n")
    answer = judged(tmp_path / "2", {"a.ipynb": text})["legacy-api"]
    assert answer.result.status == "unknown", lines(answer)
    assert "a.ipynb: cell 1, line 1: cvzone below 2.0.0" in lines(answer)


def test_a_program_of_python_2_still_names_what_it_imports(tmp_path: Path) -> None:
    files = {"app.py": TASK, "old.py": "import super_hands\nprint super_hands\n"}
    result = judged(tmp_path, files)
    assert "not looked into: super_hands" in lines(result["legacy-api"])
    assert "not read" not in lines(result["gpu-not-requested"])


OWN = {
    "a sentence": '"""Reads a camera.\n\nimport the camera first, from whom it may be.\n"""\n',
    "a text": "HELP = '''\nimport super_hands\n'''\n",
    "a comment": "# import super_hands\nimport os  # import super_hands\n",
    "Python's own": "import os, sys\nfrom collections.abc import Iterator\n",
    "known": "import cv2\nimport numpy as np\nfrom PIL import Image\n",
    "a folder": "from data import more\nfrom data.more import x\nimport data.more\n",
    "its own": "from . import hands\nfrom .hands import x\nfrom pkg.hands import x\nimport hands\n",
}


@pytest.mark.parametrize("kind", OWN)
def test_what_is_no_package_is_not_named(tmp_path: Path, kind: str) -> None:
    files = {"pkg/__init__.py": "", "pkg/app.py": OWN[kind], "pkg/hands.py": "x = 1\n"}
    files["pkg/data/more.py"] = "x = 1\n"
    answer = judged(tmp_path, files)["legacy-api"]
    assert answer.result.status == "ok", lines(answer)


def test_a_folder_with_the_name_of_a_package_is_not_that_package(tmp_path: Path) -> None:
    """Python takes a package before a folder without __init__.py."""
    files = {"examples/super_hands/run.py": "from super_hands import track\n"}
    answer = judged(tmp_path, files)["legacy-api"]
    assert "packages were not looked into: super_hands" in lines(answer)


@pytest.mark.parametrize(
    ("program", "module", "line"),
    [
        ("backend/app/main.py", "backend/app/hands.py", "from app.hands import x"),
        ("ws/src/node/node/main.py", "ws/src/node/node/hands.py", "from node.hands import x"),
        (
            "ws/src/node/scripts/main.py",
            "ws/src/node/src/node/hands.py",
            "from node.hands import x",
        ),
        ("services/a/app/web/main.py", "services/a/app/hands.py", "from app.hands import x"),
        ("tests/unit/test_a.py", "src/kit/hands.py", "from kit.hands import x"),
    ],
)
def test_modules_of_a_folder_above_are_the_projects_own(
    tmp_path: Path, program: str, module: str, line: str
) -> None:
    code = "def x(mp):\n    return mp.solutions.hands.Hands()\n"
    init = (Path(module).parent / "__init__.py").as_posix()
    files = {program: f"import mediapipe\n{line}\nx(mediapipe)\n", module: code, init: ""}
    answer = judged(tmp_path, files)["legacy-api"]
    assert f"{module}:2" in lines(answer), lines(answer)
    assert "not looked into" not in lines(answer)


HAND = "import mediapipe as mp\ndef get():\n    return mp.solutions.hands.Hands()\n"
ADDED = {
    "append": {"run/a.py": "import sys\nsys.path.append('../lib')\nimport hand\nhand.get()\n"},
    "insert": {"run/a.py": "import sys, os\nsys.path.insert(0, os.path.join('..', 'lib'))\n"
               "import hand\n"},
    "a path": {"run/a.py": "import sys\nLIB = ROOT / 'lib'\nsys.path[:0] = [str(LIB)]\n"
               "import hand\n"},
    "site": {"run/a.py": "import site\nsite.addsitedir('lib')\nfrom hand import get\n"},
    "a script": {"run/a.py": "import hand\n", "go.sh": "PYTHONPATH=lib python3 run/a.py\n"},
    "a Dockerfile": {"run/a.py": "import hand\n", "Dockerfile": "FROM x\nENV PYTHONPATH /a/lib\n"},
    "pytest": {
        "run/a.py": "import hand\n",
        "pyproject.toml": "[tool.pytest.ini_options]\npythonpath = ['lib']\n",
    },
}  # fmt: skip


@pytest.mark.parametrize("kind", ADDED)
def test_modules_of_folders_that_are_put_on_the_path_are_the_projects_own(
    tmp_path: Path, kind: str
) -> None:
    answer = judged(tmp_path, {"lib/hand.py": HAND, **ADDED[kind]})["legacy-api"]
    assert "lib/hand.py:3" in lines(answer)
    assert "not looked into" not in lines(answer)


def test_a_folder_that_nothing_puts_on_the_path_is_not_searched(tmp_path: Path) -> None:
    files = {"tools/super_hands.py": "x = 1\n", "run/a.py": "import super_hands\n"}
    assert "not looked into: super_hands" in lines(judged(tmp_path, files)["legacy-api"])


INSIDE = {
    "a name of the package above": {
        "pkg/__init__.py": "import mediapipe as mp\nhands = mp.solutions.hands\n",
        "pkg/use.py": "from . import hands\nhands.Hands(max_num_hands=1)\n",
    },
    "of the one above that": {
        "pkg/__init__.py": "from .core import *\n",
        "pkg/core.py": "from mediapipe.python.solutions import hands as H\n__all__ = ['H']\n",
        "pkg/sub/__init__.py": "",
        "pkg/sub/use.py": "from .. import H\nH.Hands(max_num_hands=1)\n",
    },
    "in brackets": {
        "pkg/__init__.py": "import mediapipe as mp\nhands = mp.solutions.hands\n",
        "pkg/use.py": "from . import (\n    hands,\n)\nhands.Hands(max_num_hands=1)\n",
    },
}


@pytest.mark.parametrize("kind", INSIDE)
def test_names_that_a_package_hands_on(tmp_path: Path, kind: str) -> None:
    answer = judged(tmp_path, INSIDE[kind])["legacy-api"]
    assert "use.py" in lines(answer)
    assert "Hands(max_num_hands=...)" in lines(answer)


HANDS = "import mediapipe as mp\nmp.solutions.hands.Hands()\n"


@pytest.mark.parametrize(
    "first",
    [
        "#!/usr/bin/env python3",
        "#!/usr/bin/env -S uv run --script",
        "#!/usr/bin/env -S pipx run",
        "#!/opt/venv/bin/python3.11 -u",
        "#!/usr/bin/env -S poetry run python",
    ],
)
def test_programs_by_their_first_line(tmp_path: Path, first: str) -> None:
    answer = judged(tmp_path, {"bin/track": f"{first}\n{HANDS}"})["legacy-api"]
    assert "bin/track:3" in lines(answer)


def test_programs_of_other_languages_are_listed(tmp_path: Path) -> None:
    text = "#!/usr/bin/env node\nconst v = require('@mediapipe/tasks-vision')\n"
    answer = judged(tmp_path, {"bin/track": text})["legacy-api"]
    assert "not read: bin/track" in lines(answer)


@pytest.mark.parametrize(
    ("program", "requirement", "status"),
    [
        ("from deepface import DeepFace\nDeepFace.analyze('a.jpg')\n", "deepface", "unknown"),
        ("import deepface\nBACKEND = 'mediapipe'\n", "deepface", "bad"),
        ("import cvzone\nfrom cvzone.ColorModule import ColorFinder\n", "cvzone==1.5.6", "unknown"),
        ("from cvzone.PoseModule import PoseDetector\n", "cvzone==1.5.6", "bad"),
        ("from controlnet_aux import OpenposeDetector\n", "controlnet-aux", "unknown"),
        ("from controlnet_aux import MediapipeFaceDetector\n", "controlnet-aux", "bad"),
        ("from handDetection import x\n", "handdetection", "bad"),
    ],
)
def test_a_package_counts_where_its_part_that_calls_mediapipe_is_named(
    program: str, requirement: str, status: str, tmp_path: Path
) -> None:
    files = {"app.py": program, "requirements.txt": f"{requirement}\n"}
    answer = judged(tmp_path, files, device="orin")["legacy-api"]
    assert answer.result.status == status, lines(answer)


SETUP = """\
from setuptools import find_packages, setup
modules = ['some_module', 'other_module']
setup(
    name='x', packages=['some_package'], py_modules=modules, scripts=['bin/run'],
    package_data={'x': ['data.bin']}, classifiers=['Alpha'], keywords=['pose', 'hand'],
    entry_points={'console_scripts': ['run=x:main']}, install_requires=['numpy', 'some_needed'],
    extras_require={'gui': ['some_gui']}, tests_require=['some_tests'],
)
"""


def test_lists_of_setup_that_are_no_requirements(tmp_path: Path) -> None:
    answer = judged(tmp_path, {"setup.py": SETUP})["legacy-api"]
    assert "not looked into: some-gui, some-needed, some-tests" in lines(answer)
    text = SETUP.replace("['some_package']", "find_packages(exclude=['tests', 'docs'])")
    answer = judged(tmp_path / "2", {"setup.py": text})["legacy-api"]
    assert "not looked into: some-gui, some-needed, some-tests" in lines(answer)
