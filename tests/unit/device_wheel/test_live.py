"""The live view's metrics, board and verdict, over a pipeline of stand-in pictures."""

from __future__ import annotations

import json
import os
import re
import time
from pathlib import Path

import pytest
from mediapipe_jetson import exposition
from mediapipe_jetson.live import Live
from mediapipe_jetson.live.board import Board
from mediapipe_jetson.live.metrics import Metrics
from mediapipe_jetson.live.state import State, backend_of
from mediapipe_jetson.live.verdict import Verdicts
from mediapipe_jetson.pipeline import Frame, Pipeline
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from jetson_kit.app import settings
from tests.unit.device_wheel.live_answers import get, values
from tests.unit.pictures import Picture
from tests.unit.report import samples as report_samples

MONITORING = Path("examples/monitoring")


def index_of(frame: Frame) -> int:
    return frame.index


def pipeline(count: int = 30) -> Pipeline:
    return Pipeline([Picture()] * count, index_of)


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
