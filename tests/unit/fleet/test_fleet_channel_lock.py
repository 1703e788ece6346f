"""Runs at once on one channel: each change is there afterwards, or its run says "busy"."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from jetson_kit.core.errors import BusyError
from jetson_kit.core.paths import ROOT
from jetson_kit.fleet.channel import command, lock, policy
from jetson_kit.fleet.channel.repository import Repository, Validity
from jetson_kit.fleet.release import signing
from tests.support.here import needs_parts

pytestmark = needs_parts("ssh-keygen")
VALID = Validity()
RUNS = 6
PROGRAM = """
import sys
from pathlib import Path
from jetson_kit.fleet.channel import command
from jetson_kit.fleet.channel.repository import Validity

folder, key, change = sys.argv[1:]
request = command.Request(pause=True) if change == "pause" else command.Request()
print("ready", flush=True)
sys.stdin.readline()
command.publish(Path(folder), request, Path(key), Validity())
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("owner", "channel"):
        signing.make_key(tmp_path / name, name, passphrase=False)
    command.begin(tmp_path / "www", tmp_path / "owner", tmp_path / "channel", VALID)
    return tmp_path / "www"


def test_a_pause_beside_renewals_is_not_lost(folder: Path) -> None:
    before = Repository(folder).timestamp.signed.version
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, folder, folder.parent / "channel", change],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for change in ("pause", *["renew"] * (RUNS - 1))
    ]  # fmt: skip
    for run in runs:
        assert run.stdout and run.stdout.readline() == "ready\n"
    for run in runs:
        assert run.stdin
        run.stdin.write("\n")
        run.stdin.flush()
    for run in runs:
        run.communicate(timeout=60)
    assert [run.returncode for run in runs] == [0] * RUNS
    there = Repository(folder)
    assert there.timestamp.signed.version == before + RUNS
    assert policy.parse(there.read(policy.FILE).decode()).paused


def test_a_run_waits_for_the_one_before_it(folder: Path) -> None:
    done: list[int] = []

    def publish() -> None:
        request = command.Request(pause=True)
        done.append(command.publish(folder, request, folder.parent / "channel", VALID)[0])

    thread = threading.Thread(target=publish)
    with lock.locked(folder):
        thread.start()
        before = Repository(folder).timestamp.signed.version
        thread.join(0.3)
        assert not done
    thread.join(30)
    assert done == [before + 1]


def test_a_channel_that_stays_busy_is_code_9_and_unchanged(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (folder / "timestamp.json").read_bytes()
    monkeypatch.setattr(lock, "WAIT_S", 0.2)
    with lock.locked(folder), pytest.raises(BusyError, match="another run") as caught:
        command.publish(folder, command.Request(pause=True), folder.parent / "channel", VALID)
    assert caught.value.exit_code == 9
    assert (folder / "timestamp.json").read_bytes() == before
