"""From what the user asked for to a frozen plan: which wheel, Python, base, models and names.

Planning reads data and shipped audits; it fetches nothing and writes nothing.
"""

from __future__ import annotations

import platform
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from jetson_kit import __version__, models, rootfs, targets, wheels
from jetson_kit.audit import planned_verdict
from jetson_kit.errors import BadInputError
from jetson_kit.paths import ROOT
from jetson_kit.targets import Target
from jetson_kit.wheels import Pin

SCHEMA = "mediapipe-jetson-kit/plan/1"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
VARIANTS = ("runtime", "emulated")
REPOSITORY = "mediapipe-jetson"


@dataclass(frozen=True)
class Request:
    """What the user asked for; an empty string means "choose for me"."""

    jetson: bool = False
    l4t: str = ""
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
    if request.l4t and not request.jetson:
        raise BadInputError("--l4t is for Jetson images", "add --jetson")
    table = targets.load()
    target = (
        (table.resolve(request.l4t) if request.l4t else table.default) if request.jetson else None
    )
    arch = "arm64" if target else host_arch()
    base, python = _base(request, target)
    suite = rootfs.suite_for(python) if base == "debian" else ""
    pin, verdict, reason = _wheel(request, target, arch, python)
    name = target.name if target else f"native-{arch}"
    if request.variant != "runtime":
        name += f"-{request.variant}"
    return BuildPlan(
        name=name,
        tag=f"{REPOSITORY}:{name}",
        target=target,
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
        notes=_notes(target, verdict, pin),
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


def _wheel(request: Request, target: Target | None, arch: str, python: str) -> tuple[Pin, str, str]:
    """Return the newest wheel whose audit passes for the target, with verdict and reason."""
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
            refused.append(f"{pin.version} is for Python {pin.python_range}")
            continue
        verdict, reason = planned_verdict(pin.sha256, target)
        if verdict == "no":
            refused.append(f"{pin.version} {reason}")
            continue
        if _gpu_required(request, target) and verdict != "gpu":
            raise BadInputError(
                f"MediaPipe {pin.version} is CPU only here: {reason}",
                "build without --require-gpu to accept that MediaPipe stays on the CPU",
            )
        return pin, verdict, reason
    seen = list(dict.fromkeys(refused))
    raise BadInputError(
        f"no MediaPipe wheel fits {target.name if target else arch} with Python {python}: "
        + "; ".join(seen),
        "choose another --python or --mediapipe",
    )


def _gpu_required(request: Request, target: Target | None) -> bool:
    """Targets that can have the GPU require it unless told otherwise."""
    if request.require_gpu is not None:
        return request.require_gpu
    return target is not None and targets.at_least(target.arm_level, "armv8.1-a")


def _notes(target: Target | None, verdict: str, pin: Pin) -> tuple[str, ...]:
    if target is None or verdict == "gpu":
        return ()
    cpus = ", ".join(
        dict.fromkeys(soc.cpu for soc in target.socs if soc.arm_level == target.arm_level)
    )
    return (
        f"MediaPipe {pin.version} itself stays on the CPU on {target.name}: the boards' oldest "
        f"cores ({cpus}) have {target.arm_level}, and every official wheel with GPU inside needs "
        "armv8.1-a.",
        "What would change it: a MediaPipe wheel built from source with GPU for armv8.0-a, or an "
        "engine runtime (TensorRT) beside MediaPipe.",
    )


def _shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else str(path)
