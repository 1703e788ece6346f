"""A drive as it was after any of its writes, judged by e2fsck and debugfs; where power is cut.

data/writes.log.zst was recorded of a real ext4 by QEMU's blklogwrites: files were written one after
the other, each with fsync of it and of its folder, between others without. writes.json has the
hash of the drive at the end, and how many writes there were when each fsync was answered.
"""

from __future__ import annotations

import functools
import hashlib
import json
import random
import struct
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import zstandard

from bench.faults import block_log, cases, command, content, crash_points, power_loss, setting
from bench.faults.block_log import DISCARD, FLUSH, FUA, Entry
from bench.faults.cases import Attempt
from bench.faults.crash_points import Mark, Point
from bench.faults.inside import Inside
from bench.faults.recording import CONFIRMED, END, PHASES, Recording
from jetson_kit.core.errors import IntegrityError
from tests.support.here import needs_parts

DATA = Path(__file__).with_name("data")
FACTS = json.loads((DATA / "writes.json").read_text(encoding="utf-8"))
OLD, NEW = ("sha256:" + letter * 64 for letter in "ab")
filesystem = needs_parts("debugfs", "e2fsck")


@functools.cache
def recorded() -> bytes:
    raw = (DATA / "writes.log.zst").read_bytes()
    return zstandard.ZstdDecompressor().decompress(raw, max_output_size=1 << 24)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "writes.log"
    path.write_bytes(recorded())
    return path


@pytest.fixture
def drive(tmp_path: Path) -> Path:
    path = tmp_path / "drive.img"
    with path.open("wb") as stream:
        stream.truncate(FACTS["bytes"])
    return path


def synced(end: int) -> list[str]:
    """Return the files whose fsync was answered when so many writes had been sent."""
    return [name for name, count in FACTS["synced"].items() if name and count <= end]


def right(name: str) -> bytes:
    number = 0 if name == "renamed" else int(name.rpartition("-")[2])
    return hashlib.sha256(str(number).encode()).hexdigest().encode() * 40 * (number + 1) + b"\n"


def recovers(drive: Path, end: int) -> None:
    """Hold that a drive is clean after its own recovery, and has what was synced by then."""
    subprocess.run(["e2fsck", "-E", "journal_only", "-p", drive], capture_output=True, check=False)
    check = subprocess.run(["e2fsck", "-f", "-n", drive], capture_output=True, check=False)
    assert check.returncode == 0, check.stdout.decode()
    names = synced(end)
    for name in names:
        if name == "file-0":
            continue  # it is renamed later on
        shown = subprocess.run(
            ["debugfs", "-R", f"cat /{name}", drive], capture_output=True, check=True
        )
        assert shown.stdout == right(name), name


def test_all_writes_give_the_drive_as_it_was_in_the_end(log: Path, drive: Path) -> None:
    entries = block_log.read(log)
    assert len(entries) == FACTS["entries"] == block_log.count(log)
    block_log.apply(log, entries, drive)
    assert hashlib.sha256(drive.read_bytes()).hexdigest() == FACTS["sha256"]


@filesystem
@pytest.mark.parametrize("end", range(FACTS["synced"][""], FACTS["entries"] + 1, 3))
def test_after_any_write_the_file_system_recovers_with_all_that_was_synced(
    log: Path, drive: Path, end: int
) -> None:
    block_log.apply(log, block_log.read(log)[:end], drive)
    recovers(drive, end)


@filesystem
@pytest.mark.parametrize("number", range(2, 22))
def test_what_was_not_flushed_may_be_lost_or_torn(log: Path, drive: Path, number: int) -> None:
    entries = block_log.read(log)
    rand = random.Random(number)  # noqa: S311
    bounds = (FACTS["synced"][""], FACTS["entries"])
    point = crash_points.choose(entries, bounds, number, 40, rand)
    block_log.apply(log, entries[: point.base], drive)
    block_log.apply(log, point.whole, drive, point.torn)
    recovers(drive, point.base)


@filesystem
def test_a_drive_that_ignores_flushes_loses_what_was_synced(log: Path, drive: Path) -> None:
    entries = block_log.read(log)
    end = FACTS["synced"]["file-5"]
    # All but the data and the journal of the last file.
    block_log.apply(log, entries[: FACTS["synced"]["file-4"]], drive)
    with pytest.raises(AssertionError):
        recovers(drive, end)


