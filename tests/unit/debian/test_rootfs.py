"""Root file systems from tiny packages: merged /usr, pruning, dpkg's status, accounts."""

from __future__ import annotations

import json
import subprocess
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jetson_kit.containers.layers import LayerTar
from jetson_kit.core import cached_files
from jetson_kit.core.errors import BadInputError, NetworkError, StepFailedError
from jetson_kit.core.files import extract_tar
from jetson_kit.debian import apt as debian
from jetson_kit.debian import installed, rootfs
from jetson_kit.debian import lock as debian_lock
from jetson_kit.debian.deb_file import Deb
from tests.support.here import skip_without
from tests.unit import tiny_deb

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


def packages(folder: Path) -> tuple[Deb, ...]:
    base = tiny_deb.make(
        folder,
        "base",
        {
            "var/tmp/": "",
            "root/": "",
            "etc/issue": "hello\n",
            "usr/share/base-passwd/passwd.master": "root:*:0:0:root:/root:/bin/sh\n",
            "usr/share/base-passwd/group.master": "root:*:0:\nvideo:*:44:\n",
            "usr/share/base-files/nsswitch.conf": "hosts: files dns\n",
            "usr/share/ca-certificates/mozilla/A.crt": "PEM A\n",
            "usr/share/ca-certificates/mozilla/B.crt": "PEM B",
        },
        conffiles="/etc/issue\n",
        modes={"var/tmp": 0o1777, "root": 0o700},
    )
    library = tiny_deb.make(
        folder,
        "libx",
        {
            "lib/aarch64-linux-gnu/libx.so.1": "elf",
            "bin/x": "#!/bin/sh\n",
            "usr/lib/x/big.bin": "dropped",
            "usr/share/doc/libx/README": "dropped",
            "usr/share/doc/libx/copyright": "kept",
            "var/tmp/y": "y",
        },
        extra="Multi-Arch: same\nDepends: base\n",
        links={"lib/aarch64-linux-gnu/libx.so": "libx.so.1"},
    )
    return base, library


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


def a_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[tuple[Deb, ...], tuple[Deb, ...]]:
    """Put a lock in place; return its packages, and newer ones."""
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(debian_lock, "FOLDER", tmp_path / "locks")
    (tmp_path / "locks").mkdir()
    wanted = tuple(rootfs.data()["variants"]["runtime"]["packages"])
    lock = debian_lock.to_json(debian_lock.Lock(wanted, ()))
    (tmp_path / "locks/bookworm-arm64-runtime.json").write_text(lock)
    locked = packages(tmp_path)
    return locked, (*locked[:-1], replace(locked[-1], version="99"))


def test_newest_packages_are_for_one_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    locked, newer = a_lock(tmp_path, monkeypatch)
    monkeypatch.setattr(debian_lock, "fetch", lambda *_, **__: locked)
    monkeypatch.setattr(debian, "fetch", lambda *_, **__: newer)
    first = rootfs.build("runtime", "bookworm", "arm64")
    refreshed = rootfs.build("runtime", "bookworm", "arm64", refresh=True)
    assert first.locked
    assert not refreshed.locked
    assert refreshed.key != first.key
    assert rootfs.build("runtime", "bookworm", "arm64") == first


def test_the_lock_is_followed_again_once_the_archive_has_its_packages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked, newer = a_lock(tmp_path, monkeypatch)
    answers: list[tuple[Deb, ...] | NetworkError | None] = []
    resolved: list[str] = []

    def fetch_locked(*_: object, **__: object) -> tuple[Deb, ...] | None:
        answer = answers.pop(0)
        if isinstance(answer, NetworkError):
            raise answer
        return answer

    def fetch(*_: object, **__: object) -> tuple[Deb, ...]:
        resolved.append("newest")
        return newer

    monkeypatch.setattr(debian_lock, "fetch", fetch_locked)
    monkeypatch.setattr(debian, "fetch", fetch)
    answers += [None, None, NetworkError("no network"), locked]
    gone = rootfs.build("runtime", "bookworm", "arm64")
    assert not gone.locked
    assert rootfs.build("runtime", "bookworm", "arm64") == gone
    assert rootfs.build("runtime", "bookworm", "arm64") == gone
    assert resolved == ["newest"]
    back = rootfs.build("runtime", "bookworm", "arm64")
    assert back.locked
    assert back.key != gone.key
    assert rootfs.build("runtime", "bookworm", "arm64") == back


