"""The layers of the kit's own, below an application: made side by side from a plan."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from jetson_kit.build import base_image
from jetson_kit.build.base_image import Base
from jetson_kit.build.image_ahead import Ahead
from jetson_kit.build.plan import BuildPlan
from jetson_kit.containers.layers import LayerTar
from jetson_kit.core import cached_files
from jetson_kit.core.files import sha256_file
from jetson_kit.core.paths import cache_dir
from jetson_kit.core.progress import Progress
from jetson_kit.core.text import counted
from jetson_kit.debian import bytecode, rootfs
from jetson_kit.debian.bytecode import Compiler
from jetson_kit.debian.rootfs import Rootfs
from jetson_kit.models import bundles as models
from jetson_kit.models import legacy as legacy_models
from jetson_kit.tensorrt import image
from jetson_kit.tensorrt.image import EngineLayers
from jetson_kit.wheels import device_wheel, litert, pysite, repack, shim
from jetson_kit.wheels.pysite import Installed

Tars = tuple[tuple[str, Path], ...]
"""(name in the build context, file)"""
MODELS = "opt/mediapipe/models"
# Raised when the same inputs would give other bytes than before.
FORMAT = 1


@dataclass(frozen=True)
class KitLayers:
    """The layers that no application changes, and what is inside them."""

    base: Base
    root: Rootfs | None
    tars: Tars
    deps: pysite.SiteLayer
    litert: pysite.SiteLayer
    mediapipe: pysite.SiteLayer
    device: pysite.SiteLayer
    engines: EngineLayers
    wheel: Path
    wheel_sha256: str
    models: tuple[tuple[str, str], ...]

    @property
    def sites(self) -> tuple[pysite.SiteLayer, ...]:
        """Return the layers that hold Python packages."""
        return self.deps, self.litert, self.mediapipe, self.device

    @property
    def installed(self) -> tuple[Installed, ...]:
        """Return the Python packages that are installed in them."""
        parts = (self.deps, self.litert, self.mediapipe, self.engines, self.device)
        return tuple(item for part in parts for item in part.installed)


def make(
    plan: BuildPlan, progress: Progress, refresh: bool, device_source: Path, ahead: Ahead | None
) -> KitLayers:
    """Make the layers that no application changes. Raises what its sources raise.

    The lowest come first: they are loaded and compressed while the others are made.
    """
    own_base = plan.base == "debian"
    tars: list[tuple[str, Path]] = []

    def add(name: str, tar: Path) -> None:
        if own_base and ahead:
            ahead.layer(name, tar)
        tars.append((name, tar))

    # At a time no more than the processor can do, and two that wait for the network.
    with ThreadPoolExecutor((os.cpu_count() or 1) + 2) as pool:
        if own_base:
            locked = pool.submit(_locked, plan, progress, _own_python(plan))
        else:
            based = pool.submit(_base, plan, progress, refresh)
        wheeled = pool.submit(_mediapipe, plan, progress)
        modelled = pool.submit(_models, plan, progress)
        # Its compiler is the largest file to fetch.
        shimmed = pool.submit(shim.build, plan.arch, device_source / "native")
        runtime = pool.submit(_litert, plan, progress)
        engined = pool.submit(_engines, plan, progress)
        if own_base:
            based = pool.submit(_base, plan, progress, refresh)
        device = pool.submit(_device, plan, progress, device_source, shimmed)
        if not own_base:
            locked = pool.submit(_locked, plan, progress, based.result()[0].interpreter)
        model_tar, model_list = modelled.result()
        add("models.tar", model_tar)
        add("deps.tar", locked.result().tar)
        add("litert.tar", runtime.result().tar)
        wheel, wheel_sha256, mediapipe = wheeled.result()
        add("mediapipe.tar", mediapipe.tar)
        for name, tar in engined.result().tars:
            add(name, tar)
        base, root = based.result()
        for name, tar in base.tars:
            add(name, tar)
        return KitLayers(
            base=base,
            root=root,
            tars=(*tars, ("device.tar", device.result().tar), ("config.tar", _config(plan))),
            deps=locked.result(),
            litert=runtime.result(),
            mediapipe=mediapipe,
            device=device.result(),
            engines=engined.result(),
            wheel=wheel,
            wheel_sha256=wheel_sha256,
            models=model_list,
        )


def _engines(plan: BuildPlan, progress: Progress) -> EngineLayers:
    if plan.engines is None:
        return EngineLayers((), (), ())
    return image.make(plan.engines, plan.python, plan.arch, progress)


def _compiler(plan: BuildPlan) -> Compiler | None:
    """Return the compiler of the image's Python; another base's may have another's bytecode."""
    return bytecode.of(plan.suite, plan.python) if plan.base == "debian" else None


