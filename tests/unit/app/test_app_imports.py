"""Modules that the program imports as it starts and nothing of the image has."""

from __future__ import annotations

from pathlib import Path

import pytest

from jetson_kit.app import imports, settings, tree
from jetson_kit.app.module_names import Python
from jetson_kit.containers.layers import LayerTar

PYTHON = Python("3.11", "arm64")


@pytest.fixture
def layer(tmp_path: Path) -> Path:
    """A layer with packages of both kinds: of pip and of Debian."""
    place = tmp_path / "layer.tar"
    with LayerTar(place) as out:
        for name in ("opt/mediapipe/lib/python3.11/site-packages/six.py",
                     "opt/mediapipe/lib/python3.11/site-packages/ruamel/yaml/main.py",
                     "opt/mediapipe/lib/python3.11/site-packages/_fast.abi3.so",
                     "usr/lib/python3.11/lib2to3/main.py", "usr/lib/python3.11/turtle.py",
                     "usr/lib/python3.11/lib-dynload/_dbm.cpython-311-aarch64-linux-gnu.so",
                     "usr/lib/python3/dist-packages/apt_pkg.so",
                     "usr/lib/python3/dist-packages/gi/__init__.py"):  # fmt: skip
            out.data(name, "x")
    return place


def missing(folder: Path, layer: Path, files: dict[str, str], toml: str = "") -> dict[str, str]:
    for name, text in {**files, "jetson.toml": toml}.items():
        path = folder / "app" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    app = settings.load(folder / "app")
    return imports.missing(app, tree.read(app).entries, PYTHON, [layer])


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("import requests\n", {"requests": "app.py, line 1"}),
        ("import json\nfrom google_auth.x import y\n", {"google_auth": "app.py, line 2"}),
        ("import a, b.c\n", {"a": "app.py, line 1", "b": "app.py, line 1"}),
        ("import cv2, mediapipe, numpy, mediapipe_jetson, google.protobuf, asyncio\n", {}),
        ("import six, ruamel.yaml, _fast, apt_pkg, gi\n", {}),
        ("try:\n    import requests\nexcept ImportError:\n    requests = None\n", {}),
        ("if False:\n    import requests\n\ndef late():\n    import torch\n", {}),
        ("import tkinter as tk\n", {"tkinter": "app.py, line 1"}),
        ("import winsound\n", {"winsound": "app.py, line 1"}),
        ("import lib2to3, winreg as r\n", {"winreg": "app.py, line 1"}),
        ("import turtle\n", {"tkinter": "app.py, line 1 (by turtle)"}),
        ("import _tkinter, _winapi\n", {"_tkinter": "app.py, line 1", "_winapi": "app.py, line 1"}),
        ("try:\n    import winsound\nexcept ImportError:\n    pass\n", {}),
        ("from . import other\n", {}),
        ("import sys\nsys.path.append('/data')\nimport requests\n", {}),
        ("from sys import path\nimport requests\n", {}),
        ("import site\nsite.addsitedir('/data')\nimport requests\n", {}),
        ("def main(:\n", {}),
    ],
)
def test_what_nothing_has_is_named_with_its_place(
    tmp_path: Path, layer: Path, text: str, found: dict[str, str]
) -> None:
    assert missing(tmp_path, layer, {"app.py": text}) == found


def test_what_a_debian_package_brings_is_there(tmp_path: Path) -> None:
    place = tmp_path / "tk.tar"
    with LayerTar(place) as out:
        for name in ("turtle.py", "tkinter/__init__.py",
                     "lib-dynload/_tkinter.cpython-311-aarch64-linux-gnu.so"):  # fmt: skip
            out.data(f"usr/lib/python3.11/{name}", "x")
    assert missing(tmp_path, place, {"app.py": "import turtle, tkinter, _tkinter\n"}) == {}


MAIN = 'command = ["python3", "-m", "door.main"]'


