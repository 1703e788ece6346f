"""The live view's server, metrics, password and verdict, over a pipeline of stand-in pictures."""

from __future__ import annotations

import base64
import json
import os
import re
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mediapipe_jetson import exposition
from mediapipe_jetson.live import Live, PasswordError, PortError, password, server
from mediapipe_jetson.live.board import Board
from mediapipe_jetson.live.metrics import Metrics
from mediapipe_jetson.live.state import State, backend_of
from mediapipe_jetson.live.verdict import Verdicts
from mediapipe_jetson.pipeline import Frame, Pipeline
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from jetson_kit.app import settings
from tests.unit.pictures import Picture
from tests.unit.report import samples as report_samples

SECRET = "correct horse battery"
MONITORING = Path("examples/monitoring")


def index_of(frame: Frame) -> int:
    return frame.index


def pipeline(count: int = 30) -> Pipeline:
    return Pipeline([Picture()] * count, index_of)


def values(text: str) -> dict[str, float]:
    """Return an exposition's samples, as Prometheus' own client reads them."""
    result = {}
    for family in text_string_to_metric_families(text):
        for name, labels, value, *_ in family.samples:
            shown = ",".join(f"{key}={labels[key]}" for key in sorted(labels))
            result[f"{name}{{{shown}}}" if shown else name] = value
    return result


def get(port: int, path: str = "/metrics", **headers: str) -> tuple[int, str, Any]:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 # it is http
            return answer.status, answer.read().decode(), answer.headers
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(), error.headers


def basic(secret: str) -> str:
    return "Basic " + base64.b64encode(f"anyone:{secret}".encode()).decode()


