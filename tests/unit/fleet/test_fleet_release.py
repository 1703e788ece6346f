"""Releases: what they hold, that a change of it is found, and who may sign."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from jetson_kit.containers.oci import digest
from jetson_kit.core.errors import BadInputError, IntegrityError
from jetson_kit.fleet.channel import command
from jetson_kit.fleet.channel.repository import Validity
from jetson_kit.fleet.release import release, signing
from tests.fleet.small_release import build
from tests.support.here import needs_parts

pytestmark = needs_parts("ssh-keygen")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("KIT_STATE", raising=False)


def key(folder: Path, name: str = "key") -> Path:
    signing.make_key(folder / name, "test", passphrase=False)
    return folder / name


def small(folder: Path, version: str = "1") -> release.Release:
    return build(folder, version, bulk=1000, runnable=False)


def test_a_release_says_what_the_archive_holds(tmp_path: Path) -> None:
    result = small(tmp_path / "a")
    body = json.loads(result.path.read_text())
    manifest = json.loads((tmp_path / "a" / "manifest.json").read_text())
    assert result.image_id == manifest["archive"]["config"]
    assert [layer.digest for layer in result.layers] == [
        layer["digest"] for layer in manifest["archive"]["layers"]
    ]
    assert digest(body["config"].encode()) == result.image_id
    assert all(layer.unpacked % 512 == 0 for layer in result.layers)


def test_layers_are_files_as_the_device_names_them(tmp_path: Path) -> None:
    result = small(tmp_path / "a")
    folder = release.layers(result)
    for layer in result.layers:
        assert digest((folder / layer.file).read_bytes()) == layer.digest
    (folder / result.layers[0].file).unlink()
    assert (release.layers(result) / result.layers[0].file).stat().st_size == result.layers[0].size


def test_a_second_make_keeps_the_signature(tmp_path: Path) -> None:
    result, own = small(tmp_path / "a"), key(tmp_path)
    signing.sign(result.path, own)
    release.make(result.folder)
    assert signing.signed(result.path, own)


def test_a_new_build_loses_the_signature_of_the_old_one(tmp_path: Path) -> None:
    result, own = small(tmp_path / "a"), key(tmp_path)
    signing.sign(result.path, own)
    other = small(tmp_path / "b", "2")
    for name in ("manifest.json", "small.oci.tar"):
        shutil.copy(other.folder / name, result.folder / name)
    assert release.make(result.folder).image_id == other.image_id
    assert not signing.signed(result.path, own)


def test_one_changed_byte_is_found(tmp_path: Path) -> None:
    result, own = small(tmp_path / "a"), key(tmp_path)
    signing.sign(result.path, own)
    result.path.write_text(result.path.read_text().replace('"kit": "0"', '"kit": "1"'))
    assert not signing.signed(result.path, own)


def test_another_key_is_not_ours(tmp_path: Path) -> None:
    result = small(tmp_path / "a")
    signing.sign(result.path, key(tmp_path, "theirs"))
    assert not signing.signed(result.path, key(tmp_path, "ours"))


def test_a_key_is_its_owners_alone_and_never_replaced() -> None:
    own = signing.default_key()
    signing.make_key(own, "test", passphrase=False)
    assert stat.S_IMODE(own.stat().st_mode) == 0o600
    assert stat.S_IMODE(own.parent.stat().st_mode) == 0o700
    with pytest.raises(BadInputError, match="there is a key already"):
        signing.make_key(own, "test", passphrase=False)


def test_without_a_key_the_cure_is_named(tmp_path: Path) -> None:
    result = small(tmp_path / "a")
    with pytest.raises(BadInputError) as caught:
        signing.sign(result.path, tmp_path / "none")
    assert "fleet.key" in caught.value.cure


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        (signing.RELEASES, "./inv fleet.key,"),
        (signing.OWNERS, "./inv fleet.key --owner,"),
        (signing.CHANNELS, "./inv fleet.key --channel,"),
        (signing.CHANNEL_ROOTS, "./inv fleet.key --owner --channel,"),
    ],
)
def test_the_cure_makes_a_key_of_the_role_that_lacks_one(
    tmp_path: Path, role: signing.Role, expected: str
) -> None:
    result = small(tmp_path / "a")
    with pytest.raises(BadInputError) as caught:
        signing.sign(result.path, tmp_path / "none", role)
    assert expected in caught.value.cure


def test_a_channel_without_its_key_asks_for_that_one(tmp_path: Path) -> None:
    own = key(tmp_path, "owner")
    with pytest.raises(BadInputError, match="channel_key") as caught:
        command.begin(tmp_path / "c", own, None, Validity())
    assert "./inv fleet.key --channel" in caught.value.cure


def _pipe(path: Path) -> None:
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def _folder(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.mkdir()


def _device(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("become", [_pipe, _folder, _device])
@pytest.mark.parametrize(
    "name",
    ["manifest.json", "release.json", "release.json.sig", "signers.json", "small.oci.tar"],
)
def test_what_is_no_regular_file_is_refused(
    tmp_path: Path, name: str, become: Callable[[Path], None]
) -> None:
    result = small(tmp_path / "a")
    become(result.folder / name)
    code = """
