"""From what the user asked for to a frozen plan: which wheel, Python, base, models and names.

Planning reads data and shipped audits. It fetches nothing but a wheel that no shipped audit has,
such as one that `--mediapipe` names: that one is downloaded into the cache and audited.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from jetson_kit import __version__
from jetson_kit.app import base_packages, image_programs, inputs
from jetson_kit.app.module_names import Python
from jetson_kit.app.settings import App
from jetson_kit.build import cameras, image_config, wheel_choice
from jetson_kit.build.request import VARIANTS, Request
from jetson_kit.build.wheel_choice import AuditedPin
from jetson_kit.core.errors import BadInputError
from jetson_kit.core.machine import host_arch
from jetson_kit.core.paths import ROOT
from jetson_kit.debian import rootfs
from jetson_kit.models import bundles as models
from jetson_kit.targets import arm_levels
from jetson_kit.targets import table as targets
from jetson_kit.targets.table import Soc, Target
from jetson_kit.tensorrt import image
from jetson_kit.tensorrt.image import EnginePlan
from jetson_kit.wheels import pins as wheels
from jetson_kit.wheels.pins import Pin

SCHEMA = "mediapipe-jetson-kit/plan/1"
REPOSITORY = "mediapipe-jetson"


@dataclass(frozen=True)
class BuildPlan:
    """Everything that a build needs to know."""

    name: str
    """Folder below dist/ and tag of the image."""
    tag: str
    target: Target | None
    socs: tuple[Soc, ...]
    """The SoCs that the image must run on."""
    arch: str
    python: str
    base: str
    """"debian", or the reference of an image."""
    suite: str
    variant: str
    pin: Pin
    verdict: str
    reason: str
    lock: Path
    models: tuple[str, ...]
    driver_dirs: tuple[str, ...]
    output: Path
    notes: tuple[str, ...]
    engines: EnginePlan | None = None
    app: App | None = None
    components: tuple[str, ...] = ()
    """What of docker/rootfs.toml it has besides its variant's packages."""
    looked: bool = True
    """Whether the base was looked at; if not, `python`, and what follows from it, is a guess."""

    @property
    def root(self) -> str:
        """Return what its root file system is put together of: "runtime", "runtime+camera"."""
        return "+".join((self.variant, *self.components))

    @property
    def platform(self) -> str:
        """Return the platform as Docker writes it."""
        return f"linux/{self.arch}"

    @property
    def arm_level(self) -> str:
        """Return the Arm architecture level that all its boards have; "" for a native image."""
        return min((soc.arm_level for soc in self.socs), key=arm_levels.rank, default="")

    @property
    def jetson_version(self) -> str:
        """Return the version of the MediaPipe-Jetson wheel."""
        return self.pin.jetson_version

    @property
    def one_wheel(self) -> bool:
        """Return whether its wheel is certain: one for any Python is, where that is not known."""
        return self.looked or "-py3-none-" in self.pin.filename

    def as_json(self) -> dict[str, Any]:
        """Return the plan for `--plan --json`; null is what is not known yet."""
        return {
            "schema": SCHEMA,
            "kit": __version__,
            "name": self.name,
            "tag": self.tag,
            "target": asdict(self.target) if self.target else None,
            "socs": [soc.id for soc in self.socs],
            "platform": self.platform,
            "python": self.python if self.looked else None,
            "base": {
                "kind": self.base,
                "suite": self.suite,
                "variant": self.variant,
                **({"components": list(self.components)} if self.components else {}),
            },
            "mediapipe": {
                "version": self.jetson_version,
                "source": self.pin.filename if self.one_wheel else None,
                "sha256": self.pin.sha256 if self.one_wheel else None,
                "verdict": self.verdict,
                "reason": self.reason,
            },
            "lock": self.lock.relative_to(ROOT).as_posix() if self.looked else None,
            "models": list(self.models),
            "driver_dirs": list(self.driver_dirs),
            **({"engines": self.engines.as_json()} if self.engines else {}),
            **({"app": self.app.as_json()} if self.app else {}),
            "output": _shown(self.output),
            "notes": list(self.notes),
        }


def by_target(request: Request, *, of_board: bool = False) -> Request:
    """Return it with what [target] of its application says where it names nothing itself.

    A native image has no release and no module. `of_board`: these two were read from a board.
    """
    if request.app is None:
        return request
    target, takes = request.app.target, request.jetson and not of_board
    return replace(
        request,
        l4t=request.l4t or (target.l4t if takes else ""),
        module=request.module or (target.module if takes else ""),
        python=request.python or target.python,
        mediapipe=request.mediapipe or target.mediapipe,
    )


