"""`test.app --full`: its board goes whatever comes meanwhile, or a hint says how to remove it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jetson_kit.core.paths import ROOT

# The kit's commands as a script that takes its time: what is judged is who ends it.
COMMANDS = """#!/bin/sh
echo "$KIT_STATE" > state
touch "begun-$1"
test -e broken && exit 7
case $1 in devices.down) turns=10 ;; *) turns=600 ;; esac # on a busy machine a test is late
while [ $((turns -= 1)) -gt 0 ] && ! test -e broken; do sleep 0.1; done
touch "ended-$1"
"""
PROGRAM = """
import sys
from pathlib import Path
from jetson_kit.app_testing import board
from jetson_kit.command_line import signals
from jetson_kit.core.errors import KitError

board.ROOT = Path.cwd()
signals.install()
try:
    with board._board(Path.cwd(), 2) as device:
        device.inv("fleet.provision")
except KeyboardInterrupt as error:
    sys.exit(signals.exit_code(error))
except KitError as error:
    print(error.line(), file=sys.stderr)
    sys.exit(7)
"""


@pytest.fixture
def process(tmp_path: Path) -> subprocess.Popen[str]:
    (tmp_path / "inv").write_text(COMMANDS)
    (tmp_path / "inv").chmod(0o755)
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    while not path.exists():
        assert process.poll() is None
        time.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_two_signals_to_the_group_leave_no_board(
    tmp_path: Path, process: subprocess.Popen[str], number: signal.Signals
) -> None:
    wait_for(tmp_path / "begun-fleet.provision", process)
    os.killpg(process.pid, number)
    wait_for(tmp_path / "begun-devices.down", process)
    os.killpg(process.pid, number)
    process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert not (tmp_path / "ended-fleet.provision").exists()
    assert (tmp_path / "ended-devices.down").exists()
    assert not Path((tmp_path / "state").read_text().strip()).exists()


@pytest.mark.parametrize("signals", [0, 3])
def test_a_board_that_stays_keeps_its_records_and_is_named(
    tmp_path: Path, process: subprocess.Popen[str], signals: int
) -> None:
    wait_for(tmp_path / "begun-fleet.provision", process)
    if not signals:
        (tmp_path / "broken").touch()
    for _ in range(signals):
        os.killpg(process.pid, signal.SIGTERM)
        wait_for(tmp_path / "begun-devices.down", process)
        time.sleep(0.1)
    _, err = process.communicate(timeout=60)
    state = Path((tmp_path / "state").read_text().strip())
    assert f"remove it: KIT_STATE={state} ./inv devices.down" in err
    assert process.returncode == (143 if signals else 7)
    assert state.is_dir()
    state.rmdir()
