"""SIGTERM, SIGHUP and Ctrl-C: all clean up, also where children and threads are at work."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from jetson_kit.core.paths import ROOT
from tests.support.sessions import of_session

TASKS = '''
import subprocess, sys, tempfile, time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from invoke.collection import Collection
from invoke.context import Context
from jetson_kit.command_line import program, signals
from jetson_kit.command_line.options import Text
from jetson_kit.core import needs, stopping
from jetson_kit.core.files import written_aside
from jetson_kit.core.run import run
from jetson_kit.tasks.edge import kit_task

SLEEPER = ["sh", "-c", "sleep 60 & wait"]
# When it is ended it starts one more program and is gone, as uv that looks for Pythons may be.
HEIRS = "trap 'sleep 60 & exit 1' INT TERM HUP; sleep 60 & wait"

@kit_task(options={"how": Text()}, positional=["how"])
def works(c: Context, how: str) -> None:
    """Work. Example: x."""
    with tempfile.TemporaryDirectory(dir=".") as folder, written_aside(Path("out")) as aside:
        try:
            Path("begun").touch()
            if how == "child":
                run(SLEEPER, what="sleeping")
            elif how == "threads":
                with ThreadPoolExecutor(2) as pool:
                    list(pool.map(lambda _: run(SLEEPER, what="sleeping"), range(2)))
            elif how == "heirs":
                run(["sh", "-c", HEIRS], what="sleeping")
            elif how == "daemon":
                nothing = subprocess.DEVNULL
                subprocess.Popen(
                    ["sleep", "60"], start_new_session=True, stdout=nothing, stderr=nothing
                )
                time.sleep(60)
            elif how in ("slow", "command"):
                time.sleep(60)
            elif how == "whole":
                stopping.whole(lambda: time.sleep(1))()
                time.sleep(60)
            elif how == "set-up":
                signals.PATIENCE_S = signals.GRACE_S = 0.1
                needs.SETUP, needs.SEARCH = Path(__file__).with_name("setup.sh"), ""
                needs.require(("rsync",), "./inv works")
            elif how == "stubborn":
                run(["sh", "-c", "trap '' TERM INT HUP; sleep 60 & wait; wait"], what="sleeping")
        finally:
            if how in ("slow", "whole"):
                time.sleep(1)
            if how == "command":
                run(["sh", "-c", "touch cleaning; sleep 1; rm cleaning"], what="cleaning")
            Path("begun").unlink()
    Path("whole").touch()

program.main(Collection(works))
'''


@pytest.fixture(autouse=True)
def _hang_up_counts() -> Iterator[None]:
    """Let children not ignore SIGHUP, as they do below nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


def start(folder: Path, how: str) -> subprocess.Popen[str]:
    (folder / "tasks.py").write_text(TASKS)
    child = subprocess.Popen(
        [sys.executable, "tasks.py", "works", how],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while not (folder / "begun").exists():
        assert child.poll() is None
        time.sleep(0.01)
    time.sleep(0.1)
    return child


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("how", ["child", "threads", "heirs"])
def test_a_signal_cleans_up(tmp_path: Path, how: str, number: signal.Signals) -> None:
    child = start(tmp_path, how)
    child.send_signal(number)
    _, err = child.communicate(timeout=60)  # it has not hung
    assert child.returncode == 128 + number
    assert err == "error: stopped; run it again to go on from here\n"
    assert [path.name for path in tmp_path.iterdir()] == ["tasks.py"]
    assert of_session(child.pid) == []


def test_what_does_not_end_is_killed(tmp_path: Path) -> None:
    child = start(tmp_path, "stubborn")
    child.send_signal(signal.SIGTERM)
    child.communicate(timeout=60)
    assert child.returncode == 143
    assert of_session(child.pid) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_step_of_set_up_that_is_at_work_ends_first(
    tmp_path: Path, number: signal.Signals
) -> None:
    """It may be root's, whom nothing of this user's can end."""
    step = "trap '' INT TERM HUP; touch step; sleep 1; touch ended"
    (tmp_path / "setup.sh").write_text(f"trap 'exit 130' INT\nsh -c \"{step}\"\ntouch next\n")
    child = start(tmp_path, "set-up")
    while not (tmp_path / "step").exists():
        assert child.poll() is None
        time.sleep(0.01)
    child.send_signal(number)
    _, err = child.communicate(timeout=60)
    expected = "error: stopped; run it again to go on from here\n"
    assert (child.returncode, err) == (128 + number, expected)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"tasks.py", "setup.sh", "step", "ended"}
    assert of_session(child.pid) == []


