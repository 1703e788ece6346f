"""Signals while ./inv sets the machine up: one line, last, and nothing goes on behind."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.sessions import of_session
from tests.unit.bare_machine import Machine

STOPPED = "error: stopped while this machine was set up; run it again: what is done is kept\n"
SIGNALS = [signal.SIGTERM, signal.SIGHUP, signal.SIGINT]
# Sent to the shell of ./inv alone, or to its whole group, as a terminal sends Ctrl-C.
SENDERS = {"shell": os.kill, "group": os.killpg}


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Return one that lacks nothing but the Python environment."""
    result = Machine(tmp_path)
    result.set_up()
    return result


def waits(machine: Machine, then: str) -> str:
    """Return sh that waits for the signal to be sent, and then does `then`."""
    sent = f"while [ ! -e {machine.home}/sent ]; do sleep 0.01; done"
    return f"touch {machine.home}/begun; {sent}; {then}"


def stopped(
    machine: Machine, number: signal.Signals, send: Callable[[int, int], None], **env: str
) -> tuple[int, str, list[str]]:
    """Send a signal in the midst of set-up; return code, standard error, and what lives on.

    A `sleep` of 10 ms that the signal ends too has nobody who waits for it.
    """
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # children of nohup ignore it
    try:
        child = machine.start("models.list", script="inv", cwd=None, own_session=True, **env)
    finally:
        signal.signal(signal.SIGHUP, before)
    while not (machine.home / "begun").exists():
        assert child.poll() is None
        time.sleep(0.01)
    send(child.pid, number)
    (machine.home / "sent").touch()
    out, err = child.communicate(timeout=60)
    assert "tasks.py" not in out
    left = of_session(child.pid)
    if left:
        time.sleep(0.2)
        left = [process for process in of_session(child.pid) if process in left]
    return child.returncode, err, left


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("sent_to", SENDERS)
@pytest.mark.parametrize("then", ["true", "exit 1"])
def test_the_step_at_work_ends_and_the_task_does_not_begin(
    machine: Machine, number: signal.Signals, sent_to: str, then: str
) -> None:
    """A step that fails meanwhile has no line beside the signal's."""
    does = waits(machine, f"touch {machine.home}/ended; {then}")
    trap = "trap '' INT TERM HUP; "
    code, err, left = stopped(machine, number, SENDERS[sent_to], UV_DOES=trap + does)
    assert code == 128 + number
    assert err.removeprefix("Setting up the Python environment in .venv\n") == STOPPED
    assert left == []
    assert (machine.home / "ended").exists()
    if sent_to == "group":
        assert not (machine.checkout / ".venv" / ".locked").exists()
    assert list(machine.home.glob("tmp.*")) == []


@pytest.mark.parametrize("number", SIGNALS)
def test_a_step_that_the_signal_ends_has_not_failed(
    machine: Machine, number: signal.Signals
) -> None:
    code, err, left = stopped(machine, number, os.killpg, UV_DOES=waits(machine, ""))
    assert code == 128 + number
    assert err.removeprefix("Setting up the Python environment in .venv\n") == STOPPED
    assert (left, list(machine.home.glob("tmp.*"))) == ([], [])


def test_set_up_alone_is_stopped(machine: Machine) -> None:
    does = f"kill -TERM $PPID; touch {machine.home}/ended"
    code, _, err = machine.run("models.list", UV_DOES=does)
    assert (code, err.splitlines()[-1:]) == (143, STOPPED.splitlines())


def is_locked(machine: Machine) -> bool:
    lock = ["flock", "-n", str(machine.checkout / "ci" / "setup.sh"), "true"]
    return subprocess.run(lock, check=False).returncode == 1


def test_the_lock_is_held_until_the_step_has_ended(machine: Machine) -> None:
    """Ctrl-C at a terminal ends what waits for a lock, and must not let the next one in."""
    first = machine.start(
        "models.list", own_session=True, UV_DOES="trap '' INT; " + waits(machine, "")
    )
    while not (machine.home / "begun").exists():
        assert first.poll() is None
        time.sleep(0.01)
    os.killpg(first.pid, signal.SIGINT)
    held = is_locked(machine)
    (machine.home / "sent").touch()
    first.communicate(timeout=60)
    assert (held, is_locked(machine)) == (True, False)


@pytest.mark.parametrize("starts", ["INTERPRETER_DOES", "UV_DOES"])
def test_a_daemon_that_a_step_starts_does_not_keep_the_lock(machine: Machine, starts: str) -> None:
    daemon = "setsid sleep 60 & echo $! >>$FILES/daemons"
    does = f'case "$1" in -m | pip) {daemon} ;; esac'
    code, _, err = machine.run("models.list", cwd=None, **{starts: does})
    left = is_locked(machine)
    for pid in (machine.files / "daemons").read_text().split():
        os.kill(int(pid), signal.SIGKILL)
    assert (code, left) == (0, False), err
