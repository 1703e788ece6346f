"""-q and -v of every task: what is shown, where they may stand, and no password in it."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from jetson_kit.core import log
from jetson_kit.core.paths import ROOT
from jetson_kit.core.progress import Progress

TASK = """
import sys
from invoke.collection import Collection
from jetson_kit.command_line import program
from jetson_kit.command_line.options import Text
from jetson_kit.core.log import LOG
from jetson_kit.core.progress import Progress
from jetson_kit.core.run import run
from jetson_kit.tasks.edge import kit_task

@kit_task(positional=["word"], options={"word": Text(), "volume": Text()})
def work(c, word, volume=""):
    progress = Progress()
    with progress.step("a", "a step"):
        run(["true", "https://me:secret@host.example/x", "a b"], what="running true")
    LOG.warning("warning: a warning")
    print(f"result {word} {volume}")

program.main(Collection(work))
"""


def inv(*arguments: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-c", TASK, *arguments], cwd=ROOT, capture_output=True, text=True,
        check=False, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def test_steps_are_shown_by_default() -> None:
    code, out, err = inv("work", "x")
    assert (code, out) == (0, "result x \n")
    assert re.fullmatch(r" +0\.\d s  a step\nwarning: a warning\n", err)


@pytest.mark.parametrize(
    "arguments",
    [
        ("-q", "work", "x"),
        ("--quiet", "work", "x"),
        ("work", "--quiet", "x"),
        ("work", "x", "--quiet"),
        ("work", "x", "-q"),
    ],
)
def test_quiet_leaves_results_and_warnings(arguments: tuple[str, ...]) -> None:
    assert inv(*arguments) == (0, "result x \n", "warning: a warning\n")


@pytest.mark.parametrize(
    "arguments", [("-v", "work", "x"), ("work", "--verbose", "x"), ("work", "x", "--verbose")]
)
def test_verbose_shows_programs_with_times_and_no_password(arguments: tuple[str, ...]) -> None:
    code, out, err = inv(*arguments)
    assert (code, out) == (0, "result x \n")
    assert re.search(r"^\d\d:\d\d:\d\d\.\d{3} \+ true .*'a b'$", err, re.MULTILINE)
    assert re.search(r"^\S+ 0\.\d\d s  running true$", err, re.MULTILINE)
    assert "secret" not in err
    assert "host.example/x" in err


def test_a_tasks_own_short_option_stays_its_own() -> None:
    code, out, err = inv("work", "x", "-v", "y")
    assert (code, out) == (0, "result x y\n")
    assert "+ true" not in err


def test_both_are_refused() -> None:
    code, out, err = inv("-q", "work", "x", "--verbose")
    assert (code, out) == (2, "")
    assert err == "error: --verbose and --quiet exclude each other; give one of them\n"


@pytest.mark.parametrize("word", ["--verbose=1", "--quietly"])
def test_what_is_none_of_them_is_refused(word: str) -> None:
    code, _, err = inv("work", "x", word)
    assert code == 2
    assert len(err.splitlines()) == 1


def test_a_full_standard_error_ends_nothing() -> None:
    done = subprocess.run(
        ["bash", "-c", f'exec "{sys.executable}" -c "$TASK" work x 2>/dev/full'],
        cwd=ROOT, text=True,
        env={**os.environ, "TASK": TASK, "PYTHONPATH": str(ROOT)}, capture_output=True, check=False,
    )  # fmt: skip
    assert done.stdout == "result x \n"


def test_progress_that_is_quiet_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    Progress(quiet=True).say("a")
    Progress().say("100 % of b")
    assert capsys.readouterr().err == "100 % of b\n"


@pytest.mark.parametrize(
    ("command", "line"),
    [
        (["a", "b c"], "a 'b c'"),
        (["a", "http://u:p@h/x"], "a http://***@h/x"),
        (["a", "http://token@h/x"], "a http://***@h/x"),
        (["a", "mail@h", "x@y/z"], "a mail@h x@y/z"),
        ("a | b\n", "a | b"),
    ],
)
def test_words_are_a_shells_without_passwords(command: list[str] | str, line: str) -> None:
    assert log.words_of(command) == line
