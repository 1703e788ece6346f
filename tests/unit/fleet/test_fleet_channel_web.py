"""Files from a server that is not trusted: whole, cut, endless, held up, elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.static_server import Handler, Server, serving
from tests.unit import board_program
from tests.unit.board_program import Program

RAW = bytes(range(256)) * 1000


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Program]:
    yield from board_program.imported(tmp_path / "board", monkeypatch)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    folder = tmp_path / "www"
    folder.mkdir()
    (folder / "layer").write_bytes(RAW)
    with serving(folder) as result:
        yield result


@pytest.mark.parametrize("have", [0, 1, 1000, len(RAW) - 1, len(RAW)])
def test_a_file_goes_on_where_it_was_cut(
    program: Program, server: Server, tmp_path: Path, have: int
) -> None:
    part = tmp_path / "part"
    part.write_bytes(RAW[:have])
    program.channel_web.append(f"{server.url}layer", part, len(RAW))
    assert part.read_bytes() == RAW
    expected = [] if have == len(RAW) else [("layer", f"bytes={have}-" if have else "")]
    assert server.requests == expected


def test_a_server_without_ranges_begins_anew(
    program: Program, server: Server, tmp_path: Path
) -> None:
    part = tmp_path / "part"
    part.write_bytes(b"other bytes")
    server.instead["layer"] = lambda handler: handler.answer(RAW)
    program.channel_web.append(f"{server.url}layer", part, len(RAW))
    assert part.read_bytes() == RAW


def test_what_came_before_a_cut_stays(program: Program, server: Server, tmp_path: Path) -> None:
    part = tmp_path / "part"
    server.instead["layer"] = lambda handler: handler.answer(RAW[:5000], length=len(RAW))
    with pytest.raises(program.channel_web.AwayError):
        program.channel_web.append(f"{server.url}layer", part, len(RAW))
    assert part.read_bytes() == RAW[:5000]


def test_more_than_was_signed_is_refused(program: Program, server: Server, tmp_path: Path) -> None:
    part = tmp_path / "part"
    with pytest.raises(program.errors.IntegrityError, match="more bytes than were signed"):
        program.channel_web.append(f"{server.url}layer", part, len(RAW) - 1)
    assert part.stat().st_size < len(RAW)


def test_a_small_file_has_a_limit(program: Program, server: Server) -> None:
    assert program.channel_web.small(f"{server.url}layer", len(RAW)) == RAW
    with pytest.raises(program.errors.IntegrityError, match="has more than"):
        program.channel_web.small(f"{server.url}layer", len(RAW) - 1)
    assert program.channel_web.small(f"{server.url}none", 10) is None


@pytest.mark.parametrize("sent", [0, 1, 999])
def test_a_small_file_that_was_cut_is_none(program: Program, server: Server, sent: int) -> None:
    server.instead["small"] = lambda handler: handler.answer(RAW[:sent], length=1000)
    with pytest.raises(program.channel_web.AwayError, match="ended early"):
        program.channel_web.small(f"{server.url}small", 2000)


@pytest.mark.parametrize("named", ["-5", "many", "9" * 30, "\u0663", ""])
def test_a_length_that_is_no_number_says_nothing(
    program: Program, server: Server, named: str
) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: " + named.encode() + b"\r\n\r\n"
    server.instead["small"] = lambda handler: handler.wfile.write(head + RAW[:100])
    assert program.channel_web.small(f"{server.url}small", 2000) == RAW[:100]


def drip(handler: Handler) -> None:
    """Send a byte from time to time, for ever."""
    handler.send_response(200)
    handler.end_headers()
    try:
        for _ in range(100):
            handler.wfile.write(b"x")
            handler.wfile.flush()
            time.sleep(0.05)
    except OSError:
        return


def test_who_holds_a_file_up_is_left(
    program: Program, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.instead = {"layer": drip, "small": drip}
    monkeypatch.setattr(program.channel_web, "WINDOW_S", 0.3)
    # Long enough for a busy machine to begin, shorter than it drips.
    monkeypatch.setattr(program.channel_web, "SMALL_S", 2)
    with pytest.raises(program.channel_web.AwayError, match="bytes a second"):
        program.channel_web.append(f"{server.url}layer", tmp_path / "part", len(RAW))
    with pytest.raises(program.channel_web.AwayError, match="did not come within"):
        program.channel_web.small(f"{server.url}small", 1000)


class Drips:
    """Sends a line that has no end, a byte from time to time, for as long as anybody reads."""

    ROUNDS = 1000

    def __init__(self, before: bytes) -> None:
        self.before = before
        self.read_to_the_end = False

    def __call__(self, handler: Handler) -> None:
        try:
            handler.wfile.write(self.before)
            for _ in range(self.ROUNDS):
                handler.wfile.write(b"1")
                handler.wfile.flush()
                time.sleep(0.02)
            self.read_to_the_end = True
        except OSError:
            return


@pytest.mark.parametrize(
    "before",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nX-A: ",
        b"HTTP/1.1 302 Found\r\nLocation: ",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n",
    ],
)
def test_lines_without_end_hold_no_poll_up(
    program: Program, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: bytes
) -> None:
    drips = Drips(before)
    server.instead = dict.fromkeys(("small", "layer"), drips)
    for name in ("SMALL_S", "SILENCE_S", "WINDOW_S"):
        monkeypatch.setattr(program.channel_web, name, 0.4)
    with pytest.raises(program.channel_web.AwayError):
        program.channel_web.small(f"{server.url}small", 1000)
    with pytest.raises(program.channel_web.AwayError):
        program.channel_web.append(f"{server.url}layer", tmp_path / "part", len(RAW))
    assert not drips.read_to_the_end


def test_chunks_that_come_are_a_file(program: Program, server: Server) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    server.instead["small"] = lambda handler: handler.wfile.write(head + b"3\r\nabc\r\n0\r\n\r\n")
    assert program.channel_web.small(f"{server.url}small", 1000) == b"abc"


def silent(handler: Handler) -> None:
    time.sleep(1.5)
    del handler


def test_silence_ends(program: Program, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.instead["layer"] = silent
    monkeypatch.setattr(program.channel_web, "SILENCE_S", 0.2)
    with pytest.raises(program.channel_web.AwayError):
        program.channel_web.small(f"{server.url}layer", 1000)


def elsewhere(handler: Handler) -> None:
    handler.send_response(302)
    handler.send_header("Location", "file:///etc/passwd")
    handler.end_headers()


def garbage(handler: Handler) -> None:
    handler.wfile.write(b"\x00\x01 no http\r\n\r\n")


@pytest.mark.parametrize("answer", [elsewhere, garbage, lambda handler: handler.send_error(500)])
def test_other_answers_are_none(program: Program, server: Server, answer: object) -> None:
    server.instead["layer"] = answer
    with pytest.raises(program.channel_web.AwayError):
        program.channel_web.small(f"{server.url}layer", 1000)


def test_nobody_there(program: Program) -> None:
    with pytest.raises(program.channel_web.AwayError, match="can't be reached"):
        program.channel_web.small("http://127.0.0.1:1/x", 10)


@pytest.mark.parametrize(
    "url",
    ["", "file:///etc/passwd", "ftp://a/b", "http://", "https:///x", "http://a/?q=1", "//a/b", "a"],
)
def test_addresses_that_are_none(program: Program, url: str) -> None:
    with pytest.raises(program.errors.BadInputError):
        program.channel_web.base(url)
    assert program.channel_web.base("https://a/b") == "https://a/b/"
