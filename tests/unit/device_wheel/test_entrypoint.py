"""The image's entry point starts a program: with two outputs, or with both in one pipe."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.unit.device_wheel_trees import SOURCE

PRINTS = "import os; os.write(1, b'a\\n'); os.write(2, b'b\\n'); os.write(1, b'c\\n'); "
PRINTS += "os.write(2, b'MEDIAPIPE_JETSON_ONE_OUTPUT' in os.environb and b'left' or b'd\\n')"


@pytest.mark.parametrize(
    ("value", "out", "err"),
    [("1", "a\nb\nc\nd\n", ""), ("", "a\nc\n", "b\nd\n"), ("0", "a\nc\n", "b\nd\n")],
)
def test_a_program_has_one_output_where_that_is_asked_for(value: str, out: str, err: str) -> None:
    env = {**os.environ, "PYTHONPATH": str(SOURCE), "MEDIAPIPE_JETSON_ONE_OUTPUT": value}
    done = subprocess.run(
        [sys.executable, "-m", "mediapipe_jetson.entrypoint", sys.executable, "-c", PRINTS],
        env=env, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, out, err)


def test_a_program_that_is_not_there_is_told_on_the_one_output() -> None:
    env = {**os.environ, "PYTHONPATH": str(SOURCE), "MEDIAPIPE_JETSON_ONE_OUTPUT": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "mediapipe_jetson.entrypoint", "nosuch"],
        env=env, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 127
    assert "no program 'nosuch'" in done.stdout
