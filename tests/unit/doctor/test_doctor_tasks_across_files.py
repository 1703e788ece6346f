"""Delegates that other modules decide: imports, stars, and what is replaced or set for others."""

from __future__ import annotations

from pathlib import Path

import pytest
from mediapipe_jetson.doctor.sources import Scan

from tests.unit.doctor.delegates import CHOICE, HEAD, made
from tests.unit.doctor.projects import project
from tests.unit.doctor_scenes import plant


def test_across_files(tmp_path: Path) -> None:
    """The delegate, the options and the task stand in three files; only one names MediaPipe."""
    files = {
        "settings.py": "USE_GPU = True\n",
        "pkg/__init__.py": "",
        "pkg/face.py": CHOICE,
        "main.py": "from pkg.face import make\nfrom settings import USE_GPU\n\nmake(USE_GPU)\n",
    }
    assert project(tmp_path, files)[0] == "ok"
    files["settings.py"] = "USE_GPU = False\n"
    status, message = project(tmp_path, files)
    assert status == "bad"
    assert "pkg/face.py:10" in message


@pytest.mark.parametrize(
    ("main", "status"),
    [
        ("from . import face\nface.make(True)\n", "ok"),
        ("from .face import *\nmake(True)\n", "ok"),
        ("import app.face as f\nf.make(True)\n", "ok"),
        ("from app import face\nface.make(1 == 1)\n", "ok"),
        ("from app.face import make as m\nm(False)\n", "bad"),
        ("from app.face import make\nimport sys\nmake(len(sys.argv) > 1)\n", "unknown"),
    ],
)
def test_imports_of_every_kind(tmp_path: Path, main: str, status: str) -> None:
    files = {"app/__init__.py": "", "app/face.py": CHOICE, "app/main.py": main}
    assert project(tmp_path, files)[0] == status


STARRED = [
    ("all but the listed", "__all__ = ['A']\nA = 1\nD = CPU\n", "GPU"),
    ("listed", "__all__ = ('A', 'D')\nA = 1\nD = CPU\n", "CPU"),
    ("nothing, as far as is seen", "__all__ = []\nD = CPU\n", "GPU CPU"),
    (
        "a list that a decorator fills",
        "__all__ = []\ndef export(c):\n    __all__.append(c.__name__)\n    return c\n"
        "@export\nclass D:\n    pass\nD = CPU\n",
        "GPU CPU",
    ),
    (
        "a list with an item that a decorator fills",
        "__all__ = ['A']\nA = 1\ndef export(c):\n    __all__.append('D')\n    return c\n"
        "@export\ndef f():\n    pass\nD = CPU\n",
        "GPU CPU",
    ),
    (
        "a list handed on",
        "from reg import fill\n__all__ = ['A']\nfill(__all__)\nD = CPU\n",
        "GPU CPU",
    ),
    (
        "a list by another name",
        "__all__ = ['A']\nnames = __all__\nnames.append('D')\nD = CPU\n",
        "GPU CPU",
    ),
    ("a list with two names", "__all__ = x = ['A']\nx.append('D')\nA = 1\nD = CPU\n", "GPU CPU"),
    ("a list named before", "x = ['A']\n__all__ = x\nx.append('D')\nA = 1\nD = CPU\n", "GPU CPU"),
    (
        "a list's method",
        "__all__ = ['A']\nadd = __all__.append\nadd('D')\nA = 1\nD = CPU\n",
        "GPU CPU",
    ),
    ("a list that is extended", "__all__ = ['A']\n__all__.extend(['B'])\nA = D = CPU\n", "GPU CPU"),
    ("lists joined", "__all__ = ['A']\n__all__ = __all__ + ['B']\nA = B = D = CPU\n", "GPU"),
    ("no list", "D = CPU\n", "CPU"),
    ("a list that grows", "__all__ = ['A']\nA = 1\nD = CPU\n__all__ += ['D']\n", "CPU"),
    ("a list that grows by others", "__all__ = []\n__all__ += ('A',)\nA = D = CPU\n", "GPU"),
    (
        "a list that may grow",
        "__all__ = ['A']\nA = D = CPU\nif x():\n    __all__ += ['D']\n",
        "GPU CPU",
    ),
    (
        "a list set by a text",
        "import sys\nsetattr(sys.modules[__name__], '__all__', [])\nD = CPU\n",
        "GPU CPU",
    ),
    ("a list set in globals", "globals()['__all__'] = ['A']\nA = D = CPU\n", "GPU CPU"),
    ("a text", "class Meta:\n    fields = '__all__'\nD = CPU\n", "CPU"),
    ("a list that is not known", "__all__ = names()\nD = CPU\n", "GPU CPU"),
]


