"""What an application's command starts has to be a program of the image's Python."""

from __future__ import annotations

from pathlib import Path

import pytest

from jetson_kit.app import image_programs, program, settings, tree
from jetson_kit.build import plan
from jetson_kit.build.request import Request
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
        ("'./run.sh'", "#!/usr/bin/env python3\nprint('x')\r\nprint('y')\r\n", True),
        ("'./run.sh'", SHELL + "x\0\r\n\r\n\r\n\r\n", True),
        ("'./run.sh'", "#!/usr/bin/env -S python3 -u\r\nprint(1)\r\n", True),
        ("'bash', 'run.sh'", "printf 'a\r\n'\necho b\necho c\n", False),
        ("'bash', '-c', 'run.sh'", SHELL.replace("\n", "\r\n"), False),
        ("'python3', 'bin/run', 'run.sh'", SHELL.replace("\n", "\r\n"), False),
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
def test_a_plan_names_it(
    tmp_path: Path, command: str, text: str, *, executable: bool, fault: str, hint: str
) -> None:
    with pytest.raises(BadInputError) as raised:
        check_start(tmp_path / "app", command, text, executable=executable)
    with pytest.raises(BadInputError) as planned:
        plan.make(Request(app=settings.load(tmp_path / "app")))
    assert (planned.value.message, planned.value.cure) == (raised.value.message, raised.value.cure)
    assert raised.value.message.startswith(fault)
    assert raised.value.cure.startswith(hint)


@pytest.mark.parametrize(
    "command",
    [
        '["python3", "app.py"]',
        '["python3", "-u", "app.py"]',
        '["env", "A=1", "python3", "app.py"]',
        '["sh", "app.py"]',
        '["./app.py"]',
        '["python3", "-m", "app"]',
    ],
)
def test_a_file_that_a_program_is_given_is_looked_for_nowhere_else(
    tmp_path: Path, command: str
) -> None:
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "app.py").write_text(PYTHON)
    (folder / "jetson.toml").write_text(f"command = {command}\n")
    app = settings.load(folder)
    assert not image_programs.looked_for("command", app.command)