import sys
from pathlib import Path
from jetson_kit.core.errors import BadInputError
from jetson_kit.fleet.release import release
try:
    release.make(release.folder_of(sys.argv[1]))
except BadInputError as error:
    print(error.message)
    sys.exit(error.exit_code)
"""
    # A program of its own: what waits for a pipe's writer can't be stopped within this one.
    arguments = [sys.executable, "-c", code, str(result.folder)]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (2, "")
    assert done.stdout == f"{result.folder / name} is no regular file\n"


@pytest.mark.parametrize("become", [_pipe, _folder, _device])
def test_a_release_that_became_another_thing_is_not_read(
    tmp_path: Path, become: Callable[[Path], None]
) -> None:
    result = small(tmp_path / "a")
    become(result.path)
    with pytest.raises(BadInputError, match="is no regular file"):
        release.load(result.folder)


def test_a_build_without_a_release_says_so(tmp_path: Path) -> None:
    result = small(tmp_path / "a")
    result.path.unlink()
    with pytest.raises(BadInputError, match=r"has no release$") as caught:
        release.load(result.folder)
    assert "./inv fleet.release" in caught.value.cure


def test_what_is_no_key_does_not_sign(tmp_path: Path) -> None:
    result = small(tmp_path / "a")
    (tmp_path / "bad").write_text("no key")
    (tmp_path / "bad").chmod(0o600)
    key(tmp_path, "good").with_name("good.pub").rename(tmp_path / "bad.pub")
    with pytest.raises(BadInputError, match="is no private key"):
        signing.sign(result.path, tmp_path / "bad")
    assert not list(result.folder.glob(".sign-*"))


@pytest.mark.parametrize("at", ["middle", "end"])
@pytest.mark.parametrize("known", [True, False], ids=["known", "new"])
def test_a_damaged_archive_is_no_release(tmp_path: Path, at: str, *, known: bool) -> None:
    result = small(tmp_path / "a")
    archive = result.folder / "small.oci.tar"
    raw = bytearray(archive.read_bytes())
    layer = (release.layers(result) / result.layers[1].file).read_bytes()
    place = raw.index(layer) + (len(layer) // 2 if at == "middle" else len(layer) - 1)
    raw[place] ^= 1
    archive.write_bytes(raw)
    if not known:
        shutil.rmtree(tmp_path / "cache")
    with pytest.raises(IntegrityError):
        release.make(result.folder)
    if not known:
        with pytest.raises(IntegrityError):
            release.layers(result)


def test_an_unpacked_layer_that_rotted_is_unpacked_again(tmp_path: Path) -> None:
    result = small(tmp_path / "a")
    path = release.layers(result) / result.layers[1].file
    good = path.read_bytes()
    path.write_bytes(bytes([good[0] ^ 1]) + good[1:])
    assert (release.layers(result) / path.name).read_bytes() == good


def test_a_folder_without_a_build_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="no build"):
        release.make(tmp_path)
    with pytest.raises(BadInputError, match="is not built"):
        release.folder_of("no-such-target")
