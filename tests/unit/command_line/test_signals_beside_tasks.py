"""Signals where no task runs: before Python has started, before and after it; what they leave."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from jetson_kit.core.paths import ROOT


def test_what_was_ignored_stays_ignored() -> None:
    done = subprocess.run(
        ["nohup", sys.executable, "-c",
         "import signal; from jetson_kit.command_line import signals; signals.install();"
         "print(signal.getsignal(signal.SIGHUP), signal.getsignal(signal.SIGTERM).__name__)"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == f"{signal.SIG_IGN!r} _handle\n".replace("<Handlers.SIG_IGN: 1>", "1")


@pytest.mark.parametrize("arguments", [["--list"], ["targets"], ["doctor"], ["build", "--plan"]])
def test_a_signal_at_any_moment_of_a_real_task(arguments: list[str]) -> None:
    """Also before tasks.py is read: `inv` has Ctrl-C wait until then."""
    for step in range(8):
        child = subprocess.Popen(
            ["env", "--block-signal=INT", sys.executable, "tasks.py", *arguments],
            cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        time.sleep(0.03 + 0.07 * step)
        number = signal.SIGINT if step % 2 else signal.SIGTERM
        child.send_signal(number)
        _, err = child.communicate(timeout=60)
        done = (0, 1) if arguments == ["doctor"] else (0,)  # which finds something
        assert child.returncode in (*done, 128 + number, -number), (step, err)
        assert "Traceback" not in err, (step, err)
        errors = [line for line in err.splitlines() if line.startswith("error: ")]
        assert len(errors) == (child.returncode == 128 + number), (step, err)


# Where no task runs yet, or none any more.
NO_TASK = """
import os, signal, sys
from invoke.collection import Collection
from jetson_kit.command_line import program, signals, streams

number = int(sys.argv.pop())
place, name = {"before": (streams, "prepare"), "after": (signals, "over")}[sys.argv.pop()]
usual = getattr(place, name)

def caught():
    setattr(place, name, usual)
    os.kill(os.getpid(), number)
    usual()

setattr(place, name, caught)
program.main(Collection())
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("argument", ["--version", "no-such-task"])
def test_a_signal_beside_any_task_is_said_once(
    argument: str, when: str, number: signal.Signals
) -> None:
    child = subprocess.run(
        [sys.executable, "-c", NO_TASK, argument, when, str(number.value)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    expected = "error: stopped; run it again to go on from here\n"
    assert (child.returncode, child.stderr) == (128 + number, expected)


def held_back(command: Sequence[object], *, ignored: bool = False) -> subprocess.Popen[str]:
    """Start a program whose Ctrl-C has come, and waits for it to take it."""

    def prepare() -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN if ignored else signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        os.kill(os.getpid(), signal.SIGINT)

    return subprocess.Popen(
        [str(word) for word in command], cwd=ROOT, preexec_fn=prepare,  # noqa: PLW1509 # no thread
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.mark.parametrize("ignored", [False, True])
@pytest.mark.parametrize("arguments", [["--list"], ["targets"], ["no-such-task"]])
def test_ctrl_c_before_python_has_started_ends_it_without_a_traceback(
    arguments: list[str], ignored: bool
) -> None:
    child = held_back([sys.executable, "tasks.py", *arguments], ignored=ignored)
    _, err = child.communicate(timeout=60)
    if ignored:
        assert child.returncode == (2 if arguments == ["no-such-task"] else 0)
    else:
        assert (child.returncode, err) == (-signal.SIGINT, "")


@pytest.mark.parametrize("old", [False, True])
def test_the_shell_has_ctrl_c_wait_until_python_can_take_it(tmp_path: Path, old: bool) -> None:
    """Where `env` can do that."""
    (tmp_path / "inv").write_text((ROOT / "inv").read_text())
    own = tmp_path / "requirements" / "host.txt"
    own.parent.mkdir()
    own.write_text("")
    binary = tmp_path / ".venv" / "bin"
    binary.mkdir(parents=True)
    (tmp_path / ".venv" / ".locked").write_text("")
    (tmp_path / ".venv" / ".root").write_text(f"{tmp_path}\n")
    (binary / "python").write_text('#!/bin/sh\necho "$@"\nexec grep SigBlk: /proc/self/status\n')
    (tmp_path / "env").write_text("#!/bin/sh\nexit 125\n")
    (binary / "uv").touch()
    for script in (tmp_path / "inv", binary / "python", binary / "uv", tmp_path / "env"):
        script.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}" if old else os.environ["PATH"]
    done = subprocess.run(
        [tmp_path / "inv", "a b", "--list"],
        env={**os.environ, "PATH": path}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    command_line, mask = done.stdout.splitlines()
    assert command_line == f"{tmp_path}/tasks.py a b --list"
    blocked = int(mask.split()[1], 16) >> (signal.SIGINT - 1) & 1
    assert (blocked, done.stderr) == (not old, "")