def make(request: Request) -> BuildPlan:
    """Turn a request into a plan. Raises BadInputError for what can't be, and as inputs."""
    request.check()
    if request.app:
        inputs.check(request.app)
        image_programs.check_path(request.app, image_config.data()["env"]["PATH"])
    target = _target(request)
    socs = _socs(request, target)
    arch = "arm64" if target else host_arch()
    base, python = _base(request, target)
    suite = rootfs.suite_for(python) if base == "debian" else ""
    engines = _engines(request, target, socs, base, python)
    chosen, audited_pins = _wheel(request, target, socs, arch, python)
    pin = chosen.pin
    lock = wheels.lock_for(pin.wheel_class, arch, python)
    if request.app:
        held = base_packages.of(lock, pin.jetson_version, arch, python, suite).names
        inputs.check_folder(request.app, Python(python, arch), held)
    name = _name(request, target, arch, python, pin)
    films = request.camera or (request.app is not None and request.app.films)
    components = ("camera",) if films else ()
    return BuildPlan(
        name=name,
        tag=f"{REPOSITORY}:{name}",
        target=target,
        socs=socs,
        arch=arch,
        python=python,
        base=base,
        suite=suite,
        variant=request.variant,
        pin=pin,
        verdict=chosen.verdict,
        reason=chosen.reason,
        lock=lock,
        models=models.names(),
        driver_dirs=target.driver_dirs if target else (),
        output=_output(request, name),
        notes=wheel_choice.notes(target, socs, chosen, audited_pins)
        + (engines.notes if engines else ())
        + (cameras.notes(target, suite) if components else ())
        + request.left_aside,
        app=request.app,
        engines=engines,
        components=components,
        looked=request.base_python is not None or bool(request.python),
    )


def _name(request: Request, target: Target | None, arch: str, python: str, pin: Pin) -> str:
    """Return the image's name: what was asked for, where it is not what one gets anyway.

    Two images that differ in base, Python or MediaPipe by request have two names.
    """
    parts = [target.name if target else f"native-{arch}", request.module]
    parts += [request.variant] if request.variant != "runtime" else []
    if request.base != "debian":
        # An image's own name, without registry, tag and digest, tells people enough.
        parts.append(request.base.partition("@")[0].rpartition("/")[2].replace(":", "-")[:60])
    if request.python and python != _base(replace(request, python=""), target)[1]:
        parts.append(f"py{python}")
    if request.mediapipe:
        usual = replace(request, mediapipe="", require_gpu=False)
        if _wheel(usual, target, _socs(request, target), arch, python)[0].pin != pin:
            parts.append(f"mediapipe{pin.version}")
    parts += ["camera"] if request.camera else []
    parts += ["engines"] if request.engines else []
    parts += [_of_app(request.app, target)] if request.app else []
    return "-".join(filter(None, parts))


def _of_app(app: App, target: Target | None) -> str:
    """Return an application's part of the name, which never begins as what stands for a choice."""
    modules = [module.id for module in target.modules] if target else []
    choices = "|".join(map(re.escape, [*VARIANTS, "camera", "engines", *modules]))
    alike = re.match(rf"(?:app|{choices})(?:-|$)", app.name)
    return f"app-{app.name}" if alike else app.name


def _output(request: Request, name: str) -> Path:
    """Return the folder to write; of a link it is what it leads to, so that the link stays."""
    place = Path(request.output).absolute() if request.output else ROOT / "dist" / name
    return place.resolve() if place.is_symlink() else place


def _engines(
    request: Request, target: Target | None, socs: tuple[Soc, ...], base: str, python: str
) -> EnginePlan | None:
    if not request.engines:
        return None
    if target is None:
        raise BadInputError("--engines is for Jetson images", "add --jetson")
    return image.plan(request.engines, target, socs, base, python)


def _target(request: Request) -> Target | None:
    if not request.jetson:
        if request.l4t or request.module:
            raise BadInputError("--l4t, --module and --for are for Jetson images", "add --jetson")
        return None
    table = targets.load()
    return table.resolve(request.l4t) if request.l4t else table.default


def _socs(request: Request, target: Target | None) -> tuple[Soc, ...]:
    """Return the SoCs that the image is for: all of the release, or that of one module."""
    if target is None:
        return ()
    if not request.module:
        return target.socs
    for module in target.modules:
        if module.id == request.module:
            return (module.soc,)
    raise BadInputError(
        f"{target.name} does not run on a module {request.module!r}",
        targets.load().hint_for_module(request.module, target),
    )


def _base(request: Request, target: Target | None) -> tuple[str, str]:
    if request.base == "debian":
        return "debian", request.python or "3.11"
    if request.variant != "runtime":
        raise BadInputError(
            f"the variant {request.variant} adds Debian packages", "leave out --base"
        )
    python = request.python
    if not python:
        stock = request.base_python or (target.python if target else "")
        python = stock if stock in wheels.pythons() else "3.11"
    if request.base != "ngc":
        return request.base, python
    if target is None:
        raise BadInputError("--base ngc is for Jetson images", "add --jetson")
    return target.ngc_image, python


def _wheel(
    request: Request, target: Target | None, socs: tuple[Soc, ...], arch: str, python: str
) -> tuple[AuditedPin, tuple[AuditedPin, ...]]:
    gpu = request.require_gpu
    return wheel_choice.choose(
        target, socs, arch, python, mediapipe=request.mediapipe, require_gpu=gpu
    )


def _shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else str(path)
