"""Calls are found by what a module's imports plainly name, and by nothing else."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from jetson_kit.app import calls, imports, settings, tree

NAMES = frozenset({"cv2.imshow", "cv2.waitKey", "serial.Serial", "builtins.open"})


def found(folder: Path, text: str = "", /, **files: str) -> list[str]:
    for name, body in {**({"app": text} if text else {}), **files}.items():
        path = folder / f"{name.replace('__of__', '/')}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(textwrap.dedent(body))
    app = settings.load(folder)
    entries = tree.read(app).entries
    rows = calls.held(app, entries, calls.sources(entries), NAMES)
    return [f"{call.file}:{call.node.lineno} {call.name}" for call in rows]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("import cv2\ncv2.imshow('a', x)", "cv2.imshow"),
        ("import cv2 as cv\ncv.imshow('a', x)", "cv2.imshow"),
        ("from cv2 import imshow\nimshow('a', x)", "cv2.imshow"),
        ("from cv2 import imshow as show\nshow('a', x)", "cv2.imshow"),
        ("import cv2\nif show: cv2.imshow('a', x)", "cv2.imshow"),
        ("import cv2\nf = lambda x: cv2.imshow('a', x)", "cv2.imshow"),
        ("import cv2\nkey = cv2.waitKey(1) & 0xFF", "cv2.waitKey"),
        ("import serial.tools.list_ports\nserial.Serial(port)", "serial.Serial"),
        ("import os\nopen('a')", "builtins.open"),
        ("import builtins\nbuiltins.open('a')", "builtins.open"),
        ("def f(opened):\n    return open('a')", "builtins.open"),
        ("import cv2\nwith a as b: cv2.imshow('a', x)", "cv2.imshow"),
    ],
)
def test_what_an_import_plainly_names(tmp_path: Path, text: str, name: str) -> None:
    line = 2 if "\n" in text else 1
    assert found(tmp_path, f"{text}\n") == [f"app.py:{line} {name}"]


@pytest.mark.parametrize(
    "text",
    [
        "imshow('a', x)",
        "import plot as cv2\ncv2.imshow('a', x)",
        "from .cv2 import imshow\nimshow('a', x)",
        "from plot import imshow\nimshow('a', x)",
        "from plot import *\nopen('a')",
        "from gzip import open\nopen('a')",
        "def open(name): pass\nopen('a')",
        "def f(open):\n    open('a')",
        "for open in x: open('a')",
        "try: pass\nexcept OSError as open: open('a')",
        "match x:\n    case [*open]: open('a')",
        "image.open('a')\nos.open('a')",
        "import cv2\ndef f(cv2):\n    cv2.imshow('a', x)",
        "import cv2\nself.cv2.imshow('a', x)",
        "import cv2, plot\nplot.imshow('a', x)\nplot.cv2.imshow('a', x)",
        "try:\n    import cv2\nexcept ImportError:\n    cv2 = None\ncv2.imshow('a', x)",
        "import cv2\ncv2.imshow\n'cv2.imshow(1)'  # cv2.imshow(1)",
    ],
)
def test_what_no_import_names(tmp_path: Path, text: str) -> None:
    assert found(tmp_path, f"{text}\n") == []


@pytest.mark.parametrize(
    "text",
    [
        "try:\n    cv2.imshow('a', x)\nexcept cv2.error:\n    pass",
        "try:\n    if a: cv2.imshow('a', x)\nexcept (OSError, Exception):\n    pass",
        "try:\n    cv2.imshow('a', x)\nexcept:\n    pass",
        "try:\n    try: cv2.imshow('a', x)\n    finally: pass\nexcept Exception: pass",
        "import contextlib\nwith contextlib.suppress(cv2.error):\n    cv2.imshow('a', x)",
        "cv2.imshow = print\ncv2.imshow('a', x)",
        "setattr(cv2, name, print)\ncv2.imshow('a', x)",
        "import mock\nmock.patch('cv2.imshow').start()\ncv2.imshow('a', x)",
        "cv = cv2\ncv.imshow = print\ncv2.imshow('a', x)",
    ],
)
def test_what_is_caught_or_replaced_is_left_out(tmp_path: Path, text: str) -> None:
    assert found(tmp_path, f"import cv2\n{text}\n") == []


@pytest.mark.parametrize(
    "text",
    [
        "try:\n    pass\nexcept cv2.error:\n    cv2.waitKey(1)",
        "try:\n    pass\nexcept cv2.error:\n    pass\nelse:\n    cv2.waitKey(1)",
        "try:\n    pass\nexcept cv2.error:\n    pass\nfinally:\n    cv2.waitKey(1)",
        "try:\n    cv2.waitKey(1)\nfinally:\n    pass",
        "try:\n    cv2.waitKey(1)\nexcept (KeyboardInterrupt, SystemExit):\n    pass",
        "cv2.imshow = print\ncv2.waitKey(1)",
        "print('cv2')\ncv2.waitKey(1)",
    ],
)
def test_what_nothing_catches_is_found(tmp_path: Path, text: str) -> None:
    assert [row.split()[1] for row in found(tmp_path, f"import cv2\n{text}\n")] == ["cv2.waitKey"]


def test_modules_that_the_program_imports_are_read(tmp_path: Path) -> None:
    body = "import cv2\ncv2.imshow('a', 1)\n"
    assert found(tmp_path, "import os\n", view=body) == []
    assert found(tmp_path, "import view\n") == ["view.py:2 cv2.imshow"]
    assert found(tmp_path, "import ui.view\n", ui__of__view=body) == ["ui/view.py:2 cv2.imshow"]
    # What one module replaces, none has.
    assert found(tmp_path, "import view, cv2\ncv2.imshow = print\n") == []


def test_a_module_of_the_folders_own_stands_before_one_of_its_name(tmp_path: Path) -> None:
    text = "import serial\nserial.Serial('/dev/ttyUSB0')\n"
    assert found(tmp_path, text) == ["app.py:2 serial.Serial"]
    assert found(tmp_path, text, serial="") == []


def test_code_of_any_depth_is_read(tmp_path: Path) -> None:
    long = "x = " + " + ".join(f"'{number}'" for number in range(900))
    assert found(tmp_path, f"import cv2\n{long}\ncv2.waitKey(1)\n") == ["app.py:3 cv2.waitKey"]
    chain = "".join(f"elif key == {number}:\n    pass\n" for number in range(900))
    found(tmp_path, f"import cv2\nkey = cv2.waitKey(1)\nif key == 0:\n    pass\n{chain}")


def test_a_program_without_such_words_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(imports, "program")
    assert found(tmp_path, "import cv2\ncv2.resize(x, (1, 1))\n", other="imshow(1)\n") == []
