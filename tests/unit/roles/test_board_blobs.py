"""Layers that lie on a board from a transfer that was cut: what of them still counts."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit import board_program
from tests.unit.board_program import Program

RAW = b"layer" * 1000


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Program]:
    yield from board_program.imported(tmp_path / "board", monkeypatch)


@pytest.mark.parametrize("name", ["", ".part"])
@pytest.mark.parametrize(
    ("came", "stays"),
    [(RAW, True), (bytes(len(RAW)), False), (RAW[:-1], True), (RAW + b"x", False), (b"", True)],
)
def test_what_has_its_length_alone_goes(
    program: Program, name: str, came: bytes, stays: bool
) -> None:
    digest = hashlib.sha256(RAW).hexdigest()
    layer: Any = program.release.Layer(f"sha256:{digest}", f"sha256:{digest}", len(RAW), len(RAW))
    path: Path = program.disk.BLOBS / f"{digest}{name}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(came)
    assert program.blobs.drop_damaged([layer]) is not stays
    assert path.exists() is stays


def layer_of(program: Program, raw: bytes) -> Any:
    digest = hashlib.sha256(raw).hexdigest()
    return program.release.Layer(f"sha256:{digest}", f"sha256:{digest}", len(raw), len(raw))


def sent(program: Program, raw: bytes, came: bytes) -> Path:
    """Return what a login without root has sent of a layer."""
    path: Path = program.disk.SENT / f"{hashlib.sha256(raw).hexdigest()}.part"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(came)
    program.disk.BLOBS.mkdir(parents=True, exist_ok=True)
    return path


def test_layers_that_a_login_sent_are_taken_once_all_are_whole(program: Program) -> None:
    rows = [layer_of(program, RAW), layer_of(program, RAW * 2)]
    first, second = sent(program, RAW, RAW), sent(program, RAW * 2, RAW)
    program.blobs.take(rows)
    assert first.exists()
    assert second.exists()
    second.write_bytes(RAW * 2)
    program.blobs.take(rows)
    assert not list(program.disk.SENT.iterdir())
    assert [program.blobs.accept(row).read_bytes() for row in rows] == [RAW, RAW * 2]
    assert {path.stat().st_mode & 0o777 for path in program.disk.BLOBS.iterdir()} == {0o600}


@pytest.mark.parametrize("kind", ["link", "hard link", "FIFO", "folder"])
def test_what_is_no_file_of_its_own_is_not_taken(
    program: Program, tmp_path: Path, kind: str
) -> None:
    row, path = layer_of(program, RAW), sent(program, RAW, b"")
    path.unlink()
    (tmp_path / "other").write_bytes(RAW)
    make: dict[str, Any] = {
        "link": lambda: path.symlink_to(tmp_path / "other"),
        "hard link": lambda: path.hardlink_to(tmp_path / "other"),
        "FIFO": lambda: os.mkfifo(path),
        "folder": path.mkdir,
    }
    make[kind]()
    program.blobs.take([row])
    assert not list(program.disk.BLOBS.iterdir())
    assert (tmp_path / "other").read_bytes() == RAW
    with pytest.raises(program.errors.IntegrityError, match="of 5000 bytes came"):
        program.blobs.accept(row)


@pytest.mark.parametrize("came", [bytes(len(RAW)), RAW + b"x"])
def test_what_a_login_sent_damaged_goes(program: Program, came: bytes) -> None:
    row, path = layer_of(program, RAW), sent(program, RAW, came)
    assert program.blobs.drop_damaged([row])
    assert not path.exists()
    sent(program, RAW, came)
    program.blobs.take([row])
    with pytest.raises(program.errors.IntegrityError, match="came damaged"):
        program.blobs.accept(row)
    assert not path.exists()
    assert not list(program.disk.BLOBS.iterdir())
