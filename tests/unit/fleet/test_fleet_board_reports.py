"""A board reports after its poll, and no collector holds its update up."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jetson_kit.core.errors import BadInputError
from jetson_kit.fleet.channel import command as channel
from jetson_kit.fleet.channel.repository import Validity
from jetson_kit.fleet.collector import reports, server
from jetson_kit.fleet.release import certificates, signing
from tests.support.here import needs_parts
from tests.support.static_server import serving
from tests.unit.bare_board import Board
from tests.unit.board_program import Program, imported
from tests.unit.fleet.reporting_boards import Fleet

pytestmark = needs_parts("ssh-keygen")

VALID = Validity()


@pytest.fixture
def board(tmp_path: Path, fleet: Fleet) -> Board:
    result = Board(tmp_path / "board")
    ssh = result.root / "etc/ssh"
    ssh.mkdir(parents=True)
    for suffix in ("", ".pub"):
        source = fleet.keys["camera-1"]
        (ssh / f"ssh_host_ed25519_key{suffix}").write_bytes(Path(f"{source}{suffix}").read_bytes())
    (ssh / "ssh_host_ed25519_key").chmod(0o600)
    return result


def polls(board: Board, tmp_path: Path, url: str) -> dict[str, Any]:
    """Return what a poll of a channel with this collector comes to."""
    for name in ("owner", "channel"):
        if not (tmp_path / name).exists():
            signing.make_key(tmp_path / name, name, passphrase=False)
    www, etc = tmp_path / "www", board.root / "etc/mediapipe-jetson"
    if not www.exists():
        anchor = channel.begin(www, tmp_path / "owner", tmp_path / "channel", VALID)
        (etc / "channel-root.json").write_bytes(anchor.read_bytes())
    authority = tmp_path / "certificates" / "ca.crt"
    ca = authority.read_text() if authority.exists() else ""
    request = channel.Request(collector=url, collector_ca=ca)
    channel.publish(www, request, tmp_path / "channel", VALID)
    with serving(www) as static:
        body = {"url": static.url, "board": "camera-1", "soak_s": 1, "interval_s": 60, "keep": 3}
        (etc / "channel.json").write_text(json.dumps(body))
        done = board.call("poll", "--json")
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    assert result["why"] == "the channel offers no release"
    return result


def test_a_board_reports_after_its_poll(
    fleet: Fleet, at: server.Server, tmp_path: Path, board: Board
) -> None:
    url = f"https://127.0.0.1:{at.server_port}/"
    assert polls(board, tmp_path, url)["unreported"] == ""
    last = reports.load(fleet.folder / "reports", "camera-1")
    assert last
    assert (last.board, last.phase) == ("camera-1", "idle")
    assert last.reason == "the channel offers no release"
    # Too soon: the board goes on all the same.
    assert "429" in polls(board, tmp_path, url)["unreported"]


def test_a_collector_that_is_away_holds_no_update_up(tmp_path: Path, board: Board) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"https://127.0.0.1:{free.getsockname()[1]}/"
        assert "can't be reached" in polls(board, tmp_path, url)["unreported"]


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Program]:
    yield from imported(tmp_path / "root", monkeypatch)


def test_a_collector_that_never_answers_is_not_waited_for(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = program.channel_report
    monkeypatch.setattr(report, "LIMIT_S", 0.5)
    monkeypatch.setattr(report, "_signature", lambda text: "")
    monkeypatch.setattr(report, "_verdict", lambda settings: "healthy")
    with socket.create_server(("127.0.0.1", 0)) as endless:
        report.note(report.Collector(f"https://127.0.0.1:{endless.getsockname()[1]}/", ""))
        assert "in time" in report.send("camera-1", None, {"why": "x"})


def test_numbers_grow_whatever_the_clock_does(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers: list[str] = []

    def signature(text: str) -> str:
        numbers.append(text)
        return ""

    report, clock = program.channel_report, [2e9, 1e9, 5.0, 3e9]
    monkeypatch.setattr(report, "_verdict", lambda settings: "healthy")
    monkeypatch.setattr(report.time, "time", lambda: clock[0])
    monkeypatch.setattr(report, "_signature", signature)
    monkeypatch.setattr(program.channel_web, "post", lambda *_: None)
    report.note(report.Collector("https://192.0.2.1/", ""))
    while clock:
        assert report.send("camera-1", None, {"why": "x"}) == ""
        clock.pop(0)
    result = [json.loads(text)["number"] for text in numbers]
    assert result == [2 * 10**9, 2 * 10**9 + 1, 2 * 10**9 + 2, 3 * 10**9]


def test_runs_at_once_give_no_number_twice(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    report, disk = program.channel_report, program.disk
    numbers: list[str] = []
    monkeypatch.setattr(report, "_verdict", lambda settings: "healthy")
    monkeypatch.setattr(report.time, "time", lambda: 5.0)
    monkeypatch.setattr(report, "_signature", numbers.append)
    monkeypatch.setattr(program.channel_web, "post", lambda *_: None)
    places = [report.Collector(f"https://192.0.2.{number}/", "") for number in (1, 2)]
    report.note(places[0])
    write = disk.write_json

    def between(place: Path, body: dict[str, Any]) -> None:
        """Write what was read; a run that does not wait for it reads the same meanwhile."""
        other = threading.Thread(target=report.send, args=("camera-1", None, {"why": "x"}))
        if not others:
            others.append(other)
            other.start()
            other.join(0.5)
        write(place, body)

    for step, arguments in ((report.note, places[1:]), (report.send, ("camera-1", None, {}))):
        others: list[threading.Thread] = []
        with monkeypatch.context() as patch:
            patch.setattr(disk, "write_json", between)
            step(*arguments)
            others[0].join()
        assert report.send("camera-1", None, {}) == ""
    assert [json.loads(text)["number"] for text in numbers] == [5, 6, 7, 8, 9]
    assert json.loads(report.NOTES.read_text())["url"] == places[1].url


@pytest.mark.parametrize(
    "body",
    [
        {}, {"collector": 7, "collector_ca": ""}, {"collector": "http://h/", "collector_ca": ""},
        {"collector": "https://h/?q", "collector_ca": ""}, {"collector": "https://h/"},
    ],
)  # fmt: skip
def test_a_collector_that_can_not_be_is_nobody(program: Program, body: dict[str, Any]) -> None:
    assert program.channel_report.collector(body) == program.channel_report.NOBODY


def test_another_server_gets_no_report(at: server.Server, tmp_path: Path, board: Board) -> None:
    other = certificates.ensure(tmp_path / "other", "127.0.0.1")
    (tmp_path / "certificates" / "ca.crt").write_bytes(other.ca.read_bytes())
    why = polls(board, tmp_path, f"https://127.0.0.1:{at.server_port}/")["unreported"]
    assert "certificate" in why.lower()


def test_a_board_whose_key_is_gone_says_so(at: server.Server, tmp_path: Path, board: Board) -> None:
    for path in (board.root / "etc/ssh").iterdir():
        path.unlink()
    why = polls(board, tmp_path, f"https://127.0.0.1:{at.server_port}/")["unreported"]
    assert "no key" in why


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1/", "https://a b/", "file:///etc/passwd", "https://u:p@h/", "https://h/?q"],
)
def test_an_address_that_no_board_would_take_is_not_published(
    tmp_path: Path, board: Board, url: str
) -> None:
    with pytest.raises(BadInputError):
        polls(board, tmp_path, url)


@pytest.mark.parametrize("bind", ["192.0.2.77", "2001:db8::77"])
def test_an_address_that_is_another_machines_is_refused(
    fleet: Fleet, tmp_path: Path, bind: str
) -> None:
    files = certificates.ensure(tmp_path / "certificates", "127.0.0.1")
    with pytest.raises(BadInputError) as caught:
        server.listening(bind, 0, files.cert, files.key, fleet.reports())
    assert str(caught.value) == f"--bind {bind} is no address of this machine"
