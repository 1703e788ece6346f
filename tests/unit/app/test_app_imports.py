"""Modules that the program imports as it starts and nothing of the image has."""

from __future__ import annotations

import time
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
    ("text", "expected"),
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
    tmp_path: Path, layer: Path, text: str, expected: dict[str, str]
) -> None:
    assert missing(tmp_path, layer, {"app.py": text}) == expected


def test_what_a_debian_package_brings_is_there(tmp_path: Path) -> None:
    place = tmp_path / "tk.tar"
    with LayerTar(place) as out:
        for name in ("turtle.py", "tkinter/__init__.py",
                     "lib-dynload/_tkinter.cpython-311-aarch64-linux-gnu.so"):  # fmt: skip
            out.data(f"usr/lib/python3.11/{name}", "x")
    assert missing(tmp_path, place, {"app.py": "import turtle, tkinter, _tkinter\n"}) == {}


MAIN = 'command = ["python3", "-m", "door.main"]'


@pytest.mark.parametrize(("toml", "files", "expected"), [
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
    tmp_path: Path, layer: Path, toml: str, files: dict[str, str], expected: dict[str, str]
) -> None:
    assert missing(tmp_path, layer, {"app.py": "", **files}, toml) == expected


@pytest.mark.parametrize(
    ("text", "place"),
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
    tmp_path: Path, layer: Path, source: str, text: str, place: str
) -> None:
    files = {
        "door/__init__.py": "", "door/main.py": text, "door/view.py": "import torch\n",
        "door/ui/__init__.py": "", "door/ui/deep.py": "import torch\n",
        "door/ui/up.py": "from .. import view\n",
    }  # fmt: skip
    toml = MAIN + (f'\n[environment]\nPYTHONPATH = "{source}"' if source else "")
    expected = {"torch": f"{source}{place}, line 1"} if place else {}
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
    ("toml", "expected"),
    [
        ('command = ["python3", "src/run.py"]', {}),
        ('command = ["python3", "-u", "src/run.py"]', {}),
        ('[environment]\nPYTHONPATH = "lib"\n', {"requests": "app.py, line 2"}),
        ('[environment]\nPYTHONPATH = "/data/lib"\n', {}),
        ('command = ["python3", "-m", "mediapipe_jetson", "info"]', {}),
    ],
)
def test_what_the_command_starts_decides(
    tmp_path: Path, layer: Path, toml: str, expected: dict[str, str]
) -> None:
    files = {
        "app.py": "import more\nimport requests\n", "lib/more.py": "",
        "src/run.py": "import beside\n", "src/beside.py": "",
    }  # fmt: skip
    assert missing(tmp_path, layer, files, toml) == expected


@pytest.mark.parametrize(
    ("files", "folder"),
    [
        ({"config.py": ""}, "/app"),
        ({"config/__init__.py": ""}, "/app"),
        ({"config/a.py": ""}, "/app"),
        ({"my_config.py": "", "config/data.json": ""}, ""),
        # Nobody knows whether the program means these.
        ({"lib/config/__init__.py": ""}, ""),
        ({"src/backends/config.py": ""}, ""),
    ],
)
@pytest.mark.parametrize("own", ["", "lib"])
def test_a_module_in_another_folder_has_a_cure(
    tmp_path: Path, layer: Path, files: dict[str, str], folder: str, own: str
) -> None:
    given = {"src/run.py": "import config\n", "lib/other.py": "", **files}
    toml = 'command = ["python3", "src/run.py"]\n[environment]\n'
    toml += f'PYTHONPATH = "{own}"' if own else ""
    result = missing(tmp_path, layer, given, toml)
    if own and "lib/config/__init__.py" in files:
        assert result == {}
        return
    assert result == {"config": "src/run.py, line 1"}
    app = settings.load(tmp_path / "app")
    cure = imports.elsewhere(app, tree.read(app).entries, "config")
    assert bool(cure) is bool(folder)
    if folder:
        both = f"{own}:{folder}" if own else folder
        assert cure.startswith(f'{folder} has it: write PYTHONPATH = "{both}" under')
        toml = f'command = ["python3", "src/run.py"]\nenvironment.PYTHONPATH = "{both}"'
        assert missing(tmp_path, layer, given, toml) == {}


