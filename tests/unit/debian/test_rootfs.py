"""Root file systems from tiny packages: merged /usr, pruning, dpkg's status, accounts."""

from __future__ import annotations

import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

from jetson_kit.containers.layers import LayerTar
from jetson_kit.core import cached_files
from jetson_kit.core.errors import StepFailedError
from jetson_kit.core.files import extract_tar
from jetson_kit.debian import apt as debian
from jetson_kit.debian import lock as debian_lock
from jetson_kit.debian import rootfs
from jetson_kit.debian.deb_file import Deb
from tests.support.here import skip_without
from tests.unit import tiny_deb
from tests.unit.debian.small_packages import packages

PRUNE = {"drop": ["usr/share/doc/*", "usr/lib/x/big*"], "keep": ["usr/share/doc/*/copyright"]}
USER = {"name": "mediapipe", "uid": 10001, "gid": 10001}
SPEC: dict[str, Any] = {"prune": PRUNE, "user": USER}
INJECTED = rootfs.status(
    {
        "variants": {"x": {"injected": True}},
        "injected": {"name": "inj", "version": "1", "provides": ["a", "b"], "description": "d"},
    },
    "x",
)


@pytest.fixture(scope="module")
def assembled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    skip_without("dpkg")
    folder = tmp_path_factory.mktemp("rootfs")
    with LayerTar(folder / "1.tar") as layer:
        rootfs._assemble(layer, packages(folder), SPEC, INJECTED)
    with tarfile.open(folder / "1.tar") as archive:
        extract_tar(archive, folder / "tree")
    return folder


def test_merged_usr(assembled: Path) -> None:
    with tarfile.open(assembled / "1.tar") as archive:
        result = {info.name: info for info in archive}
    assert "usr/lib/aarch64-linux-gnu/libx.so.1" in result
    assert result["usr/lib/aarch64-linux-gnu/libx.so"].linkname == "libx.so.1"
    for name in ("bin", "sbin", "lib"):
        assert result[name].issym()
        assert result[name].linkname == f"usr/{name}"
    assert (assembled / "tree/bin/x").read_text() == "#!/bin/sh\n"
    assert result["var/tmp"].mode == 0o1777
    assert result["tmp"].mode == 0o1777
    assert result["root"].mode == 0o700


def test_pruning_keeps_licences(assembled: Path) -> None:
    tree = assembled / "tree/usr"
    assert (tree / "share/doc/libx/copyright").read_text() == "kept"
    assert not (tree / "share/doc/libx/README").exists()
    assert not (tree / "lib/x/big.bin").exists()


def test_dpkg_itself_reads_the_status(assembled: Path) -> None:
    admin = assembled / "tree/var/lib/dpkg"
    requested = [
        "dpkg-query",
        "--admindir",
        str(admin),
        "-W",
        "-f",
        "${Package} ${Version} ${Status}\n",
    ]
    done = subprocess.run(requested, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "base 1:2.0-1 install ok installed",
        "inj 1 install ok installed",
        "libx 1:2.0-1 install ok installed",
    ]
    listed = (admin / "info/libx:arm64.list").read_text().splitlines()
    assert "/usr/lib/aarch64-linux-gnu/libx.so.1" in listed
    assert (admin / "info/base.conffiles").read_text() == "/etc/issue\n"
    owner = ["dpkg-query", "--admindir", str(admin), "-S", "/usr/lib/aarch64-linux-gnu/libx.so.1"]
    result = subprocess.run(owner, capture_output=True, text=True, check=True)
    assert result.stdout.startswith("libx:arm64: ")


def test_accounts(assembled: Path) -> None:
    etc = assembled / "tree/etc"
    assert (etc / "passwd").read_text().splitlines() == [
        "root:x:0:0:root:/root:/bin/sh",
        "mediapipe:x:10001:10001::/home/mediapipe:/usr/sbin/nologin",
    ]
    assert (etc / "group").read_text().splitlines() == [
        *("root:x:0:", "video:x:44:", "mediapipe:x:10001:")
    ]
    assert (etc / "nsswitch.conf").read_text() == "hosts: files dns\n"
    with tarfile.open(assembled / "1.tar") as archive:
        home = archive.getmember("home/mediapipe")
    assert (home.uid, home.gid, home.mode) == (10001, 10001, 0o750)


def test_certificate_bundle_has_every_certificate_on_lines_of_its_own(assembled: Path) -> None:
    bundle = assembled / "tree/etc/ssl/certs/ca-certificates.crt"
    assert bundle.read_text() == "PEM A\nPEM B\n"


def test_same_packages_same_bytes(assembled: Path, tmp_path: Path) -> None:
    with LayerTar(tmp_path / "2.tar") as layer:
        rootfs._assemble(layer, packages(tmp_path), SPEC, INJECTED)
    assert (tmp_path / "2.tar").read_bytes() == (assembled / "1.tar").read_bytes()


@tiny_deb.needs_dpkg
@pytest.mark.parametrize("how", ["cut", "garbage", "empty"])
def test_damaged_package_is_removed_and_named(tmp_path: Path, how: str) -> None:
    deb = tiny_deb.make(tmp_path, "x", {"a": "1" * 5000})
    raw = deb.path.read_bytes()
    deb.path.write_bytes({"cut": raw[:-40], "garbage": b"x" * 500, "empty": b""}[how])
    damaged = pytest.raises(StepFailedError, match=r"x_1%3a2\.0-1_arm64\.deb is damaged")
    with damaged as caught, LayerTar(tmp_path / "o.tar") as layer:
        rootfs._assemble(layer, (deb,), SPEC, "")
    assert caught.value.line().count("\n") == 0
    assert "removed from the cache" in caught.value.cure
    assert not deb.path.exists()


@tiny_deb.needs_dpkg
def test_build_uses_the_cache_only_when_it_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(debian_lock, "FOLDER", tmp_path)
    debs = packages(tmp_path)
    requested: list[str] = []

    def fetch(*_: object, suite: str, **__: object) -> tuple[Deb, ...]:
        requested.append(suite)
        return debs

    monkeypatch.setattr(debian, "fetch", fetch)
    first = rootfs.build("runtime", "bookworm", "arm64")
    assert rootfs.build("runtime", "bookworm", "arm64") == first
    assert requested == ["bookworm"]
    raw = first.tar.read_bytes()
    first.tar.write_bytes(raw[:-512])
    assert rootfs.build("runtime", "bookworm", "arm64") == first
    assert first.tar.read_bytes() == raw
    for broken in ("", "{", '{"key": 1}', "[]"):
        for pointer in first.tar.parent.glob("*.json"):
            pointer.write_text(broken)
        assert rootfs.build("runtime", "bookworm", "arm64") == first
    rootfs.build("runtime", "bookworm", "arm64", refresh=True)
    assert len(requested) == 7
    assert cached_files.intact(first.tar, thorough=True)
    tree = rootfs.tree("runtime", "bookworm", "arm64")
    assert (tree / "etc/issue").read_text() == "hello\n"
    assert rootfs.tree("runtime", "bookworm", "arm64") == tree