@pytest.mark.parametrize(("source", "line"), [
    (b"# \xe9\nprint(1)\n", 1), (b"#!/usr/bin/python3\n# x\nprint(1)  # \xe9\n", 3),
    (b"import os\r\n\r\n# \xff\r\n", 3), ("# é 摄像头\n".encode(), 0),
    ("\ufeff# é\n".encode(), 0), (b"# -*- coding: latin-1 -*-\n# \xe9\n", 0),
    ("# coding: shift_jis\n# 門\n".encode("shift_jis"), 0), (b"", 0),
])  # fmt: skip
def test_a_program_that_python_can_not_decode(
    tmp_path: Path, compiler: Compiler, source: bytes, line: int
) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "app.py").write_bytes(source)
    app = settings.load(tmp_path / "app")
    if not line:
        program.check(app, tree.read(app), compiler)
        return
    with pytest.raises(BadInputError, match=f"^app.py, line {line}, is not in the encoding"):
        program.check(app, tree.read(app), compiler)


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        ('ignore = ["app.py"]', "command in jetson.toml starts app.py, which the image leaves out"),
        ('ignore = ["*"]', "starts app.py, which the image leaves out"),
        ('command = ["./src/run"]\nignore = ["src"]', "starts src/run, which the image leaves"),
        ('command = ["python3", "tests/run.py"]', "starts tests/run.py, which the image leaves"),
        ('[health]\ncommand = ["python3", "tests/run.py"]', "health.command in jetson.toml starts"),
        ('command = ["sh", "a.key"]', "starts a.key, which looks like a secret"),
        ('command = ["sh", "a.key"]\ninclude = ["a.key"]', ""),
        ('command = ["python3", "link/run.py"]', ""),
        ('command = ["python3", "tests/run.py"]\n[service]\nvolumes = ["/a:/app/tests"]', ""),
        ('command = ["python3", "/app/app.py"]', ""),
    ],
)
def test_what_the_command_starts_is_in_the_image(tmp_path: Path, toml: str, says: str) -> None:
    folder = tmp_path / "app"
    for name in ("app.py", "tests/run.py", "src/run", "src/run.py", "a.key"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("#!/usr/bin/env python3\n")
        (folder / name).chmod(0o755)
    (folder / "link").symlink_to("src")
    (folder / "jetson.toml").write_text(toml)
    app = settings.load(folder)
    if not says:
        program.check_start(app, tree.read(app))
        return
    with pytest.raises(BadInputError) as raised:
        program.check_start(app, tree.read(app))
    assert says in raised.value.line()


def test_a_file_that_is_only_named_may_be_no_python(tmp_path: Path, compiler: Compiler) -> None:
    command = 'command = ["python3", "main.py", "old.py"]\n'
    files = {"main.py": "print(1)\n", "old.py": "print 1\n", "jetson.toml": command}
    check(tmp_path / "app", compiler, files)


VOLUME = '[service]\nvolumes = ["/srv/door:/app/bin", "/srv/home:/home"]\n'
OWN = 'write "python3", the image\'s own, which has the packages of requirements.txt'


@pytest.mark.parametrize(
    ("line", "fault", "hint"),
    [
        ('command = ["./run"]', "command in jetson.toml starts ./run, which is not in the folder",
         "correct command, or write the file"),
        ('command = ["/app/run"]', "command in jetson.toml starts /app/run, which is not in the fo",
         "correct command, or write the file"),
        ('command = ["sh", "run.sh"]', "command in jetson.toml starts run.sh, which is not in the",
         "correct command, or write the file"),
        ('command = ["bin/run"]', "command in jetson.toml starts bin/run, which is not in the fo",
         "correct command, or write the file"),
        ('health.command = ["./alive"]', "health.command in jetson.toml starts ./alive, which is",
         "correct health.command, or write the file"),
        ('command = ["venv/bin/python", "app.py"]', "command in jetson.toml starts venv/bin/python",
         OWN),
        ('command = [".venv/bin/gunicorn", "a:a"]', "command in jetson.toml starts .venv/bin/guni",
         'write "gunicorn" alone, and its package into requirements.txt'),
        ('command = ["/home/me/door/env/bin/python3.11", "app.py"]',
         "command in jetson.toml starts /home/me/door/env/bin/python3.11, the image has no", OWN),
        ('command = ["/home/me/miniconda3/bin/python", "app.py"]',
         "command in jetson.toml starts /home/me/miniconda3/bin/python, the image ha", OWN),
        ('command = ["./run.sh --fast"]', "command in jetson.toml starts ./run.sh --fast, which",
         'write its words one by one: "./run.sh", "--fast"'),
        ('command = ["python3", "app --fast"]', "command in jetson.toml starts app --fast, which",
         'write its words one by one: "app", "--fast"'),
        ('command = ["made/bin/python", "app.py"]',
         "command in jetson.toml starts made/bin/python, of an environment of this machine", OWN),
    ],
)  # fmt: skip
def test_a_file_that_is_started_must_be_there(
    tmp_path: Path, line: str, fault: str, hint: str
) -> None:
    (tmp_path / "made" / "bin").mkdir(parents=True)
    for name in ("app.py", "made/pyvenv.cfg", "made/bin/python"):
        (tmp_path / name).touch()
    (tmp_path / "jetson.toml").write_text(f"{line}\n")
    app = settings.load(tmp_path)
    with pytest.raises(BadInputError) as raised:
        program.check_start(app, tree.read(app))
    assert raised.value.message.startswith(fault)
    assert raised.value.cure == hint


@pytest.mark.parametrize(
    "command",
    [
        '["bin/run"]', '["/app/bin/run"]', '["/home/me/run"]', '["env", "-C", "/opt", "bin/tool"]',
        '["sh", "run"]', '["sh", "-c", "./run"]', '["folder"]', '["python3", "folder"]',
        '["./link"]',
    ],
)  # fmt: skip
def test_a_file_that_may_be_there_is_not_missed(tmp_path: Path, command: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "app.py").touch()
    (tmp_path / "link").symlink_to("app.py")
    (tmp_path / "jetson.toml").write_text(f"command = {command}\n{VOLUME}")
    app = settings.load(tmp_path)
    program.check_start(app, tree.read(app))


@pytest.mark.parametrize("word", ["&", "&&", "|", "2>&1"])
def test_a_shells_word_without_a_shell_is_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, word: str
) -> None:
    (tmp_path / "app.py").touch()
    for command, expected in (('"python3", "app.py"', 1), ('"sh", "-c", "x"', 1), ('"sh"', 1)):
        caplog.clear()
        (tmp_path / "jetson.toml").write_text(f'command = [{command}, "{word}", "b"]\n')
        app = settings.load(tmp_path)
        program.check_start(app, tree.read(app))
        assert caplog.text.count("only a shell takes") == expected