@pytest.mark.parametrize(
    ("code", "expected"), [item[1:] for item in STARRED], ids=[item[0] for item in STARRED]
)
def test_a_star_takes_what_a_module_lists(tmp_path: Path, code: str, expected: str) -> None:
    program = f"{HEAD}D = GPU\nfrom const import *\n{made('BaseOptions(delegate=D)')}\n"
    plant(tmp_path, {"const.py": f"{HEAD}{code}", "app.py": program})
    (task,) = Scan(tmp_path).programs.tasks.by_place
    assert task.delegates == set(expected.split()), task


@pytest.mark.parametrize(
    "code",
    [
        "const.__all__.append('D')",
        "const.__all__ += ['D']",
        "const.__all__ = ['A', 'D']",
        "const.__all__[:] = ['D']",
        "getattr(const, '__all__').append('D')",
        "vars(const)['__all__'].append('D')",
        "names = const.__all__\nnames.append('D')",
        "def fill():\n    const.__all__.append('D')\nfill()",
        "setattr(const, '__all__', ['D'])",
        "vars(const).update({'__all__': ['D']})",
        "from const import __all__ as names\nnames += ['D']",
        "import mine\nmine.fill(const.__all__)",
    ],
)
def test_another_module_may_change_what_a_star_takes(tmp_path: Path, code: str) -> None:
    files = {
        "const.py": f"{HEAD}__all__ = ['A']\nA = 1\nD = CPU\n",
        "more.py": f"import const\n{code}\n",
        "app.py": f"{HEAD}import more\nD = GPU\nfrom const import *\n"
        f"{made('BaseOptions(delegate=D)')}\n",
    }
    assert project(tmp_path, files)[0] == "unknown"


@pytest.mark.parametrize(
    "code",
    [
        "print(const.__all__)",
        "for name in const.__all__:\n    print(name)",
        "__all__ = const.__all__ + ['B']\n__all__.extend(const.__all__)",
        "from const import __all__ as names\n__all__ = [*names, 'B']",
        "names = getattr(const, '__all__', [])\nprint(sorted(names), names[0], 'A' in names)",
        "def names(module):\n    return getattr(module, '__all__', [])",
        "autodoc = ['__all__']\nclass Meta:\n    fields = '__all__'",
    ],
)
def test_who_reads_a_list_changes_it_not(tmp_path: Path, code: str) -> None:
    files = {
        "const.py": f"{HEAD}__all__ = ['A']\nA = 1\nD = CPU\n",
        "more.py": f"import const\n{code}\n",
        "app.py": f"{HEAD}import more\nD = GPU\nfrom const import *\n"
        f"{made('BaseOptions(delegate=D)')}\n",
    }
    assert project(tmp_path, files)[0] == "ok"


@pytest.mark.parametrize(
    "code",
    [
        "mp.tasks.BaseOptions = mine",
        "B = mp.tasks.BaseOptions\nB.__init__ = mine",
        "setattr(mp.tasks.BaseOptions, '__init__', mine)",
        "mp.tasks.vision.FaceLandmarker.create_from_options = mine",
        "from mediapipe.tasks.python.core import base_options as b\nb.BaseOptions = mine",
        "if mine.x:\n    mp.tasks.vision.FaceLandmarkerOptions.__init__ = mine",
    ],
)
@pytest.mark.parametrize("given", ["GPU", "CPU"])
def test_what_a_program_replaces_of_mediapipe_is_not_known(
    tmp_path: Path, code: str, given: str
) -> None:
    files = {
        "patch.py": f"import mediapipe as mp\nimport mine\n{code}\n",
        "app.py": f"import patch\n{HEAD}{made(f'BaseOptions(delegate={given})')}\n",
    }
    status, message = project(tmp_path, files)
    assert status == "unknown"
    assert "patch.py:" in message
    assert " replaces mp.tasks." in message


@pytest.mark.parametrize(
    ("file", "code"),
    [
        ("patch.py", "vision.mine = mine"),
        ("patch.py", "vision.HandLandmarker.create_from_options = mine"),
        ("patch.py", "vision.HandLandmarkerOptions = mine"),
        ("patch.py", "mp.tasks.BaseOptions.delegate = mine"),
        ("patch.py", "kept = mp.tasks.BaseOptions\nmp.tasks.BaseOptions = kept"),
        ("tests/test_app.py", "vision.FaceLandmarker.create_from_options = mine"),
        ("test_app.py", "mp.tasks.BaseOptions = mine"),
        ("app/conftest.py", "setattr(mp.tasks, 'BaseOptions', mine)"),
    ],
)
@pytest.mark.parametrize(("given", "status"), [("GPU", "ok"), ("CPU", "bad")])
def test_what_is_set_for_others_changes_no_task(
    tmp_path: Path, file: str, code: str, given: str, status: str
) -> None:
    files = {
        file: f"import mediapipe as mp\nimport mine\nvision = mp.tasks.vision\n{code}\n",
        "app.py": f"{HEAD}{made(f'BaseOptions(delegate={given})')}\n",
    }
    assert project(tmp_path, files)[0] == status
