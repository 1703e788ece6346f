"""A channel's beginning is whole or not there, so that it can be done again."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from jetson_kit.core.errors import BadInputError, DiskFullError, KitError
from jetson_kit.core.paths import ROOT
from jetson_kit.fleet.channel import command, repository
from jetson_kit.fleet.channel.repository import Repository, Validity
from jetson_kit.fleet.release import signing
from tests.support.here import cannot_run_here, needs_parts

pytestmark = needs_parts("ssh-keygen")
VALID = Validity()
# Begins on a disk that is too small, then on the same one when there is room.
PROGRAM = """
import subprocess, sys
from pathlib import Path
from jetson_kit.core.errors import DiskFullError
from jetson_kit.fleet.channel import command
from jetson_kit.fleet.channel.repository import Repository, Validity

folder = Path(sys.argv[1])
words = (folder / "www", folder / "owner", folder / "channel", Validity())
try:
    command.begin(*words)
except DiskFullError:
    print(sorted(path.name for path in words[0].iterdir()))
subprocess.run(["mount", "-o", "remount,size=1m", words[0]], check=True)
command.begin(*words)
Repository(words[0])
"""
SMALL_DISK = 'mount -t tmpfs -o size="$1" none "$2/www" && exec "$3" -c "$4" "$2"'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("owner", "channel"):
        signing.make_key(tmp_path / name, name, passphrase=False)
    return tmp_path


def begin(folder: Path) -> Path:
    return command.begin(folder / "www", folder / "owner", folder / "channel", VALID)


@pytest.mark.parametrize("number", range(8))
def test_a_disk_that_is_full_at_any_file_leaves_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    count = 0

    def full(path: Path, raw: bytes) -> None:
        nonlocal count
        count += folder / "www" in path.parents
        path.touch()
        if count > number:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        with path.open("wb") as stream:
            stream.write(raw)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(DiskFullError, match="no space left"):
            begin(folder)
    assert not list((folder / "www").iterdir())
    begin(folder)
    Repository(folder / "www")


@pytest.mark.parametrize("size", ["8k", "20k"])
def test_a_small_disk_leaves_nothing(folder: Path, size: str) -> None:
    apart = ["unshare", "-m", "sh", "-c", SMALL_DISK, "-"]
    if subprocess.run(["unshare", "-m", "true"], check=False, capture_output=True).returncode:
        cannot_run_here("nothing can be mounted here")
    (folder / "www").mkdir()
    done = subprocess.run(
        [*apart, size, folder, sys.executable, PROGRAM],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr


def test_a_key_that_does_not_sign_leaves_nothing(folder: Path) -> None:
    (folder / "channel").write_text("no key")
    with pytest.raises(KitError):
        begin(folder)
    assert not list((folder / "www").iterdir())


def test_a_begin_that_was_killed_is_done_again(folder: Path) -> None:
    left = folder / "www" / f"{repository.ASIDE}x"
    left.mkdir(parents=True)
    (left / "1.root.json").write_text("{")
    begin(folder)
    assert not left.exists()
    assert not [path for path in (folder / "www").iterdir() if path.name.startswith(".")]


def test_a_channel_is_not_begun_again(folder: Path) -> None:
    begin(folder)
    before = (folder / "www/timestamp.json").read_bytes()
    with pytest.raises(BadInputError, match="is not empty"):
        begin(folder)
    assert (folder / "www/timestamp.json").read_bytes() == before


def test_a_folder_that_is_there_and_empty_is_begun(folder: Path) -> None:
    (folder / "www").mkdir()
    (folder / "www").chmod(0o755)
    begin(folder)
    Repository(folder / "www")
    assert (folder / "www").stat().st_mode & 0o777 == 0o755