def test_a_daemon_stays(tmp_path: Path) -> None:
    child = start(tmp_path, "daemon")
    running = Path(f"/proc/{child.pid}/task/{child.pid}/children").read_text().split()
    child.send_signal(signal.SIGTERM)
    child.communicate(timeout=60)
    assert len(running) == 1
    os.kill(int(running[0]), signal.SIGKILL)  # which fails for one that is gone


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_second_signal_to_the_group_spares_the_command_that_cleans_up(
    tmp_path: Path, number: signal.Signals
) -> None:
    child = start(tmp_path, "command")
    os.killpg(child.pid, number)
    while not (tmp_path / "cleaning").exists():
        assert child.poll() is None
        time.sleep(0.01)
    os.killpg(child.pid, number)
    child.communicate(timeout=60)
    assert child.returncode == 128 + number
    assert [path.name for path in tmp_path.iterdir()] == ["tasks.py"]


def test_the_second_signal_lets_it_clean_up_and_the_third_ends_it(tmp_path: Path) -> None:
    child = start(tmp_path, "slow")
    child.send_signal(signal.SIGTERM)
    time.sleep(0.2)
    child.send_signal(signal.SIGTERM)
    _, err = child.communicate(timeout=60)
    assert child.returncode == 143
    assert err.splitlines()[0] == "cleaning up; once more ends it without"
    assert [path.name for path in tmp_path.iterdir()] == ["tasks.py"]
    child = start(tmp_path, "slow")
    for _ in range(3):
        child.send_signal(signal.SIGINT)
        time.sleep(0.1)
    child.communicate(timeout=60)
    assert child.returncode == 130
    assert (tmp_path / "begun").exists()


def test_signals_that_wait_are_one(tmp_path: Path) -> None:
    child = start(tmp_path, "whole")
    for _ in range(3):
        child.send_signal(signal.SIGINT)
        time.sleep(0.117)  # no multiple of the time after which it is sent again
    _, err = child.communicate(timeout=60)
    assert (child.returncode, err) == (130, "error: stopped; run it again to go on from here\n")
    assert [path.name for path in tmp_path.iterdir()] == ["tasks.py"]


# A signal comes when a system call has just been made: `moment` is what it did to which path.
MOMENT = """
import os, pathlib, signal, sys, tempfile, time
from invoke.collection import Collection
from jetson_kit.command_line import program
from jetson_kit.core import files
from jetson_kit.tasks.edge import kit_task

call, marked, number = sys.argv[1], sys.argv[2], int(sys.argv[3])
usual = getattr(os, call)

def caught(path, *args, **more):
    result = usual(path, *args, **more)
    if marked in str(path):
        setattr(os, call, usual)
        os.kill(os.getpid(), number)
    return result

@kit_task()
def works(c):
    "Work. Example: x."
    setattr(os, call, caught)
    with tempfile.TemporaryDirectory(prefix="folder-") as name:
        pathlib.Path(name, "inside").touch()
    with files.written_aside(pathlib.Path("whole")) as aside:
        aside.touch()
    with tempfile.NamedTemporaryFile(prefix="named-"):
        pass
    time.sleep(20)  # what waits comes at the latest here; what was never sent does not

program.main(Collection(works), ["inv", "works"])
"""


@pytest.mark.parametrize(
    ("call", "marked"),
    [
        ("open", "/tmp/"),  # tempfile tries a folder before it uses it
        ("unlink", "/tmp/"),
        *(("mkdir", "folder-"), ("unlink", "inside"), ("rmdir", "folder-")),
        *(("open", ".whole"), ("open", "named-")),
    ],
)
def test_what_is_just_made_or_removed_does_not_stay(tmp_path: Path, call: str, marked: str) -> None:
    (tmp_path / "tmp").mkdir()
    child = subprocess.run(
        [sys.executable, "-c", MOMENT, call, marked, str(signal.SIGTERM.value)],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path / "tmp")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    expected = "error: stopped; run it again to go on from here\n"
    assert (child.returncode, child.stderr) == (143, expected)
    assert {path.name for path in tmp_path.rglob("*")} <= {"tmp", "whole"}
