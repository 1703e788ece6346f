"""Pipelines, `run`, `auto` and `bench` with MediaPipe, TFLite and ONNX Runtime, over a video."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import jsonschema
import pytest

from bench import inference as bench_inference
from bench import inference_env, sample_videos
from jetson_kit.onnx_export import environment
from tests.unit.device_wheel.pipeline_runs import (
    FACES,
    FRAMES,
    last_line,
    python,
    reported,
    run,
    variables,
)

pytestmark = [pytest.mark.network, pytest.mark.slow]


@pytest.fixture(scope="module")
def video() -> Path:
    return sample_videos.fetch("Megamind.avi")


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return variables(tmp_path_factory.mktemp("choices"))


SAME = """
import json, sys
from pathlib import Path
from mediapipe_jetson.bench import versus
from mediapipe_jetson.pipeline.landmarkers import LandmarkerRequest
video, model, backend = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
alone = versus.loop(video, LandmarkerRequest("face", model, "mediapipe-cpu"), keep=True)
side, report = versus.pipelined(video, LandmarkerRequest("face", model, backend, 1), keep=True)
print(json.dumps({**versus.apart(side.points, alone.points), **report.as_json()}))
"""


@pytest.mark.parametrize(("backend", "most"), [("mediapipe-cpu", 0.0), ("litert", 0.02)])
def test_results_are_those_of_a_loop(
    settings: dict[str, str], video: Path, backend: str, most: float
) -> None:
    """The pipeline itself changes nothing; another backend stays within its tolerance."""
    model = Path(settings["MEDIAPIPE_JETSON_MODELS"], "face_landmarker.task")
    result = reported(python(settings, "-c", SAME, video, model, backend))
    assert (result["given"], result["done"], result["dropped"]) == (FRAMES, FRAMES, 0)
    assert (result["frames"], result["uneven"]) == (FACES, 0)
    assert result["worst"] <= most


def test_run_says_rates_times_and_what_bounds_it(
    settings: dict[str, str], video: Path, tmp_path: Path
) -> None:
    drawn = tmp_path / "drawn.avi"
    arguments = ("--source", video, "--backend", "litert", "--output", drawn, "--json")
    alive = tmp_path / "alive"
    result = reported(run({**settings, "MEDIAPIPE_JETSON_HEALTH_FILE": str(alive)}, *arguments))
    assert result["schema"] == "mediapipe-jetson/run/1"
    assert alive.is_file()  # what the container's health check looks at
    assert (result["done"], result["frames_with_results"]) == (FRAMES, FACES)
    names = [stage["name"] for stage in result["stages"]]
    assert names == ["capture", "preprocess", "detect", "convert", "draw", "sink"]
    assert result["bound"] in names
    assert result["fps"] > 0
    second = reported(run(settings, "--source", drawn, "--backend", "litert", "--json"))
    assert second["done"] == FRAMES
    # The dots that were drawn show: the pictures are not the same.
    assert drawn.stat().st_size > 1e6


def test_the_latest_frame_is_never_late(settings: dict[str, str], video: Path) -> None:
    arguments = ("--source", video, "--backend", "onnx", "--policy", "latest", "--json")
    result = reported(run(settings, *arguments, "--frames", "20"))
    assert result["done"] == 20
    # A file is given at its own rate, 24 frames a second.
    assert result["wall_s"] > 19 / 24 * 0.9
    assert result["given"] >= result["done"] + result["dropped"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_its_report(
    settings: dict[str, str], video: Path, tmp_path: Path, number: signal.Signals
) -> None:
    drawn = tmp_path / "drawn.avi"
    process = subprocess.Popen(
        [
            *(str(inference_env.python()), "-m", "mediapipe_jetson", "run", "--policy", "latest"),
            *("--source", str(video), "--backend", "litert", "--output", str(drawn)),
        ],
        env=settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    # It writes when the first result is there; at its own rate the video lasts 11 s.
    while not list(tmp_path.glob(".drawn-*.avi")):
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(number)
    message, wrong = process.communicate(timeout=60)
    assert process.returncode == 128 + number, wrong
    assert "Traceback" not in wrong
    assert re.search(r"\d+ of \d+ frames in .* s", message), message


def test_wrong_words_are_usage(settings: dict[str, str]) -> None:
    for arguments, why in (
        ((), "--source is needed"),
        (("--why", "--backend", "onnx"), "--why explains"),
        (("--source", "a.avi", "--frames", "0"), "is no number from 1"),
        (("--source", "a.avi", "--backend", "cuda"), "invalid choice"),
    ):
        done = run(settings, *arguments)
        assert (done.returncode, why in last_line(done)) == (2, True), done.stderr


OTHER_WEIGHTS = """
import sys
import onnx
from onnx import numpy_helper
model = onnx.load(sys.argv[1])
largest = max(model.graph.initializer, key=lambda one: one.ByteSize())
largest.CopyFrom(numpy_helper.from_array(-numpy_helper.to_array(largest), largest.name))
onnx.save(model, sys.argv[1])
"""


AUTO = """
import sys
from mediapipe_jetson.vision import FaceLandmarker
with FaceLandmarker(backend="auto", GIVEN) as landmarker:
    print(landmarker.backend, landmarker.threads)
