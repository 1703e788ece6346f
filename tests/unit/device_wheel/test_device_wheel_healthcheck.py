"""`healthcheck`: the wheel, the models, the application and its limits."""

from __future__ import annotations

import json
import os
import socket
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jetson_kit.wheels import device_wheel
from tests.unit.device_wheel_trees import SOURCE, wheel


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the wheel."""
    folder = tmp_path_factory.mktemp("built")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KIT_CACHE", str(folder / "cache"))
        return device_wheel.build(folder / "wheels")


@pytest.fixture
def site(built: Path, tmp_path: Path) -> Path:
    """Return a folder of the test's own with the wheel as an installer unpacks it."""
    with zipfile.ZipFile(built) as archive:
        archive.extractall(tmp_path / "site")
    return tmp_path / "site"


def health(site: Path, **environment: str) -> tuple[int, str]:
    done = wheel("healthcheck", path=site, **environment)
    assert done.stderr == ""
    assert done.stdout.count("\n") == 1
    return done.returncode, done.stdout


def test_healthcheck_of_the_wheel(site: Path) -> None:
    assert health(site) == (0, "healthy\n")
    assert health(SOURCE)[0] == 1
    (site / "mediapipe_jetson" / "data" / "astronaut.jpg").write_bytes(b"other")
    assert "not as it was installed" in health(site)[1]
    (site / "mediapipe_jetson" / "data" / "astronaut.jpg").unlink()
    assert health(site)[0] == 1


def test_healthcheck_of_the_models(site: Path, tmp_path: Path) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    model = folder / "a.task"
    model.write_bytes(b"abc")
    sha = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    manifest = folder / "manifest.json"
    environment = {"MEDIAPIPE_JETSON_MODELS": str(folder)}
    listed: dict[str, Any] = {
        "schema": "mediapipe-jetson/models/1",
        "models": [{"file": "a.task", "sha256": sha}],
    }
    manifest.write_text(json.dumps(listed))
    assert health(site, **environment)[0] == 0
    model.write_bytes(b"abd")
    assert "sha256" in health(site, **environment)[1]
    model.unlink()
    assert "No such file" in health(site, **environment)[1]
    for wrong in ('{"schema": "other/1"}', "[]", "{", '{"schema": "mediapipe-jetson/models/1"}'):
        manifest.write_text(wrong)
        assert health(site, **environment)[0] == 1
    listed["models"] = [{"file": "../a.task", "sha256": sha}]
    manifest.write_text(json.dumps(listed))
    assert "plain file name" in health(site, **environment)[1]


def test_healthcheck_holds_the_application_to_its_limits(site: Path, tmp_path: Path) -> None:
    alive = tmp_path / "alive"
    file = {"MEDIAPIPE_JETSON_HEALTH_FILE": str(alive)}
    limit = {"MEDIAPIPE_JETSON_MAX_LATENCY_MS": "120"}
    alive.write_text('{"seconds": 10.0, "fps": 7.9, "latency_p95_ms": 180.4}')
    assert health(site, **file) == (0, "healthy: 7.9 frames/s, p95 180.4 ms\n")
    assert health(site, **file, **limit) == (
        1, "unhealthy: slower than its limit of 120 ms: 7.9 frames/s, p95 180.4 ms\n"
    )  # fmt: skip
    alive.write_text('{"seconds": 10.0, "fps": 29.8, "latency_p95_ms": 42.1}')
    line = "healthy: 29.8 frames/s, p95 42.1 ms, within its limits\n"
    assert health(site, **file, **limit) == (0, line)
    assert "no MEDIAPIPE_JETSON_HEALTH_FILE" in health(site, **limit)[1]
    assert "no number" in health(site, **file, MEDIAPIPE_JETSON_MIN_FPS="fast")[1]


def _loop(path: Path) -> None:
    path.symlink_to(path.name)


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


def _link_to_a_fifo(path: Path) -> None:
    os.mkfifo(path.with_name("fifo"))
    path.symlink_to("fifo")


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (os.mkfifo, "alive is no regular file"),
        (_link_to_a_fifo, "alive is no regular file"),
        (Path.mkdir, "alive is no regular file"),
        (_socket, "alive is no regular file"),
        (lambda path: path.symlink_to("/dev/zero"), "alive is no regular file"),
        (_loop, "alive: Too many levels of symbolic links"),
    ],
)
def test_a_health_file_that_is_no_file_is_unhealthy_at_once(
    site: Path, tmp_path: Path, make: Callable[[Path], None], expected: str
) -> None:
    make(tmp_path / "alive")
    done = health(site, MEDIAPIPE_JETSON_HEALTH_FILE=str(tmp_path / "alive"))
    assert done == (1, f"unhealthy: the application's {tmp_path}/{expected}\n")


def test_a_health_file_of_any_size_is_read_in_part(site: Path, tmp_path: Path) -> None:
    with (tmp_path / "alive").open("wb") as stream:
        stream.truncate(1 << 40)
    assert health(site, MEDIAPIPE_JETSON_HEALTH_FILE=str(tmp_path / "alive")) == (0, "healthy\n")


def test_healthcheck_of_the_application(site: Path, tmp_path: Path) -> None:
    alive = tmp_path / "alive"
    environment = {"MEDIAPIPE_JETSON_HEALTH_FILE": str(alive)}
    assert "No such file" in health(site, **environment)[1]
    alive.touch()
    assert health(site, **environment)[0] == 0
    now = time.time()
    for age, code in ((20, 0), (40, 1), (-300, 1)):
        os.utime(alive, (now - age, now - age))
        assert health(site, **environment)[0] == code, age
    os.utime(alive, (now - 40, now - 40))
    assert health(site, MEDIAPIPE_JETSON_HEALTH_MAX_AGE_S="60", **environment)[0] == 0
    assert "no number" in health(site, MEDIAPIPE_JETSON_HEALTH_MAX_AGE_S="soon", **environment)[1]
