"""MediaPipe's own tests against the kit's classes on LiteRT over Vulkan, on Mesa's lavapipe.

Dawn takes the Mesa of the image for this machine, not that of every system; so the tests, and what
they need beside MediaPipe, are shown to that image.
"""

from __future__ import annotations

import functools
import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench import litert_gpu
from jetson_kit.build import images, plan
from jetson_kit.core import environments
from jetson_kit.core.machine import host_arch
from jetson_kit.core.paths import ROOT
from jetson_kit.core.progress import Progress
from tests.image.kit import NEEDS, docker
from tests.mediapipe_tests import runs
from tests.support.here import not_here_if

pytestmark = [
    pytest.mark.vision,
    *(getattr(pytest.mark, name) for name in NEEDS),
    not_here_if(host_arch() != "amd64", "on arm64 LiteRT's accelerator gives wrong numbers"),
]
BACKEND = "litert-gpu"
# A processor computes in the GPU's place: a task's tests take minutes.
PARTS = 4
# Below what one test may take.
LIMIT_S = 840
IMAGES_SITE = f"/opt/mediapipe/lib/python{litert_gpu.PYTHON}/site-packages"
TESTS = "mediapipe/tasks/python/test"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return runs.write_data(runs.here("vision"), tmp_path_factory.mktemp("vision"))


@pytest.fixture(scope="module")
def in_image(data: Path) -> Iterator[runs.Harness]:
    """Yield what runs the harness in the image, where shaders stay from task to task."""
    image = str(images.image_only(plan.make(litert_gpu.request()), Progress(quiet=True)).id)
    (site,) = environments.python("vision").parent.parent.glob("lib/python*/site-packages")
    cache = f"mediapipe-tests-{uuid.uuid4().hex[:12]}"
    shown = {ROOT / "tests": "/kit/tests", site / TESTS: f"{IMAGES_SITE}/{TESTS}"}
    shown |= {site / name: f"/packages/{name}" for name in ("absl", "google")}
    settings = {
        **litert_gpu.VARIABLES,
        "MEDIAPIPE_JETSON_PROBE_TIMEOUT_S": "120",
        "PYTHONPATH": "/kit:/packages",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    options = [word for name, value in settings.items() for word in ("-e", f"{name}={value}")]
    options += [word for path, to in shown.items() for word in ("-v", f"{path}:{to}:ro")]
    options += ["-v", f"{data}:{data}", "-v", f"{cache}:{settings['MEDIAPIPE_JETSON_CACHE']}"]

    def harness(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        module = ("python3", "-m", "tests.mediapipe_tests.harness")
        return subprocess.run(
            [
                *("docker", "run", "--rm", "--init", "--network", "none", "--user", "0", *options),
                *(image, "timeout", str(LIMIT_S), *module, *arguments),
            ],
            check=False,
            capture_output=True,
            text=True,
        )

    docker("volume", "create", cache)
    yield harness
    docker("volume", "rm", "--force", cache)


@pytest.fixture(scope="module")
def official(data: Path) -> Callable[[str], dict[str, str]]:
    """Return what gives the outcomes of MediaPipe's own class, which are the same for each part."""
    return functools.cache(lambda task: runs.officials(runs.here("vision"), data, task))


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("task", runs.TASKS)
def test_what_the_official_class_passes_ours_passes(
    task: str,
    part: int,
    data: Path,
    in_image: runs.Harness,
    official: Callable[[str], dict[str, str]],
) -> None:
    if runs.lacks("vision", task):
        return
    names = sorted(official(task))
    chosen = {name: official(task)[name] for name in names[part::PARTS]}
    left_out = [name for name in names if name not in chosen]
    ours = runs.outcomes(in_image, data, task, BACKEND, left_out)
    failures = runs.failures(chosen, ours, BACKEND)
    assert not failures, runs.shown(failures)
