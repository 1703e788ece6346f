"""Build the device wheel: by setuptools, offline, the same bytes every time."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from jetson_kit.errors import StepFailedError
from jetson_kit.files import disk_guard, written_aside
from jetson_kit.paths import ROOT, cache_dir
from jetson_kit.run import run

SOURCE = ROOT / "wheels" / "mediapipe-jetson"
# What the wheel is made of; caches and build folders are not.
INPUTS = ("pyproject.toml", "README.md", "LICENSE", "src")
# 1980-01-01, the earliest time that a zip file can hold.
EPOCH = "315532800"
# Stored, not deflated: another zlib would give other bytes.
BUILD = (
    "import os, sys; os.umask(0o022); from setuptools import build_meta; "
    "build_meta.build_wheel(sys.argv[1], {'--build-option': ['--compression=stored']})"
)


def source_files(source: Path = SOURCE) -> list[Path]:
    """Return the files that the wheel is made of, relative to `source`, in order."""
    found: list[Path] = []
    for name in INPUTS:
        top = source / name
        found += [path for path in top.rglob("*") if path.is_file()] if top.is_dir() else [top]
    return sorted(
        path.relative_to(source)
        for path in found
        if "__pycache__" not in path.parts and not any(".egg-info" in part for part in path.parts)
    )


def fingerprint(source: Path = SOURCE) -> str:
    """Return one hash over all that decides the wheel's bytes, the builder included."""
    digest = hashlib.sha256(BUILD.encode())
    digest.update(_epoch().encode())
    digest.update(_setuptools_version().encode())
    for name in source_files(source):
        content = (source / name).read_bytes()
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def build(out: Path, source: Path = SOURCE) -> Path:
    """Put the wheel into the folder `out` and return its path.

    The same inputs are built once and kept in the cache. Raises StepFailedError if setuptools
    refuses, DiskFullError if no space is left.
    """
    kept = cache_dir("device-wheel", fingerprint(source)[:32])
    made = next(kept.glob("*.whl"), None) or _build(kept, source)
    wheel = out / made.name
    with written_aside(wheel) as aside:
        shutil.copyfile(made, aside)
    return wheel


def _build(kept: Path, source: Path) -> Path:
    # In a copy: setuptools leaves its folders beside the source, and takes over files' modes.
    with disk_guard(kept), tempfile.TemporaryDirectory(prefix="device-wheel-") as name:
        copy, built = Path(name, "source"), Path(name, "out")
        for path in source_files(source):
            target = copy / path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / path, target)
            target.chmod(0o644)
        run(
            [sys.executable, "-c", BUILD, built],
            what="building the device wheel",
            env={**os.environ, "SOURCE_DATE_EPOCH": _epoch(), "PYTHONDONTWRITEBYTECODE": "1"},
            cwd=copy,
        )
        wheels = list(built.glob("*.whl"))
        if len(wheels) != 1:
            raise StepFailedError(f"building the device wheel made {len(wheels)} wheels, not one")
        with written_aside(kept / wheels[0].name) as aside:
            shutil.copyfile(wheels[0], aside)
        return kept / wheels[0].name


def _epoch() -> str:
    return os.environ.get("SOURCE_DATE_EPOCH") or EPOCH


def _setuptools_version() -> str:
    return version("setuptools")
