"""An image on a base of the user's: docker/Dockerfile and buildx put our layers on top of it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from docker.models.images import Image

from jetson_kit.build import image_labels
from jetson_kit.build.parts import Parts
from jetson_kit.build.plan import BuildPlan
from jetson_kit.containers import docker_context, engine
from jetson_kit.core.errors import StepFailedError, ToolMissingError
from jetson_kit.core.files import disk_guard
from jetson_kit.core.paths import ROOT, cache_dir
from jetson_kit.core.progress import Progress
from jetson_kit.core.run import run

DOCKERFILE = ROOT / "docker" / "Dockerfile"


def build(plan: BuildPlan, parts: Parts, progress: Progress) -> Image:
    """Build the image and return it.

    Raises ToolMissingError without buildx, StepFailedError, NetworkError or DiskFullError.
    """
    with progress.step("dockerfile", f"image {plan.tag}") as step:
        context = cache_dir("context", plan.name)
        with disk_guard(context):
            link_parts(context, parts.tars)
        run(command(plan, parts, context), what="docker buildx build", env=_environment())
        image = engine.client().images.get(plan.tag)
        if not engine.containerd_store():
            image = engine.with_fixed_times(plan.tag)
        step.note = str(image.id)[:19]
    return image


def command(plan: BuildPlan, parts: Parts, context: Path) -> list[str | Path]:
    """Return the command line; it names every file, as buildx may not read beside its context."""
    wheels = "engines" if plan.engines else "wheels"
    own_base = not parts.base.reference
    arguments = {
        "BASE": parts.base.stage,
        "WHEELS": wheels,
        "SYSTEM": "debian-system" if own_base else wheels,
        "REF": parts.base.reference or "scratch",
    }
    labels = sorted(image_labels.labels(plan, parts).items())
    return [
        # The engine's own builder alone sees the engine's images.
        *("docker", "buildx", "build", "--builder", "default", "--progress", "plain"),
        *("--file", DOCKERFILE, "--target", "image", "--platform", plan.platform),
        *(word for name, value in arguments.items() for word in ("--build-arg", f"{name}={value}")),
        *(word for name, value in labels for word in ("--label", f"{name}={value}")),
        *("--tag", plan.tag, "--load", context),
    ]


def _environment() -> dict[str, str]:
    """Return the environment for buildx. Raises ToolMissingError where buildx is not there."""
    # An attestation would make the image an index of two, which a classic store can't hold.
    environment = {**os.environ, "BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}
    # Of a context the builder "default" is another engine's.
    environment |= docker_context.address().environment
    if docker_context.HOST in environment:
        environment.pop(docker_context.CONTEXT, None)
    # A builder that the user chose by default may be a container, which sees no local image.
    environment.pop("BUILDX_BUILDER", None)
    try:
        run(["docker", "buildx", "version"], what="docker buildx")
    except (StepFailedError, ToolMissingError) as error:
        raise ToolMissingError(
            "an image on another base needs docker buildx",
            "install the package docker-buildx (docker-buildx-plugin from Docker), or leave out "
            "--base",
        ) from error
    return environment


def link_parts(context: Path, tars: Sequence[tuple[str, Path]]) -> None:
    """Make the context folder hold exactly these files, without copying where links work."""
    names = {name for name, _ in tars}
    for stale in context.iterdir():
        if stale.name not in names:
            stale.unlink()
    for name, tar in tars:
        place = context / name
        if place.exists() and place.samefile(tar):
            continue
        place.unlink(missing_ok=True)
        try:
            place.hardlink_to(tar)
        except OSError:
            shutil.copyfile(tar, place)
