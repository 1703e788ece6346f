"""Kubernetes' own programs, built once from Debian's source package in a root of Debian 12."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from bench.machines import host
from jetson_kit.core.files import locked
from jetson_kit.core.paths import cache_dir

RECIPE = Path(__file__).with_name("build.sh")
NAMES = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
SUITE = "bookworm"
PACKAGES = "golang-go,etcd-server"


def built() -> Path:
    """Return the folder with the programs; the first call compiles them, some 15 minutes."""
    key = hashlib.sha256(RECIPE.read_bytes()).hexdigest()[:16]
    folder = cache_dir("kubernetes") / key
    with locked(cache_dir("locks") / "kubernetes.lock", lambda: None):
        if not all((folder / name).is_file() for name in NAMES):
            _build(folder)
    return folder


def _build(folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=cache_dir("tmp"), prefix="kubernetes-") as name:
        root = Path(name) / "root"
        sources = host.apt_sources(SUITE)
        source_packages = [line.replace("deb ", "deb-src ", 1) for line in sources[:1]]
        hooks = [f"copy-in {RECIPE} /", 'chroot "$1" sh /build.sh']
        for path in host.authorities():
            hooks.insert(0, f"copy-in {path} /usr/local/share/ca-certificates")
        command: list[str | Path] = [
            *host.apart(),
            *("mmdebstrap", "--quiet", "--variant=minbase", "--format=directory"),
            f"--include=ca-certificates,{PACKAGES}",
            *(f"--aptopt={option}" for option in host.apt_options()),
            *(f"--customize-hook={hook}" for hook in hooks),
            SUITE,
            root,
            *sources,
            *source_packages,
        ]
        subprocess.run(command, check=True, env={**os.environ, **host.environment()})
        aside = Path(name) / "programs"
        shutil.copytree(root / "out", aside)
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(aside, folder)
