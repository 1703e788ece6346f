"""docker buildx bake: from the parts of an image to the image in the local engine."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from docker.models.images import Image

from jetson_kit import engine, manifest
from jetson_kit.errors import KitError
from jetson_kit.files import disk_guard
from jetson_kit.parts import Parts, Tars
from jetson_kit.paths import ROOT, cache_dir
from jetson_kit.plan import BuildPlan
from jetson_kit.progress import Progress
from jetson_kit.run import run

DOCKERFILE = ROOT / "docker" / "Dockerfile"
BAKE = ROOT / "docker" / "docker-bake.hcl"


def early(plan: BuildPlan) -> Callable[[Tars], None]:
    """Return what begins an image: BuildKit gets the lower layers while others are being made."""

    def begin(tars: Tars) -> None:
        # It only saves time: whatever is wrong is found, mended or told by finish.
        with contextlib.suppress(KitError, OSError):
            link_parts(_context(plan), tars)
            _bake(_wheels(plan), plan, "debian", "scratch", ())

    return begin


def finish(plan: BuildPlan, made: Parts, progress: Progress, *, cached: bool = True) -> Image:
    """Build the image and return it. Raises StepFailedError, NetworkError or DiskFullError."""
    with progress.step("bake", f"image {plan.tag}") as step:
        context = _context(plan)
        with disk_guard(context):
            link_parts(context, made.tars)
        labels = [f"--set=image.labels.{k}={v}" for k, v in manifest.labels(plan, made).items()]
        options = [*sorted(labels), *(() if cached else ("--no-cache",))]
        _bake("image", plan, made.base.stage, made.base.reference or "scratch", options)
        image = engine.with_fixed_times(plan.tag)
        step.note = str(image.id)[:19]
    return image


def _context(plan: BuildPlan) -> Path:
    return cache_dir("context", plan.name)


def _bake(target: str, plan: BuildPlan, base: str, reference: str, options: Sequence[str]) -> None:
    run(
        ["docker", "buildx", "bake", "--progress", "plain", "-f", BAKE, *options, target],
        what="docker buildx bake",
        env={
            **os.environ,
            "CONTEXT": str(_context(plan)),
            "DOCKERFILE": str(DOCKERFILE),
            "PLATFORM": plan.platform,
            "TAG": plan.tag,
            "BASE": base,
            "WHEELS": _wheels(plan),
            "SYSTEM": "debian-system" if base == "debian" else _wheels(plan),
            "REF": reference,
            "BUILDX_NO_DEFAULT_ATTESTATIONS": "1",
        },
    )


def _wheels(plan: BuildPlan) -> str:
    """Return the stage of the layers below the system: with engines there are two more."""
    return "engines" if plan.engines else "wheels"


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
