"""The program behind ./inv, on tasks made for the purpose."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from jetson_kit.core import errors
from jetson_kit.core.paths import ROOT

TASKS = '''
import errno, signal, sys, time
from invoke.collection import Collection
from invoke.context import Context
from jetson_kit.core import errors
from jetson_kit.command_line import program
from jetson_kit.command_line.options import Text
from jetson_kit.tasks.edge import kit_task

@kit_task(options={"names": Text(), "out": Text()}, variadic="names", help={"names": "some"})
def many(c: Context, names: list[str], deep: bool = False, out: str = "") -> None:
    """Print words. Example: x."""
    print(names, deep, out)

@kit_task(options={"kind": Text()})
def fails(c: Context, kind: str = "") -> None:
    """Fail. Example: x."""
    if kind == "full":
        raise OSError(errno.ENOSPC, "No space left on device")
    if kind == "os":
        raise PermissionError(13, "not\\nyours")
    if kind == "deep":
        import json
        json.loads("[" * 100000)
    if kind == "here":
        import os
        os.getcwd()
    if kind == "loop":
        import os
        from pathlib import Path
        os.symlink("turns", "turns")
        try:
            Path("turns").resolve(strict=True)
        finally:
            os.unlink("turns")
    raise getattr(errors, kind)("two\\nlines", "do\\nthis")

@kit_task()
def waits(c: Context) -> None:
    """Wait. Example: x."""
    print("waiting", flush=True)
    time.sleep(30)

@kit_task()
def floods(c: Context) -> None:
    """Print much. Example: x."""
    for _ in range(100000):
        print("x" * 100)

program.main(Collection(many, fails, waits, floods))
'''


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tasks")
    (folder / "tasks.py").write_text(TASKS)
    return folder


def command(*arguments: str) -> list[str]:
    return [sys.executable, "tasks.py", *arguments]


def env() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def invoke(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments), cwd=home, env=env(), capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    "width", ["", "0", "x", "9" * 5000, "0" * 5000, "-1", "\N{SUPERSCRIPT TWO}"]
)
def test_a_width_that_is_none_changes_nothing(home: Path, width: str) -> None:
    done = subprocess.run(
        command("many", "a"), cwd=home, env={**env(), "COLUMNS": width}, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "['a'] False \n", "")


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_fault(home: Path, closed: str) -> None:
    script = f'"$@" {closed}'
    done = subprocess.run(
        ["sh", "-c", script, "sh", *command("many", "a")], cwd=home, env=env(),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    out = "" if " >&-" in f" {closed}" else "['a'] False \n"
    assert (done.returncode, done.stdout, done.stderr) == (0, out, "")


@pytest.mark.parametrize(
    ("arguments", "printed"),
    [
        (("a",), "['a'] False "),
        (("a", "b", "c"), "['a', 'b', 'c'] False "),
        (("a", "b", "--deep"), "['a', 'b'] True "),
        (("--deep", "a", "b"), "['a', 'b'] True "),
        ((), "[] False "),
    ],
)
def test_variadic_words(home: Path, arguments: tuple[str, ...], printed: str) -> None:
    done = invoke(home, "many", *arguments)
    assert (done.stdout, done.stderr, done.returncode) == (printed + "\n", "", 0)


@pytest.mark.parametrize(
    "arguments", [("a", "b", "--out", "d"), ("--out", "d", "a", "b"), ("a", "--out=d", "b")]
)
def test_variadic_words_beside_a_flag_with_a_value(home: Path, arguments: tuple[str, ...]) -> None:
    done = invoke(home, "many", *arguments)
    assert (done.stdout, done.stderr) == ("['a', 'b'] False d\n", "")


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("CheckFailedError", 1),
        ("BadInputError", 2),
        ("ToolMissingError", 3),
        ("NetworkError", 4),
        ("IntegrityError", 5),
        ("DiskFullError", 6),
        ("StepFailedError", 7),
    ],
)
def test_each_error_is_one_line_and_its_code(home: Path, kind: str, code: int) -> None:
    assert getattr(errors, kind).exit_code == code
    done = invoke(home, "fails", "--kind", kind)
    assert done.stderr == "error: two lines; do this\n"
    assert (done.stdout, done.returncode) == ("", code)


def test_errors_of_the_system(home: Path) -> None:
    full = invoke(home, "fails", "--kind", "full")
    assert full.returncode == 6
    assert full.stderr.startswith("error: no space left")
    assert full.stderr.count("\n") == 1
    other = invoke(home, "fails", "--kind", "os")
    assert (other.stderr, other.returncode) == ("error: not yours\n", 7)


def test_a_document_that_is_nested_too_deeply(home: Path) -> None:
    done = invoke(home, "fails", "--kind", "deep")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "nested too deeply" in done.stderr


def test_a_link_that_leads_to_itself(home: Path) -> None:
    done = invoke(home, "fails", "--kind", "loop")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "turns is a link that leads to itself" in done.stderr


def test_a_current_folder_that_was_removed(home: Path, tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    program = str(home / "tasks.py")
    prefix = ["sh", "-c", 'rmdir ../gone && exec "$@"', "-", sys.executable, program]
    done = subprocess.run(
        [*prefix, "fails", "--kind", "here"], cwd=tmp_path / "gone", env=env(),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stderr.splitlines()[-1:] == [
        "error: the current folder is there no more; go to another: cd"
    ]
    assert done.returncode == 2


def test_unknown_flag_and_task_are_no_traceback(home: Path) -> None:
    for arguments in (("many", "--no-such"), ("no-such",)):
        done = invoke(home, *arguments)
        assert done.returncode == 2
        assert done.stderr.startswith("error: ")
        assert done.stderr.count("\n") == 1


def test_interrupt_is_one_line_and_130(home: Path) -> None:
    with subprocess.Popen(
        command("waits"),
        cwd=home,
        env=env(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "waiting\n"
        running.send_signal(signal.SIGINT)
        _, err = running.communicate()
    assert err == "error: stopped; run it again to go on from here\n"
    assert running.returncode == 130


def test_a_reader_that_leaves_is_no_error(home: Path) -> None:
    with subprocess.Popen(
        command("floods"),
        cwd=home,
        env=env(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout is not None
        assert running.stdout.readline().startswith("xxx")
        running.stdout.close()
        assert running.stderr is not None
        assert running.stderr.read() == ""
    assert running.returncode == 0
