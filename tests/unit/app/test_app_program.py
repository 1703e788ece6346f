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


PYTHON = "#!/usr/bin/env python3\nprint('x')\n"
SHELL = "#!/bin/sh\nexec python3 app.py\n"


def check_start(folder: Path, command: str, text: str, *, executable: bool) -> None:
    (folder / "bin").mkdir(parents=True)
    (folder / "jetson.toml").write_text(f"command = [{command}]\n")
    for name in ("run.sh", "bin/run"):
        (folder / name).write_bytes(text.encode())
        (folder / name).chmod(0o755 if executable else 0o644)
    app = settings.load(folder)
    program.check_start(app, tree.read(app))


@pytest.mark.parametrize(
    ("command", "text", "executable"),
    [
        ("'./run.sh'", SHELL, True),
        ("'bin/run', '--fast'", PYTHON, True),
        ("'./run.sh'", "\x7fELF", True),
        ("'sh', 'run.sh'", "exec python3 app.py\n", False),
        ("'python3', 'bin/run'", "print('x')\r\n", False),
        ("'selftest'", SHELL, False),
        ("'/app/other'", SHELL, False),
    ],
)
def test_what_can_be_started(tmp_path: Path, command: str, text: str, *, executable: bool) -> None:
    check_start(tmp_path / "app", command, text, executable=executable)


@pytest.mark.parametrize(
    ("command", "text", "executable", "fault", "hint"),
    [
        ("'./run.sh'", SHELL, False, "run.sh, which command in jetson.toml starts, is not execut",
         "chmod +x "),
        ("'bin/run'", PYTHON, False, "bin/run, which command in jetson.toml starts, is not execu",
         "chmod +x "),
        ("'./run.sh'", SHELL.replace("\n", "\r\n"), True, "run.sh: its first line ends as on Wi",
         r"sed -i 's/\r$//' "),
        ("'bash', './run.sh'", SHELL.replace("\n", "\r\n"), True, "run.sh: its script ends as",
         r"sed -i 's/\r$//' "),
        ("'run.sh'", SHELL, True, "command in jetson.toml starts run.sh, which", "write ./run.sh"),
        ("'bin/run'", "print('x')\n", True, "bin/run, which command in jetson.toml starts, names",
         "begin it with a line such as #!"),
    ],
)  # fmt: skip
def test_what_cannot_be_started_is_named_before_the_image_is_made(
    tmp_path: Path, command: str, text: str, *, executable: bool, fault: str, hint: str
) -> None:
    with pytest.raises(BadInputError) as raised:
        check_start(tmp_path / "app", command, text, executable=executable)
    assert raised.value.message.startswith(fault)
    assert raised.value.cure.startswith(hint)
