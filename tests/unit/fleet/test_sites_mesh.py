"""Every exchange with a site has an end, in time and in bytes, whatever the site sends."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jetson_kit.core.errors import CheckFailedError, IntegrityError, StepFailedError
from jetson_kit.fleet.rollout.plan import Plan
from jetson_kit.fleet.sites.inventory import Site
from jetson_kit.fleet.sites.link import Link
from jetson_kit.fleet.sites.mesh import Limits, Mesh, SilentError

BEAT = b'{"kind": "beat"}\n'
HELLO = b'{"kind": "hello"}\n'
Sending = Callable[[], Iterator[bytes]]


def beats() -> Iterator[bytes]:
    while True:
        yield BEAT
        time.sleep(0.05)


def drips() -> Iterator[bytes]:
    yield b'{"kind": "'
    while True:
        yield b"h"
        time.sleep(0.01)


def flood() -> Iterator[bytes]:
    while True:
        yield BEAT * 4096


def one_line_without_end() -> Iterator[bytes]:
    while True:
        yield b"x" * 65536


def silence() -> Iterator[bytes]:
    while True:
        yield b""
        time.sleep(0.05)


class Node:
    """A control socket like Receptor's, over which a site's answer comes."""

    def __init__(self, place: Path, sending: Sending) -> None:
        self.place, self.sending = place, sending
        self.released: list[str] = []
        self.unit: dict[str, object] = {"State": 1}
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(place))
        self._server.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._server.close()

    def results(self, client: socket.socket, at: int) -> None:
        """Send a unit's output from a byte on."""
        del at
        for block in self.sending():
            client.sendall(block)

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(client,), daemon=True).start()

    def _talk(self, client: socket.socket) -> None:
        try:
            with client, client.makefile("rb") as lines:
                client.sendall(b"Receptor Control, node controller\n")
                fields = lines.readline().decode().split()
                if not fields:
                    return
                if fields[0] == "work" and fields[1] == "results":
                    client.sendall(b"Streaming results for work unit u1\n")
                    self.results(client, int(fields[3]))
                elif fields[0] == "work":
                    self.released += [fields[2]] if "release" in fields[1] else []
                    client.sendall(json.dumps({"u1": self.unit}).encode() + b"\n")
                else:
                    client.sendall(b"Work unit created with ID u1. Send stdin data and EOF.\n")
                    lines.read()
                    client.sendall(b"{}\n")
        except OSError:
            return


class CutNode(Node):
    """One whose unit has ended, and whose connections end after so many bytes each."""

    def __init__(self, place: Path, printed: bytes, cuts: list[int]) -> None:
        self.printed, self.cuts = printed, cuts
        super().__init__(place, silence)
        self.unit = {"State": 2, "StdoutSize": len(printed), "Detail": "exit status 0"}

    def results(self, client: socket.socket, at: int) -> None:
        """Send a piece of the output; without a cut left, all of it."""
        rest = self.printed[at:]
        client.sendall(rest[: self.cuts.pop(0)] if self.cuts else rest)


class DyingNode(CutNode):
    """One whose site's command is killed so many times before it answers, in the middle of that."""

    def __init__(self, place: Path, printed: bytes, deaths: int, detail: str) -> None:
        self.deaths, self.detail, self.asked = deaths, detail, 0
        super().__init__(place, printed, [])

    def results(self, client: socket.socket, at: int) -> None:
        """Send half of the output while the command still dies."""
        self.asked += 1
        dying = self.asked <= self.deaths
        size = len(self.printed) // 2 if dying else len(self.printed)
        self.unit = {"State": 3 if dying else 2, "StdoutSize": size,
                     "Detail": self.detail if dying else "exit status 0"}  # fmt: skip
        client.sendall(self.printed[at:size])


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Callable[[Sending], Node]]:
    nodes: list[Node] = []

    def make(sending: Sending) -> Node:
        nodes.append(Node(tmp_path / "socket", sending))
        return nodes[-1]

    yield make
    for item in nodes:
        item.close()


@pytest.mark.parametrize(
    ("sending", "error"),
    [
        (beats, SilentError),
        (drips, SilentError),
        (silence, SilentError),
        (flood, IntegrityError),
        (one_line_without_end, IntegrityError),
    ],
)
def test_an_answer_without_end_ends(
    node: Callable[[Sending], Node], sending: Sending, error: type[Exception]
) -> None:
    at = node(sending)
    limits = Limits(0.6, 1.2, line=1 << 20, total=1 << 20)
    with pytest.raises(error):
        list(Mesh(at.place).ask("berlin", {"verb": "hello"}, limits=limits))
    assert at.released == ["u1"]


