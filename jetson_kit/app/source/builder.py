"""The builder's image: Debian's compiler and headers, and what jetson.toml adds for building."""

from __future__ import annotations

import contextlib
import hashlib
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

from docker.errors import DockerException

from jetson_kit.app import system
from jetson_kit.app.settings import App
from jetson_kit.app.source.model import Target
from jetson_kit.containers import engine, image_load, oci
from jetson_kit.containers.image_load import PlainLayer
from jetson_kit.core import cached_files
from jetson_kit.core.paths import cache_dir
from jetson_kit.debian import rootfs

VARIANT = "build"
NAME = "mediapipe-jetson-builder"


@dataclass(frozen=True)
class Builder:
    """What wheels are compiled in: its layers, and the hash of them."""

    suite: str
    arch: str
    tars: tuple[Path, ...]
    key: str


def make(app: App, target: Target, *, refresh: bool = False) -> Builder:
    """Return the builder for a target, put together from signed packages.

    Raises BadInputError for a package that Debian does not have, and as rootfs.build.
    """
    root = rootfs.build(VARIANT, target.suite, target.arch, refresh=refresh)
    tars = [root.tar]
    if extra := system.for_building(app, root, refresh=refresh):
        tars.append(extra.tar)
    key = hashlib.sha256("\n".join(tar.name for tar in tars).encode()).hexdigest()[:16]
    return Builder(target.suite, target.arch, tuple(tars), key)


def image(builder: Builder) -> str:
    """Return the id of the builder's image in the local engine, loaded where it is not there.

    Raises as image_load.from_layers.
    """
    family = f"{NAME}:{builder.suite}-{builder.arch}-"
    tag = f"{family}{builder.key}"
    layers = [
        PlainLayer(tar.name, f"sha256:{cached_files.sha256(tar)}", tar) for tar in builder.tars
    ]
    known = engine.image(tag)
    if known is not None and list(engine.diff_ids(known)) == [row.diff_id for row in layers]:
        return str(known.id)
    _forget_older(family, layers[0])
    body = {
        "architecture": builder.arch,
        "os": "linux",
        "created": oci.CREATED,
        "config": {"Labels": {engine.KIT_LABEL: NAME}},
        "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
    }
    config = json.dumps(body, sort_keys=True).encode()
    if not engine.containerd_store():
        return str(image_load.from_layers(tag, config, layers).id)
    with tempfile.TemporaryDirectory(dir=cache_dir("tmp"), prefix="builder-") as folder:
        path = Path(folder, "builder.oci.tar")
        blobs = [oci.compressed(layer.diff_id, layer.tar) for layer in layers]
        digest = oci.write_archive(path, config, blobs, tag, {})
        ids = [layer.diff_id for layer in layers]
        return str(image_load.from_archive(tag, path, digest, ids).id)


def _forget_older(family: str, root: PlainLayer) -> None:
    """Remove builders that stand on another root file system than there is now."""
    for known in engine.client().images.list(filters={"label": f"{engine.KIT_LABEL}={NAME}"}):
        old = engine.diff_ids(known)[:1] != (root.diff_id,)
        for tag in known.tags if old else ():
            if tag.startswith(family):
                with contextlib.suppress(DockerException):  # it is in use
                    engine.client().images.remove(tag)
