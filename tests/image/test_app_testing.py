"""How `test.app` ends: tests that fail, a signal, old programs and new ones, the board named."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from jetson_kit.core.paths import ROOT
from tests.image.kit import NEEDS, docker, inv

pytestmark = [getattr(pytest.mark, name) for name in NEEDS]
NAME = "kit-test-app-ends"
BEGUN_S = 420
HERE = "--no-emulation"


def application(folder: Path, tests: str, toml: str = "") -> Path:
    """Write an application with these tests."""
    place = folder / NAME
    (place / "tests").mkdir(parents=True)
    (place / "app.py").write_text("print('runs')\n")
    (place / "jetson.toml").write_text(toml)
    (place / "tests" / "test_app.py").write_text(tests)
    return place


OLD = """\
import mediapipe as mp
import numpy as np


def test_hands():
    with mp.solutions.hands.Hands() as hands:
        assert hands.process(np.zeros((64, 64, 3), np.uint8)).multi_hand_landmarks is None
"""


# As `migrate --gpu` writes it.
GPU = """\
import os

import mediapipe as mp
import numpy as np


def test_hands():
    vision = mp.tasks.vision
    hands = vision.HandLandmarker.create_from_options(vision.HandLandmarkerOptions(
        base_options=mp.tasks.BaseOptions(
            model_asset_path=f"{os.environ['MEDIAPIPE_JETSON_MODELS']}/hand_landmarker.task",
            delegate=mp.tasks.BaseOptions.Delegate.GPU)))
    picture = np.zeros((64, 64, 3), np.uint8)
    image = mp.Image(image_format=mp.ImageFormat.SRGB, data=picture)
    assert hands.detect(image).hand_landmarks == []
    hands.close()
"""


@pytest.mark.parametrize("tests", [OLD, GPU])
def test_old_and_migrated_programs_run_here_as_in_the_image(tmp_path: Path, tests: str) -> None:
    folder = application(tmp_path, tests)
    done = inv("test.app", str(folder), HERE, "--output", str(tmp_path / "out"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "native: passed" in done.stdout


@pytest.mark.parametrize(
    ("tests", "toml", "why"),
    [
        ("def test_a():\n    assert 0\n", "", "native (exit code 1)"),
        ("x = 1\n", "", "native (pytest found no test in tests)"),
        ("import time\n\ndef test_a():\n    time.sleep(60)\n", "[test]\ntimeout_s = 3\n",
         "native (more than 3 s; raise [test] timeout_s)"),
    ],
)  # fmt: skip
def test_the_last_line_says_which_tests_failed(
    tmp_path: Path, tests: str, toml: str, why: str
) -> None:
    folder = application(tmp_path, tests, toml)
    done = inv("test.app", str(folder), HERE, "--output", str(tmp_path / "out"))
    last = done.stderr.splitlines()[-1]
    assert (done.returncode, done.stderr.count("error: ")) == (1, 1), done.stderr
    assert last.startswith("error: the tests failed: native (")
    assert why in last
    assert last.endswith(f"see {tmp_path}/out/native.log")


SLOW = """\
import os
import time


def test_long():
    if os.uname().machine == "aarch64":
        time.sleep(300)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_the_image_ends_all_of_it(tmp_path: Path, number: signal.Signals) -> None:
    folder, out = application(tmp_path, SLOW), tmp_path / "out"
    arguments = ("test.app", str(folder), "--full", "--output", str(out))
    output = tmp_path / "said"
    with output.open("wb") as stream, subprocess.Popen(
        [ROOT / "inv", *arguments], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=stream,
        stderr=stream, start_new_session=True,
    ) as process:  # fmt: skip
        until = time.monotonic() + BEGUN_S
        log = out / "emulated.log"
        while not (log.exists() and b"collected" in log.read_bytes()):
            assert time.monotonic() < until, output.read_text()
            assert process.poll() is None, output.read_text()
            time.sleep(0.5)
        time.sleep(2)
        os.killpg(process.pid, number)
        assert process.wait(60) == 128 + number, output.read_text()
    lines = output.read_text().splitlines()
    assert lines[-1] == "error: stopped; run it again to go on from here"
    assert "native: passed" in output.read_text()
    assert not any(line.startswith(("emulated: ", "virtual: ")) for line in lines)
    assert not (out / "virtual.log").exists()
    docker("rmi", "-f", f"mediapipe-jetson:r36.4.4-{NAME}")


def test_the_board_is_the_one_that_is_named(tmp_path: Path) -> None:
    folder = application(
        tmp_path, OLD + GPU.replace("test_hands", "test_gpu"), '[target]\nl4t = "36.4.4"\n'
    )
    out = str(tmp_path / "out")
    done = inv("test.app", str(folder), "--l4t", "r32", "--module", "nano", "--output", out)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "emulated: passed on r32.7.6, nano (cortex-a57)" in done.stdout
    docker("rmi", "-f", f"mediapipe-jetson:r32.7.6-nano-{NAME}")
