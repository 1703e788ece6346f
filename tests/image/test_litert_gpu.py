"""LiteRT over Vulkan in the image for this machine, on Mesa's lavapipe."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from bench import litert_gpu
from jetson_kit.build import images, plan
from jetson_kit.core.machine import host_arch
from jetson_kit.core.progress import Progress
from tests.image.kit import NEEDS, docker
from tests.support.here import not_here_if

pytestmark = [
    *(getattr(pytest.mark, name) for name in NEEDS),
    not_here_if(host_arch() != "amd64", "on arm64 LiteRT's accelerator gives wrong numbers"),
]
# A face's detector by both ways through the landmarker, and what was kept of its first use.
PROGRAM = """
import json, os, resource, time
from mediapipe_jetson import backends
from mediapipe_jetson.backends import first_use, litert_gpu
from mediapipe_jetson.backends.base import BackendError
from mediapipe_jetson.choice import choice_store
from mediapipe_jetson.models import models_folder
from mediapipe_jetson.observe import vulkan_devices
from mediapipe_jetson.vision import bundles
import numpy as np
part = os.environ.get("PART", "face_detector")
bundle = bundles.read(models_folder() / "face_landmarker.task", None)
model = bundle.sub_models([part])[part]
backend = backends.create(os.environ.get("BACKEND", "litert-gpu"))
found = {"available": backend.available()}
if "CPU_SECONDS" in os.environ:
    most = int(time.process_time()) + int(os.environ["CPU_SECONDS"])
    resource.setrlimit(resource.RLIMIT_CPU, (most, most))
try:
    begin = time.monotonic()
    session = backend.load(model, 1)
    found["load_s"] = time.monotonic() - begin
    given = [np.random.default_rng(3).random(s.shape, np.float32) for s in session.inputs]
    right = backends.create("litert").load(model, 1).run(given)
    found["kind"] = type(session).__name__
    found["errors"] = [
        float(np.abs(a - b).max() / np.abs(b).max()) for a, b in zip(session.run(given), right)
    ]
    session.close()
except BackendError as error:
    found["error"] = f"{type(error).__name__}: {error}"
files = sorted(choice_store.folder().glob("first-use-*"))
found["kept"] = [json.loads(p.read_text()) for p in files]
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def image() -> str:
    planned = plan.make(litert_gpu.request())
    return str(images.image_only(planned, Progress(quiet=True)).id)


@pytest.fixture(scope="module")
def cache() -> Iterator[str]:
    name = f"litert-gpu-{id(object())}"
    docker("volume", "create", name)
    yield name
    docker("volume", "rm", "--force", name)


def started(
    image: str, cache: str, command: Sequence[str], variables: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    settings = {**litert_gpu.VARIABLES, "MEDIAPIPE_JETSON_PROBE_TIMEOUT_S": "120", **variables}
    options = [word for name, value in settings.items() for word in ("-e", f"{name}={value}")]
    return subprocess.run(
        [
            *("docker", "run", "--rm", "--init", "--network", "none", "--read-only"),
            *("--tmpfs", "/tmp", "-v", f"{cache}:/tmp/cache", "--user", "0", *options),
            *(image, *command),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=1200,
    )


def ran(image: str, cache: str, **variables: str) -> dict[str, Any]:
    done = started(image, cache, ["python3", "-c", PROGRAM], variables)
    assert done.returncode == 0, done.stderr[-2000:]
    document: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return document


def test_the_detector_is_right_and_its_first_use_is_kept(image: str, cache: str) -> None:
    first = ran(image, cache)
    assert first["available"] == ""
    assert first["kind"] == "LiteRTGpuSession"
    assert max(first["errors"]) < 1e-4
    (choice,) = first["kept"]
    assert choice["why_not"] == ""
    assert choice["error"] < 1e-4
    assert "llvmpipe" in choice["adapter"]
    assert "backend=Vulkan" in choice["adapter"]
    # Its verdict and its shaders are there at the next start.
    second = ran(image, cache)
    assert second["kept"] == first["kept"]
    assert second["load_s"] < first["load_s"]


def test_blendshapes_stay_on_the_cpu(image: str, cache: str) -> None:
    result = ran(image, cache, PART="face_blendshapes")
    assert result["kind"] == "LiteRTSession"
    assert result["errors"] == [0.0]


def test_without_a_driver_the_cause_and_the_cure_are_told(image: str, cache: str) -> None:
    result = ran(image, cache, VK_DRIVER_FILES="/nowhere.json")
    assert "no Vulkan driver" in result["available"]
    assert "NVIDIA_DRIVER_CAPABILITIES" in result["available"]


def test_a_driver_that_crashes_at_first_use_is_refused(image: str, cache: str) -> None:
    # Its child may use three seconds of the processor: the signal comes while shaders compile.
    result = ran(image, cache, MEDIAPIPE_JETSON_CACHE="/tmp/empty", CPU_SECONDS="3")
    assert result["error"].startswith("ModelError: litert-gpu: face_detector: at its first use")
    assert "the driver crashed (SIG" in result["error"]
    assert [item["why_not"] != "" for item in result["kept"]] == [True]


def test_verify_counts_its_dispatches_and_calls_lavapipe_software(image: str, cache: str) -> None:
    task = "FaceLandmarkerOnLiteRT"
    verify = f"verify --task {task} --expect software --json /tmp/report.json"
    shell = f"python3 -m mediapipe_jetson {verify} >&2 && cat /tmp/report.json"
    done = started(image, cache, ["sh", "-c", shell], {})
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    result = report["tasks"][task]
    assert (result["verdict"], result["interface"]) == ("software", "webgpu")
    assert result["controls"]["cpu"]["verdict"] == "cpu"
    assert result["distance"] < 1e-4
    frames = report["observations"]["tasks"][task]["run"]["work"]["frames"]
    assert all(frame["vk_dispatch"] > 100 and frame["vk_submit"] for frame in frames)


def test_the_benchmark_names_the_adapter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(litert_gpu, "OUT", tmp_path / "out.json")
    result = litert_gpu.run(models=("face_detector",))
    assert [row["accelerator"] for row in result["rows"]] == ["gpu", "gpu"]
    assert not (tmp_path / "out.json").exists()