@pytest.mark.parametrize(
    ("files", "hinted"),
    [
        ({"src/door/__init__.py": ""}, True),
        ({"src/__init__.py": "", "src/door/__init__.py": ""}, False),
        ({"src/door.py": ""}, False),
        ({"src/door/view.py": ""}, False),
    ],
)
def test_a_package_below_src_has_a_cure(
    tmp_path: Path, layer: Path, files: dict[str, str], *, hinted: bool
) -> None:
    given = {"app.py": "import door\n", **files}
    assert missing(tmp_path, layer, given) == {"door": "app.py, line 1"}
    app = settings.load(tmp_path / "app")
    cure = imports.elsewhere(app, tree.read(app).entries, "door")
    start = '/app/src has it: write PYTHONPATH = "/app/src" under' if hinted else ""
    assert cure.startswith(start)
    assert bool(cure) is hinted


@pytest.mark.parametrize(
    "init",
    [
        "try:\n    from . import gpu\nexcept ImportError:\n    gpu = None\n",
        "try:\n    from . import gpu\nexcept ImportError:\n    pass\n",
        "gpu = None\n",
        "def gpu():\n    pass\n",
        "class gpu:\n    pass\n",
        "from .cpu import x as gpu\n",
        "from .cpu import *\n",
        "def __getattr__(name):\n    return 1\n",
        "__getattr__, __dir__ = lazy()\n",
        "import sys\nif sys.argv:\n    gpu: object = 1\n",
        "for gpu in ():\n    pass\n",
        "globals()['gpu'] = 1\n",
    ],
)
@pytest.mark.parametrize(
    "text", ["from door import gpu\n", "import door.cpu\nfrom door import gpu\n"]
)
def test_what_a_package_binds_itself_is_no_module(
    tmp_path: Path, layer: Path, init: str, text: str
) -> None:
    files = {"app.py": text, "door/__init__.py": init, "door/gpu.py": "import torch\n",
             "door/cpu.py": ""}  # fmt: skip
    assert missing(tmp_path, layer, files) == {}


@pytest.mark.parametrize("init", ["", "__all__ = ['gpu']\n", "from . import gpu\n", "x = gpu\n"])
@pytest.mark.parametrize("text", ["from door import gpu\n", "import door.gpu\n"])
def test_what_a_package_does_not_bind_is_a_module(
    tmp_path: Path, layer: Path, init: str, text: str
) -> None:
    files = {"app.py": text, "door/__init__.py": init, "door/gpu.py": "import torch\n"}
    assert missing(tmp_path, layer, files) == {"torch": "door/gpu.py, line 1"}


@pytest.mark.parametrize(
    "text",
    [
        "import sys as s\ns.path.insert(0, '/data')\n",
        "import sys\ns = sys\ns.path.insert(0, '/data')\n",
        "import os\nos.sys.path.insert(0, '/data')\n",
        "__import__('sys').path.insert(0, '/data')\n",
        "import importlib\nimportlib.import_module('sys').path.insert(0, '/data')\n",
        "import sys\ngetattr(sys, 'path').append('/data')\n",
        "import sys\nsys.modules['sys'].path.append('/data')\n",
        "import sys\nsys.modules['requests'] = None\n",
        "try:\n    import paths\nexcept ImportError:\n    pass\n",
        "def start():\n    import paths\nstart()\n",
        "if __debug__:\n    import deep\n",
    ],
)
def test_nothing_is_said_where_the_path_changes(tmp_path: Path, layer: Path, text: str) -> None:
    files = {
        "app.py": f"{text}import requests\n", "deep.py": "import paths\n",
        "paths.py": "import sys\nsys.path.insert(0, '/data')\n",
    }  # fmt: skip
    assert missing(tmp_path, layer, files) == {}


