"""The verifier inside the images: the shim is there and counts, the verdicts are true."""

from __future__ import annotations

import json

import pytest

from tests.image.kit import NEEDS, Image

pytestmark = [getattr(pytest.mark, name) for name in NEEDS]

PRELOADED = """
import os, subprocess, sys
from pathlib import Path
from mediapipe_jetson.verify import counters

page = Path("/tmp/page")
counters.create(page)
child = subprocess.Popen(
    ["/bin/sh", "-c", "read line"],
    stdin=subprocess.PIPE,
    env={**os.environ, "LD_PRELOAD": str(counters.library()), counters.FILE_VARIABLE: str(page)},
)
child.communicate(b"\\n")
print(child.returncode, counters.Counters(page).pid() == child.pid)
"""


def verify(image: Image, *arguments: str) -> tuple[int, dict[str, object]]:
    """Run the verifier in the image; return its exit code and its report."""
    script = (
        'python3 -m mediapipe_jetson verify --json /tmp/report.json "$@" >/dev/null; code=$?; '
        "cat /tmp/report.json; exit $code"
    )
    done = image.run("sh", "-c", script, "sh", *arguments)
    return done.returncode, json.loads(done.stdout)


def test_the_shim_of_the_jetson_image_counts_on_arm(jetson: Image) -> None:
    done = jetson.run("python3", "-c", PRELOADED)
    assert done.stdout == "0 True\n", done.stderr


def test_without_any_driver_it_is_broken(native: Image) -> None:
    code, report = verify(native)
    assert (code, report["verdict"]) == (11, "broken")


def test_software_gl_is_software(native_emulated: Image) -> None:
    code, report = verify(native_emulated, "--expect", "software")
    assert (code, report["verdict"]) == (0, "software")


def test_the_cpu_is_the_cpu(native: Image) -> None:
    code, report = verify(native, "--delegate", "cpu", "--expect", "cpu")
    assert (code, report["verdict"]) == (0, "cpu")
