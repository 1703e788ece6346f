"""Build a planned image: parts, buildx, archive, SBOM, manifest and the first start."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docker.errors import DockerException
from docker.models.images import Image

from jetson_kit import __version__, bake, device_wheel, engine, manifest, oci, parts, sbom, smoke
from jetson_kit.errors import BadInputError, NetworkError
from jetson_kit.files import locked, sweep, write_text
from jetson_kit.parts import Parts
from jetson_kit.paths import cache_dir
from jetson_kit.plan import BuildPlan
from jetson_kit.progress import Progress

MANIFEST = "manifest.json"
SBOM = "sbom.cdx.json"


@dataclass(frozen=True)
class Built:
    """A finished build: its manifest, and whether anything had to be done."""

    manifest: dict[str, Any]
    folder: Path
    fresh: bool


def image_only(
    plan: BuildPlan,
    progress: Progress,
    *,
    device_source: Path = device_wheel.SOURCE,
    cached: bool = True,
) -> Image:
    """Build the image into the local engine and nothing more; `cached` False distrusts BuildKit."""
    engine.client()
    with _alone(plan, progress):
        early = bake.early(plan) if cached else lambda _: None
        made = parts.make(plan, progress, device_source=device_source, early=early)
        if damaged := parts.drop_damaged(made):
            progress.say(f"        damaged in the cache, made again: {', '.join(damaged)}")
            made = parts.make(plan, progress, device_source=device_source)
        return bake.finish(plan, made, progress, cached=cached)


def build(
    plan: BuildPlan,
    progress: Progress,
    *,
    refresh: bool = False,
    device_source: Path = device_wheel.SOURCE,
    first_start: bool = True,
) -> Built:
    """Build the image, write dist/<name>/ and start the image once, unless that is left out.

    Whatever was built from the same inputs before is used again. Raises BadInputError for an
    output folder that holds something else, and the typed errors of the steps; the old
    dist/<name>/ stays until the new one is whole. A second build of the same waits for the first.
    """
    _check_output(plan.output)
    engine.client()
    with _alone(plan, progress):
        return _build(plan, progress, refresh, device_source, first_start)


def _build(
    plan: BuildPlan, progress: Progress, refresh: bool, device_source: Path, first_start: bool
) -> Built:
    _recover(plan.output)
    early = bake.early(plan)
    made = parts.make(plan, progress, refresh=refresh, device_source=device_source, early=early)
    inputs = _inputs(plan, made)
    tars = [tar for _, tar in made.tars]
    if known := _unchanged(plan, inputs):
        if first_start and known["first_start"]["how"] == smoke.NOT_STARTED:
            done = smoke.start(plan, known["image"]["id"], progress, tars)
            known["first_start"] = done.as_json()
            write_text(plan.output / MANIFEST, json.dumps(known, indent=1) + "\n")
        progress.say(f"        nothing changed: {plan.tag} is {known['image']['id'][:19]}")
        return Built(known, plan.output, fresh=False)
    if damaged := parts.drop_damaged(made):
        progress.say(f"        damaged in the cache, made again: {', '.join(damaged)}")
        made = parts.make(plan, progress, device_source=device_source)
    image = bake.finish(plan, made, progress)
    with ThreadPoolExecutor(1) as pool:
        begin = smoke.start if first_start else smoke.not_started
        started = pool.submit(begin, plan, str(image.id), progress, tars)
        folder = _aside(plan.output)
        layers = _layers(image, progress)
        if not made.base.reference and not all(blob.walked for blob in layers):
            # Docker sometimes finds a layer's files by comparing it with the one below it, and then
            # orders them by their whole paths. It walks through layers that are all built anew.
            progress.say("        the engine wrote files in another order: built anew")
            image = bake.finish(plan, made, progress, cached=False)
            layers = _layers(image, progress)
            started = pool.submit(begin, plan, str(image.id), progress, tars)
        archive = _archive(plan, image, layers, folder, progress)
        with progress.step("sbom", "SBOM (CycloneDX)"):
            write_text(folder / SBOM, sbom.document(plan, made))
        start = started.result()
    document = manifest.document(plan, made, image, archive, start, inputs)
    write_text(folder / MANIFEST, json.dumps(document, indent=1) + "\n")
    _publish(folder, plan.output)
    return Built(document, plan.output, fresh=True)


def push(plan: BuildPlan, reference: str, progress: Progress) -> str:
    """Push the image under `reference`; return its digest there. Raises NetworkError."""
    with progress.step("push", f"push to {reference}") as step:
        image = engine.client().images.get(plan.tag)
        repository, _, tag = reference.rpartition(":")
        if not repository or "/" in tag:
            repository, tag = reference, plan.name
        digest = ""
        try:
            if not image.tag(repository, tag):
                raise BadInputError(f"{reference} is no image reference")
            for row in engine.client().images.push(repository, tag, stream=True, decode=True):
                if "error" in row:
                    raise NetworkError(
                        f"push to {reference} failed: {row['error']}",
                        "check the name and the network, and log in with: docker login",
                    )
                digest = row.get("aux", {}).get("Digest", digest)
        except DockerException as error:
            said = getattr(error, "explanation", None) or error
            if "invalid reference format" in str(said) or "repository name" in str(said):
                raise BadInputError(
                    f"{reference} is no image reference: {said}",
                    "write it as registry/name:tag, in lower case",
                ) from error
            raise NetworkError(f"push to {reference} failed: {said}") from error
        step.note = digest
    return digest


def _inputs(plan: BuildPlan, made: Parts) -> str:
    """Return the digest of all that the image, its archive and its first start depend on."""
    recipe = [
        bake.DOCKERFILE.read_bytes(),
        bake.BAKE.read_bytes(),
        made.key.encode(),
        plan.tag.encode(),
    ]
    settings = f"{__version__} {oci.LEVEL} {oci.WINDOW_LOG}"
    return oci.digest(b"\0".join((*recipe, settings.encode())))


def _unchanged(plan: BuildPlan, inputs: str) -> dict[str, Any] | None:
    """Return the manifest of the last build if it had these inputs and all of it is still there."""
    path = plan.output / MANIFEST
    if not path.exists():
        return None
    try:
        known: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        image = engine.image(plan.tag)
        archive = plan.output / known["archive"]["file"]
        same = known["inputs"] == inputs and image is not None and image.id == known["image"]["id"]
        whole = archive.stat().st_size == known["archive"]["size"] and (plan.output / SBOM).exists()
    except (ValueError, KeyError, TypeError, OSError):
        return None
    return known if same and whole else None


def _layers(image: Image, progress: Progress) -> tuple[oci.Blob, ...]:
    with progress.step("layers", "layers out of the engine, compressed"):
        return oci.blobs(
            engine.diff_ids(image), lambda wanted, keep: engine.save_layers(image, wanted, keep)
        )


def _archive(
    plan: BuildPlan,
    image: Image,
    layers: Sequence[oci.Blob],
    folder: Path,
    progress: Progress,
) -> dict[str, Any]:
    name = f"{plan.tag.replace(':', '-')}.oci.tar"
    with progress.step("archive", f"OCI archive {name}") as step:
        config = oci.config_bytes(image.attrs, image.history())
        path = folder / name
        digest = oci.write_archive(path, config, layers, plan.tag, {})
        size = path.stat().st_size
        step.note = f"{size / 1e6:.0f} MB, zstd"
    return {
        "file": name,
        "size": size,
        "digest": digest,
        "config": oci.digest(config),
        "layers": [
            {"diff_id": blob.diff_id, "digest": blob.digest, "size": blob.size} for blob in layers
        ],
    }


@contextlib.contextmanager
def _alone(plan: BuildPlan, progress: Progress) -> Iterator[None]:
    """Hold the locks of an image's name and of its output folder, always in this order."""
    place = hashlib.sha256(str(plan.output).encode()).hexdigest()[:16]
    with contextlib.ExitStack() as held:
        for name in (f"image-{plan.name}", f"output-{place}"):
            lock = cache_dir("locks") / f"{name}.lock"
            held.enter_context(
                locked(lock, lambda: progress.say(f"        another build of {plan.name} is ahead"))
            )
        for folder in ("rootfs", "layers", "blobs", "wheels", "models"):
            sweep(cache_dir(folder), ".*.part")
        sweep(cache_dir("tmp"), "*")
        yield


def _check_output(output: Path) -> None:
    """Refuse a folder whose contents are not ours: publishing would replace them."""
    if not output.exists():
        return
    if not output.is_dir():
        raise BadInputError(f"{output} is not a folder", "name another with --output")
    if any(output.iterdir()) and not (output / MANIFEST).is_file():
        raise BadInputError(
            f"{output} holds files that no build wrote", "name a new or empty folder with --output"
        )


def _recover(output: Path) -> None:
    """Put the old folder back where a build was killed while it was replaced."""
    old = output.with_name(f".{output.name}.old")
    if old.exists() and not output.exists():
        old.rename(output)


def _aside(output: Path) -> Path:
    """Return an empty folder beside the output; what an interrupted build left there goes."""
    folder = output.with_name(f".{output.name}.part")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _publish(folder: Path, output: Path) -> None:
    """Put the finished folder in place of the old one; _recover mends a kill between."""
    old = output.with_name(f".{output.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if output.exists():
        output.rename(old)
    folder.rename(output)
    shutil.rmtree(old, ignore_errors=True)
