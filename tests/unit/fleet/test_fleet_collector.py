"""Boards report to a collector over HTTPS: who lies, floods or plays back is not believed."""

from __future__ import annotations

import datetime
import json
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from jetson_kit.ansible_driver.inventory import Host
from jetson_kit.core.errors import BadInputError, BusyError
from jetson_kit.fleet import bounded_server
from jetson_kit.fleet.channel import command as channel
from jetson_kit.fleet.channel.repository import Validity
from jetson_kit.fleet.collector import board_keys, command, reports, server
from jetson_kit.fleet.collector.reports import ROLE, RefusedError, Reports
from jetson_kit.fleet.release import certificates, signing
from tests.support.here import needs_parts
from tests.support.static_server import serving
from tests.unit.bare_board import Board
from tests.unit.board_program import Program, imported

pytestmark = needs_parts("ssh-keygen")
VALID = Validity()
IMAGE = "sha256:" + "a" * 64


def report(board: str = "camera-1", number: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "schema": "mediapipe-jetson/channel-report/1", "board": board, "number": number,
        "time": "2026-11-29T04:00:00Z", "phase": "idle", "reason": "its wave has not begun",
        "release": "kit:r36", "image_id": IMAGE, "state": "confirmed", "verdict": "healthy", **more,
    }  # fmt: skip


def signed(body: dict[str, Any] | str, key: Path, namespace: str = ROLE.namespace) -> bytes:
    text = body if isinstance(body, str) else json.dumps(body)
    role = signing.Role(ROLE.principal, namespace, "")
    signature = signing.sign_bytes(text.encode(), key, role)
    return json.dumps({"report": text, "signature": signature}).encode()


@dataclass
class Fleet:
    """Two boards with keys, and who keeps their reports."""

    folder: Path
    keys: dict[str, Path]
    now: float = 1000.0

    def reports(self) -> Reports:
        listed = {
            name: [signing.key_text(signing.public_of(key))] for name, key in self.keys.items()
        }
        return Reports(self.folder / "reports", listed, lambda: self.now)


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fleet:
    monkeypatch.setenv("KIT_STATE", str(tmp_path / "state"))
    keys = {}
    for name in ("camera-1", "camera-2"):
        signing.make_key(tmp_path / name, name, passphrase=False)
        keys[name] = tmp_path / name
    return Fleet(tmp_path / "state" / "collector", keys)


def test_the_last_report_of_a_board_is_kept(fleet: Fleet) -> None:
    taken = fleet.reports()
    taken.take(signed(report(number=5), fleet.keys["camera-1"]))
    fleet.now += reports.EACH_S
    taken.take(signed(report(number=6, phase="failed"), fleet.keys["camera-1"]))
    last = reports.load(fleet.folder / "reports", "camera-1")
    assert last
    assert (last.number, last.phase, last.image_id) == (6, "failed", IMAGE)


def test_a_board_can_say_nothing_of_another(fleet: Fleet) -> None:
    with pytest.raises(RefusedError, match="not signed by its key"):
        fleet.reports().take(signed(report("camera-2"), fleet.keys["camera-1"]))
    assert reports.load(fleet.folder / "reports", "camera-2") is None


def test_a_signature_for_something_else_is_none(fleet: Fleet) -> None:
    with pytest.raises(RefusedError, match="not signed"):
        fleet.reports().take(signed(report(), fleet.keys["camera-1"], "mediapipe-jetson"))


def test_a_changed_report_is_not_believed(fleet: Fleet) -> None:
    body = json.loads(signed(report(phase="failed"), fleet.keys["camera-1"]))
    body["report"] = body["report"].replace("failed", "idle")
    with pytest.raises(RefusedError, match="not signed"):
        fleet.reports().take(json.dumps(body).encode())


@pytest.mark.parametrize("number", [1, 7])
def test_a_replay_is_refused_also_after_a_restart(fleet: Fleet, number: int) -> None:
    old = signed(report(number=number), fleet.keys["camera-1"])
    if number == 7:
        fleet.reports().take(old)
    else:
        fleet.reports().take(signed(report(number=7), fleet.keys["camera-1"]))
    with pytest.raises(RefusedError, match="is none after 7"):
        fleet.reports().take(old)


