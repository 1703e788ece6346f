"""How a container ended: what it printed is cut, cleaned, bounded; waits grow while it crashes."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.board_program import Program, imported

IMAGE, OTHER = "sha256:" + "1" * 64, "sha256:" + "2" * 64


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Program]:
    yield from imported(tmp_path, monkeypatch)


def record(program: Program, **changed: Any) -> None:
    body = {
        "image_id": IMAGE, "exit_code": 1, "out_of_memory": False, "at_uptime": 100.0, "quick": 1,
        "lines": ["a mistake"],
    }  # fmt: skip
    program.disk.write_json(program.ending.RECORD, {**body, **changed}, program.ending.MODE)


@pytest.mark.parametrize(
    ("raw", "lines"),
    [
        (b"one\ntwo\r\n\n  three  \n", ["one", "two", "three"]),
        (b"\x1b[31mred\x1b[0m \x1b]0;title\x07text\x1b[2J", ["red text"]),
        (b"bell\x07 back\x08space nul\x00 del\x7f", ["bell backspace nul del"]),
        (b"half an escape \x1b[", ["half an escape ["]),
        ("\u202edrow \u200bno\ufeff width\u2028line\u2029end".encode(), ["drow no width line end"]),
        (b"\xff\xfe broken \xc3", ["\ufffd\ufffd broken \ufffd"]),
        ("Größe ß 温度 °C".encode(), ["Größe ß 温度 °C"]),
        (b"tab\tbed", ["tab bed"]),
        (b"\r\n\x1b[0m\x00\n", []),
        (b"", []),
        (b"\n".join(b"%d" % number for number in range(40)), ["35", "36", "37", "38", "39"]),
        (b"x" * 300, ["x" * 197 + "..."]),
        (b"C1 \xc2\x9b31m csi", ["C1 31m csi"]),
    ],
)  # fmt: skip
def test_lines_are_plain_text(program: Program, raw: bytes, lines: list[str]) -> None:
    assert program.ending.clean(raw) == lines


def test_a_flood_is_cut_to_its_end_and_nothing_waits_for_more(program: Program) -> None:
    tail = program.command.tail(["sh", "-c", "yes aaaa | head -c 3000000; echo last"], 64, 60)
    assert len(tail) == 64
    assert tail.endswith(b"aaaa\nlast\n")
    assert len(program.command.tail(["yes"], 100, 60)) == 100
    assert program.command.tail(["sh", "-c", "echo out; echo err >&2; sleep 600"], 100, 1) == (
        b"out\nerr\n"
    )


def test_a_program_that_is_not_there_is_a_known_error(program: Program) -> None:
    with pytest.raises(program.errors.ToolMissingError):
        program.command.tail(["no-such-program"], 100, 1)


def test_the_words_name_exit_code_and_lines(program: Program) -> None:
    record(program, lines=["Traceback", "ValueError: no"])
    message = "the application ended with exit code 1; its last lines: Traceback | ValueError: no"
    assert program.ending.words(IMAGE) == message
    assert program.ending.words(OTHER) == ""
    # Before the start that is asked about.
    assert program.ending.words(IMAGE, 101.0) == ""
    record(program, exit_code=137, out_of_memory=True, lines=[])
    assert program.ending.words(IMAGE, 99.0) == (
        "the application ended with exit code 137, out of memory; it printed nothing"
    )


def test_waits_grow_with_ends_at_once_and_are_bounded(program: Program) -> None:
    waits = []
    for quick in (0, 1, 2, 3, 4, 7, 8, 10**6):
        record(program, quick=quick)
        waits.append(program.ending.pause(IMAGE))
    assert waits == [0, 0, 1, 2, 4, 30, 30, 30]
    assert program.ending.pause(OTHER) == 0


def test_a_unit_without_an_image_waits_before_it_tries_again(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    # No engine answers; to wait for one would count, too.
    monkeypatch.setenv("PATH", str(program.root))
    waits: list[float] = []
    monkeypatch.setattr(program.watch.time, "sleep", waits.append)
    with pytest.raises(program.errors.BadInputError, match="no image was chosen"):
        program.watch.settle()
    assert waits == [30.0]


def test_the_record_is_roots_alone(program: Program) -> None:
    record(program)
    assert stat.S_IMODE(program.ending.RECORD.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "damage",
    [
        b"", b"{", b"[]", b"\xff", b'{"image_id": "x"}', b"null",
        b'{"image_id": 5, "exit_code": "x", "out_of_memory": 1, "at_uptime": [], "quick": {}, '
        b'"lines": "abc"}',
    ],
)  # fmt: skip
def test_a_damaged_record_says_nothing(program: Program, damage: bytes) -> None:
    record(program)
    program.ending.RECORD.write_bytes(damage)
    assert program.ending.words(IMAGE) == ""
    assert program.ending.pause(IMAGE) == 0


def test_a_record_that_is_a_link_or_anybodys_says_nothing(program: Program, tmp_path: Path) -> None:
    record(program)
    aside = tmp_path / "aside.json"
    program.ending.RECORD.rename(aside)
    program.ending.RECORD.symlink_to(aside)
    assert program.ending.words(IMAGE) == ""
    program.ending.RECORD.unlink()
    aside.rename(program.ending.RECORD)
    program.ending.RECORD.chmod(0o666)
    assert program.ending.words(IMAGE) == ""


def test_a_link_where_the_record_goes_is_replaced_not_followed(
    program: Program, tmp_path: Path
) -> None:
    target = tmp_path / "target"
    target.write_text("stays")
    program.disk.make_folder(program.ending.RECORD.parent)
    program.ending.RECORD.symlink_to(target)
    record(program)
    assert target.read_text() == "stays"
    assert program.ending.words(IMAGE)


@pytest.mark.parametrize(
    ("output", "fps", "latency_ms", "limited"),
    [
        (b"healthy: 29.8 frames/s, p95 42.1 ms\n", 29.8, 42.1, False),
        (b"healthy: 29.8 frames/s, p95 42.1 ms, within its limits\n", 29.8, 42.1, True),
        (b"a warning\nhealthy: 7.9 frames/s, p95 180.4 ms\n", 7.9, 180.4, False),
    ],
)
def test_the_pace_is_read_of_what_the_health_check_prints(
    program: Program, output: bytes, fps: float, latency_ms: float, limited: bool
) -> None:
    assert program.pace.of_health(output) == {
        "fps": fps, "latency_p95_ms": latency_ms, "limited": limited,
    }  # fmt: skip


@pytest.mark.parametrize(
    "output",
    [b"", b"healthy\n", b"healthy: inf frames/s, p95 1.0 ms", b"healthy: 1.0 frames/s, p95 -1.0 ms",
     b"healthy: 1.0 frames/s,\n p95 1.0 ms", b"healthy: " + b"9" * 400 + b".0 frames/s, p95 1.0 ms",
     b"unhealthy: slower than its limit of 9 ms: 7.9 frames/s, p95 180.4 ms\n",
     b"unhealthy: measured for 3 s of 10: 0.4 frames/s, p95 2042.1 ms\n",
     b"unhealthy: 7.9 frames/s, p95 180.4 ms\n", b"not healthy: 7.9 frames/s, p95 180.4 ms\n",
     b"healthy: 7.9 frames/s, p95 180.4 ms, or so\n", b"\xff\x00" * 2000],
)  # fmt: skip
def test_what_is_no_pace_is_none(program: Program, output: bytes) -> None:
    assert program.pace.of_health(output) is None


@pytest.mark.parametrize("shown", [True, False])
def test_people_see_the_pace_where_there_is_one(program: Program, shown: bool) -> None:
    body = dict.fromkeys(("current", "previous", "running", "held", "problem", "ended"))
    body |= {"pending": False, "state_problems": [], "pace": None}
    if shown:
        body["pace"] = {"fps": 29.83, "latency_p95_ms": 42.1, "limited": False}
    text = program.status.lines(body)
    assert ("pace      29.8 frames/s, p95 42.1 ms" in text) is shown