def header(*, magic: int = block_log.MAGIC, version: int = 1, sector: int = 512) -> bytes:
    return block_log.HEADER.pack(magic, version, 1, sector).ljust(512, b"\0")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        recorded()[:20],
        recorded()[:600],
        recorded()[: len(recorded()) // 2],
        header(magic=1) + bytes(512),
        header(version=2) + bytes(512),
        header(sector=0) + bytes(512),
        header(sector=700) + bytes(1024),
        header() + struct.pack("<QQQQ", 0, 1 << 50, 0, 0).ljust(512, b"\0"),
    ],
)
def test_what_is_no_whole_log_is_refused(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "log"
    path.write_bytes(raw)
    with pytest.raises(IntegrityError):
        block_log.read(path)


def test_discards_and_marks_are_read(tmp_path: Path) -> None:
    path, target = tmp_path / "log", tmp_path / "drive"
    rows = [
        ((0, 2, 0, 0), b"a" * 1024),
        ((1, 1, DISCARD, 0), b""),
        ((0, 0, block_log.MARK, 5), b"hello".ljust(512)),
        ((2, 1, FUA, 0), b"b" * 512),
    ]
    body = b"".join(struct.pack("<QQQQ", *row).ljust(512, b"\0") + data for row, data in rows)
    path.write_bytes(block_log.HEADER.pack(block_log.MAGIC, 1, 4, 512).ljust(512, b"\0") + body)
    target.write_bytes(b"-" * 1536)
    entries = block_log.read(path)
    block_log.apply(path, entries, target)
    assert target.read_bytes() == b"a" * 512 + bytes(512) + b"b" * 512
    target.write_bytes(b"-" * 1536)
    block_log.apply(path, entries[:1], target, frozenset(entries[:1]))
    assert target.read_bytes() == b"a" * 512 + b"-" * 1024


def some_writes(count: int, *, every: int = 7) -> list[Entry]:
    return [
        Entry(4096 * at, 0 if at % every == 0 else 4096, FLUSH if at % every == 0 else 0, at)
        for at in range(1, count + 1)
    ]


def points(entries: list[Entry], *, lying: bool = False) -> list[Point]:
    rand = random.Random(5)  # noqa: S311
    return [
        crash_points.choose(entries, (100, 900), number, 40, rand, lying=lying)
        for number in range(40)
    ]


def test_points_lie_in_all_parts_of_a_phase_and_lose_only_what_was_not_flushed() -> None:
    entries = some_writes(1000)
    chosen = points(entries)
    assert {(point.end - 100) // 200 for point in chosen} >= {0, 1, 2, 3}
    assert all(100 <= point.end <= 900 for point in chosen)
    for point in chosen:
        assert point.base == 0 or entries[point.base - 1].flushes
        assert not any(entry.flushes for entry in entries[point.base : point.end])
        assert set(point.whole) <= set(entries[point.base : point.end])
        assert point.torn <= set(point.whole)
    assert any(point.lost for point in chosen)
    assert any(point.torn for point in chosen)
    assert any(not point.lost and point.whole for point in chosen)


def test_a_write_that_is_durable_by_itself_is_never_lost() -> None:
    entries = [Entry(4096 * at, 4096, FUA, at) for at in range(1000)]
    assert not any(point.lost for point in points(entries))
    assert any(point.lost for point in points(entries, lying=True))


def test_a_drive_that_lies_loses_what_was_flushed() -> None:
    entries = some_writes(1000)
    chosen = points(entries, lying=True)
    assert all(point.end - point.base == crash_points.CACHE for point in chosen)
    assert all(point.lost for point in chosen)


def test_the_same_seed_gives_the_same_point() -> None:
    entries = some_writes(1000)
    assert points(entries) == points(entries)


MARKS = {
    name: Mark(name, 10 * at + 10, 10 * at + 12)
    for at, name in enumerate((*PHASES, CONFIRMED, END))
}
ROLLOUT = cast(
    "Recording",
    SimpleNamespace(marks=MARKS, release=SimpleNamespace(image_id=NEW)),
)


@pytest.mark.parametrize(
    ("name", "seen", "wrong"),
    [
        ("fetch", Inside(OLD), ""),
        ("load", Inside(NEW, trial=True), "before the switch"),
        ("switch", Inside(NEW, trial=True), ""),
        ("soak", Inside(OLD), ""),
        ("soak", Inside(NEW), "before it was seen healthy"),
        ("confirm", Inside(NEW), ""),
        ("confirm", Inside(NEW, trial=True), ""),
        (CONFIRMED, Inside(NEW), ""),
        (CONFIRMED, Inside(NEW, trial=True), "told as confirmed"),
        (CONFIRMED, Inside(OLD), "told as confirmed"),
    ],
)
def test_what_a_board_may_be_depends_on_what_it_was_told(
    name: str, seen: Inside, wrong: str
) -> None:
    result = power_loss.claims(ROLLOUT, MARKS[name].by, seen)
    assert [wrong in text for text in result] == ([True] if wrong else [])


def test_a_phase_ends_where_the_next_begins() -> None:
    rollout = Recording(Path(), Path(), (), MARKS, cast("Any", None), OLD, {})
    assert [rollout.bounds(name) for name in PHASES] == [
        (12, 22), (22, 32), (32, 42), (42, 52), (52, 72),
    ]  # fmt: skip
    assert rollout.bounds("") == (12, 72)


def test_a_file_that_is_not_whole_is_named_and_the_container_s_own_are_not() -> None:
    image = {f"./f{at}": "a" for at in range(9)}
    assert content.differences(image, {**image, "./own": "b"}) == []
    assert content.differences(image, {**image, "./f3": "b"}) == ["./f3"]
    assert content.differences(image, {}) == [*(f"./f{at}" for at in range(5)), "and 4 more"]


@pytest.mark.parametrize(
    ("attempt", "ended"),
    [
        (Attempt(ended="new"), "whole"),
        (Attempt(lost=["a: its file system is damaged"]), "file system damaged"),
        (Attempt(lost=["a: files of x are not whole: y"]), "image damaged"),
        (Attempt(lost=["a: no route"]), "lost"),
        (Attempt(false_success=["told as confirmed, and it is on x"]), "went back"),
        (Attempt(next_failed=["a: a layer came damaged"]), "next rollout failed"),
    ],
)
def test_what_a_lying_drive_does_is_a_result_and_no_fault(attempt: Attempt, ended: str) -> None:
    wrong = power_loss.told_apart(attempt)
    assert bool(wrong) == (ended != "whole")
    assert (attempt.ended, attempt.good) == (ended, True)


def test_points_are_of_phases_and_not_of_the_drive_that_lies() -> None:
    chosen = command.select(cases.load(), ["drives"], setting.check(), 70)
    assert {case.facts["phase"] for case in chosen.values() if case.repeat == 70} == set(PHASES)
    assert chosen["flushes-ignored"].repeat == cases.load()["flushes-ignored"].repeat