def test_a_board_that_was_installed_anew_begins_anew(fleet: Fleet, tmp_path: Path) -> None:
    fleet.reports().take(signed(report(number=10**15), fleet.keys["camera-1"]))
    signing.make_key(tmp_path / "new", "new", passphrase=False)
    fleet.keys["camera-1"] = tmp_path / "new"
    assert fleet.reports().take(signed(report(number=3), tmp_path / "new")).number == 3


def test_a_flood_of_one_board_is_stopped(fleet: Fleet) -> None:
    taken = fleet.reports()
    taken.take(signed(report(number=1), fleet.keys["camera-1"]))
    with pytest.raises(BusyError):
        taken.take(signed(report(number=2), fleet.keys["camera-1"]))
    taken.take(signed(report("camera-2"), fleet.keys["camera-2"]))


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"{}", b"[]", b"\xff", b"[" * 9000, b'{"report": 1, "signature": ""}',
        json.dumps({"report": json.dumps(report()), "signature": ""}).encode(),
        json.dumps({"report": json.dumps(report()), "signature": "x" * 5000}).encode(),
    ],
)  # fmt: skip
def test_what_is_no_report_is_refused(fleet: Fleet, raw: bytes) -> None:
    with pytest.raises(RefusedError, match="this is no report"):
        fleet.reports().take(raw)


@pytest.mark.parametrize(
    "change",
    [
        {"board": "../../etc/passwd"}, {"board": ""}, {"number": -1}, {"number": 2**60},
        {"number": True}, {"phase": "hacked"}, {"reason": "x" * 500}, {"image_id": "sha256:zz"},
        {"more": 1}, {"time": "yesterday"}, {"schema": "mediapipe-jetson/channel-report/2"},
    ],
)  # fmt: skip
def test_values_that_can_not_be(fleet: Fleet, change: dict[str, Any]) -> None:
    with pytest.raises(RefusedError, match="this is no report"):
        fleet.reports().take(signed(report(**change), fleet.keys["camera-1"]))


def test_words_of_a_board_move_no_cursor(fleet: Fleet) -> None:
    fleet.reports().take(signed(report(reason="\x1b[2J\x07gone"), fleet.keys["camera-1"]))
    reports.keep_boards(fleet.folder, {"camera-1": ["k"]})
    (line,) = command.lines(command.status(3600))
    assert line.isprintable()


def test_the_view_names_who_is_silent_failed_or_has_a_wrong_clock(fleet: Fleet) -> None:
    taken = fleet.reports()
    now = datetime.datetime.now(datetime.UTC)
    right = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    taken.take(signed(report(time="1970-01-02T00:00:00Z"), fleet.keys["camera-1"]))
    taken.take(signed(report("camera-2", time=right, phase="went-back", reason="unhealthy"),
                      fleet.keys["camera-2"]))  # fmt: skip
    reports.keep_boards(fleet.folder, {
        "camera-1": ["1"], "camera-2": ["2"], "new": ["3"], "x": [],
    })  # fmt: skip
    problems = {row.board: row.problem for row in command.status(3600)}
    assert "its clock was" in problems["camera-1"]
    assert "behind" in problems["camera-1"]
    assert problems["camera-2"] == "went-back: unhealthy"
    assert problems["new"] == "never reported"
    assert problems["x"] == "its key is not known here"
    later = now + datetime.timedelta(days=3)
    (silent,) = [row for row in command.status(3600, later) if row.board == "camera-2"]
    assert silent.problem.startswith("silent for 3 days")


def listed(fleet: Fleet, **boards: list[str]) -> dict[str, list[str]]:
    """Return boards with the keys of cameras, by the cameras' names."""
    text = {name: signing.key_text(signing.public_of(key)) for name, key in fleet.keys.items()}
    return {name: [text[key] for key in keys] for name, keys in boards.items()}


