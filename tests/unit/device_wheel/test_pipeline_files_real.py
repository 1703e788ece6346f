"""What `run` reads and writes: the source itself, full disks, numbered pictures, damaged videos."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from bench import inference_env, sample_videos
from tests.support.here import cannot_run_here
from tests.unit.device_wheel.pipeline_runs import last_line, python, reported, run, variables

pytestmark = [pytest.mark.network, pytest.mark.slow]


@pytest.fixture(scope="module")
def video() -> Path:
    return sample_videos.fetch("Megamind.avi")


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return variables(tmp_path_factory.mktemp("choices"))


SOURCES: dict[str, Callable[[Path], str]] = {
    "itself": str,
    "by another path": lambda path: f"{path.parent}/../{path.parent.name}/{path.name}",
    "a link": lambda path: str(made(path, path.with_name("link.avi").symlink_to)),
    "a second name": lambda path: str(made(path, path.with_name("second.avi").hardlink_to)),
    "an address": lambda path: f"file://{path}",
}


def made(path: Path, link: Callable[[Path], None]) -> Path:
    """Make a link to a file; return the link."""
    link(path)
    return next(item for item in path.parent.iterdir() if item != path)


@pytest.mark.parametrize("name", SOURCES)
def test_the_source_is_never_written_over(
    settings: dict[str, str], video: Path, tmp_path: Path, name: str
) -> None:
    own = tmp_path / "own.avi"
    shutil.copy(video, own)
    arguments = ("--source", SOURCES[name](own), "--backend", "litert", "--output", own)
    done = run(settings, *arguments)
    assert done.returncode == 2, done.stdout
    assert "is the source" in last_line(done)
    assert own.read_bytes() == video.read_bytes()


LIMITED = """
import resource, runpy, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
sys.argv = ["mediapipe_jetson", *sys.argv[1:]]
runpy.run_module("mediapipe_jetson", run_name="__main__")
"""


FULL = 'mount -t tmpfs -o size=400k none "$FOLDER" && exec "$@"'


@pytest.mark.parametrize("suffix", ["avi", "mp4"])
@pytest.mark.parametrize("how", ["a limit", "a full disk"])
def test_what_can_not_be_written_is_told(
    settings: dict[str, str], video: Path, tmp_path: Path, how: str, suffix: str
) -> None:
    drawn = tmp_path / f"drawn.{suffix}"
    arguments = ["run", "--source", str(video), "--backend", "litert", "--frames", "60"]
    arguments += ["--output", str(drawn)]
    if how == "a limit":
        drawn.write_text("what was there")
        done = python(settings, "-c", LIMITED, *arguments)
        # What was there before is there still.
        assert drawn.read_text() == "what was there"
    else:
        inside = ["unshare", "-m", "sh", "-c", FULL, "-", str(inference_env.python())]
        if subprocess.run(["unshare", "-m", "true"], check=False, capture_output=True).returncode:
            cannot_run_here("nothing can be mounted here")
        done = subprocess.run(
            [*inside, "-m", "mediapipe_jetson", *arguments],
            env={**settings, "FOLDER": str(tmp_path)},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert done.returncode in (6, 7), done.stdout
    assert re.search("frames can be read back|no space is left", last_line(done)), done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ([drawn.name] if how == "a limit" else [])


@pytest.mark.parametrize("number", ["%02d", "%02u", "0%d"])
def test_numbered_pictures_are_a_video(
    number: str, settings: dict[str, str], tmp_path: Path
) -> None:
    picture = settings["PYTHONPATH"] + "/mediapipe_jetson/data/astronaut.jpg"
    for index in range(1, 4):
        shutil.copy(picture, tmp_path / f"face{index:02d}.jpg")
    arguments = ("--backend", "litert", "--json", "--source")
    result = reported(run(settings, *arguments, tmp_path / f"face{number}.jpg"))
    assert (result["done"], result["frames_with_results"]) == (3, 3)
    done = run(settings, *arguments, tmp_path / "none%02d.jpg")
    assert done.returncode == 2
    assert "no picture with the number 0 or 1" in last_line(done)


def test_bad_sources_are_one_line(settings: dict[str, str], tmp_path: Path) -> None:
    text = tmp_path / "text.avi"
    text.write_text("no video\n" * 1000)
    empty = tmp_path / "empty.avi"
    empty.touch()
    for source, why in (
        (tmp_path / "none.avi", "not there"),
        (tmp_path, "a folder"),
        (text, "no video that this OpenCV can read"),
        (empty, "no video that this OpenCV can read"),
        ("/dev/video99", "not there"),
        ("77", "not there"),
        ("nosuchsrc ! fakesink", "must end in an appsink"),
        ("rtsp://127.0.0.1:9/none", "nothing listens on port 9"),
    ):
        done = run(settings, "--source", source, "--backend", "litert")
        assert done.returncode == 2, (source, done.stdout)
        assert last_line(done).startswith("error: "), done.stderr
        assert why in last_line(done), done.stderr


def test_a_damaged_video_gives_what_can_be_read(
    settings: dict[str, str], video: Path, tmp_path: Path
) -> None:
    cut = tmp_path / "cut.avi"
    cut.write_bytes(video.read_bytes()[: video.stat().st_size // 2])
    done = run(settings, "--source", cut, "--backend", "litert")
    assert done.returncode == 0, done.stderr
    assert re.search(r"cut.avi says that it has \d+ frames: cut short", done.stdout), done.stdout
    noise = bytearray(video.read_bytes())
    for place in range(50_000, len(noise), 5003):
        noise[place : place + 64] = bytes(64)
    damaged = tmp_path / "damaged.avi"
    damaged.write_bytes(noise)
    done = run(settings, "--source", damaged, "--backend", "litert")
    assert done.returncode in (0, 2, 7), done.stderr
    assert "Traceback" not in done.stderr
