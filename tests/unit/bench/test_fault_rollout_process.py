"""A rollout's process as the bench of faults holds it: its journal, its end, its kill."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import pytest

from bench.faults.rollout_process import RolloutProcess, descendants
from jetson_kit.core.errors import KitError, StepFailedError
from jetson_kit.fleet.rollout.journal import Journal
from jetson_kit.fleet.rollout.plan import Wave
from jetson_kit.virtual_devices import procs


def ride(folder: Path, script: str, number: str = "") -> RolloutProcess:
    before = frozenset(path.name for path in folder.glob("*.jsonl"))
    child = subprocess.Popen(["sh", "-c", script], stdout=subprocess.DEVNULL)
    return RolloutProcess(child, folder / "said", folder, before, number)


def journal(path: Path) -> Journal:
    return Journal.new(
        path, kind="rollout", by={"host": "here", "pid": 1, "uid": 0}, inventory="hosts.yml",
        release={"image_id": "sha256:" + "1" * 64}, plan={}, waves=[Wave("canary", ("a",))],
        hosts=["a"],
    )  # fmt: skip


def test_its_steps_are_read_from_the_new_journal(tmp_path: Path) -> None:
    journal(tmp_path / "old.jsonl").close()
    going = ride(tmp_path, "sleep 60")
    try:
        assert going.journal is None
        assert going.record is None
        result = journal(tmp_path / "new.jsonl")
        for step in ("look", "fetch"):
            result.append("doing", step=step, hosts=["a"])
        result.append("wave", wave=0, done=False)
        result.close()
        assert [going.count(step) for step in ("look", "switch", "wave 0", "")] == [1, 0, 1, 2]
        assert going.until("fetch", 1.0)
        with pytest.raises(StepFailedError, match="no switch within"):
            going.until("switch", 0.1)
        assert going.record
        assert going.record.id == "new"
    finally:
        going.kill(all_of_it=False)
    # It has ended, and the step will never come.
    assert not going.until("switch", 5.0)


def test_a_torn_first_line_is_no_rollout_and_a_damaged_one_is_told(tmp_path: Path) -> None:
    going = ride(tmp_path, "true", "torn")
    going.end(5.0)
    (tmp_path / "torn.jsonl").write_text('{"seq": 0, "ev')
    assert going.record is None
    (tmp_path / "torn.jsonl").write_text(json.dumps({"seq": 0}) + "\n")
    with pytest.raises(KitError, match="damaged"):
        _ = going.record


def test_a_kill_takes_what_it_started_along(tmp_path: Path) -> None:
    going = ride(tmp_path, "sleep 60 & wait")
    end = time.monotonic() + 5
    while not (below := descendants(going.child.pid)):
        assert time.monotonic() < end
    (other,) = (procs.find(pid) for pid in below)
    assert other
    assert going.kill(all_of_it=True)
    while procs.alive(other):
        assert time.monotonic() < end
    assert not going.kill(all_of_it=True)


def test_an_end_that_does_not_come_is_told(tmp_path: Path) -> None:
    going = ride(tmp_path, "sleep 60")
    with pytest.raises(StepFailedError, match="did not end"):
        going.end(0.1)
    assert going.child.poll() is not None