def test_boards_of_one_key_can_not_report_for_each_other(fleet: Fleet) -> None:
    keys = listed(fleet, a=["camera-1"], b=["camera-1"], c=["camera-2"])
    taken = Reports(fleet.folder / "reports", keys)
    for name in ("a", "b"):
        with pytest.raises(RefusedError, match="not signed by its key"):
            taken.take(signed(report(name), fleet.keys["camera-1"]))
    assert taken.take(signed(report("c"), fleet.keys["camera-2"])).board == "c"
    reports.keep_boards(fleet.folder, keys)
    problems = {row.board: row.problem for row in command.status(3600)}
    assert problems["a"] == "has the ssh host key of b, which signs nothing"
    assert problems["b"] == "has the ssh host key of a, which signs nothing"
    assert "ssh host key" not in problems["c"]


def test_a_board_reports_by_the_key_that_is_its_own(fleet: Fleet) -> None:
    keys = listed(fleet, a=["camera-1", "camera-2"], b=["camera-1"])
    taken = Reports(fleet.folder / "reports", keys)
    with pytest.raises(RefusedError, match="not signed by its key"):
        taken.take(signed(report("a"), fleet.keys["camera-1"]))
    taken.take(signed(report("a"), fleet.keys["camera-2"]))
    reports.keep_boards(fleet.folder, keys)
    assert "of b, which" in {row.board: row.problem for row in command.status(3600)}["a"]


def test_a_key_that_is_known_twice_of_one_board_is_its_own(fleet: Fleet) -> None:
    keys = listed(fleet, a=["camera-1", "camera-1"], b=[])
    assert reports.shared_keys(keys) == {}
    Reports(fleet.folder / "reports", keys).take(signed(report("a"), fleet.keys["camera-1"]))


def test_a_fleet_of_one_key_is_named_with_its_cure(fleet: Fleet) -> None:
    keys = listed(fleet, **{f"b{number}": ["camera-1"] for number in range(6)})
    with pytest.raises(BadInputError) as caught:
        reports.keep_boards(fleet.folder, keys)
    assert "b0 has the ssh host key of b1, b2, b3 and 2 more" in caught.value.message
    assert "ssh-keygen -A" in caught.value.cure


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", "[" * 9000, '{"boards": 1, "without": []}',
     '{"boards": ["a"], "without": [], "shared": []}',
     '{"boards": ["a"], "without": [], "shared": {"a": 1}}'],
)  # fmt: skip
def test_a_damaged_list_of_boards_is_named(fleet: Fleet, content: str) -> None:
    fleet.folder.mkdir(parents=True)
    (fleet.folder / "boards.json").write_text(content)
    with pytest.raises(BadInputError, match="damaged"):
        command.status(3600)


def test_a_list_of_an_older_kit_is_read(fleet: Fleet) -> None:
    fleet.folder.mkdir(parents=True)
    (fleet.folder / "boards.json").write_text('{"boards": ["a"], "without": []}')
    assert [row.problem for row in command.status(3600)] == ["never reported"]


def test_without_reports_it_says_what_to_type(fleet: Fleet) -> None:
    with pytest.raises(BadInputError) as caught:
        command.status(3600)
    assert "fleet.collect" in caught.value.cure


def test_keys_are_those_that_ssh_knows(fleet: Fleet, tmp_path: Path) -> None:
    text = signing.key_text(signing.public_of(fleet.keys["camera-1"]))
    known = tmp_path / "known"
    known.write_text(f"[192.0.2.7]:2222 {text}\n@revoked 192.0.2.8 {text}\n")
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", known], check=True, capture_output=True)
    place = tmp_path / "hosts.yml"
    args = f"-o UserKnownHostsFile={known} -o GlobalKnownHostsFile=/dev/null"
    place.write_text(
        f"all:\n  vars:\n    ansible_ssh_common_args: {args}\n  hosts:\n"
        "    camera-1: {ansible_host: 192.0.2.7, ansible_port: 2222}\n"
        "    camera-2: {ansible_host: 192.0.2.8}\n    camera-3: {ansible_host: 192.0.2.7}\n"
    )
    found = board_keys.of_inventory(place)
    assert found == {"camera-1": (text,), "camera-2": (), "camera-3": ()}


