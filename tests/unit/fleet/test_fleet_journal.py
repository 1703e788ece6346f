"""The journal: torn anywhere, replayed, damaged; and the lock of the controller."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from jetson_kit.core.errors import BadInputError, IntegrityError, StepFailedError
from jetson_kit.core.paths import ROOT
from jetson_kit.fleet import controller
from jetson_kit.fleet.rollout import journal as journals
from jetson_kit.fleet.rollout.journal import Journal
from jetson_kit.fleet.rollout.plan import Wave
from jetson_kit.fleet.sites.journal import SitesJournal


def begun(path: Path) -> Journal:
    return Journal.new(
        path, kind="rollout", by={"host": "here", "pid": 1}, inventory="i", plan={},
        release={"image_id": "sha256:1"}, waves=[Wave("canary", ("a",)), Wave("batch 1", ("b",))],
        hosts=["a", "b"],
    )  # fmt: skip


def filled(path: Path) -> list[journals.Record]:
    """Write a journal; return the state after each line."""
    journal = begun(path)
    records = [journal.record]
    journal.listener = lambda _, record: records.append(record)
    journal.append("doing", step="switch", hosts=["a", "b"])
    journal.append("host", host="a", state="switched", image_id="sha256:1", seconds=1.5)
    journal.append("host", host="a", latency_ms={"HandLandmarker": 9.5})
    journal.append("host", host="b", state="failed", why="größer als möglich", unsure=True)
    journal.append("wave", wave=0, done=True)
    journal.append("stop", wave=1, why="1 failed")
    journal.append("end", result="stopped")
    journal.close()
    return records


def test_replay_gives_the_state(tmp_path: Path) -> None:
    record = filled(tmp_path / "r.jsonl")[-1]
    assert journals.read(tmp_path / "r.jsonl") == record
    assert (record.id, record.waves_done, record.stop, record.stopped_in) == ("r", 1, "1 failed", 1)
    a, b = record.hosts["a"], record.hosts["b"]
    assert (a.state, a.doing, a.seconds, a.latency_ms) == (
        "switched", "", 1.5, {"HandLandmarker": 9.5},
    )  # fmt: skip
    assert (b.state, b.unsure, b.why) == ("failed", True, "größer als möglich")
    assert record.open == ("a", "b")
    assert oct((tmp_path / "r.jsonl").stat().st_mode & 0o777) == "0o600"


def test_torn_at_every_byte_it_is_read_and_gone_on_with(tmp_path: Path) -> None:
    """What is read is the state after the last whole line, always; and the next line fits."""
    path = tmp_path / "r.jsonl"
    after = filled(path)
    raw = path.read_bytes()
    for size in range(len(raw) + 1):
        path.write_bytes(raw[:size])
        lines = raw[:size].count(b"\n")
        if not lines:
            with pytest.raises(BadInputError, match="holds no rollout"):
                journals.read(path)
            continue
        assert journals.read(path) == after[lines - 1], size
        journal = Journal.open(path)
        journal.append("resume", by={"host": "here", "pid": 2})
        journal.close()
        assert path.read_bytes().startswith(raw[: raw.rindex(b"\n", 0, size) + 1])
        assert journals.read(path) == journal.record


@pytest.mark.parametrize("damage", ["flip", "drop", "twice", "unknown", "field"])
def test_damage_within_is_told(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "r.jsonl"
    filled(path)
    lines = path.read_bytes().splitlines(keepends=True)
    if damage == "flip":
        lines[2] = lines[2].replace(b'"', b"'", 1)
    elif damage == "drop":
        del lines[2]
    elif damage == "twice":
        lines.insert(2, lines[2])
    elif damage == "unknown":
        lines[2] = lines[2].replace(b'"a"', b'"x"')
    else:
        body = json.loads(lines[2])
        lines[2] = json.dumps({**body, "more": 1}).encode() + b"\n"
    path.write_bytes(b"".join(lines))
    with pytest.raises(IntegrityError, match=rf"line {4 if damage == 'twice' else 3} is damaged"):
        journals.read(path)


def test_a_line_that_is_none_is_not_written(tmp_path: Path) -> None:
    journal = begun(tmp_path / "r.jsonl")
    before = (tmp_path / "r.jsonl").read_bytes()
    with pytest.raises(Exception, match="elsewhere"):
        journal.append("host", host="a", state="elsewhere")
    assert (tmp_path / "r.jsonl").read_bytes() == before
    with pytest.raises(BadInputError, match="there is a rollout r already"):
        begun(tmp_path / "r.jsonl")


HOLDER = """\
import sys, time
from pathlib import Path
from jetson_kit.fleet import controller
with controller.lock(Path(sys.argv[1]), "rollout x"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_controller_is_refused_until_the_first_is_gone(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as child:  # fmt: skip
        assert child.stdout
        assert child.stdout.readline() == b"held\n"
        message = f"another controller is at work: rollout x, process {child.pid} on "
        with pytest.raises(StepFailedError, match=message), controller.lock(tmp_path, "mine"):
            pass
        child.kill()
    with controller.lock(tmp_path, "mine"):
        pass
    with controller.lock(tmp_path, "mine again"):
        pass


def test_a_journal_is_found_by_the_beginning_of_its_id(tmp_path: Path) -> None:
    for name in ("20260101-1", "20260202-1", "20260303-1-rollback"):
        (controller.rollouts(tmp_path) / f"{name}.jsonl").touch()
    assert controller.find(tmp_path, "").stem == "20260202-1"
    assert controller.find(tmp_path, "20260101").stem == "20260101-1"
    for expected in ("2026", "2027"):
        with pytest.raises(BadInputError):
            controller.find(tmp_path, expected)


@pytest.mark.parametrize(
    "line", [b"[]", b"7", b'"begin"', b"{}", b'{"event": []}', b"[" * 100_000, b"\xff"]
)
@pytest.mark.parametrize("kind", [Journal, SitesJournal])
def test_what_is_no_line_is_named(
    tmp_path: Path, kind: type[Journal] | type[SitesJournal], line: bytes
) -> None:
    path = tmp_path / "j.jsonl"
    path.write_bytes(line + b"\n")
    with pytest.raises(IntegrityError, match="line 1 is damaged"):
        kind.open(path)


KINDS: dict[str, Callable[[Path], object]] = {
    "FIFO": os.mkfifo,
    "folder": Path.mkdir,
    "endless": lambda path: path.symlink_to("/dev/zero"),
    "nothing": lambda path: path.symlink_to("/dev/null"),
    "loop": lambda path: path.symlink_to(path.name),
}


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
def test_a_journal_or_lock_that_is_no_file_is_named(
    tmp_path: Path, make: Callable[[Path], object]
) -> None:
    make(tmp_path / "j.jsonl")
    with pytest.raises(BadInputError, match=r"j\.jsonl"):
        journals.read(tmp_path / "j.jsonl")
    make(tmp_path / "lock")
    with pytest.raises((BadInputError, OSError), match="lock"), controller.lock(tmp_path, "x"):
        pass


def test_a_journal_has_an_end(tmp_path: Path) -> None:
    filled(tmp_path / "j.jsonl")
    os.truncate(tmp_path / "j.jsonl", 1 << 40)
    with pytest.raises(IntegrityError, match="has more than 512 MiB"):
        journals.read(tmp_path / "j.jsonl")


@pytest.mark.parametrize("pid", [10**30, None, [], "x", -(10**30)])
def test_a_held_lock_of_garbage_is_still_refused(tmp_path: Path, pid: object) -> None:
    with controller.lock(tmp_path, "one"):
        (tmp_path / "lock").write_text(json.dumps({"host": socket.gethostname(), "pid": pid}))
        with (
            pytest.raises(StepFailedError, match="another controller is at work"),
            controller.lock(tmp_path, "two", wait_s=0.0),
        ):
            pass


@pytest.mark.parametrize(("kind", "name"), [(Journal, "journal"), (SitesJournal, "sites-journal")])
def test_a_journal_of_a_later_kit_is_named_and_left_alone(
    tmp_path: Path, kind: type[Journal] | type[SitesJournal], name: str
) -> None:
    path = tmp_path / "j.jsonl"
    line = {"event": "begin", "schema": f"mediapipe-jetson-kit/{name}/2", "seq": 0, "new": {}}
    path.write_text(json.dumps(line) + "\n")
    with pytest.raises(IntegrityError, match="has format 2, this kit reads 1") as caught:
        kind.open(path)
    assert "version of the kit" in caught.value.cure
    assert json.loads(path.read_text()) == line
