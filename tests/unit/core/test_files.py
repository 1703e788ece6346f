"""Files are whole or absent; downloads over a real server that lies, stops or is not there."""

from __future__ import annotations

import gc
import hashlib
import http.server
import multiprocessing
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from jetson_kit.core import cached_files, files
from jetson_kit.core.errors import DiskFullError, IntegrityError, NetworkError
from jetson_kit.core.paths import ROOT
from tests.support.here import cannot_run_here

BODY = b"MediaPipe" * 1000
SHA = hashlib.sha256(BODY).hexdigest()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


class Server(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/absent":
            self.send_error(404)
            return
        self.send_response(200)
        if self.path == "/chunked":
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        if self.path == "/chunked":
            self.wfile.write(b"4000\r\nhalf of it")
        else:
            self.wfile.write(BODY if self.path == "/good" else BODY[:100])
        self.close_connection = True

    def log_message(self, *args: object) -> None:
        del args


@pytest.fixture
def server() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{httpd.server_port}"
        httpd.shutdown()


def test_download_keeps_what_has_the_hash(tmp_path: Path, server: str) -> None:
    path = files.download(f"{server}/good", tmp_path / "new" / "it", SHA)
    assert path.read_bytes() == BODY
    assert names(path.parent) == ["it"]


@pytest.mark.parametrize(
    ("name", "sha256", "error", "says"),
    [
        ("good", "0" * 64, IntegrityError, "expected 000"),
        ("cut", SHA, NetworkError, "ended after 100 of 9000 bytes"),
        ("chunked", SHA, NetworkError, "IncompleteRead"),
        ("absent", SHA, NetworkError, "Not Found"),
    ],
)
def test_download_of_anything_else_leaves_the_old_file(
    tmp_path: Path, server: str, name: str, sha256: str, error: type[Exception], says: str
) -> None:
    (tmp_path / "it").write_text("old")
    with pytest.raises(error, match=says):
        files.download(f"{server}/{name}", tmp_path / "it", sha256)
    assert (tmp_path / "it").read_text() == "old"
    assert names(tmp_path) == ["it"]


def test_download_from_nobody(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(NetworkError, match="Connection refused"):
        files.download(f"http://127.0.0.1:{port}/x", tmp_path / "it", SHA)
    assert not names(tmp_path)


def test_download_from_a_server_that_says_nothing(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"http://127.0.0.1:{mute.getsockname()[1]}/x"
        with pytest.raises(NetworkError, match="timed out"):
            files.download(url, tmp_path / "it", SHA, timeout_s=0.2)


def test_written_aside_replaces_only_on_success(tmp_path: Path) -> None:
    path = tmp_path / "a" / "it"
    files.write_text(path, "old")
    with pytest.raises(KeyError), files.written_aside(path) as aside:
        aside.write_text("half")
        raise KeyError
    assert path.read_text() == "old"
    with files.written_aside(path) as aside:
        aside.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o644
    assert names(path.parent) == ["it"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Give a disk of 1 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        cannot_run_here("a small disk can be mounted only by root, where mounts are allowed")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_full_disk_is_said_and_the_old_file_stays(small_disk: Path) -> None:
    path = small_disk / "it"
    path.write_text("old")
    with pytest.raises(DiskFullError, match=r"no space left for .*disk"):
        files.write_text(path, "x" * (2 << 20))
    assert path.read_text() == "old"
    assert names(small_disk) == ["it"]


def test_full_disk_during_a_download(small_disk: Path, server: str) -> None:
    (small_disk / "fill").write_bytes(b"x" * ((1 << 20) - 4096))
    with pytest.raises(DiskFullError):
        files.download(f"{server}/good", small_disk / "it", SHA)
    assert names(small_disk) == ["fill"]


def _hold(path: Path, seconds: float, ready: Path) -> None:
    with files.locked(path, lambda: None):
        ready.touch()
        time.sleep(seconds)


def test_a_lock_waits_for_its_holder_and_ends_with_it(tmp_path: Path) -> None:
    lock, ready = tmp_path / "locks" / "it", tmp_path / "ready"
    holder = multiprocessing.get_context("fork").Process(target=_hold, args=(lock, 60.0, ready))
    holder.start()
    while not ready.exists():
        time.sleep(0.01)
    events: list[str] = []

    def kill() -> None:
        events.append("killed")
        holder.kill()

    def waiting() -> None:
        events.append("waiting")
        threading.Timer(0.2, kill).start()

    with files.locked(lock, waiting):
        assert events == ["waiting", "killed"]
    holder.join()


def test_sweep_takes_only_what_is_old(tmp_path: Path) -> None:
    for name in (".a.part", ".b.part", "c"):
        (tmp_path / name).touch()
    (tmp_path / ".d.part").mkdir()
    (tmp_path / ".d.part" / "x").touch()
    for name in (".a.part", ".d.part", "c"):
        os.utime(tmp_path / name, (1, 1))
    files.sweep(tmp_path, ".*.part")
    assert names(tmp_path) == [".b.part", "c"]


def test_kept_files_are_compared_with_their_record(tmp_path: Path) -> None:
    path = tmp_path / "it.tar"
    assert not cached_files.intact(path)
    with cached_files.create(path) as aside:
        aside.write_bytes(BODY)
    assert cached_files.intact(path)
    assert cached_files.intact(path, thorough=True)
    path.write_bytes(BODY.replace(b"P", b"p"))
    assert cached_files.intact(path), "the size alone is compared unless asked"
    assert not cached_files.intact(path, thorough=True)
    path.write_bytes(BODY[:-1])
    assert not cached_files.intact(path)
    path.write_bytes(BODY)
    (tmp_path / "it.tar.sum").write_text("[]")
    assert not cached_files.intact(path)
    cached_files.forget(path)
    assert not names(tmp_path)


def test_kept_file_of_an_interrupted_making_is_not_used(tmp_path: Path) -> None:
    path = tmp_path / "it.tar"
    with pytest.raises(KeyError), cached_files.create(path) as aside:
        aside.write_bytes(BODY)
        raise KeyError
    assert not cached_files.intact(path)
    assert not names(tmp_path)


def test_a_file_that_may_not_grow_is_named(tmp_path: Path) -> None:
    """As below `ulimit -f 1`."""
    program = (
        "import sys; from pathlib import Path; from jetson_kit.command_line import ending\n"
        "from jetson_kit.core import files, run\n"
        "try:\n    exec(sys.argv[1])\n"
        "except Exception as error:\n    sys.exit(ending.end(error))\n"
    )
    own = f"{tmp_path}/own"
    for code, named in (
        (f"files.write_text(Path({own!r}), 'x' * 5000)", f"error: {own} would be larger than the"),
        (
            f"with files.disk_guard(): import shutil; shutil.copy({__file__!r}, {own!r})",
            f"error: {own} would be larger than the",
        ),
        (f"Path({own!r}).write_text('x' * 5000)", "error: a file that this writes would be larger"),
        ("run.run(['dd', 'if=/dev/zero', 'of=own', 'bs=5000', 'count=1'], what='w')", "error: w"),
    ):
        command = ["sh", "-c", 'ulimit -f 1; exec "$@"', "-", sys.executable, "-c", program, code]
        done = subprocess.run(
            command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.stderr.startswith(named), done.stderr
        assert "ulimit -f" in done.stderr and done.stderr.count("\n") == 1
        assert done.returncode == 6
    assert [path.name for path in tmp_path.iterdir()] == ["own"]


def test_temporary_folders_of_killed_runs_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    living = files.scratch("kit-x-")
    for name in ("kit-x-killed", "kit-x-young", "kit-y-other", "outside"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").touch()
    (tmp_path / "kit-x-link").symlink_to("outside")
    for name in (living.name, "kit-x-killed", "kit-y-other", "kit-x-link"):
        os.utime(tmp_path / name, (0, 0), follow_symlinks=False)
    with files.scratch("kit-x-") as own:
        left = {*names(tmp_path)} - {Path(own).name}
        assert left == {
            Path(living.name).name,
            "kit-x-young",
            "kit-y-other",
            "kit-x-link",
            "outside",
        }
    assert names(tmp_path / "outside") == ["file"]
    descriptors = len(list(Path("/proc/self/fd").iterdir()))
    living.cleanup()
    del living
    gc.collect()
    assert len(list(Path("/proc/self/fd").iterdir())) == descriptors - 1