@pytest.fixture
def secret_file(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text(f"{SECRET}\n")
    return path


@pytest.fixture
def board(tmp_path: Path) -> Path:
    """Return a tree as an Orin's kernel shows it: devfreq, a thermal zone, a rail, memory."""
    files = {
        "sys/devices/platform/17000000.gpu/load": "420",
        "sys/devices/platform/17000000.gpu/uevent": "OF_NAME=ga10b",
        "sys/class/devfreq/17000000.gpu/cur_freq": "918000000",
        "sys/class/thermal/thermal_zone0/type": "gpu-thermal",
        "sys/class/thermal/thermal_zone0/temp": "51500",
        "sys/class/hwmon/hwmon3/name": "ina3221",
        "sys/class/hwmon/hwmon3/in1_label": "VDD_IN",
        "sys/class/hwmon/hwmon3/in1_input": "5000",
        "sys/class/hwmon/hwmon3/curr1_input": "2000",
        "proc/meminfo": "MemTotal:  7000 kB\nMemFree: 1 kB\nMemAvailable:    3500 kB\n",
    }
    for name, content in files.items():
        path = tmp_path / "board" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{content}\n")
    device = tmp_path / "board/sys/class/devfreq/17000000.gpu/device"
    device.symlink_to("../../../devices/platform/17000000.gpu")
    return tmp_path / "board"


def test_the_counters_are_the_pipelines(tmp_path: Path) -> None:
    run = pipeline(30)
    with Live(metrics=0, verify_report=tmp_path / "none") as live:
        live.attach(run)
        run.run()
        result = values(get(live.ports[0])[1])
    assert result["mediapipe_frames_total"] == 30
    assert result["mediapipe_frames_captured_total"] == 30
    assert result["mediapipe_frames_dropped_total"] == 0
    assert result["mediapipe_latency_seconds_count"] == 30
    assert result["mediapipe_latency_seconds_bucket{le=+Inf}"] == 30
    assert result["mediapipe_stage_frames_total{stage=detect}"] == 30
    assert result["mediapipe_running"] == 0
    info = "{backend=application,policy=all,task=index_of,threads=0}"
    assert result[f"mediapipe_backend_info{info}"] == 1
    assert abs(result["mediapipe_last_frame_timestamp_seconds"] - time.time()) < 60


def test_an_applications_own_registry_has_the_same(tmp_path: Path) -> None:
    run = pipeline(30)
    with Live(verify_report=tmp_path / "none") as live:
        live.attach(run)
        run.run()
        registry = CollectorRegistry()
        registry.register(live.collector())
        own = values(live._metrics.text())
    theirs = values(generate_latest(registry).decode())
    fixed = {name for name in own if "memory_available" not in name and "process_" not in name}
    assert {name: theirs[name] for name in fixed} == {name: own[name] for name in fixed}
    assert live.ports == []


def test_a_histogram_counts_what_is_at_most_its_bound() -> None:
    family = exposition.histogram("a_seconds", "", (0.1, 1.0), (2, 1, 4), 9.5)
    result = values(exposition.text([family]))
    assert [result[f"a_seconds_bucket{{le={le}}}"] for le in ("0.1", "1.0", "+Inf")] == [2, 3, 7]
    assert (result["a_seconds_count"], result["a_seconds_sum"]) == (7, 9.5)


@pytest.mark.parametrize("value", ['a"b', "a\\b", "a\nb", "a}b,c", "\\n", "é\u2028", ""])
def test_any_label_comes_through(value: str) -> None:
    sample = exposition.Sample(1.0, {"name": value})
    result = exposition.Family("a", "gauge", value, (sample,))
    (family,) = text_string_to_metric_families(exposition.text([result]))
    assert family.samples[0].labels == {"name": value}


def test_the_board_is_in_base_units(board: Path) -> None:
    result = values(exposition.text(Board(board).families()))
    assert result == {
        "mediapipe_board_gpu_load_ratio{gpu=17000000.gpu}": 0.42,
        "mediapipe_board_gpu_frequency_hertz{gpu=17000000.gpu}": 918e6,
        "mediapipe_board_temperature_celsius{zone=gpu-thermal}": 51.5,
        "mediapipe_board_power_watts{rail=VDD_IN}": 10.0,
        "mediapipe_board_memory_total_bytes": 7000 * 1024,
        "mediapipe_board_memory_available_bytes": 3500 * 1024,
    }
    assert Board(board).document()["power_w"] == 10.0


def test_a_machine_without_such_files_has_no_such_numbers(tmp_path: Path) -> None:
    assert exposition.text(Board(tmp_path).families()).strip() == ""


def test_all_that_the_dashboard_and_alerts_use_is_there(board: Path, tmp_path: Path) -> None:
    """The names in examples/monitoring against those of an endpoint that has all it can have."""
    folder = tmp_path / "reports"
    folder.mkdir()
    path = report_samples.put(folder, "verify", report_samples.board(), time.time())
    with Live(0, verify_report=path) if has_opencv() else Live(metrics=0) as live:
        state = State(Verdicts(path), Board(board), live.state.picture)
        state.attach(run := pipeline(), backend_of(index_of))
        run.run()
        there = set(re.findall(r"^# TYPE (\w+) ", Metrics(state).text(), re.MULTILINE))
    if not has_opencv():
        there.add(
            "mediapipe_viewers"
        )  # of the page alone; tests/unit/device_wheel/test_live_real.py has it
    dashboard = json.loads((MONITORING / "dashboard.json").read_text())
    used = {target["expr"] for panel in dashboard["panels"] for target in panel["targets"]}
    used |= set(re.findall(r"expr: (.*)", (MONITORING / "alerts.yml").read_text()))
    names = set(re.findall(r"\b(?:mediapipe|process)_\w+", " ".join(used)))
    assert len(names) > 15
    assert {re.sub("_(bucket|sum|count)$", "", name) for name in names} <= there


def has_opencv() -> bool:
    try:
        import cv2  # noqa: F401
    except ImportError:
        return False
    return True


def test_the_right_password_opens_and_no_other(secret_file: Path) -> None:
    with Live(metrics=0, password_file=secret_file) as live:
        (port,) = live.ports
        code, _, headers = get(port)
        assert (code, headers["WWW-Authenticate"][:6]) == (401, "Basic ")
        for wrong in (basic("wrong"), basic(""), basic(SECRET + "x"), "Basic", "Basic !!!",
                      f"Bearer {SECRET}", "Basic " + base64.b64encode(SECRET.encode()).decode(),
                      "Basic é"):  # fmt: skip
            assert get(port, Authorization=wrong)[0] == 401, wrong
        code, text, _ = get(port, Authorization=basic(SECRET), Host="board.example")
        assert (code, "mediapipe_build_info" in text) == (200, True)
        assert SECRET not in " ".join(live.lines())
        assert SECRET not in repr(live._servers[0].site)


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"short\n", b"two lines\nof text\n", b"a" * 2000, b"nul\0inside it\n"]
)
def test_a_password_that_protects_nothing_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_bytes(content)
    with pytest.raises(PasswordError, match="one line of 8 to 1024 bytes"):
        Live(metrics=0, password_file=path)


def test_a_password_file_that_is_none_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(PasswordError, match=str(path)):
            Live(metrics=0, password_file=path)