@pytest.mark.parametrize(
    ("user", "everybody", "expected"),
    [
        ("{h} {1}\n{h} {2}\n@revoked {h} {1}\n", "", ["2"]),
        ("@revoked * {1}\n{h} {1}\n{h} {2}\n", "", ["2"]),
        (" @revoked {h}\t{1}\n{h} {1}\n{h} {2}\n", "", ["2"]),
        ("{h} {1}\n{h} {2}\n", "@revoked {h} {1}\n", ["2"]),
        ("@revoked {h} {2}\n", "{h} {1}\n{h} {2}\n", ["1"]),
        ("{h} {1}\n@revoked 192.0.2.9 {1}\n", "", ["1"]),
        ("@cert-authority {h} {1}\n{h} {2}\n", "", ["2"]),
        ("{h} {1}\n@cert-authority {h} {1}\n", "", ["1"]),
    ],
)
def test_a_revoked_key_is_none_wherever_else_it_stands(
    fleet: Fleet, tmp_path: Path, user: str, everybody: str, expected: list[str]
) -> None:
    text = {name[-1]: signing.key_text(signing.public_of(key)) for name, key in fleet.keys.items()}
    files = {"UserKnownHostsFile": user, "GlobalKnownHostsFile": everybody}
    for name, content in files.items():
        (tmp_path / name).write_text(content.format("", text["1"], text["2"], h="192.0.2.7"))
    args = " ".join(f"-o {name}={tmp_path / name}" for name in files)
    host = Host("192.0.2.7", {"ansible_ssh_common_args": args})
    assert board_keys.of_host(host) == tuple(text[name] for name in expected)


@pytest.mark.parametrize(
    ("form", "expected"),
    [("lines", ["2"]), ("krl", ["2"]), ("nothing", ["1", "2"]), ("damaged", []), ("away", [])],
)
def test_a_key_that_ssh_has_revoked_in_a_file_is_none(
    fleet: Fleet, tmp_path: Path, form: str, expected: list[str]
) -> None:
    public = {name[-1]: signing.public_of(key) for name, key in fleet.keys.items()}
    text = {name: signing.key_text(path) for name, path in public.items()}
    (tmp_path / "known").write_text("".join(f"192.0.2.7 {key}\n" for key in text.values()))
    place = tmp_path / "revoked"
    if form == "krl":
        words = ["ssh-keygen", "-q", "-k", "-f", str(place), str(public["1"])]
        subprocess.run(words, check=True, capture_output=True)
    elif form == "damaged":
        place.write_bytes(board_keys.KRL + b"\xff" * 40)
    elif form != "away":
        place.write_text("# lost\n" + (f"{text['1']} lost\n" if form == "lines" else ""))
    args = f"-o UserKnownHostsFile={tmp_path / 'known'} -o GlobalKnownHostsFile=/dev/null"
    host = Host("192.0.2.7", {"ansible_ssh_common_args": f"{args} -o RevokedHostKeys={place}"})
    assert board_keys.of_host(host) == tuple(text[name] for name in expected)


@pytest.fixture
def at(fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[server.Server]:
    monkeypatch.setattr(bounded_server, "TOTAL_S", 1.5)
    files = certificates.ensure(tmp_path / "certificates", "127.0.0.1")
    with server.listening("127.0.0.1", 0, files.cert, files.key, fleet.reports()) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield listening
        listening.shutdown()


def secure(at: server.Server, tmp_path: Path) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=str(tmp_path / "certificates" / "ca.crt"))
    plain = socket.create_connection(("127.0.0.1", at.server_port), timeout=30)
    return context.wrap_socket(plain, server_hostname="127.0.0.1")


def answer(at: server.Server, tmp_path: Path, raw: bytes) -> bytes:
    with secure(at, tmp_path) as client:
        client.sendall(raw)
        return client.recv(4096).split(b"\r\n")[0]