@pytest.mark.parametrize(
    ("cuts", "end"),
    [
        ([], b""),
        ([0], b""),
        ([len(BEAT)], b""),
        ([len(BEAT) + 5, 0], b""),
        ([3, len(BEAT) - 1], b""),
        ([len(BEAT)], b'{"kind": "torn'),
    ],
)
def test_an_answer_is_whole_though_its_connection_fails_as_its_unit_ends(
    tmp_path: Path, cuts: list[int], end: bytes
) -> None:
    at = CutNode(tmp_path / "socket", BEAT + HELLO + end, cuts)
    lines = Mesh(at.place).ask("berlin", {"verb": "hello"}, limits=Limits(30, 30))
    assert [line["kind"] for line in lines] == ["beat", "hello"]
    at.close()


def test_an_answer_that_is_never_whole_ends(tmp_path: Path) -> None:
    at = CutNode(tmp_path / "socket", BEAT + HELLO, [len(BEAT), *[4] * 100])
    with pytest.raises(SilentError):
        list(Mesh(at.place).ask("berlin", {"verb": "hello"}, limits=Limits(0.6, 60)))
    at.close()


@pytest.mark.parametrize("sending", [beats, drips, silence, flood])
def test_hello_has_the_site_s_deadline(
    node: Callable[[Sending], Node], sending: Sending, tmp_path: Path
) -> None:
    at = node(sending)
    link = Link(Mesh(at.place), Site("berlin", tmp_path, "berlin"), 0.6, 60)
    with pytest.raises((SilentError, IntegrityError)):
        link.hello()


def test_a_second_answer_is_one_too_many(node: Callable[[Sending], Node], tmp_path: Path) -> None:
    at = node(lambda: iter([HELLO, HELLO, b""]))
    link = Link(Mesh(at.place), Site("berlin", tmp_path, "berlin"), 1, 60)
    with pytest.raises(IntegrityError, match="a line too many"):
        link.hello()


def test_what_is_asked_after_the_deadline_is_not_asked(tmp_path: Path) -> None:
    link = Link(Mesh(tmp_path / "none"), Site("berlin", tmp_path, "berlin"), 60, 0)
    with pytest.raises(SilentError, match="not done within 0 s"):
        link.hello()


ANSWER = (
    b'{"kind": "hello", "protocol": 1, "version": "1", "kit": "", "time": 0.0, "free": 1, '
    b'"machine": "x86_64", "python": "3.11"}\n'
)


@pytest.mark.parametrize(
    "detail", ["signal: killed", "signal: terminated", "signal: aborted (core dumped)"]
)
def test_what_was_killed_at_a_site_is_asked_again(
    tmp_path: Path, detail: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    at = DyingNode(tmp_path / "socket", ANSWER, 3, detail)
    link = Link(Mesh(at.place), Site("berlin", tmp_path, "berlin"), 30, 60)
    assert link.hello().version == "1"
    assert at.asked == 4
    at.close()


def test_what_is_always_killed_is_named_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    at = DyingNode(tmp_path / "socket", ANSWER, 10**6, "signal: killed")
    link = Link(Mesh(at.place), Site("berlin", tmp_path, "berlin"), 30, 60)
    with pytest.raises(CheckFailedError, match="berlin: its process was ended 20 times"):
        link.hello()
    at.close()


def test_a_rollout_whose_follower_is_killed_is_followed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    end = b'{"kind": "beat"}\n{"kind": "end", "result": "all"}\n'
    at = DyingNode(tmp_path / "socket", end, 2, "signal: killed")
    link = Link(Mesh(at.place), Site("berlin", tmp_path, "berlin"), 30, 60)
    copy = tmp_path / "copy.jsonl"
    assert link.rollout("1", "f", Plan(), copy, lambda record: True, boards=1) == ("all", "")
    assert at.asked == 3
    at.close()


def test_work_that_a_site_refuses_is_not_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    at = DyingNode(tmp_path / "socket", ANSWER, 1, "unknown work type kit")
    link = Link(Mesh(at.place), Site("berlin", tmp_path, "berlin"), 30, 60)
    with pytest.raises(StepFailedError, match="unknown work type"):
        link.hello()
    assert at.asked == 1
    at.close()
