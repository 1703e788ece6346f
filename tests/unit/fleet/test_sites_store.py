"""Files that come to a site in pieces: resumed, whole by their hash, nothing half-taken."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

from jetson_kit.core.errors import BadInputError, DiskFullError, IntegrityError
from jetson_kit.fleet.sites import install, store
from jetson_kit.fleet.sites.install import InstallError

RAW = bytes(range(256)) * 40
NAME = hashlib.sha256(RAW).hexdigest()


def test_a_cut_file_goes_on_where_it_was(tmp_path: Path) -> None:
    assert store.add(tmp_path, NAME, len(RAW), 0, RAW[:4000]) == 4000
    assert store.held(tmp_path, NAME) == 4000
    # A piece that is not the next one is not taken: the sender hears where to go on.
    assert store.add(tmp_path, NAME, len(RAW), 0, RAW[:4000]) == 4000
    assert store.add(tmp_path, NAME, len(RAW), 9000, RAW[9000:]) == 4000
    assert store.add(tmp_path, NAME, len(RAW), 4000, RAW[4000:]) == len(RAW)
    assert store.take(tmp_path, NAME, tmp_path / "to" / "file")
    assert (tmp_path / "to" / "file").read_bytes() == RAW
    assert not store.take(tmp_path, NAME, tmp_path / "again")


@pytest.mark.parametrize(
    ("left", "held"),
    [(RAW, len(RAW)), (bytes(len(RAW)), 0), (RAW + b"more", 0), (RAW[:-1], len(RAW) - 1)],
)
def test_what_a_kill_left_behind_its_last_piece(tmp_path: Path, left: bytes, held: int) -> None:
    (tmp_path / f"{NAME}.part").write_bytes(left)
    assert store.held(tmp_path, NAME, len(RAW)) == held
    assert store.take(tmp_path, NAME, tmp_path / "there") == (left == RAW)
    assert store.held(tmp_path, NAME, len(RAW)) == (held if left != RAW else 0)


def test_other_bytes_are_dropped(tmp_path: Path) -> None:
    store.add(tmp_path, NAME, len(RAW), 0, b"x" * 4000)
    with pytest.raises(IntegrityError, match="damaged"):
        store.add(tmp_path, NAME, len(RAW), 4000, RAW[4000:])
    assert store.held(tmp_path, NAME) == 0
    assert store.add(tmp_path, NAME, len(RAW), 0, RAW) == len(RAW)


@pytest.mark.parametrize(
    ("name", "size"),
    [("../x", 1), ("A" * 64, 1), (NAME[:-1] + "/", 1), (NAME, -1), (NAME, 1 << 60)],
)
def test_what_is_no_file(tmp_path: Path, name: str, size: int) -> None:
    with pytest.raises(BadInputError):
        store.add(tmp_path, name, size, 0, b"x")
    assert not list(tmp_path.iterdir())


def test_a_full_disk_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store.add(tmp_path, NAME, len(RAW), 0, RAW[:4000])

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(DiskFullError):
            store.add(tmp_path, NAME, len(RAW), 4000, RAW[4000:5000])
    assert store.held(tmp_path, NAME) == 4000
    assert store.add(tmp_path, NAME, len(RAW), 4000, RAW[4000:]) == len(RAW)


def archive(folder: Path, files: dict[str, bytes], facts: dict[str, Any]) -> tuple[Path, str]:
    path = folder / "kit.tar"
    machine, python = os.uname().machine, "{}.{}".format(*sys.version_info)
    head = {
        "machine": machine,
        "python": python,
        "files": {name: hashlib.sha256(raw).hexdigest() for name, raw in files.items()},
        **facts,
    }
    place = folder / "in"
    for name, raw in {**files, "kit.json": json.dumps(head).encode()}.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(raw)
    with tarfile.open(path, "w") as tar:
        tar.add(place, ".")
    return path, hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("change", "expected", "code"),
    [
        ({"machine": "sparc"}, "is for Python", 2),
        ({"python": "3.2"}, "is for Python", 2),
        ({"files": {"a": "0" * 64}}, "a of the kit is damaged", 5),
    ],
)
def test_a_kit_that_does_not_fit_leaves_the_current_one(
    tmp_path: Path, change: dict[str, Any], expected: str, code: int
) -> None:
    root = tmp_path / "root"
    (root / "kits" / "old").mkdir(parents=True)
    (root / "current").symlink_to("kits/old")
    path, sha256 = archive(tmp_path, {"a": b"one"}, change)
    with pytest.raises(InstallError, match=expected) as caught:
        install.install(path, sha256, root)
    assert caught.value.code == code
    assert (root / "current").readlink() == Path("kits/old")


def test_a_damaged_archive_is_not_unpacked(tmp_path: Path) -> None:
    path, sha256 = archive(tmp_path, {"a": b"one"}, {})
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(InstallError, match="is damaged"):
        install.install(path, sha256, tmp_path / "root")
    assert not (tmp_path / "root").exists()


def test_an_archive_that_leads_out_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "kit.tar"
    with tarfile.open(path, "w") as tar:
        tar.addfile(tarfile.TarInfo("../out"))
    with pytest.raises(InstallError, match="leads out"):
        install.install(path, hashlib.sha256(path.read_bytes()).hexdigest(), tmp_path / "root")
    assert not (tmp_path / "out").exists()