"""


def test_auto_never_takes_a_backend_that_is_wrong(settings: dict[str, str], tmp_path: Path) -> None:
    """ONNX files with changed weights are there: fast, but not MediaPipe's results."""
    folder = Path(settings["MEDIAPIPE_JETSON_ENGINES"])
    for path in folder.glob("face_*.onnx"):
        shutil.copy(path, tmp_path)
    (wrong,) = tmp_path.glob("face_landmarks_detector-*.onnx")
    command = [str(environment.python()), "-c", OTHER_WEIGHTS, str(wrong)]
    subprocess.run(command, env=environment.variables(), check=True)
    own = {
        **settings,
        "MEDIAPIPE_JETSON_ENGINES": str(tmp_path),
        "MEDIAPIPE_JETSON_CACHE": str(tmp_path / "cache"),
    }
    result = reported(run(own, "--why", "--json"))
    rows = {row["backend"]: row for row in result["trials"]}
    assert not rows["onnx"]["ok"]
    assert "mediapipe-cpu" in rows["onnx"]["why"], "it runs, and is wrong"
    assert rows["litert"]["ok"], rows["litert"]["why"]
    assert rows["mediapipe-cpu"]["ok"]
    assert result["backend"] in ("litert", "mediapipe-cpu")
    done = run(own, "--why")
    assert "kept since" in done.stdout
    assert re.search(r"onnx .* no: ", done.stdout)
    model = Path(own["MEDIAPIPE_JETSON_MODELS"], "face_landmarker.task")
    for given in (
        "model_asset_path=sys.argv[1]",
        "model_asset_buffer=open(sys.argv[1], 'rb').read()",
    ):
        automatic = python(own, "-c", AUTO.replace("GIVEN", given), model)
        assert automatic.stdout.split() == [result["backend"], str(result["threads"])], (
            automatic.stderr
        )


def test_bench_measures_all_that_is_here(
    settings: dict[str, str], video: Path, tmp_path: Path
) -> None:
    path = tmp_path / "result.json"
    arguments = ("--rounds", "1", "--frames", "10", "--size", "640x480", "--threads", "1")
    done = python(
        settings, "-m", "mediapipe_jetson", "bench", *arguments, "--video", video, "--json", path
    )
    assert done.returncode == 0, done.stderr
    result = bench_inference.checked(path.read_bytes())
    right = {(row["task"], row["backend"]) for row in result["trials"] if row["ok"]}
    tasks = ("face", "hand", "pose")
    assert right >= {(t, b) for t in tasks for b in ("mediapipe-cpu", "litert", "onnx")}
    for row in result["trials"]:
        assert row["ok"] or row["why"]
    assert result["backends"]["litert"]["pose"]["median_ms"] > 0
    assert result["pipeline"]["frames"] == FRAMES
    assert result["pipeline_speedup"] > 0.5
    assert result["pipeline"]["results"]["worst"] < 0.02
    written = bench_inference.write(result, tmp_path)
    assert [item.suffix for item in written] == [".json", ".svg", ".svg"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(
            {**result, "device": {}}, json.loads(bench_inference.SCHEMA.read_text())
        )
