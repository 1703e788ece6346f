"""Which packages a root file system gets: the lock's, the newest, what a variant adds."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from jetson_kit.core.errors import BadInputError, NetworkError
from jetson_kit.debian import apt as debian
from jetson_kit.debian import installed, rootfs
from jetson_kit.debian import lock as debian_lock
from jetson_kit.debian.deb_file import Deb
from tests.unit.debian.small_packages import packages


def a_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[tuple[Deb, ...], tuple[Deb, ...]]:
    """Put a lock in place; return its packages, and newer ones."""
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(debian_lock, "FOLDER", tmp_path / "locks")
    (tmp_path / "locks").mkdir()
    names = tuple(rootfs.data()["variants"]["runtime"]["packages"])
    lock = debian_lock.to_json(debian_lock.Lock(names, ()))
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
