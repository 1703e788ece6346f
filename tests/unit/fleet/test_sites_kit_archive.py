"""Archives of kits in the cache: one that is in use by another controller stays."""

from __future__ import annotations

import json
import os
import subprocess
import tarfile
import time
from pathlib import Path
from typing import IO, cast

import pytest

from jetson_kit.bundle import packages
from jetson_kit.core.errors import IntegrityError
from jetson_kit.fleet.release.release import Release
from jetson_kit.fleet.sites import install, kit_archive
from jetson_kit.fleet.sites.kit_archive import Kit
from jetson_kit.fleet.sites.mesh import Mesh
from jetson_kit.fleet.sites.plan import SitesPlan
from jetson_kit.fleet.sites.remote import RemoteWork


def archive(folder: Path, key: str, age_s: float) -> Path:
    for suffix in (".tar", ".sha256"):
        path = folder / f"kit-amd64-3.11-{key}{suffix}"
        path.touch()
        os.utime(path, (time.time() - age_s,) * 2)
    return folder / f"kit-amd64-3.11-{key}.tar"


def test_old_archives_go_and_those_in_use_stay(tmp_path: Path) -> None:
    own, other = archive(tmp_path, "a", 9e6), archive(tmp_path, "b", 600)
    archive(tmp_path, "c", 2 * kit_archive.OTHERS_STAY_S)
    python = tmp_path / "kit-amd64-3.12-d.tar"
    python.touch()
    os.utime(python, (0, 0))
    kit_archive._forget_others(own)
    left = {path.name for path in tmp_path.glob("*.tar")}
    assert left == {own.name, other.name, python.name}
    # It counts as used from now on.
    assert own.stat().st_mtime > time.time() - 3600


@pytest.mark.parametrize(
    ("lies", "knows"), [("by itself", True), ("another's", True), ("ignored", False)]
)
def test_the_kits_files_are_those_of_its_checkout_whoever_owns_it(
    lies: str, knows: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = tmp_path if lies == "ignored" else tmp_path / "kit"
    (tmp_path / "kit").mkdir()
    (tmp_path / "kit" / "a.py").touch()
    (tmp_path / ".gitignore").write_text("kit\n")
    subprocess.run(["git", "init", "-q", str(top)], check=True)
    if lies == "another's":
        monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    monkeypatch.setattr(kit_archive, "ROOT", tmp_path / "kit")
    if knows:
        assert kit_archive._files(["*.py"]) == ["a.py"]
        return
    with pytest.raises(IntegrityError, match="is no checkout"):
        kit_archive._files(["*.py"])


def test_a_rollout_brings_one_kit_to_all_its_sites_of_a_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[tuple[str, str]] = []

    def make(arch: str, python: str) -> Kit:
        built.append((arch, python))
        # The checkout changes while the rollout is at work.
        return Kit(tmp_path, f"{arch}-{python}-{len(built)}")

    monkeypatch.setattr(kit_archive, "make", make)
    release = cast("Release", None)
    work = RemoteWork("1", Mesh(tmp_path), {}, {}, release, SitesPlan(), tmp_path)
    machines = [("amd64", "3.11"), ("arm64", "3.11"), ("amd64", "3.11"), ("amd64", "3.12")]
    kits = [work.kit(*machine).sha256 for machine in machines]
    assert kits == ["amd64-3.11-1", "arm64-3.11-2", "amd64-3.11-1", "amd64-3.12-3"]


def test_an_archive_that_is_whole_is_not_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[Path] = []
    wheel = tmp_path / "a-1-py3-none-any.whl"
    wheel.write_bytes(b"a wheel")

    def wheels(python: str, arch: str, glibc: tuple[int, int], lock: Path) -> list[Path]:
        assert (python, arch, lock.read_text()) == ("3.11", "amd64", locked[0])
        built.append(wheel)
        return [wheel]

    locked = ["a==1\n"]
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(kit_archive, "_lock", lambda *_: locked[0])
    monkeypatch.setattr(kit_archive, "_files", lambda _: ["LICENSE"])
    monkeypatch.setattr(packages, "wheels", wheels)
    kit = kit_archive.make("amd64", "3.11")
    assert kit_archive.make("amd64", "3.11") == kit
    assert len(built) == 1
    with tarfile.open(kit.path) as tar:
        facts = json.load(cast("IO[bytes]", tar.extractfile(install.FACTS)))
        assert set(facts["files"]) == {*tar.getnames()} - {install.FACTS}
    kit.path.write_bytes(kit.path.read_bytes()[:-1])
    assert kit_archive.make("amd64", "3.11") == kit
    assert len(built) == 2
    locked[0] = "a==2\n"
    assert kit_archive.make("amd64", "3.11").path != kit.path
    assert len(built) == 3
