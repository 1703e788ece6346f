"""The root that light endpoints share: whole or not there, and none of another version's."""

from __future__ import annotations

import os
import tarfile
import time
from pathlib import Path

import pytest

from bench.scale import light
from jetson_kit.core.cached_files import UNUSED_S
from jetson_kit.core.paths import cache_dir
from jetson_kit.virtual_devices import root
from jetson_kit.virtual_devices.root import Root


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "cache"))
    tar = tmp_path / "root.tar"
    with tarfile.open(tar, "w") as out:
        folder = tarfile.TarInfo("proc")
        folder.type, folder.mode = tarfile.DIRTYPE, 0o755
        out.addfile(folder)
    monkeypatch.setattr(root, "build", lambda arch: Root(tar, "new", arch))
    return cache_dir("light")


def test_another_version_s_root_stays_while_it_may_be_in_use(place: Path) -> None:
    (place / "root-other" / "proc").mkdir(parents=True)
    assert light.base() == place / "root-new"
    assert (place / "root-other" / "proc").is_dir()


def test_a_root_that_nobody_used_for_long_goes(place: Path) -> None:
    (place / "root-old").mkdir(parents=True)
    long_ago = time.time() - UNUSED_S - 60
    os.utime(place / "root-old", (long_ago, long_ago))
    light.base()
    assert [path.name for path in place.iterdir()] == ["root-new"]


def test_what_was_killed_while_it_was_unpacked_or_removed_is_never_taken(place: Path) -> None:
    (place / ".aside-root-new" / "etc").mkdir(parents=True)
    folder = light.base()
    assert [path.name for path in folder.iterdir()] == ["proc"]
    assert [path.name for path in place.iterdir()] == ["root-new"]


def test_a_removal_that_is_killed_leaves_no_half_of_a_root(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "root-old" / "proc").mkdir(parents=True)
    long_ago = time.time() - UNUSED_S - 60
    os.utime(place / "root-old", (long_ago, long_ago))

    def killed(path: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("shutil.rmtree", killed)
    with pytest.raises(KeyboardInterrupt):
        light.base()
    assert not (place / "root-old").exists()


def test_stand_ins_of_another_version_have_a_layer_of_their_own(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = light._own()
    monkeypatch.setattr(light, "SSHD", "UseDNS yes\n")
    other = light._own()
    assert own != other
    assert (own / "etc/ssh/light.conf").read_text("utf-8") != "UseDNS yes\n"
