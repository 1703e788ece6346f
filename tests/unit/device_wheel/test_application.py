"""What applications share: the source's name, runs of several pipelines, health, the end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from mediapipe_jetson import application
from mediapipe_jetson.healthcheck import FILE_VARIABLE
from mediapipe_jetson.pipeline import Frame, Pipeline, StageError

from jetson_kit.wheels.device_wheel import PACKAGE
from tests.unit.pictures import Picture


def pictures(count: int = 0, each_s: float = 0.002) -> Iterator[Picture]:
    """Give so many pictures, 0: without an end."""
    given = 0
    while not count or given < count:
        time.sleep(each_s)
        yield Picture()
        given += 1


def index_of(frame: Frame) -> int:
    return frame.index


@pytest.fixture(autouse=True)
def _leaves_nothing() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    yield
    assert signal.getsignal(signal.SIGTERM) is before
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("pipeline-")]


def test_the_source_is_what_the_service_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(application.SOURCE_VARIABLE, raising=False)
    assert application.source() == "/dev/video0"
    assert application.source("csi://0") == "csi://0"
    monkeypatch.setenv(application.SOURCE_VARIABLE, "rtsp://camera/1")
    assert application.source() == "rtsp://camera/1"


def test_reports_come_in_the_order_of_the_pipelines() -> None:
    reports = application.run(Pipeline(pictures(30), index_of), Pipeline(pictures(5), index_of))
    assert [report.done for report in reports] == [30, 5]


def test_one_that_fails_ends_the_others() -> None:
    def fail(frame: Frame) -> None:
        if frame.index == 3:
            raise ValueError("broken")

    with pytest.raises(StageError, match="broken"):
        application.run(Pipeline(pictures(), index_of), Pipeline(pictures(), fail))


def test_it_runs_in_a_thread_too_where_signals_are_left_alone() -> None:
    done: list[int] = []
    thread = threading.Thread(
        target=lambda: done.append(application.run(Pipeline(pictures(3), index_of))[0].done)
    )
    thread.start()
    thread.join(20)
    assert done == [3]


def test_sigterm_ends_cameras_as_the_end_of_a_video_does() -> None:
    program = """
import itertools, os, time
from mediapipe_jetson import application
from mediapipe_jetson.pipeline import Pipeline
from tests.unit.pictures import Picture

def forever():
    for number in itertools.count():
        time.sleep(0.005)
        yield Picture()
        if number == 5:
            os.write(1, b"runs\\n")

reports = application.run(*(Pipeline(forever(), lambda frame: 0) for _ in range(2)))
print(min(report.done for report in reports) > 0, flush=True)
"""
    environment = {**os.environ, "PYTHONPATH": f"{PACKAGE}{os.pathsep}{Path.cwd()}"}
    with subprocess.Popen(
        [sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "runs\n"
        process.send_signal(signal.SIGTERM)
        assert process.stdout.read().splitlines()[-1] == "True"
        assert process.wait(20) == 0


@pytest.mark.parametrize("dead", [False, True])
def test_healthy_is_that_every_camera_gives_frames(
    dead: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alive = tmp_path / "alive"
    monkeypatch.setenv(FILE_VARIABLE, str(alive))
    monkeypatch.setattr(application, "TOUCH_S", 0.0)
    other = [] if dead else pictures(20)
    application.run(Pipeline(pictures(20), index_of), Pipeline(other, index_of))
    assert alive.exists() is not dead


def test_a_health_file_that_cannot_be_written_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FILE_VARIABLE, str(tmp_path / "none" / "alive"))
    with pytest.raises(StageError, match="FileNotFoundError"):
        application.run(Pipeline(pictures(), index_of))


FULL = """
mount -t tmpfs -o size=64k none "$1"
cat /dev/zero >"$1/full" 2>/dev/null || true
"""
MOUNT = """
touch "$1/file" "$1/alive"
mount --bind "$1/file" "$1/alive"
"""
LATER = """
import os, sys, time
from pathlib import Path
from mediapipe_jetson import application
from mediapipe_jetson.pipeline import Pipeline
from tests.unit.pictures import Picture

alive = Path(sys.argv[1], "alive")
application.TOUCH_S = 0.0
ages = []

def pictures():
    for _ in range(40):
        time.sleep(0.005)
        yield Picture()
        if alive.exists():
            ages.append(alive.stat().st_mtime)
            os.utime(alive, (0, 0))

print(application.run(Pipeline(pictures(), lambda frame: 0, depth=1))[0].done)
print(max(ages[1:]) > 0, sorted(path.name for path in alive.parent.iterdir()))
print(alive.read_text().strip())
"""


def apart(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run an application in a mount namespace of its own, after a script."""
    space = ["unshare", *([] if os.geteuid() == 0 else ["--map-root-user"]), "--mount"]
    command = ["sh", "-ec", f'{script}\nexec "$2" -c "$3" "$1"', "-", str(folder)]
    return subprocess.run(
        [*space, *command, sys.executable, LATER],
        env={
            **os.environ,
            "PYTHONPATH": f"{PACKAGE}{os.pathsep}{Path.cwd()}",
            FILE_VARIABLE: str(folder / "alive"),
        },
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("script", "names", "measured"),
    [
        (FULL, ["alive", "full"], False),
        (FULL.replace("cat", 'echo "{}" >"$1/alive"\ncat'), ["alive", "full"], True),
        (MOUNT, ["alive", "file"], True),
    ],
    ids=["full from the start", "full later", "a mount"],
)
def test_a_health_file_that_cannot_be_replaced_ends_no_camera(
    script: str, names: list[str], measured: bool, tmp_path: Path
) -> None:
    done = apart(script, tmp_path)
    frames, there, content = done.stdout.split("\n", 2)
    assert (done.returncode, frames, there) == (0, "40", f"True {names}"), done.stderr
    assert ("latency_p95_ms" in content) is measured
    assert done.stderr.count("the pace can't be written: No space left") == (not measured)


def test_a_health_file_that_goes_away_later_ends_no_camera(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    alive = tmp_path / "health" / "alive"
    alive.parent.mkdir()

    def going() -> Iterator[Picture]:
        for number in range(40):
            if number > 5 and alive.exists():
                alive.parent.rename(tmp_path / "gone")
            yield from pictures(1)

    monkeypatch.setenv(FILE_VARIABLE, str(alive))
    monkeypatch.setattr(application, "TOUCH_S", 0.0)
    assert application.run(Pipeline(going(), index_of))[0].done == 40
    warnings = [text for text in caplog.messages if "the pace can't be written" in text]
    assert len(warnings) == 1


def test_without_a_pipeline_or_a_known_task_it_is_the_callers_mistake() -> None:
    with pytest.raises(ValueError, match="no pipeline"):
        application.run()
    with pytest.raises(ValueError, match="choose one of face, hand, pose, gesture"):
        application.landmarker("nose")


def test_auto_waits_for_inference_where_the_source_is_not_live() -> None:
    assert Pipeline(pictures(1), index_of, policy="auto").policy == "all"
    assert Pipeline([Picture()], index_of, policy="auto").policy == "all"