def test_suite_for_a_python() -> None:
    assert rootfs.suite_for("3.11") == "bookworm"
    assert rootfs.suite_for("3.13") == "trixie"
    with pytest.raises(BadInputError, match=r"no Python 3\.12") as caught:
        rootfs.suite_for("3.12")
    assert "3.11 (bookworm), 3.13 (trixie)" in caught.value.cure


def test_variants_differ_only_by_mesa() -> None:
    variants = rootfs.data()["variants"]
    more = set(variants["emulated"]["packages"]) - set(variants["runtime"]["packages"])
    assert more == {"libegl-mesa0", "libgl1-mesa-dri", "mesa-vulkan-drivers"}
    assert set(variants["runtime"]["packages"]) <= set(variants["emulated"]["packages"])
    assert variants["runtime"]["injected"]
    assert json.dumps(rootfs.data()["injected"]["provides"]) == '["libegl-mesa0"]'


def test_dev_adds_what_installs_python_packages_and_no_compiler() -> None:
    variants = rootfs.data()["variants"]
    more = set(variants["dev"]["packages"]) - set(variants["runtime"]["packages"])
    assert more == {
        "python3-pip", "python3-venv", "bash", "findutils", "grep", "gzip", "sed", "tar",
    }  # fmt: skip
    assert set(variants["runtime"]["packages"]) <= set(variants["dev"]["packages"])
    assert variants["dev"]["injected"]
    for suite in rootfs.data()["suites"]:
        for arch in ("arm64", "amd64"):
            lock, runtime = (
                debian_lock.read(debian_lock.path_of(variant, suite, arch))
                for variant in ("dev", "runtime")
            )
            assert lock
            assert runtime
            assert set(runtime.rows) <= set(lock.rows)
            names = {row.name for row in lock.rows}
            assert not names & {"gcc", "g++", "cpp", "make", "binutils", "build-essential"}


@pytest.mark.parametrize(
    ("name", "merged"),
    [
        ("./lib/a.so", "usr/lib/a.so"),
        ("./bin/", ""),
        ("./lib64", ""),
        ("./", ""),
        ("./usr/lib/a", "usr/lib/a"),
        ("./library/a", "library/a"),
        ("/sbin/x", "usr/sbin/x"),
    ],
)
def test_merged_names(name: str, merged: str) -> None:
    assert installed.merged_path(name) == merged


def test_a_component_leaves_out_what_only_its_left_out_plugins_need() -> None:
    facts = rootfs.facts_of(rootfs.data(), "runtime+camera")
    assert "libx11-6" in facts["without"]
    # Mesa's drivers need it for themselves.
    assert "libx11-6" not in rootfs.facts_of(rootfs.data(), "emulated+camera")["without"]
    for suite in rootfs.data()["suites"]:
        lock = debian_lock.read(debian_lock.path_of("runtime+camera", suite, "arm64"))
        plain = debian_lock.read(debian_lock.path_of("runtime", suite, "arm64"))
        assert lock
        assert plain
        names = {row.name for row in lock.rows}
        assert not names & {*facts["without"], "systemd", "dbus", "perl", "libx11-6"}
        assert set(plain.rows) <= set(lock.rows)
    with pytest.raises(KeyError):
        rootfs.facts_of(rootfs.data(), "runtime+nothing")


@pytest.mark.parametrize(
    ("line", "left"),
    [
        ("Depends: libc6 (>= 2.34), libx11-6, libsoup2.4-1 (>= 2) | libsoup-3.0-0\n",
         "Depends: libc6 (>= 2.34)\n"),
        ("Pre-Depends: libx11-6 (= 1)\nSection: x\n", "Section: x\n"),
        ("Depends: libx11-6:any, libx11-60\n", "Depends: libx11-60\n"),
        ("Description: Depends: libx11-6\n", "Description: Depends: libx11-6\n"),
    ],
)  # fmt: skip
def test_no_package_depends_on_what_is_left_out(line: str, left: str) -> None:
    assert installed.without_dependencies(line, {"libx11-6", "libsoup2.4-1"}) == left
