"""MediaPipe's own tests, out of its wheel: what its classes pass, the kit's pass on each backend.

Those that MediaPipe's own classes fail here need its pictures, which the wheel does not carry.
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
from pathlib import Path

import pytest

from jetson_kit.core import environments
from jetson_kit.core.files import locked
from jetson_kit.core.paths import ROOT, cache_dir
from jetson_kit.onnx_export import commands

pytestmark = pytest.mark.vision
LIMIT_S = 300
# A process that aborts in a test goes on with the next one, so often.
ABORTS = 8
# The kit's tasks of which every wheel carries the tests, and how many of them its own classes pass.
# The rest needs more than stand-in pictures: a model with 21 classes, for one.
TASKS = {"face": 22, "hand": 24, "pose": 31, "segmenter": 10}
# MediaPipe 1.2.2, and that of older boards: classes, graphs and errors of another time.
BACKENDS = {"vision": ("litert", "onnx", "mediapipe-cpu"), "vision-old": ("litert",)}


@functools.cache
def variables() -> dict[str, str]:
    """Return the environment of the programs that run the tests."""
    onnx = cache_dir("onnx")
    with locked(cache_dir("locks") / "mediapipe-tests-onnx.lock", lambda: None):
        commands.export(["face", "hand", "pose"], folder=onnx, precision="fp32")
    source = ROOT / "wheels" / "mediapipe-jetson" / "src"
    return os.environ | {
        "PYTHONPATH": f"{ROOT}{os.pathsep}{source}",
        "MEDIAPIPE_JETSON_ENGINES": str(onnx),
        "GLOG_minloglevel": "2",
    }


def harness(environment: str, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the harness in one of the kit's environments."""
    return subprocess.run(
        [environments.python(environment), "-m", "tests.mediapipe_tests.harness", *words],
        cwd=ROOT,
        env=variables(),
        timeout=LIMIT_S,
        check=False,
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module", params=sorted(BACKENDS))
def environment(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def data(environment: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of pictures, models and expected values of a MediaPipe."""
    folder = tmp_path_factory.mktemp(environment)
    done = harness(environment, "data", folder)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


def outcomes(environment: str, data: Path, task: str, contender: str) -> dict[str, str]:
    """Return for each test "passed", or why not; a test in which the process died is "aborted"."""
    results = data / f"{task}-{contender}.jsonl"
    result: dict[str, str] = {}
    for _ in range(ABORTS):
        done = harness(environment, "run", data, task, contender, results, *result)
        for line in results.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            begun = row["outcome"] == "begun"
            result[row["test"]] = "aborted" if begun else row["reason"] or row["outcome"]
        if done.returncode == 0:
            return result
    pytest.fail(f"aborted {ABORTS} times: {done.stderr[-2000:]}")


@functools.cache
def kits(environment: str) -> frozenset[str]:
    """Return the tasks for which the kit has a class of its own."""
    done = harness(environment, "tasks")
    assert done.returncode == 0, done.stderr[-2000:]
    return frozenset(done.stdout.split())


@pytest.mark.parametrize("task", TASKS)
def test_what_the_official_class_passes_ours_passes(
    task: str, environment: str, data: Path
) -> None:
    if task not in kits(environment):
        assert task == "segmenter", f"the kit has lost its class for {task}"
        return
    official = outcomes(environment, data, task, "official")
    passed = {name for name, outcome in official.items() if outcome == "passed"}
    died = {name for name, outcome in official.items() if outcome == "aborted"}
    assert len(passed | died) >= TASKS[task], official
    failures: dict[str, str] = {}
    for backend in BACKENDS[environment]:
        ours = outcomes(environment, data, task, backend)
        assert ours.keys() == official.keys()
        failures |= {
            f"{backend}: {name}": outcome
            for name, outcome in ours.items()
            if (name in passed and outcome != "passed") or outcome == "aborted"
        }
    assert not failures, "\n\n".join(f"{name}\n{why}" for name, why in failures.items())
