"""Build a planned image: parts, archive, SBOM, manifest and the first start."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docker.errors import DockerException
from docker.models.images import Image

from jetson_kit import __version__
from jetson_kit.build import (
    compose,
    dockerfile_build,
    image_ahead,
    image_config,
    image_write,
    manifest,
    parts,
    smoke,
)
from jetson_kit.build.image_ahead import Ahead
from jetson_kit.build.parts import Parts
from jetson_kit.build.plan import BuildPlan
from jetson_kit.build.smoke import FirstStart
from jetson_kit.containers import docker_settings, engine, image_load, oci
from jetson_kit.core import cached_files, output_folder
from jetson_kit.core.errors import BadInputError, NetworkError
from jetson_kit.core.files import locked, sweep, write_text
from jetson_kit.core.output_folder import MANIFEST
from jetson_kit.core.paths import cache_dir
from jetson_kit.core.progress import Progress
from jetson_kit.wheels import device_wheel

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
) -> Image:
    """Build the image into the local engine and nothing more."""
    engine.client()
    with _alone(plan, progress), _ahead(plan, archive=False) as early:
        make = functools.partial(parts.make, plan, progress, device_source=device_source)
        result = _whole(make(ahead=early), make, progress)
        return image_write.into_engine(plan, result, early, progress)


def build(
    plan: BuildPlan,
    progress: Progress,
    *,
    refresh: bool = False,
    device_source: Path = device_wheel.SOURCE,
    first_start: bool = True,
    emulation: bool = True,
) -> Built:
    """Build the image, write dist/<name>/ and start the image once, unless that is left out.

    Without `emulation` no package of the application is compiled for another processor.
    Whatever was built from the same inputs before is used again. Raises BadInputError for an
    output folder that holds something else, DiskFullError where no image fits, and the typed
    errors of the steps; the old dist/<name>/ stays until the new one is whole. A second build of
    the same waits for the first.
    """
    output_folder.check(plan.output)
    if not (plan.output / MANIFEST).exists():
        output_folder.check_room(plan.output)
    engine.client()
    with _alone(plan, progress), _ahead(plan, archive=True) as early:
        output_folder.recover(plan.output)
        make = functools.partial(
            parts.make,
            plan,
            progress,
            refresh=refresh,
            emulation=emulation,
            device_source=device_source,
        )
        result = make(ahead=early)
        inputs = _inputs(plan, result)
        if known := _unchanged(plan, inputs):
            progress.say(f"        nothing changed: {plan.tag} is {known['image']['id'][:19]}")
            _write_service(plan, plan.output)
            return Built(_started(known, plan, first_start, progress), plan.output, False)
        output_folder.check_room(plan.output)
        result = _whole(result, make, progress)
        before = _started_before(plan, result) if first_start else None
        if before:
            progress.say("        not started again: only the application's code has changed")
        with output_folder.replaced(plan.output) as folder:
            written = image_write.write(
                plan, result, early, folder, progress, first_start=first_start, before=before
            )
            write_text(folder / SBOM, _sbom(plan, result))
            _write_service(plan, folder)
            document = manifest.document(plan, result, written, inputs)
            write_text(folder / MANIFEST, json.dumps(document, indent=1) + "\n")
        return Built(document, plan.output, fresh=True)


def _write_service(plan: BuildPlan, folder: Path) -> None:
    """Write how an application's container runs on a board: by the fleet, and by Compose."""
    for name, text in compose.files(plan.app, plan.tag).items() if plan.app else ():
        write_text(folder / name, text)


def _ahead(plan: BuildPlan, *, archive: bool) -> contextlib.AbstractContextManager[Ahead]:
    plain = not engine.containerd_store()
    # A containerd image store is loaded from an archive; a classic one takes plain layers.
    return image_ahead.ahead(plan.arch, load=plain, compress=archive or not plain)


def _started(
    known: dict[str, Any], plan: BuildPlan, first_start: bool, progress: Progress
) -> dict[str, Any]:
    """Return the manifest of the last build; an image that it did not start is started now."""
    if first_start and known["first_start"]["how"] == smoke.NOT_STARTED:
        known["first_start"] = image_write.start(plan, progress).as_json()
        write_text(plan.output / MANIFEST, json.dumps(known, indent=1) + "\n")
    return known


def _started_before(plan: BuildPlan, image_parts: Parts) -> FirstStart | None:
    """Return the first start of the last build if nothing but a user's code has changed since."""
    if not image_parts.code:
        return None
    try:
        known = json.loads((plan.output / MANIFEST).read_text(encoding="utf-8"))
        facts = FirstStart(**known["first_start"])
        same = known["below_code"] == image_parts.below_code
    except (ValueError, KeyError, TypeError, OSError, RecursionError):
        return None
    return facts if same and facts.how != smoke.NOT_STARTED else None


def _sbom(plan: BuildPlan, image_parts: Parts) -> str:
    from jetson_kit.build import sbom  # noqa: PLC0415 # slow to import, and most builds change nothing

    return sbom.document(plan, image_parts)


def _whole(image_parts: Parts, make: Callable[[], Parts], progress: Progress) -> Parts:
    """Return the parts; those whose files in the cache were damaged are made again."""
    damaged = parts.drop_damaged(image_parts)
    if not damaged:
        return image_parts
    progress.say(f"        damaged in the cache, made again: {', '.join(damaged)}")
    return make()


def push(plan: BuildPlan, reference: str, progress: Progress) -> str:
    """Push the image under `reference`; return its digest there.

    Raises NetworkError, BadInputError, ToolMissingError where there is no login.
    """
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
            if refused := docker_settings.refused_login(error):
                raise refused from error
            message = getattr(error, "explanation", None) or error
            if "invalid reference format" in str(message) or "repository name" in str(message):
                raise BadInputError(
                    f"{reference} is no image reference: {message}",
                    "write it as registry/name:tag, in lower case",
                ) from error
            raise NetworkError(f"push to {reference} failed: {message}") from error
        step.note = digest
    return digest


def _inputs(plan: BuildPlan, image_parts: Parts) -> str:
    """Return the digest of all that the image, its archive and its first start depend on."""
    recipe = [
        dockerfile_build.DOCKERFILE.read_bytes(),
        image_config.DATA.read_bytes(),
        image_parts.key.encode(),
        plan.tag.encode(),
    ]
    settings = f"{__version__} {oci.SETTINGS}"
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
        # Engines name an image by its configuration or by its manifest.
        names = (known["archive"]["config"], known["archive"]["digest"])
        same = known["inputs"] == inputs and image is not None and image.id in names
        whole = archive.stat().st_size == known["archive"]["size"] and (plan.output / SBOM).exists()
    except (ValueError, KeyError, TypeError, OSError, RecursionError):
        return None
    return known if same and whole else None


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
        for folder, pattern in (("rootfs", "*.tar"), ("layers", "*.tar"), ("blobs", "*.zst")):
            cached_files.forget_unused(cache_dir(folder), pattern)
        sweep(cache_dir("tmp"), "*")
        image_load.forget_left()
        yield
