"""MediaPipe's own tests, out of its wheel: what its classes pass, the kit's pass on each backend.

Those that MediaPipe's own classes fail here need its pictures, which the wheel does not carry.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mediapipe_tests import runs

pytestmark = pytest.mark.vision
# MediaPipe 1.2.2, and that of older boards: classes, graphs and errors of another time.
BACKENDS = {"vision": ("litert", "onnx", "mediapipe-cpu"), "vision-old": ("litert",)}


@pytest.fixture(scope="module", params=sorted(BACKENDS))
def environment(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def data(environment: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return runs.write_data(runs.here(environment), tmp_path_factory.mktemp(environment))


@pytest.mark.parametrize("task", runs.TASKS)
def test_what_the_official_class_passes_ours_passes(
    task: str, environment: str, data: Path
) -> None:
    if runs.lacks(environment, task):
        return
    harness = runs.here(environment)
    official = runs.officials(harness, data, task)
    failures: dict[str, str] = {}
    for backend in BACKENDS[environment]:
        ours = runs.outcomes(harness, data, task, backend)
        failures |= runs.failures(official, ours, backend)
    assert not failures, runs.shown(failures)
