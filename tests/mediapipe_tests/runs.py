"""Runs of MediaPipe's own tests: here in one of the kit's environments, or in an image."""

from __future__ import annotations

import functools
import json
import os
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from jetson_kit.core import environments
from jetson_kit.core.files import locked
from jetson_kit.core.paths import ROOT, cache_dir
from jetson_kit.onnx_export import commands

LIMIT_S = 300
# A process that aborts in a test goes on with the next one, so often.
ABORTS = 8
# The kit's tasks of which every wheel carries the tests, and how many of them its own classes pass.
# The rest needs more than stand-in pictures: a model with 21 classes, for one.
TASKS = {"face": 22, "hand": 24, "pose": 31, "segmenter": 10}
OFFICIAL = "official"
Harness = Callable[..., "subprocess.CompletedProcess[str]"]


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


def here(environment: str) -> Harness:
    """Return what runs the harness in one of the kit's environments."""

    def harness(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [environments.python(environment), "-m", "tests.mediapipe_tests.harness", *arguments],
            cwd=ROOT,
            env=variables(),
            timeout=LIMIT_S,
            check=False,
            capture_output=True,
            text=True,
        )

    return harness


@functools.cache
def kits(environment: str) -> frozenset[str]:
    """Return the tasks for which the kit has a class of its own."""
    done = here(environment)("tasks")
    assert done.returncode == 0, done.stderr[-2000:]
    return frozenset(done.stdout.split())


def lacks(environment: str, task: str) -> bool:
    """Return whether the kit has no class for a task, which is so of one alone."""
    missing = task not in kits(environment)
    assert not missing or task == "segmenter", f"the kit has lost its class for {task}"
    return missing


def write_data(harness: Harness, folder: Path) -> Path:
    """Write pictures, models and expected values of a MediaPipe; return their folder."""
    done = harness("data", folder)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


def outcomes(
    harness: Harness, data: Path, task: str, contender: str, left_out: Sequence[str] = ()
) -> dict[str, str]:
    """Return for each test "passed", or why not; a test in which the process died is "aborted"."""
    results = data / f"{task}-{contender}-{len(list(data.glob('*.jsonl')))}.jsonl"
    result: dict[str, str] = {}
    for _ in range(ABORTS):
        done = harness("run", data, task, contender, results, *left_out, *result)
        for line in results.read_text(encoding="utf-8").splitlines() if results.exists() else ():
            row = json.loads(line)
            begun = row["outcome"] == "begun"
            result[row["test"]] = "aborted" if begun else row["reason"] or row["outcome"]
        if done.returncode == 0:
            return result
    pytest.fail(f"aborted {ABORTS} times: {done.stderr[-2000:]}")


def officials(harness: Harness, data: Path, task: str) -> dict[str, str]:
    """Return what MediaPipe's own class makes of a task's tests."""
    result = outcomes(harness, data, task, OFFICIAL)
    ended = [name for name, outcome in result.items() if outcome in ("passed", "aborted")]
    assert len(ended) >= TASKS[task], result
    return result


def failures(official: dict[str, str], ours: dict[str, str], backend: str) -> dict[str, str]:
    """Return what MediaPipe's class passes and ours does not, and where ours aborts."""
    assert ours.keys() == official.keys()
    return {
        f"{backend}: {name}": outcome
        for name, outcome in ours.items()
        if (official[name] == "passed" and outcome != "passed") or outcome == "aborted"
    }


def shown(reasons: dict[str, str]) -> str:
    """Return failures as a person reads them."""
    return "\n\n".join(f"{name}\n{why}" for name, why in reasons.items())
