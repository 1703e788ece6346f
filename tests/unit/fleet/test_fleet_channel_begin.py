"""A channel's beginning is whole or not there, so that it can be done again."""

from __future__ import annotations

import errno
import logging
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from jetson_kit.core.errors import BadInputError, DiskFullError, IntegrityError, KitError
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
    assert not (folder / "www").exists()


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


def publish(folder: Path) -> int:
    return command.publish(folder / "www", command.Request(), folder / "channel", VALID)[0]


def test_a_channel_that_was_removed_is_begun_anew_and_published(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    begin(folder)
    for version in (3, 4, 5):
        assert publish(folder) == version
    assert not caplog.records
    shutil.copytree(folder / "www", folder / "old")
    shutil.rmtree(folder / "www")
    with caplog.at_level(logging.WARNING):
        begin(folder)
    assert [record.getMessage().partition(": boards")[0] for record in caplog.records] == [
        f"warning: {folder / 'www'} was published up to version 5, and begins anew"
    ]
    assert Repository(folder / "www").timestamp.signed.version == repository.FIRST
    begun = shutil.copytree(folder / "www", folder / "begun")
    assert publish(folder) == 3
    # From here on an old copy of this one is refused.
    shutil.rmtree(folder / "www")
    shutil.copytree(begun, folder / "www")
    with pytest.raises(IntegrityError, match="version 3 was published from here"):
        publish(folder)


def test_a_begin_that_is_refused_leaves_the_note(folder: Path) -> None:
    begin(folder)
    backup = shutil.copytree(folder / "www", folder / "backup")
    publish(folder)
    with pytest.raises(BadInputError, match="is not empty"):
        begin(folder)
    shutil.rmtree(folder / "www")
    shutil.copytree(backup, folder / "www")
    with pytest.raises(IntegrityError, match="version 3 was published from here"):
        publish(folder)


def test_another_owners_channel_is_not_one_begun_anew(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    begin(folder)
    publish(folder)
    shutil.rmtree(folder / "www")
    signing.make_key(folder / "other", "other", passphrase=False)
    command.begin(folder / "www", folder / "other", folder / "channel", VALID)
    assert not caplog.records
    assert publish(folder) == 3


STATES = ["file", "channels is a file", "immutable", "full"]


@pytest.mark.parametrize("state", STATES)
def test_what_cannot_be_noted_is_not_published(
    folder: Path, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    begin(folder)
    place = folder / "state"
    monkeypatch.setenv("KIT_STATE", str(place))
    _unwritable(place, monkeypatch, state)
    before = {path: path.read_bytes() for path in (folder / "www").rglob("*.json")}
    for _ in range(2):
        with pytest.raises((BadInputError, DiskFullError), match=str(place)) as caught:
            publish(folder)
        assert "set KIT_STATE to a" in caught.value.cure
        assert {path: path.read_bytes() for path in (folder / "www").rglob("*.json")} == before
    monkeypatch.undo()
    monkeypatch.setenv("KIT_STATE", str(folder / "good"))
    assert publish(folder) == 3
    assert [path.suffix for path in (folder / "good/channels").iterdir()] == [".json"]


def test_a_channel_is_not_begun_anew_where_that_cannot_be_noted(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(folder)
    publish(folder)
    shutil.rmtree(folder / "www")
    with monkeypatch.context() as patch:
        _unwritable(Path(os.environ["KIT_STATE"]), patch, "immutable")
        with pytest.raises(BadInputError, match="nothing can be written in"):
            begin(folder)
    assert not (folder / "www").exists()
    begin(folder)
    assert publish(folder) == 3


def test_whoever_has_no_home_begins(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KIT_STATE", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(folder / "none"))
    begin(folder)
    Repository(folder / "www")


def _unwritable(place: Path, monkeypatch: pytest.MonkeyPatch, state: str) -> None:
    if state == "file":
        place.touch()
    elif state == "channels is a file":
        place.mkdir()
        (place / "channels").touch()
    else:
        (place / "channels").mkdir(parents=True, exist_ok=True)
        number = errno.ENOSPC if state == "full" else errno.EROFS
        original = tempfile.mkstemp

        # Root writes where the mode says that nobody does.
        def refused(*arguments: Any, **named: Any) -> tuple[int, str]:
            if Path(named.get("dir") or "/").is_relative_to(place):
                raise OSError(number, os.strerror(number), str(place))
            return original(*arguments, **named)

        monkeypatch.setattr(tempfile, "mkstemp", refused)
