"""A machine with more on it than a build asks for: a cross compiler, the newest buildx, other ways.

`./inv test --stage machines` builds on bare machines with other engines and systems.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench.machines import host
from jetson_kit.core.paths import ROOT
from tests.image.kit import NEEDS, Image, docker

pytestmark = [getattr(pytest.mark, name) for name in (*NEEDS, "slow")]
PLUGIN = Path("usr/libexec/docker/cli-plugins/docker-buildx")
BASE = "mediapipe-jetson-test-base:2"
COMPILER = ("usr/lib/gcc-cross", "usr/aarch64-linux-gnu")


@dataclass(frozen=True)
class Crowd:
    """What is installed: `usr` is laid over /usr, `docker` is Docker's folder of settings."""

    usr: Path
    docker: Path

    def inv(
        self, *arguments: str, umask: int, env: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        script = f'mount -t overlay overlay -o "lowerdir={self.usr}:/usr" /usr && exec "$@"'
        return subprocess.run(
            [
                *("unshare", *([] if os.geteuid() == 0 else ["--map-root-user"]), "--mount"),
                *("sh", "-c", script, "sh", f"{ROOT}/inv", *arguments),
            ],
            env={**os.environ, "DOCKER_CONFIG": str(self.docker), **env},
            umask=umask,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Crowd:
    """Unpack Debian sid's buildx, and the cross compiler of Debian 12 with its C library."""
    folder = tmp_path_factory.mktemp("crowd")
    unpacked(folder / "sid", "sid", "docker-buildx")
    unpacked(folder / "gcc", "bookworm", "gcc-aarch64-linux-gnu,libc6-dev-arm64-cross")
    plugins = folder / "docker" / "cli-plugins"
    plugins.mkdir(parents=True)
    (folder / "sid" / PLUGIN).rename(plugins / "docker-buildx")
    # Not their libraries, which are another release's: they would stand before this machine's.
    usr = folder / "usr"
    for name in ("bin", "lib"):
        (usr / name).mkdir(parents=True)
    for name in COMPILER:
        (folder / "gcc" / name).rename(folder / name)
    for program in (folder / "gcc/usr/bin").glob("aarch64-linux-gnu-*"):
        program.rename(usr / "bin" / program.name)
    return Crowd(usr, folder / "docker")


def unpacked(folder: Path, suite: str, packages: str) -> None:
    subprocess.run(
        [
            *host.apart(),
            *("mmdebstrap", "--quiet", "--variant=extract", "--format=directory"),
            *(f"--aptopt={option}" for option in host.apt_options()),
            *(f"--include={packages}", suite, f"{folder}", *host.apt_sources(suite)),
        ],
        check=True,
    )


def test_the_same_archive_as_without(jetson: Image, crowd: Crowd, scratch: Path) -> None:
    assert list((crowd.usr / "lib/gcc-cross/aarch64-linux-gnu").glob("*/crtbegin.o"))
    version = subprocess.run(
        ["docker", "buildx", "version"],
        env={**os.environ, "DOCKER_CONFIG": str(crowd.docker)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    minor = int(version.split()[1].split(".")[1])
    assert minor >= 20, f"{version} is not one that restricts what is read"
    include = scratch / "include"
    include.mkdir()
    (scratch / "dist").mkdir()
    (include / "stdint.h").write_text("#error of this machine\n")
    done = crowd.inv(
        *("build", "--jetson", "--no-start", "--output", str(scratch / "dist" / "it")),
        umask=0o077,
        env={
            "KIT_CACHE": str(scratch / "the cache"),
            "CPATH": str(include),
            "TZ": "Asia/Kathmandu",
            "LC_ALL": "C",
            "SOURCE_DATE_EPOCH": "1",
            "UV_COMPILE_BYTECODE": "1",
            "PYTHONHASHSEED": "7",
        },
    )
    assert done.returncode == 0, done.stderr
    path = scratch / "dist" / "it" / jetson.archive.name
    assert path.read_bytes() == jetson.archive.read_bytes()


def test_another_base_by_the_newest_buildx(jetson: Image, crowd: Crowd, scratch: Path) -> None:
    tag = jetson.manifest["image"]["tag"]
    assert docker("tag", tag, BASE).returncode == 0
    arguments = ("build", "--jetson", "--json", "--no-start", "--python", "3.11", "--base", BASE)
    try:
        done = crowd.inv(*arguments, "--output", str(scratch / "it"), umask=0o022, env={})
        assert done.returncode == 0, done.stderr
        result = [row["diff_id"] for row in json.loads(done.stdout)["archive"]["layers"]]
        assert result[: len(jetson.diff_ids)] == jetson.diff_ids
    finally:
        docker("tag", BASE, tag)
        docker("rmi", BASE)
