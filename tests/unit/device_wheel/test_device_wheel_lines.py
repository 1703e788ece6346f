"""Command lines that are wrong, to every command of the device wheel: one line, a code, no harm."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from jetson_kit.wheels.device_wheel import SOURCE

LONG = "x" * 100_000


def wheel(
    folder: Path, *arguments: str, limit_s: float = 60.0
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "mediapipe_jetson", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(SOURCE / "src"), "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=limit_s,
        check=False,
    )


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "text").write_text("text")
    os.mkfifo(tmp_path / "fifo")
    with (tmp_path / "large").open("wb") as stream:
        stream.truncate(1 << 40)
    return tmp_path


FILES = ["/dev/zero", "fifo", "folder", "loop", "large", "none", LONG, "n" * 256, ""]
OUTPUTS = ["/dev/zero", "fifo", "folder", "loop", "/proc/1/x", "none/x", LONG, "", "x/"]
NUMBERS = ["nan", "inf", "-1", "0", "abc", "1e400", "9" * 50, "٣", "1_0", ""]


@pytest.mark.parametrize(
    ("command", "values"),
    [
        (["verify", "--read"], FILES),
        (["verify", "--json"], OUTPUTS),
        (["verify", "--junit"], OUTPUTS[:3]),
        (["verify", "--prometheus"], OUTPUTS[:3]),
        (["verify", "--minutes"], NUMBERS),
        (["verify", "--timeout"], NUMBERS[:5]),
        (["verify", "--max-age"], NUMBERS[:5]),
        (["verify", "--task"], ["Nose", LONG, "a\nb", "\x1b[2J"]),
        (["verify", "--level"], ["deep", LONG]),
        (["selftest", "--timeout"], NUMBERS),
        (["selftest", "--frames"], NUMBERS),
        (["selftest", "--image"], FILES),
        (["selftest", "--model"], FILES),
        (["doctor", "--code"], ["none", LONG]),
        (["doctor", "--nothing"], [LONG]),
        (["info"], ["x", "--nothing", LONG]),
        (["healthcheck"], ["x", LONG, os.fsdecode(b"\xff")]),
        ([], ["nothing", LONG, "a\nb", os.fsdecode(b"\xff"), "\x1b[2J"]),
        (["engines"], ["nothing", "build", LONG]),
        (["engines", "list"], ["x", "--sm", LONG]),
        (["engines", "build", "--to", "new", "--from"], ["none", "fifo", "/dev/zero", LONG]),
        (["migrate"], ["none", LONG, "n" * 256, "loop"]),
        (["run", "--source", "x", "--output"], OUTPUTS),
        (["run", "--source", "x", "--frames"], NUMBERS),
        (["run", "--source", "x", "--models"], ["none", "text", LONG]),
        (["run", "--source", "x", "--backend"], ["none", LONG]),
        (["bench", "--json"], OUTPUTS[:5]),
        (["bench", "--video"], FILES[:5]),
        (["bench", "--rounds"], NUMBERS[:5]),
        (["bench", "--size"], ["0x0", "1x1x1", "axb", LONG]),
    ],
)
def test_a_wrong_line(place: Path, command: list[str], values: list[str]) -> None:
    before = sorted(place.iterdir())
    for value in values:
        done = wheel(place, *command, value)
        output = done.stderr.decode()
        assert done.returncode == 2, (value[:50], output[:500])
        assert output.startswith("error: "), output[:500]
        assert output.count("\n") == 1
        assert len(output) < 5000
        assert output.strip().isprintable()
        assert done.stdout == b""
    assert sorted(place.iterdir()) == before


def test_one_file_is_not_read_and_written(place: Path) -> None:
    for arguments in (
        ["--json", "new", "--junit", "new"],
        ["--json", "new", "--prometheus", "./folder/../new"],
        ["--read", "text", "--json", "text"],
    ):
        done = wheel(place, "verify", *arguments)
        assert done.returncode == 2
        assert b"are one" in done.stderr
    assert (place / "text").read_text() == "text"


@pytest.fixture(autouse=True)
def _hang_up_counts() -> Iterator[None]:
    """Let children not ignore SIGHUP, as they do below nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_in_one_line(tmp_path: Path, number: signal.Signals) -> None:
    (tmp_path / "face_landmarker.task").write_bytes(b"model")
    # A MediaPipe that never comes back from its import, in the child that selftest starts.
    package = tmp_path / "site" / "mediapipe"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("import pathlib, time\npathlib.Path('begun').touch()\n"
                                         "time.sleep(60)\n")  # fmt: skip
    child = subprocess.Popen(
        [sys.executable, "-m", "mediapipe_jetson", "selftest"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{SOURCE / 'src'}:{tmp_path / 'site'}",
             "MEDIAPIPE_JETSON_MODELS": str(tmp_path), "TMPDIR": str(tmp_path / "site")},
        stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    while not (tmp_path / "begun").exists():
        assert child.poll() is None
        time.sleep(0.02)
    child.send_signal(number)
    _, err = child.communicate(timeout=20)
    assert child.returncode == 128 + number
    assert err == "error: stopped\n"
    assert [path.name for path in (tmp_path / "site").iterdir() if path.name != "mediapipe"] == []
    session = Path("/proc").glob("[0-9]*/stat")
    alive = [path for path in session if _session(path) == child.pid]
    assert alive == []


def _session(stat: Path) -> int:
    try:
        rest = stat.read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return 0
    return 0 if rest[0] == "Z" else int(rest[3])