def test_the_password_file_may_be_named_by_the_environment(
    secret_file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert password.password_file(None) is None
    monkeypatch.setenv(password.CREDENTIALS_VARIABLE, str(tmp_path))
    assert password.password_file(None) is None
    (tmp_path / password.CREDENTIAL).write_text(SECRET)
    assert password.password_file(None) == tmp_path / password.CREDENTIAL
    monkeypatch.setenv(password.FILE_VARIABLE, str(secret_file))
    assert password.password_file(None) == secret_file
    assert password.read(secret_file) == SECRET.encode()


@pytest.mark.parametrize(
    ("host", "code"),
    [
        ("localhost", 200),
        ("localhost:9000", 200),
        ("127.0.0.1:8080", 200),
        ("[::1]:8080", 200),
        ("evil.example", 403),
        ("localhost.evil.example", 403),
        ("127.0.0.1.evil.example:80", 403),
    ],
)
def test_without_a_password_only_this_machine_is_answered(host: str, code: int) -> None:
    """A name of somebody else's that means 127.0.0.1 here is none of this machine's."""
    with Live(metrics=0) as live:
        assert live._servers[0].server_address[0] == "127.0.0.1"
        assert get(live.ports[0], Host=host)[0] == code


def test_a_port_in_use_is_one_line() -> None:
    with Live(metrics=0) as live, pytest.raises(PortError, match="Address already in use") as info:
        Live(metrics=live.ports[0])
    assert "\n" not in str(info.value)
    assert info.value.exit_code == 2


def test_a_port_is_free_again_and_must_be_one(secret_file: Path) -> None:
    with Live(metrics=0, password_file=secret_file) as live:
        assert live._servers[0].server_address[0] == "0.0.0.0"  # noqa: S104
        (port,) = live.ports
    with pytest.raises(PortError):
        Live(metrics=70_000)
    for _ in range(2):
        with Live(metrics=port) as live:
            assert get(port)[0] == 200


@pytest.fixture
def idle() -> Iterator[list[socket.socket]]:
    """Return a list of sockets that are closed at the end."""
    connections: list[socket.socket] = []
    yield connections
    for connection in connections:
        connection.close()


def connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def test_connections_are_bounded_and_come_free_again(idle: list[socket.socket]) -> None:
    with Live(metrics=0) as live:
        (port,) = live.ports
        idle += [connected(port) for _ in range(server.CONNECTIONS)]
        last = connected(port)
        idle.append(last)
        assert last.recv(100).startswith(b"HTTP/1.0 503 ")
        for connection in idle:
            connection.close()
        for _ in range(100):
            if get(port)[0] == 200:
                break
            time.sleep(0.05)
        assert get(port)[0] == 200


def test_who_asks_for_ever_is_cut_off(
    idle: list[socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "REQUEST_S", 0.2)
    with Live(metrics=0) as live:
        slow = connected(live.ports[0])
        idle.append(slow)
        slow.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nX-More: ")
        assert slow.recv(100) == b""


@pytest.mark.parametrize(
    "request_line",
    [b"\0\xff\r\n\r\n", b"GET\r\n\r\n", b"POST /metrics HTTP/1.1\r\n\r\n", b"\r\n",
     b"GET " + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", b"GET /../../etc/passwd HTTP/1.1\r\n\r\n",
     b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n", b"GET /% HTTP/9.9\r\n\r\n"],
)  # fmt: skip
def test_odd_requests_change_nothing(
    request_line: bytes, idle: list[socket.socket], capfd: pytest.CaptureFixture[str]
) -> None:
    with Live(metrics=0) as live:
        odd = connected(live.ports[0])
        idle.append(odd)
        odd.sendall(request_line)
        odd.shutdown(socket.SHUT_WR)
        assert b"HTTP/1.0 200" not in odd.recv(100)
        assert get(live.ports[0])[0] == 200
    assert capfd.readouterr() == ("", "")


def asked(port: int, request: bytes) -> tuple[str, str]:
    """Return the head and the body of an answer."""
    with connected(port) as client:
        client.sendall(request)
        answer = b""
        while more := client.recv(1 << 16):
            answer += more
    head, _, body = answer.decode().partition("\r\n\r\n")
    return head, body


@pytest.mark.parametrize("method", ["DELETE", "PUT", "POST", "OPTIONS", "PATCH", "TRACE", "BREW"])
def test_other_methods_get_a_short_answer_that_names_those_there_are(
    method: str, capfd: pytest.CaptureFixture[str]
) -> None:
    content = b"a" * 300_000  # more than the kernel holds of a body that nobody reads
    words = f"{method} /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 300000\r\n\r\n"
    with Live(metrics=0) as live:
        for request in (words.encode() + content, words.encode().replace(b"300000", b"0")):
            head, body = asked(live.ports[0], request)
            assert head.startswith("HTTP/1.0 405 ")
            assert "\r\nAllow: GET, HEAD" in head
            assert "Python" not in head
            assert body == "it is read with GET\n"
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("request_line", "code"),
    [
        (b"\0\xff\r\n\r\n", 400),
        (b"GET / HTTP/x\r\n\r\n", 400),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n", 431),
        (b"GET / HTTP/9.9\r\n\r\n", 505),
    ],
)
def test_what_is_no_request_gets_one_plain_line(request_line: bytes, code: int) -> None:
    with Live(metrics=0) as live:
        head, body = asked(live.ports[0], request_line)
    assert head.startswith(f"HTTP/1.0 {code} ")
    assert "text/plain" in head
    assert body.count("\n") == 1
    assert "<" not in body


def test_the_page_is_not_where_metrics_are_alone() -> None:
    with Live(metrics=0) as live:
        for path in ("/", "/live.js", "/status.json", "/stream.mjpg", "/picture.jpg", "/x"):
            assert get(live.ports[0], path)[0] == 404


def test_a_report_is_judged_again_by_its_age(tmp_path: Path) -> None:
    path = tmp_path / "verify.json"
    verdicts = Verdicts(path)
    assert verdicts.read().verdict == "none"
    document = report_samples.real("cpu")
    report_samples.put(tmp_path, "verify", {**document, "boot_id": None}, time.time())
    # That it is of another start of a machine shows, whatever verdict it claims.
    assert verdicts.read().verdict == "unknown"
    assert verdicts.read().as_json()["age_s"] >= 60


@pytest.mark.parametrize("content", ["", "{}", "[1]", "null", '{"schema": "x"}', "[" * 100_000])
def test_a_damaged_report_is_unknown(content: str, tmp_path: Path) -> None:
    path = tmp_path / "verify.json"
    path.write_text(content)
    verdict = Verdicts(path).read()
    assert (verdict.verdict, verdict.report) == ("unknown", None)
    assert "is no report" in verdict.reason


def test_what_is_no_file_is_no_report(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        assert Verdicts(path).read().verdict == "unknown"


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("rtsp://me:secret@10.0.0.7/1", "rtsp://***@10.0.0.7/1"),
        ("rtsp://me:se@cret@10.0.0.7:554/1", "rtsp://***@10.0.0.7:554/1"),
        ("http://10.0.0.7/video?user=me&pwd=secret", "http://10.0.0.7/video?***"),
        ("rtspsrc location=rtsp://me:secret@h/1 ! x", "rtspsrc location=rtsp://***@h/1 ! x"),
        ("rtspsrc user-id=me user-pw=secret ! x", "rtspsrc user-id=*** user-pw=*** ! x"),
        ("/data/a@b?/c d.avi", "/data/a@b?/c d.avi"),
        ("/dev/video0", "/dev/video0"),
        ("camera 0", "camera 0"),
    ],
)
def test_a_cameras_password_is_not_shown(source: str, shown: str, tmp_path: Path) -> None:
    run = pipeline()
    run._source = type("Named", (), {"name": source, "expected": None})()
    state = State(Verdicts(tmp_path / "none"), Board(tmp_path), None)
    state.attach(run, backend_of(index_of))
    assert state.document()["source"] == shown
    assert "secret" not in json.dumps(state.document())


def test_the_settings_in_the_docs_are_right(tmp_path: Path) -> None:
    text = Path("docs/live-view.md").read_text()
    (tmp_path / "app.py").touch()
    apps = []
    for toml in re.findall(r"```toml\n(.*?)```", text, re.DOTALL):
        (tmp_path / "jetson.toml").write_text(toml)
        apps.append(settings.load(tmp_path))
    app, sent = apps
    assert sent.environment["OTEL_EXPORTER_OTLP_ENDPOINT"].startswith("http://")
    assert app.service.ports == ("8080:8080",)
    assert "--serve" in app.command


def test_without_a_port_a_password_file_need_not_be_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(password.FILE_VARIABLE, str(tmp_path / "none"))
    with Live() as live:
        assert live.ports == []