@pytest.mark.parametrize(
    "text",
    [
        "import sys\nsys.modules[__name__].x = 1\n",
        "import sys\nargs = parse(sys.argv)\nargs.path = sys.argv[1]\n",
        "import os\nos.path.join('a')\n",
        "import sys\ngetattr(sys, 'frozen', False)\n",
        "try:\n    import plain\nexcept ImportError:\n    pass\n",
    ],
)
def test_what_leaves_the_path_is_followed(tmp_path: Path, layer: Path, text: str) -> None:
    files = {"app.py": f"{text}import requests\n", "plain.py": "import os\nos.path.join('a')\n"}
    assert list(missing(tmp_path, layer, files)) == ["requests"]


@pytest.mark.parametrize(
    ("command", "reported"),
    [
        ('"python3", "-u", "app.py"', True),
        ('"python3", "-OBu", "-W", "ignore", "app.py"', True),
        ('"python3", "-I", "app.py"', False),
        ('"python3", "-uP", "app.py"', False),
        ('"python3", "-E", "app.py"', False),
        ('"python3", "-s", "app.py"', False),
        ('"python3", "-S", "app.py"', False),
        ('"python3", "-x", "app.py"', False),
        ('"env", "DEBUG=1", "python3", "app.py"', True),
        ('"env", "PYTHONPATH=/data", "python3", "app.py"', False),
        ('"env", "-S", "PYTHONPATH=/data python3 app.py"', False),
        ('"env", "PYTHONPATH=/data", "python3", "-m", "door"', False),
        ('"env", "-u", "PYTHONPATH", "python3", "app.py"', False),
        ('"env", "-C", "src", "python3", "app.py"', False),
        ('"./run.py"', False),
    ],
)
def test_a_command_that_changes_the_path(
    tmp_path: Path, layer: Path, command: str, *, reported: bool
) -> None:
    shebang = "#!/usr/bin/env -S PYTHONPATH=/data python3\n"
    files = {"app.py": "import requests\n", "run.py": f"{shebang}import requests\n"}
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "run.py").touch(0o755)
    assert bool(missing(tmp_path, layer, files, f"command = [{command}]")) is reported


@pytest.mark.parametrize("name", ["PYTHONSAFEPATH", "PYTHONHOME"])
def test_variables_that_change_the_path(tmp_path: Path, layer: Path, name: str) -> None:
    toml = f'[environment]\n{name} = "1"'
    assert missing(tmp_path, layer, {"app.py": "import requests\n"}, toml) == {}


def test_a_large_package_takes_no_long_time(tmp_path: Path, layer: Path) -> None:
    names = [f"big/part{number % 40}/m{number}" for number in range(1000)]
    text = "".join(f"import {name.replace('/', '.')}\n" for name in names[::20])
    files = {f"{name}.py": text + "x = [1, 2]\n" * 200 for name in names}
    begin = time.process_time()
    toml = "ignore = []"
    assert missing(tmp_path, layer, {"app.py": "import requests\n", **files}, toml) != {}
    text = f"import requests\n{text}"
    assert missing(tmp_path, layer, {"app.py": text, **files}, toml) != {}
    assert time.process_time() - begin < 20


def test_a_program_of_too_many_modules_is_followed_in_part(tmp_path: Path, layer: Path) -> None:
    names = [f"m{number}" for number in range(imports.MOST)]
    files = {"app.py": f"import requests, {', '.join(names)}\n", **{f"{n}.py": "" for n in names}}
    assert missing(tmp_path, layer, files) == {}
    del files["m0.py"]
    (tmp_path / "app" / "m0.py").unlink()
    assert list(missing(tmp_path, layer, files)) == ["requests", "m0"]
