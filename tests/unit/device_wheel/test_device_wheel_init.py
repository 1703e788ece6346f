"""The image's own init, by its behaviour as a process: exit codes, signals, orphans."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from tests.unit.device_wheel_trees import SOURCE

BEGIN = f"import os, signal, sys, time; sys.path.insert(0, {str(SOURCE)!r}); "
BEGIN += "from mediapipe_jetson import init; init.fork(); "


def start(program: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", BEGIN + program],
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
    )


@pytest.mark.parametrize(
    ("program", "code"),
    [
        ("sys.exit(7)", 7),
        ("pass", 0),
        ("os.kill(os.getpid(), signal.SIGSEGV)", 128 + signal.SIGSEGV),
        ("os.kill(os.getpid(), signal.SIGKILL)", 128 + signal.SIGKILL),
        ("os.execvp('sh', ['sh', '-c', 'exit 5'])", 5),
    ],
)
def test_it_ends_as_the_child_does(program: str, code: int) -> None:
    with start(program) as process:
        assert process.wait(30) == code


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1])
def test_signals_reach_the_child(number: signal.Signals) -> None:
    program = (
        f"signal.signal({int(number)}, lambda *_: sys.exit(42)); print('ready', flush=True); "
        "time.sleep(30)"
    )
    with start(program) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        assert process.wait(30) == 42


def test_the_child_has_the_signals_unblocked() -> None:
    with start("print(len(signal.pthread_sigmask(signal.SIG_BLOCK, ())))") as process:
        assert process.communicate(timeout=30)[0] == "0\n"