def _own_python(plan: BuildPlan) -> str:
    return f"/usr/bin/python{plan.python}"


def _locked(plan: BuildPlan, progress: Progress, interpreter: str) -> pysite.SiteLayer:
    with progress.step("deps", "Python packages from the lock"):
        return pysite.locked(plan.lock, plan.python, plan.arch, interpreter, _compiler(plan))


def _litert(plan: BuildPlan, progress: Progress) -> pysite.SiteLayer:
    with progress.step("litert", "LiteRT from its lock") as step:
        site_layer = litert.layer(plan.arch, plan.python, _compiler(plan))
        step.note = next(
            item.version for item in site_layer.installed if item.name == "ai-edge-litert"
        )
    return site_layer


def _base(plan: BuildPlan, progress: Progress, refresh: bool) -> tuple[Base, Rootfs | None]:
    if plan.base != "debian":
        with progress.step("base", f"base image {plan.base}") as step:
            result = base_image.external(plan.base, plan.platform, plan.arch, plan.python)
            step.note = f"Python at {result.interpreter}"
        return result, None
    with progress.step("rootfs", f"Debian {plan.suite} {plan.arch} root file system") as step:
        file_system = rootfs.build(plan.root, plan.suite, plan.arch, refresh=refresh)
        newest = "" if file_system.locked else ", the newest"
        step.note = f"{counted(len(file_system.packages), 'package')}{newest}"
    base = Base(
        "debian", "", _own_python(plan), (("rootfs.tar", file_system.tar),), file_system.key
    )
    return base, file_system


def _mediapipe(plan: BuildPlan, progress: Progress) -> tuple[Path, str, pysite.SiteLayer]:
    """Return the wheel, its sha256 and its layer."""
    with progress.step("wheel", f"MediaPipe {plan.jetson_version} wheel") as step:
        wheel = repack.build(plan.pin, cache_dir("wheels"))
        step.note = f"{plan.verdict} on this target"
        sha256 = cached_files.sha256(wheel)  # all of the file was just made, or read
        return (
            wheel,
            sha256,
            pysite.wheel(wheel, plan.python, plan.arch, sha256=sha256, compiler=_compiler(plan)),
        )


def _device(
    plan: BuildPlan, progress: Progress, source: Path, shimmed: Future[Path]
) -> pysite.SiteLayer:
    # In a folder of its own: another checkout's wheel has the same name.
    with (
        progress.step("device", "device wheel, its shim compiled for the target"),
        tempfile.TemporaryDirectory(dir=cache_dir("tmp"), prefix="device-wheel-") as folder,
    ):
        wheel = device_wheel.build_platform(Path(folder), plan.arch, source, shimmed.result())
        hook = (legacy_models.HOOK,)
        return pysite.wheel(wheel, plan.python, plan.arch, beside=hook, compiler=_compiler(plan))


def _models(plan: BuildPlan, progress: Progress) -> tuple[Path, tuple[tuple[str, str], ...]]:
    with progress.step("models", f"{counted(len(plan.models), 'model')}, checked by hash"):
        paths = sorted((*models.fetch(plan.models), *legacy_models.fetch()))
        listed = tuple((path.name, sha256_file(path)) for path in paths)
        manifest = json.dumps(
            {
                "schema": "mediapipe-jetson/models/1",
                "models": [{"file": name, "sha256": digest} for name, digest in listed],
            },
            indent=1,
        )
        tar = cache_dir("layers") / f"models-{_hash(manifest)}.tar"
        if not cached_files.intact(tar):
            with cached_files.create(tar) as aside, LayerTar(aside) as layer:
                layer.data(f"{MODELS}/manifest.json", manifest + "\n")
                for path in paths:
                    layer.file(f"{MODELS}/{path.name}", path)
        return tar, listed


def _config(plan: BuildPlan) -> Path:
    """Return the last layer: where the loader finds the injected driver, and what this is."""
    facts = plan.as_json()
    # What belongs to an application is in its own layer: this one stays as it is.
    own = ("output", "app")
    about = json.dumps({key: facts[key] for key in facts if key not in own}, indent=1) + "\n"
    loader = "".join(f"{folder}\n" for folder in plan.driver_dirs)
    tar = cache_dir("layers") / f"config-{_hash(about + loader)}.tar"
    if not cached_files.intact(tar):
        with cached_files.create(tar) as aside, LayerTar(aside) as layer:
            if loader:
                layer.data("etc/ld.so.conf.d/000-nvidia-injected.conf", loader)
            layer.data("etc/mediapipe-jetson/plan.json", about)
    return tar


def _hash(text: str) -> str:
    return hashlib.sha256(f"{FORMAT}\n{text}".encode()).hexdigest()[:16]