def post(body: bytes, **headers: object) -> bytes:
    rows = {"Content-Length": len(body), **{k.replace("_", "-"): v for k, v in headers.items()}}
    head = "".join(f"{name}: {value}\r\n" for name, value in rows.items() if value is not None)
    return f"POST / HTTP/1.1\r\n{head}\r\n".encode() + body


def test_a_post_is_answered_by_what_it_is(fleet: Fleet, at: server.Server, tmp_path: Path) -> None:
    good = signed(report(), fleet.keys["camera-1"])
    assert b"204" in answer(at, tmp_path, post(good))
    assert b"429" in answer(at, tmp_path, post(good))
    assert b"403" in answer(at, tmp_path, post(signed(report("camera-2"), fleet.keys["camera-1"])))
    assert b"413" in answer(at, tmp_path, post(b"", Content_Length=10**6))
    assert b"413" in answer(at, tmp_path, post(b"", Content_Length="9" * 5000))
    assert b"411" in answer(at, tmp_path, post(b"", Content_Length=None))
    assert b"411" in answer(at, tmp_path, post(b"0", Transfer_Encoding="chunked"))
    assert b"405" in answer(at, tmp_path, b"GET / HTTP/1.1\r\n\r\n")


BLOCK = "-----BEGIN SSH SIGNATURE-----\n{}\n-----END SSH SIGNATURE-----\n"


@pytest.mark.parametrize(
    "rows",
    [
        {"report": "\ud800", "signature": BLOCK.format("x")},
        {
            "report": json.dumps(report(reason="?")).replace("?", "\ud800"),
            "signature": BLOCK.format("x"),
        },
        {"report": json.dumps(report(reason="\ud800")), "signature": BLOCK.format("x")},
        {"report": json.dumps(report()), "signature": BLOCK.format("\udfff")},
        {"report": json.dumps(report(board="\udfff")), "signature": BLOCK.format("x")},
        {"report": json.dumps({**report(), "\ud800": 1}), "signature": BLOCK.format("x")},
    ],
)
def test_half_characters_are_refused_with_an_answer(
    at: server.Server, tmp_path: Path, rows: dict[str, str]
) -> None:
    assert b"403" in answer(at, tmp_path, post(json.dumps(rows).encode()))


def test_slow_clients_are_cut_and_hold_nobody_up(
    fleet: Fleet, at: server.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounded_server, "SILENT_S", 60.0)
    silent = [socket.create_connection(("127.0.0.1", at.server_port)) for _ in range(20)]
    dripping = secure(at, tmp_path)
    dripping.sendall(b"POST / HTTP/1.1\r\nContent-Length: 10000\r\n\r\n")
    assert b"204" in answer(at, tmp_path, post(signed(report(), fleet.keys["camera-1"])))
    end = time.monotonic() + 30
    with pytest.raises((OSError, ssl.SSLError)):  # whichever byte it is
        while time.monotonic() < end:
            dripping.sendall(b"x")
            time.sleep(0.05)
    for client in silent:
        client.settimeout(30)
        assert client.recv(1) == b""
        client.close()


def test_more_connections_than_there_is_room_for_are_closed(
    fleet: Fleet, at: server.Server, tmp_path: Path
) -> None:
    held = [
        socket.create_connection(("127.0.0.1", at.server_port))
        for _ in range(bounded_server.CONNECTIONS + 8)
    ]
    closed = 0
    for client in held:
        client.settimeout(30)
        closed += client.recv(1) == b""
        client.close()
    assert closed == len(held)
    assert b"204" in answer(at, tmp_path, post(signed(report(), fleet.keys["camera-1"])))


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
    found = [json.loads(text)["number"] for text in numbers]
    assert found == [2 * 10**9, 2 * 10**9 + 1, 2 * 10**9 + 2, 3 * 10**9]


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

    for step, words in ((report.note, places[1:]), (report.send, ("camera-1", None, {}))):
        others: list[threading.Thread] = []
        with monkeypatch.context() as patch:
            patch.setattr(disk, "write_json", between)
            step(*words)
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
