"""The parts of an image, each a layer tar in the cache, made side by side from a plan."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from jetson_kit.app import layers as app_layers
from jetson_kit.app.layers import AppLayers
from jetson_kit.app.source.model import Built
from jetson_kit.build import image_config, kit_layers
from jetson_kit.build.base_image import Base
from jetson_kit.build.image_ahead import Ahead
from jetson_kit.build.kit_layers import Tars
from jetson_kit.build.plan import BuildPlan
from jetson_kit.core import cached_files
from jetson_kit.core.progress import Progress
from jetson_kit.emulation import cores as emulation
from jetson_kit.wheels import device_wheel
from jetson_kit.wheels.pysite import Installed


@dataclass(frozen=True)
class Parts:
    """Every input of an image, as tars, and what is inside them."""

    base: Base
    tars: Tars
    wheel: Path
    wheel_sha256: str
    packages: tuple[tuple[str, str, str], ...]
    installed: tuple[Installed, ...]
    models: tuple[tuple[str, str], ...]
    """(file name, sha256)"""
    engines: tuple[tuple[str, str], ...] = ()
    """Engines and ONNX files: (file name, sha256)"""
    built: tuple[Built, ...] = ()
    """The packages of the application that were built from source."""
    code: str = ""
    """The name of the topmost layer, a user's code; "" for none."""

    @property
    def below_code(self) -> str:
        """Return the hash of all inputs but a user's code."""
        return replace(self, tars=tuple(row for row in self.tars if row[0] != self.code)).key

    @property
    def key(self) -> str:
        """Return the hash of all inputs: cache files are named by their contents."""
        names = [self.base.identity, *(f"{name}={tar.name}" for name, tar in self.tars)]
        return hashlib.sha256("\n".join(names).encode()).hexdigest()


def drop_damaged(parts: Parts) -> tuple[str, ...]:
    """Remove layer tars whose bytes are no longer those that were made; return their names."""
    with ThreadPoolExecutor(2) as pool:
        whole = list(pool.map(lambda part: cached_files.intact(part[1], thorough=True), parts.tars))
    damaged = [tar for (_, tar), good in zip(parts.tars, whole, strict=True) if not good]
    for tar in damaged:
        cached_files.forget(tar)
    return tuple(tar.name for tar in damaged)


def make(
    plan: BuildPlan,
    progress: Progress,
    *,
    refresh: bool = False,
    emulation: bool = True,
    device_source: Path = device_wheel.SOURCE,
    ahead: Ahead | None = None,
) -> Parts:
    """Make all parts, the independent ones in parallel. Raises what its sources raise.

    Without `emulation` no package of the application is compiled for another processor. Layers of
    an image on our own base are handed to `ahead` as soon as they are there.
    """
    base_facts = _app_base(plan)
    ready = (
        app_layers.prepare(plan.app, base_facts, progress, refresh=refresh, emulation=emulation)
        if plan.app
        else None
    )
    own = kit_layers.make(plan, progress, refresh, device_source, ahead)
    app = AppLayers(())
    if plan.app and ready:
        below = tuple(site.tar for site in own.sites)
        path = image_config.data()["env"]["PATH"]
        app = app_layers.make(
            plan.app, base_facts, ready, below, progress, path=path, root=own.root, refresh=refresh
        )
    return Parts(
        base=own.base,
        tars=(*own.tars, *app.tars),
        wheel=own.wheel,
        wheel_sha256=own.wheel_sha256,
        packages=(*(own.root.packages if own.root else ()), *app.packages),
        installed=(*own.installed, *app.installed),
        models=own.models,
        engines=own.engines.files,
        built=app.built,
        code=app_layers.CODE if plan.app else "",
    )


def _app_base(plan: BuildPlan) -> app_layers.Base:
    core = emulation.oldest(soc.id for soc in plan.socs) if plan.target else None
    return app_layers.Base(
        plan.lock, plan.jetson_version, plan.arch, plan.python, plan.suite, plan.root, core
    )
