"""From the parts of an image to its archive and the image in the local engine, started once."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docker.models.images import Image

from jetson_kit.build import dockerfile_build, image_config, image_labels, smoke
from jetson_kit.build.image_ahead import Ahead
from jetson_kit.build.parts import Parts
from jetson_kit.build.plan import BuildPlan
from jetson_kit.build.smoke import FirstStart
from jetson_kit.containers import engine, image_load, oci
from jetson_kit.containers.image_load import PlainLayer
from jetson_kit.containers.oci import Blob
from jetson_kit.core import cached_files, output_folder
from jetson_kit.core.paths import cache_dir
from jetson_kit.core.progress import Progress


@dataclass(frozen=True)
class Written:
    """An image's archive as the manifest lists it, its bytes unpacked, and its first start."""

    archive: dict[str, Any]
    unpacked: int
    first_start: FirstStart


def into_engine(plan: BuildPlan, parts: Parts, early: Ahead, progress: Progress) -> Image:
    """Put the image into the local engine and do nothing more."""
    if parts.base.reference:
        return dockerfile_build.build(plan, parts, progress)
    layers = _layers(parts)
    config = _config(plan, parts, layers)
    if not engine.containerd_store():
        return _load_layers(plan, config, layers, early, progress)
    with tempfile.TemporaryDirectory(dir=cache_dir("tmp")) as folder:
        archive = _archive(plan, config, _blobs(layers, early, progress), Path(folder), progress)
        return _load_archive(plan, archive, Path(folder), progress)


def start(plan: BuildPlan, progress: Progress) -> FirstStart:
    """Start the image that the engine has."""
    return smoke.start(plan, str(engine.client().images.get(plan.tag).id), progress)


def write(
    plan: BuildPlan,
    parts: Parts,
    early: Ahead,
    folder: Path,
    progress: Progress,
    *,
    first_start: bool = True,
    before: FirstStart | None = None,
) -> Written:
    """Write the archive into `folder`, load the image into the engine and start it once.

    `early` is what was begun before. Without `first_start` the image is not started; nor is it
    where `before` is what one with the same lower layers did.
    """

    def begin(image: Image) -> FirstStart:
        if not first_start or before:
            return before or smoke.not_started(plan)
        return smoke.start(plan, str(image.id), progress)

    if parts.base.reference:
        return _on_other_base(plan, parts, folder, progress, begin)
    layers = _layers(parts)
    config = _config(plan, parts, layers)
    if engine.containerd_store():
        blobs = _blobs(layers, early, progress)
        archive = _archive(plan, config, blobs, folder, progress)
        image = _load_archive(plan, archive, folder, progress)
        return _written(archive, blobs, begin(image))

    def load_and_start() -> FirstStart:
        return begin(_load_layers(plan, config, layers, early, progress))

    with ThreadPoolExecutor(1) as pool:
        started = pool.submit(load_and_start)
        blobs = _blobs(layers, early, progress)
        archive = _archive(plan, config, blobs, folder, progress)
        return _written(archive, blobs, started.result())


def _on_other_base(
    plan: BuildPlan,
    parts: Parts,
    folder: Path,
    progress: Progress,
    begin: Callable[[Image], FirstStart],
) -> Written:
    """Build by the Dockerfile; the base's layers are the engine's alone, so all are read there."""
    image = dockerfile_build.build(plan, parts, progress)
    with ThreadPoolExecutor(1) as pool:
        started = pool.submit(begin, image)
        with progress.step("layers", "layers out of the engine, compressed"):
            blobs = oci.blobs(
                engine.diff_ids(image),
                lambda requested, keep: engine.save_layers(image, requested, keep),
            )
        config = oci.config_of(image.attrs, image.history())
        archive = _archive(plan, config, blobs, folder, progress)
        first_start = started.result()
    if engine.containerd_store():
        # The image there has times and a compression of its own: it becomes the archive's.
        _load_archive(plan, archive, folder, progress)
    return _written(archive, blobs, first_start)


def _written(archive: dict[str, Any], blobs: Sequence[Blob], first_start: FirstStart) -> Written:
    return Written(archive, sum(blob.unpacked for blob in blobs), first_start)


def _diff_id(tar: Path) -> str:
    return f"sha256:{cached_files.sha256(tar)}"


def _layers(parts: Parts) -> tuple[PlainLayer, ...]:
    """Return the image's layers in the order of docker/image.toml."""
    order = image_config.order()
    tars = sorted(parts.tars, key=lambda row: order.index(row[0]))
    return tuple(PlainLayer(name, _diff_id(tar), tar) for name, tar in tars)


def _config(plan: BuildPlan, parts: Parts, layers: Sequence[PlainLayer]) -> bytes:
    rows = [(layer.name, layer.diff_id) for layer in layers]
    return image_config.config_bytes(
        plan.arch, image_labels.labels(plan, parts), rows, plan.app, plan.variant
    )


def _blobs(layers: Sequence[PlainLayer], early: Ahead, progress: Progress) -> tuple[Blob, ...]:
    with progress.step("layers", "layers compressed"):
        return tuple(early.blob(layer) for layer in layers)


def _archive(
    plan: BuildPlan, config: bytes, blobs: Sequence[Blob], folder: Path, progress: Progress
) -> dict[str, Any]:
    """Write the OCI archive; return what the manifest says of it."""
    output_folder.check_room(folder, sum(blob.size for blob in blobs))
    name = f"{plan.tag.replace(':', '-')}.oci.tar"
    with progress.step("archive", f"OCI archive {name}") as step:
        path = folder / name
        digest = oci.write_archive(path, config, blobs, plan.tag, {})
        size = path.stat().st_size
        step.note = f"{size / 1e6:.0f} MB, zstd"
    return {
        "file": name,
        "size": size,
        "digest": digest,
        "config": oci.digest(config),
        "layers": [
            {"diff_id": blob.diff_id, "digest": blob.digest, "size": blob.size} for blob in blobs
        ],
    }


def _load_layers(
    plan: BuildPlan,
    config: bytes,
    layers: Sequence[PlainLayer],
    early: Ahead,
    progress: Progress,
) -> Image:
    early.wait_for_load()
    with progress.step("load", f"image {plan.tag} into the Docker Engine") as step:
        image = image_load.from_layers(plan.tag, config, layers, early.loaded())
        step.note = str(image.id)[:19]
    return image


def _load_archive(
    plan: BuildPlan, archive: dict[str, Any], folder: Path, progress: Progress
) -> Image:
    with progress.step("load", f"image {plan.tag} into the Docker Engine") as step:
        image = image_load.from_archive(
            plan.tag,
            folder / archive["file"],
            archive["digest"],
            [row["diff_id"] for row in archive["layers"]],
        )
        step.note = str(image.id)[:19]
    return image
