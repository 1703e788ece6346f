"""What an application's command starts has to be a program of the image's Python."""

from __future__ import annotations

from pathlib import Path

import pytest

from jetson_kit.app import program, settings, tree
from jetson_kit.core.errors import BadInputError
from jetson_kit.debian.bytecode import Compiler
from tests.unit.this_python import VERSION, ThisPython


@pytest.fixture
def compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Compiler:
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "cache"))
    return Compiler(ThisPython("bookworm", VERSION, "1"))


def check(folder: Path, compiler: Compiler, files: dict[str, str]) -> None:
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    app = settings.load(folder)
    program.check(app, tree.read(app), compiler)


def test_a_program_that_can_be_read(tmp_path: Path, compiler: Compiler) -> None:
    check(tmp_path / "app", compiler, {"app.py": "print('x')\n", "unused.py": "def"})


@pytest.mark.parametrize("command", ["", 'command = ["python3", "./app.py", "--fast"]\n'])
def test_one_that_cannot_is_named_with_its_line(
    tmp_path: Path, compiler: Compiler, command: str
) -> None:
    files = {"app.py": "print('x')\ndef", "jetson.toml": command}
    with pytest.raises(BadInputError, match=r"^app\.py, line 2, is no Python 3"):
        check(tmp_path / "app", compiler, files)
