"""From what the user asked for to a frozen plan: which wheel, Python, base, models and names.

Planning reads data and shipped audits; it fetches nothing and writes nothing.
"""

from __future__ import annotations

import platform
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from packaging.version import Version

from jetson_kit import __version__, models, rootfs, targets, wheels
from jetson_kit.audit.planned import planned_verdict
from jetson_kit.errors import BadInputError
from jetson_kit.paths import ROOT
from jetson_kit.targets import Soc, Target
from jetson_kit.wheels import Pin

SCHEMA = "mediapipe-jetson-kit/plan/1"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
VARIANTS = ("runtime", "emulated")
REPOSITORY = "mediapipe-jetson"
# The official aarch64 wheels with GPU inside (from 1.0.1) use LSE atomics: measured by the audit.
GPU_SINCE = "armv8.1-a"


@dataclass(frozen=True)
class Request:
    """What the user asked for; an empty string means "choose for me"."""

    jetson: bool = False
    l4t: str = ""
    module: str = ""
    python: str = ""
    base: str = "debian"
    variant: str = "runtime"
    mediapipe: str = ""
    require_gpu: bool | None = None
    output: str = ""


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

    @property
    def platform(self) -> str:
        """Return the platform as Docker writes it."""
        return f"linux/{self.arch}"

    @property
    def arm_level(self) -> str:
        """Return the Arm architecture level that all its boards have; "" for a native image."""
        return min((soc.arm_level for soc in self.socs), key=targets.arm_rank, default="")

    @property
    def jetson_version(self) -> str:
        """Return the version of the MediaPipe-Jetson wheel."""
        return self.pin.jetson_version

    def as_json(self) -> dict[str, Any]:
        """Return the plan for `--plan --json`."""
        return {
            "schema": SCHEMA,
            "kit": __version__,
            "name": self.name,
            "tag": self.tag,
            "target": asdict(self.target) if self.target else None,
            "socs": [soc.id for soc in self.socs],
            "platform": self.platform,
            "python": self.python,
            "base": {"kind": self.base, "suite": self.suite, "variant": self.variant},
            "mediapipe": {
                "version": self.jetson_version,
                "source": self.pin.filename,
                "sha256": self.pin.sha256,
                "verdict": self.verdict,
                "reason": self.reason,
            },
            "lock": self.lock.relative_to(ROOT).as_posix(),
            "models": list(self.models),
            "driver_dirs": list(self.driver_dirs),
            "output": _shown(self.output),
            "notes": list(self.notes),
        }


def host_arch() -> str:
    """Return this machine's architecture in Docker's words. Raises BadInputError."""
    machine = platform.machine()
    if machine not in ARCHITECTURES:
        raise BadInputError(f"no image can be built for a {machine} machine", "use --jetson")
    return ARCHITECTURES[machine]


def make(request: Request) -> BuildPlan:
    """Turn a request into a plan. Raises BadInputError for what can't be."""
    if request.variant not in VARIANTS:
        raise BadInputError(
            f"unknown variant {request.variant!r}", f"choose one of {', '.join(VARIANTS)}"
        )
    target = _target(request)
    socs = _socs(request, target)
    arch = "arm64" if target else host_arch()
    base, python = _base(request, target)
    suite = rootfs.suite_for(python) if base == "debian" else ""
    pin, verdict, reason = _wheel(request, target, socs, arch, python)
    parts = [target.name if target else f"native-{arch}", request.module, request.variant]
    name = "-".join(part for part in parts if part and part != "runtime")
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
        verdict=verdict,
        reason=reason,
        lock=wheels.lock_for(pin.wheel_class, arch, python),
        models=models.names(),
        driver_dirs=target.driver_dirs if target else (),
        output=Path(request.output).absolute() if request.output else ROOT / "dist" / name,
        notes=_notes(socs, verdict, pin),
    )


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
    known = ", ".join(module.id for module in target.modules)
    raise BadInputError(
        f"{target.name} does not run on a module {request.module!r}", f"choose one of {known}"
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
        stock = target.python if target else ""
        python = stock if stock in wheels.pythons() else "3.11"
    if request.base != "ngc":
        return request.base, python
    if target is None:
        raise BadInputError("--base ngc is for Jetson images", "add --jetson")
    return target.ngc_image, python


def _wheel(
    request: Request, target: Target | None, socs: tuple[Soc, ...], arch: str, python: str
) -> tuple[Pin, str, str]:
    """Return the newest wheel whose audit passes on every board, with verdict and reason."""
    place = target.name if target else arch
    pins = [pin for pin in wheels.pins() if pin.arch == arch]
    if request.mediapipe:
        known = list(dict.fromkeys(pin.version for pin in pins))
        pins = [pin for pin in pins if pin.version == request.mediapipe]
        if not pins:
            raise BadInputError(
                f"MediaPipe {request.mediapipe} is not pinned for {arch}",
                f"choose one of {', '.join(known)}",
            )
    refused: list[str] = []
    for pin in pins:
        if not pin.supports(python):
            offered = ", ".join(
                sorted(
                    {one for p in pins for one in p.pythons if p.version == pin.version},
                    key=Version,
                )
            )
            refused.append(f"{pin.version} is for Python {offered}")
            continue
        found = planned_verdict(pin, target, socs)
        if found.verdict == "no":
            refused.append(f"{pin.version}: {found.reason.rstrip('.')}")
            continue
        if _gpu_required(request, socs) and found.verdict != "gpu":
            raise BadInputError(
                f"MediaPipe {pin.version} can't use the GPU of {place}: {found.reason.rstrip('.')}",
                "add --allow-cpu (or drop --require-gpu) to accept inference on the CPU",
            )
        return pin, found.verdict, found.reason
    raise BadInputError(
        f"no MediaPipe wheel fits {place} with Python {python}: "
        + "; ".join(dict.fromkeys(refused)),
        "choose another --python or --mediapipe",
    )


def _gpu_required(request: Request, socs: tuple[Soc, ...]) -> bool:
    """Boards that can have the GPU require it unless told otherwise."""
    if request.require_gpu is not None:
        return request.require_gpu
    return bool(socs) and all(targets.arm_runs(soc.arm_level, GPU_SINCE) for soc in socs)


def _notes(socs: tuple[Soc, ...], verdict: str, pin: Pin) -> tuple[str, ...]:
    if not socs or verdict == "gpu":
        return ()
    old = [soc for soc in socs if not targets.arm_runs(soc.arm_level, GPU_SINCE)]
    names = " and ".join(soc.family for soc in old)
    why = (
        f"{names} have armv8.0-a cores, and every official wheel with GPU inside needs {GPU_SINCE}"
        if old
        else f"MediaPipe {pin.version} was chosen, which has no GPU inside"
    )
    return (
        f"MediaPipe {pin.version} itself stays on the CPU here: {why}.",
        "What would change it: a MediaPipe wheel built from source with GPU for armv8.0-a, or an "
        "engine runtime such as TensorRT beside MediaPipe."
        if old
        else "What would change it: leave out --mediapipe.",
    )


def _shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else str(path)
