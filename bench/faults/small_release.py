"""Builds of tiny images: what ./inv build leaves, made of a static shell without any engine."""

from __future__ import annotations

import json
import platform
import random
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import zstandard

from jetson_kit.build import plan
from jetson_kit.build.manifest import SCHEMA as BUILD_SCHEMA
from jetson_kit.containers import oci
from jetson_kit.containers.layers import LayerTar
from jetson_kit.core.errors import ToolMissingError
from jetson_kit.fleet.release import release
from jetson_kit.fleet.release.release import Release

ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]
APPLETS = ("sh", "sleep", "true", "false", "cat", "test", "touch", "mkdir", "id")
# The image whose check never says healthy, and the one that ends at once.
GOOD, UNHEALTHY, ENDS = "good", "unhealthy", "ends"
MISTAKE = "echo a mistake >&2; exit 3"


def busybox() -> Path:
    """Return a static shell of this machine. Raises ToolMissingError."""
    program = shutil.which("busybox", path="/bin:/usr/bin")
    if program is None:
        raise ToolMissingError("busybox-static is not installed", "apt-get install busybox-static")
    return Path(program)


def layer(folder: Path, name: str, files: dict[str, bytes], links: dict[str, str]) -> oci.Blob:
    """Return a compressed layer."""
    tar = folder / f"{name}.tar"
    with LayerTar(tar) as out:
        for path, raw in files.items():
            out.data(path, raw, mode=0o755)
        for path, to in links.items():
            out.link(path, to)
    raw = tar.read_bytes()
    packed = folder / f"{name}.zst"
    packed.write_bytes(zstandard.ZstdCompressor().compress(raw))
    tar.unlink()
    return oci.Blob(oci.digest(raw), packed, oci.digest(packed.read_bytes()), packed.stat().st_size)


def build(
    folder: Path,
    version: str,
    *,
    kind: str = GOOD,
    bulk: int = 200_000,
    architecture: str = ARCHITECTURE,
    l4t: str = "",
    runnable: bool = True,
    check_s: int = 1,
    files: Mapping[str, bytes] = MappingProxyType({}),
    application: str = "",
) -> Release:
    """Return a release of three layers; `bulk` bytes in the middle one can't be compressed.

    One that is not runnable needs no shell on this machine. `files` are in it, too. Docker runs
    its check every `check_s` seconds. `application` names one in its label.
    """
    work = folder / ".work"
    work.mkdir(parents=True)
    shell = {"bin/busybox": busybox().read_bytes() if runnable else b"none"}
    blobs = [
        layer(work, "base", shell, {f"bin/{name}": "busybox" for name in APPLETS}),
        layer(work, "bulk", {"bulk": random.Random(bulk).randbytes(bulk)}, {}),  # noqa: S311
        layer(work, "app", {"version": f"{version} {kind}\n".encode(), **files}, {}),
    ]
    config = _config(blobs, version, kind, architecture, check_s, application)
    archive = folder / "small.oci.tar"
    digest = oci.write_archive(archive, config, blobs, f"small:{version}", {})
    manifest = {
        "schema": BUILD_SCHEMA,
        "kit": "0",
        "plan": {
            "schema": plan.SCHEMA,
            "name": "small",
            "tag": f"small:{version}",
            "platform": f"linux/{architecture}",
            "python": None,
            "target": {"l4t": l4t, "jetpack": "6.2.1"} if l4t else None,
            "base": {"variant": "runtime"},
            "mediapipe": {"version": version},
            "models": [],
            "notes": [],
        },
        "image": {
            "architecture": architecture,
            "id": oci.digest(config),
            "size": sum(blob.size for blob in blobs),
            "tag": f"small:{version}",
        },
        "archive": _archive(archive, digest, config, blobs),
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    shutil.rmtree(work)
    return release.make(folder)


def _config(
    blobs: Sequence[oci.Blob], version: str, kind: str, arch: str, check_s: int, application: str
) -> bytes:
    """Return the image's configuration, as OCI has it."""
    check = {GOOD: "true", UNHEALTHY: "false", ENDS: "false"}[kind]
    labels = {release.APPLICATION: application} if application else {}
    container = {
        "Env": ["PATH=/bin"],
        "Entrypoint": ["/bin/sh", "-c", MISTAKE] if kind == ENDS else None,
        "Cmd": ["/bin/sleep", "infinity"],
        "Healthcheck": {
            "Test": ["CMD", f"/bin/{check}"],
            "Interval": check_s * 1_000_000_000,
            "Retries": 3,
        },
        "Labels": {"version": version, **labels},
    }
    image = {
        "architecture": arch,
        "os": "linux",
        "created": oci.CREATED,
        "config": container,
        "rootfs": {"type": "layers", "diff_ids": [blob.diff_id for blob in blobs]},
    }
    return json.dumps(image, sort_keys=True).encode()


def _archive(
    path: Path, digest: str, config: bytes, blobs: Sequence[oci.Blob]
) -> dict[str, object]:
    """Return what a build's manifest has of its archive."""
    return {
        "file": path.name,
        "size": path.stat().st_size,
        "digest": digest,
        "config": oci.digest(config),
        "layers": [
            {"diff_id": blob.diff_id, "digest": blob.digest, "size": blob.size} for blob in blobs
        ],
    }