@pytest.mark.parametrize(("toml", "files", "found"), [
    (MAIN, {}, {"door": "command in jetson.toml"}),
    ('command = ["python3", "-u", "-mdoor"]', {}, {"door": "command in jetson.toml"}),
    ('command = ["python3", "-W", "ignore", "-m", "door"]', {},
     {"door": "command in jetson.toml"}),
    ('command = ["python3", "-c", "x", "-m", "door"]', {}, {}),
    ('command = ["python3", "-m", "six"]', {}, {}),
    ('command = ["python3", "-m", "http.server"]', {}, {}),
    ('command = ["python3", "-m", "mediapipe_jetson", "run"]', {}, {}),
    (MAIN, {"door/main.py": "import torch, app\n"}, {"torch": "door/main.py, line 1"}),
    (MAIN, {"door/main/__main__.py": "import torch\n"}, {"torch": "door/main/__main__.py, line 1"}),
    (MAIN, {"door/__init__.py": ""}, {}),
    (f'{MAIN}\n[environment]\nPYTHONPATH = "/data"', {}, {}),
])  # fmt: skip
def test_a_module_that_the_command_runs(
    tmp_path: Path, layer: Path, toml: str, files: dict[str, str], found: dict[str, str]
) -> None:
    assert missing(tmp_path, layer, {"app.py": "", **files}, toml) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("from .view import View\n", "door/view.py"),
        ("from . import view\n", "door/view.py"),
        ("from door import view\n", "door/view.py"),
        ("from .ui import deep\n", "door/ui/deep.py"),
        ("from .ui.deep import x\n", "door/ui/deep.py"),
        ("from .ui import up\n", "door/view.py"),
        ("from ..door import view\n", ""),
        ("from .nothing import view\n", ""),
        ("from . import *\n", ""),
        ("try:\n    from . import view\nexcept ImportError:\n    pass\n", ""),
    ],
)
@pytest.mark.parametrize("source", ["", "src/"])
def test_modules_of_a_package_are_followed(
    tmp_path: Path, layer: Path, source: str, text: str, found: str
) -> None:
    files = {
        "door/__init__.py": "", "door/main.py": text, "door/view.py": "import torch\n",
        "door/ui/__init__.py": "", "door/ui/deep.py": "import torch\n",
        "door/ui/up.py": "from .. import view\n",
    }  # fmt: skip
    toml = MAIN + (f'\n[environment]\nPYTHONPATH = "{source}"' if source else "")
    expected = {"torch": f"{source}{found}, line 1"} if found else {}
    given = {f"{source}{name}": body for name, body in files.items()}
    assert missing(tmp_path, layer, given, toml) == expected


def test_modules_of_the_folder_are_followed(tmp_path: Path, layer: Path) -> None:
    files = {
        "app.py": "import helper\nfrom parts.deep import x\nimport native\nimport spaces.one\n",
        "helper.py": "import requests\n",
        "parts/__init__.py": "import torch\n",
        "parts/deep.py": "import helper, jax\n",
        "native.cpython-311-aarch64-linux-gnu.so": "",
        "spaces/one.py": "",
        "unused.py": "import tensorflow\n",
    }
    places = {"requests": "helper.py", "torch": "parts/__init__.py", "jax": "parts/deep.py"}
    expected = {name: f"{place}, line 1" for name, place in places.items()}
    assert missing(tmp_path, layer, files) == expected


@pytest.mark.parametrize(
    ("toml", "found"),
    [
        ('command = ["python3", "src/run.py"]', {}),
        ('command = ["python3", "-u", "src/run.py"]', {}),
        ('[environment]\nPYTHONPATH = "lib"\n', {"requests": "app.py, line 2"}),
        ('[environment]\nPYTHONPATH = "/data/lib"\n', {}),
        ('command = ["python3", "-m", "mediapipe_jetson", "info"]', {}),
    ],
)
def test_what_the_command_starts_decides(
    tmp_path: Path, layer: Path, toml: str, found: dict[str, str]
) -> None:
    files = {
        "app.py": "import more\nimport requests\n", "lib/more.py": "",
        "src/run.py": "import beside\n", "src/beside.py": "",
    }  # fmt: skip
    assert missing(tmp_path, layer, files, toml) == found


@pytest.mark.parametrize(
    ("files", "folder"),
    [
        ({"src/run.py": "import config\n", "config.py": ""}, "/app"),
        ({"src/run.py": "import config\n", "lib/config/__init__.py": ""}, "/app/lib"),
        ({"src/run.py": "import config\n", "a/b/config.py": "", "c/config.py": ""}, "/app/c"),
        ({"src/run.py": "import config\n", "my_config.py": "", "config/data.json": ""}, ""),
    ],
)
def test_a_module_in_another_folder_has_a_cure(
    tmp_path: Path, layer: Path, files: dict[str, str], folder: str
) -> None:
    toml = 'command = ["python3", "src/run.py"]'
    assert missing(tmp_path, layer, files, toml) == {"config": "src/run.py, line 1"}
    app = settings.load(tmp_path / "app")
    cure = imports.elsewhere(tree.read(app).entries, "config")
    assert bool(cure) is bool(folder)
    if folder:
        assert cure.startswith(f"{folder} has it: write PYTHONPATH = ")
        found = missing(tmp_path, layer, files, f'{toml}\nenvironment.PYTHONPATH = "{folder}"')
        assert found == {}
