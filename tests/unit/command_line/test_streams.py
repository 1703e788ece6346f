"""A reader that leaves changes neither what a command does nor how it ends."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from jetson_kit.core.paths import ROOT

# Prints far more than a pipe holds, then does its work.
PROGRAM = """
import subprocess, sys
from pathlib import Path
from invoke.collection import Collection
from jetson_kit.command_line import program
from jetson_kit.core.errors import CheckFailedError
from jetson_kit.tasks.edge import kit_task

@kit_task()
def work(c):
    "Work. Example: ./inv work."
    for number in range(100_000):
        print("a line", number, file=sys.%s, flush=number %% 1000 == 0)
    subprocess.run([sys.executable, "-c", "print('of a program')"], check=True)
    Path(sys.argv[-1]).touch()
    raise %s

program.main(Collection(work), ["inv", "work"])
"""


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
@pytest.mark.parametrize(
    ("end", "code"), [("SystemExit(11)", 11), ("SystemExit(0)", 0), ("CheckFailedError('no')", 1)]
)
def test_work_is_done_and_its_code_stays(tmp_path: Path, stream: str, end: str, code: int) -> None:
    done = tmp_path / "done"
    command = [sys.executable, "-c", PROGRAM % (stream, end), str(done)]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stderr
        (process.stdout if stream == "stdout" else process.stderr).close()
        other = process.stderr if stream == "stdout" else process.stdout
        left = other.read().decode()
        assert process.wait(60) == code
    assert done.exists()
    assert "Traceback" not in left
    assert "Exception ignored" not in left


BOTH = """
import sys
from jetson_kit.command_line import streams

streams.prepare()
print("plan")
print("step", file=sys.stderr)
print("result")
"""


def test_both_streams_in_one_file_stay_in_order(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("wb") as both:
        subprocess.run([sys.executable, "-c", BOTH], cwd=ROOT, stdout=both, stderr=both, check=True)
    assert log.read_text() == "plan\nstep\nresult\n"


def test_a_full_disk_is_one_line() -> None:
    with open("/dev/full", "wb") as full:  # noqa: PTH123 # no path of its own
        done = subprocess.run(
            [sys.executable, "tasks.py", "targets"],
            cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 6
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("error: no space left")


WHEEL = """
import sys, types
from mediapipe_jetson import __main__ as front
def main(words):
    print("x", flush=bool(words))
    return 11
sys.modules["mediapipe_jetson.verify"] = types.SimpleNamespace(main=main)
sys.exit(front.run("verify", sys.argv[1:]))
"""


@pytest.mark.parametrize(("arguments", "code"), [((), 11), (("early",), 141)])
def test_of_the_images_programs(arguments: tuple[str, ...], code: int) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [sys.executable, "-E", "-c", WHEEL, *arguments],
            cwd=ROOT / "wheels" / "mediapipe-jetson" / "src", stdout=writer,
            stderr=subprocess.PIPE, check=False,
        )  # fmt: skip
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (code, b"")
