"""What the benchmark of inference sums up, draws and writes; what it measures is tested real."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from mediapipe_jetson.bench import board, measure, versus
from mediapipe_jetson.choice.trials import Trial

from bench import inference as bench_inference
from bench import inference_plots, sample_videos
from bench import pages as readme
from jetson_kit.core.errors import BadInputError, IntegrityError

SIZE = [640, 480]


def row(task: str, backend: str, threads: int, median_ms: float, **more: Any) -> dict[str, Any]:
    size = (more.pop("size", SIZE)[0], SIZE[1])
    trial = Trial(
        backend, threads, size, True, "", 90.0, median_ms, median_ms * 1.5, median_ms, 60, 0.003
    )
    return {"task": task, **trial.as_json(), "board": {}, **more}


ROWS = [
    row("face", "mediapipe-cpu", 0, 7.0),
    row("face", "litert", 1, 5.5),
    row("face", "litert", 2, 4.0),
    row("face", "litert", 2, 1.0, size=[1920, 1080]),
    row("face", "onnx", 1, 9.0, ok=False, why="<wrong> & slow"),
    row("hand", "litert", 1, 8.0),
]
BOARD = dict.fromkeys(
    ("power_mode", "gpu_clocks_hz", "cpu_clocks_khz", "temperatures_c", "power_mw", "load")
)
SIDE = {"fps": 90.0, "fps_samples": [90.0], "cpu_ms": 11.0, "stages_ms": {"capture": 1.0}}
STAGES = [{"name": "capture", "mean_ms": 1.2}, {"name": "detect", "mean_ms": 5.0}]
RESULT: dict[str, Any] = {
    "schema": "mediapipe-jetson/bench-inference/1",
    "device": {
        "name": "x86-64-2",
        "model": None,
        "part": None,
        "l4t": None,
        "cpu": [],
        "emulated": None,
        "versions": {},
    },
    "cores": 2,
    "load_at_start": 4.26,
    "quiet": False,
    "priority": "normal",
    "began_at": 0,
    "board_before": BOARD,
    "board_after": BOARD,
    "backends": measure.summary(ROWS, (640, 480)),
    "summary_size": SIZE,
    "trials": ROWS,
    "pipeline": {
        "video": "Megamind.avi",
        "task": "face",
        "backend": "litert",
        "threads": 2,
        "frames": 270,
        "turns": 3,
        "speedup": 1.94,
        "speedups": [1.94],
        "loop": SIDE,
        "pipeline": {
            **SIDE,
            "fps": 175.0,
            "best_turn": {"stages": STAGES, "bound": "detect", "cores": 1.88},
        },
        "results": {"worst": 0.008, "frames": 267, "uneven": 0},
    },
    "pipeline_speedup": 1.94,
}


def test_the_summary_has_the_fastest_threads_of_what_is_right() -> None:
    backends = RESULT["backends"]
    assert set(backends) == {"mediapipe-cpu", "litert"}
    assert backends["litert"]["face"]["threads"] == 2
    assert backends["litert"]["face"]["median_ms"] == 4.0
    assert set(backends["litert"]) == {"face", "hand"}


def test_turns_are_merged_by_their_medians() -> None:
    def turn(median_ms: float, worst: float) -> Trial:
        return Trial("litert", 1, (640, 480), True, "", 1.0, median_ms, 9.0, 3.0, 60, worst)

    trial = measure.merged([turn(5.0, 0.001), turn(90.0, 0.002), turn(6.0, 0.001)])
    assert (trial.median_ms, trial.frames, trial.worst) == (6.0, 180, 0.002)
    failed = Trial("litert", 1, (640, 480), False, "of this test")
    assert measure.merged([turn(5.0, 0.001), failed]) == failed


def test_two_runs_are_compared_frame_by_frame() -> None:
    face = [[[0.0, 0.0], [0.5, 0.5]]]
    moved = [[[0.005, 0.0], [0.5, 0.5]]]
    result = versus.apart([[], face, moved, face], [[], face, face, []])
    assert result == {"frames": 3, "uneven": 1, "worst": 0.01, "p99": 0.0, "median": 0.005}


def tree(root: Path) -> None:
    for name, text in {
        "class/thermal/thermal_zone0/type": "cpu-thermal",
        "class/thermal/thermal_zone0/temp": "48500",
        "class/thermal/thermal_zone1/type": "off",
        "class/thermal/thermal_zone1/temp": "-256000",
        "class/thermal/thermal_zone2/temp": "no number",
        "class/hwmon/hwmon0/name": "ina3221",
        "class/hwmon/hwmon0/in1_label": "VDD_IN",
        "class/hwmon/hwmon0/in1_input": "5000",
        "class/hwmon/hwmon0/curr1_input": "1200",
        "class/hwmon/hwmon0/in2_label": "VDD_CPU",
        "class/hwmon/hwmon1/name": "pwmfan",
        "class/hwmon/hwmon1/in1_label": "fan",
        "devices/system/cpu/cpu0/cpufreq/scaling_cur_freq": "1510400",
    }.items():
        path = root / "sys" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")


def test_a_boards_files_are_read_in_their_units(tmp_path: Path) -> None:
    tree(tmp_path)
    result = board.read(tmp_path)
    assert result["temperatures_c"] == {"cpu-thermal": 48.5}
    assert result["power_mw"] == {"VDD_IN": 6000.0}
    assert result["cpu_clocks_khz"] == [1510400]
    assert result["power_mode"] is None


def test_without_these_files_nothing_is_made_up(tmp_path: Path) -> None:
    result = board.read(tmp_path)
    assert not any(value for name, value in result.items() if name != "load")


def test_pictures_are_whole_and_say_what_was_measured() -> None:
    pictures = inference_plots.draw(RESULT)
    assert set(pictures) == {"backends", "pipeline"}
    for picture in pictures.values():
        ET.fromstring(picture)  # noqa: S314 # our own
    assert "load 4.3" in pictures["backends"]
    assert "litert, 2 threads" in pictures["backends"]
    assert "onnx" not in pictures["backends"]
    assert "175 frames a second pipelined" in pictures["pipeline"]
    assert set(inference_plots.draw({**RESULT, "pipeline": None})) == {"backends"}


def test_a_result_of_a_board_is_taken_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_inference, "OUT", tmp_path / "bench")
    orin = {**RESULT, "device": {**RESULT["device"], "name": "p3767-0005"}}
    path = tmp_path / "result.json"
    path.write_text(json.dumps(orin))
    paths = bench_inference.take(path)
    assert paths[0] == tmp_path / "bench" / "inference-p3767-0005.json"
    assert all(item.exists() for item in paths)


@pytest.mark.parametrize("name", ["../escape", "", "a/b", "x" * 65])
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "result.json"
    path.write_text(json.dumps({**RESULT, "device": {**RESULT["device"], "name": name}}))
    with pytest.raises(IntegrityError, match="no result of bench"):
        bench_inference.take(path)


def test_what_is_no_result_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="can't be read"):
        bench_inference.take(tmp_path / "none.json")
    path = tmp_path / "odd.json"
    for content in ("", "[]", "{", '{"schema": "other"}'):
        path.write_text(content)
        with pytest.raises(IntegrityError):
            bench_inference.take(path)


def test_a_busy_machine_is_refused_before_anything_is_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("os.getloadavg", lambda: (99.0, 99.0, 99.0))
    with pytest.raises(BadInputError, match="this machine is busy"):
        bench_inference.run()
    with pytest.raises(BadInputError, match="0 rounds"):
        bench_inference.run(0)


def test_the_readmes_table(tmp_path: Path) -> None:
    (tmp_path / "inference-x86-64-2.json").write_text(json.dumps(RESULT))
    text = readme.rendered("<!-- bench.inference -->\n<!-- /bench.inference -->", tmp_path)
    assert "x86 cores busy with other work (load 4.3), 640x480 | face | hand |" in text
    assert "| litert | 4.0 / 6.0 ms | 8.0 / 12.0 ms |" in text
    assert "| mediapipe-cpu | 7.0 / 10.5 ms | - |" in text
    assert "**1.94x**" in text
    assert "What bounds it: `detect`, with 1.9 cores busy." in text


def test_only_known_samples_are_fetched() -> None:
    with pytest.raises(BadInputError, match="no sample"):
        sample_videos.fetch("../x.avi")
