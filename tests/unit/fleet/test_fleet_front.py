"""The tasks of fleets as a user meets them: one line for bad input, plans, an interrupt."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from jetson_kit.core.paths import ROOT
from jetson_kit.fleet.rollout import live
from jetson_kit.fleet.rollout.clock import RealClock
from jetson_kit.fleet.rollout.steps import InterruptedRolloutError

pytestmark = pytest.mark.slow  # each a process
FRONT = """\
from jetson_kit.command_line import program
from jetson_kit.tasks import fleet
program.main(fleet.collection())
"""
HOSTS = """\
all:
  hosts:
    a: {ansible_host: 192.0.2.1}
    b: {ansible_host: 192.0.2.2}
    c: {ansible_host: 192.0.2.3}
"""


def task(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "XDG_STATE_HOME": str(folder / "state"), "PYTHONPATH": str(ROOT)}
    env.pop("KIT_STATE", None)
    (folder / "hosts.yml").write_text(HOSTS)
    (folder / "folder").mkdir(exist_ok=True)
    (folder / "folder/hosts.yml").write_text(HOSTS)
    return subprocess.run(
        [sys.executable, "-c", FRONT, *arguments],
        cwd=folder, env=env, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("canary", "warned"),
    [("99", True), ("3", True), ("100%", True), ("2", False), ("1%", False), ("a,b,c", False)],
)
def test_a_canary_that_is_everyone_is_warned_of(tmp_path: Path, canary: str, warned: bool) -> None:
    done = task(tmp_path, "rollout", "-i", "hosts.yml", "--plan", "--canary", canary)
    warning = f"warning: the canary {canary} is all 3 hosts: no host is spared a bad image\n"
    assert (done.returncode, done.stderr) == (0, warning if warned else "")


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        ("rollout", 2, "no inventory is named; name one: -i hosts.yml"),
        ("rollout x -i none.yml", 2, '-i "none.yml" is not there'),
        ("rollout x -i hosts.yml", 2, "x is not built"),
        ("rollout -i hosts.yml", 2, "no release is named"),
        ("rollout x y -i hosts.yml", 2, "y is one release too many"),
        ("rollout -i hosts.yml --plan --canary z", 2, "the canary z is none of the 3 hosts"),
        ("rollout -i hosts.yml --plan --stop-at 0", 2, "stop_at is 0"),
        ("rollout -i hosts.yml --plan --file none.toml", 2, '--file "none.toml" is not there'),
        ("rollout --resume", 2, "there is no rollout"),
        ("rollout --resume 2026", 2, "there is no rollout 2026"),
        ("rollout x y --resume", 2, "--resume goes on as it was planned"),
        ("rollout --resume --canary 2", 2, "--resume goes on as it was planned"),
        ("status -i none.yml", 2, '-i "none.yml" is not there'),
        ("rollback -i hosts.yml --limit z", 2, "--limit z names no host and no group"),
        # What the user named is looked at before keys, channels and what else is to be there.
        ("release nosuch", 2, "nosuch is not built"),
        ("channel none --target nosuch", 2, "nosuch is not built"),
        ("collect", 2, "no inventory is named; name one: -i hosts.yml"),
        ("collect -i hosts.yml", 2, "no address is named"),
        ("collect -i hosts.yml 192.0.2.9", 2, "collect does not take '192.0.2.9'"),
        ("collect -i none --address 192.0.2.9", 2, '-i "none" is not there'),
        ("collect -i folder --address 192.0.2.9", 2, "no key of any board is known here"),
    ],
)
def test_bad_input_is_one_line(tmp_path: Path, arguments: str, code: int, expected: str) -> None:
    done = task(tmp_path, *arguments.split())
    assert (done.returncode, done.stderr.count("\n")) == (code, 1), done
    assert done.stderr.startswith("error: ")
    assert expected in done.stderr
    assert done.stdout == ""
    assert not (tmp_path / "state" / "collector").exists()


def test_a_plan_touches_nobody(tmp_path: Path) -> None:
    arguments = ("rollout", "-i", "hosts.yml", "--plan", "--canary", "b", "--batches", "50%")
    body = json.loads(task(tmp_path, *arguments, "--json").stdout)
    assert body["waves"] == [
        {"name": "canary", "hosts": ["b"]},
        {"name": "batch 1", "hosts": ["a", "c"]},
    ]
    assert "canary       1  b" in task(tmp_path, *arguments).stdout
    assert not (tmp_path / "state").exists()


def test_an_interrupt_ends_a_wait_and_the_second_one_all(tmp_path: Path) -> None:
    with live.View(tmp_path / "log") as view:
        clock = RealClock(view)
        with clock.interrupts():
            threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
            # Left alone it would not come back: the longest that a thread can wait.
            clock.sleep(threading.TIMEOUT_MAX)
            assert clock.stopping
            with pytest.raises(KeyboardInterrupt):
                os.kill(os.getpid(), signal.SIGINT)
    assert "stopping after this step" in (tmp_path / "log").read_text()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_exit_code_tells_the_signal(number: signal.Signals, code: int, tmp_path: Path) -> None:
    with live.View(tmp_path / "log", quiet=True) as view:
        clock = RealClock(view)
        with pytest.raises(InterruptedRolloutError) as caught, clock.interrupts():
            signal.raise_signal(number)
            assert clock.stopping
            raise InterruptedRolloutError("stopped", "go on")
    assert (caught.value.exit_code, caught.value.message) == (code, "stopped")
