"""The audit of one wheel, from its file to what it is worth on each target."""

from __future__ import annotations

import re
import tempfile
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from jetson_kit.audit import emulate, gpu, record, rules, translation, wheelfile
from jetson_kit.audit import inference as inferring
from jetson_kit.audit import verdict as judge
from jetson_kit.audit.native import Library
from jetson_kit.audit.record import Measured
from jetson_kit.audit.verdict import Facts, Verdict
from jetson_kit.audit.wheelfile import WheelFile
from jetson_kit.core.files import disk_guard
from jetson_kit.targets import table as targets
from jetson_kit.targets.table import Soc, Target

SYSTEMS = {"elf": "linux", "macho": "macos", "pe": "windows"}


@dataclass(frozen=True)
class Audit:
    """What a wheel really is."""

    path: Path
    wheel: str
    name: str
    version: str
    arch: str
    os: str
    gpu: bool
    gpu_paths: tuple[str, ...]
    min_arm: str | None
    arm_features: tuple[str, ...]
    glibc: str
    needed: tuple[str, ...]
    python: tuple[str, ...]
    delegate: str
    inference: str
    translated: str
    """The older core that its library was translated for, "" for none."""
    tags: tuple[str, ...]
    tags_lie: tuple[str, ...]
    evidence: tuple[str, ...]
    facts: Facts
    measured: Measured | None
    libraries: tuple[Library, ...]

    def verdict(self, target: Target, soc: Soc | None = None) -> Verdict:
        """Return what the wheel is worth on a target, or on one SoC of it."""
        if soc is None:
            return judge.for_target(self.facts, target)
        return judge.for_soc(self.facts, target, soc)

    @property
    def useful(self) -> bool:
        """Tell whether some target can run it on its GPU."""
        return any(self.verdict(target).verdict == "gpu" for target in targets.load().all)

    def to_json(self) -> dict[str, Any]:
        """Return the audit as it is printed with --json."""
        hidden = ("path", "facts", "measured", "libraries")
        body: dict[str, Any] = {
            key: list(value) if isinstance(value, tuple) else value
            for key, value in ((key, getattr(self, key)) for key in self.__dataclass_fields__)
            if key not in hidden
        }
        body["glibc"] = self.glibc or None
        body["emulated"] = (
            {run.cpu: asdict(run) for run in self.measured.emulation.runs} if self.measured else {}
        )
        body["libraries"] = {library.path: library.arch for library in self.libraries}
        body["targets"] = {
            target.name: {
                **asdict(self.verdict(target)),
                "socs": {soc.id: self.verdict(target, soc).verdict for soc in target.socs},
            }
            for target in targets.load().all
        }
        return body


def audit(path: Path, *, live: bool | None = None) -> Audit:
    """Audit a wheel.

    `live` True measures on emulated CPUs even where a record exists, False never takes more than
    the shipped records, None takes records and cache and measures what they do not know.
    Raises BadInputError where the file is no wheel.
    """
    wheel = wheelfile.read(path)
    core = _core(wheel.libraries)
    arch, system = _arch(core)
    arms = native_arms(wheel.libraries)
    seen = gpu.look(arms if arch == "aarch64" else wheel.libraries)
    fit = arch == "aarch64" and not any(lib.trouble for lib in arms)
    measured = _measure(wheel, arms, core, live) if fit else None
    translated = translation.look(wheel)
    emulation = measured.emulation if measured else None
    facts = Facts(
        arch=arch,
        os=system,
        gpu_paths=seen.paths,
        cuda_major=seen.cuda_major,
        glibc=_highest(lib.glibc for lib in core),
        musl=any("musl" in name for lib in arms for name in lib.needed),
        python=judge.pythons(wheel.tags, wheel.requires_python, wheel.classified),
        emulation=emulation,
        trouble=(
            *(f"{lib.path}: {lib.trouble}" for lib in wheel.libraries if lib.trouble),
            *translated.trouble,
        ),
        core=any(gpu.is_core(lib) for lib in wheel.libraries),
    )
    return Audit(
        path=path,
        wheel=path.name,
        name=wheel.name,
        version=wheel.version,
        arch=arch,
        os=system,
        gpu=bool(seen.paths),
        gpu_paths=seen.paths,
        min_arm=emulation.min_arm if emulation else None,
        arm_features=emulation.features if emulation else (),
        glibc=facts.glibc,
        needed=_needed(wheel.libraries),
        python=facts.python,
        delegate=_delegate(wheel),
        inference=measured.inference if measured else "not run: not for Linux aarch64",
        translated=translated.core,
        tags=wheel.tags,
        tags_lie=wheel.lies,
        evidence=(*translated.evidence, *_evidence(wheel, core, seen, measured)),
        facts=facts,
        measured=measured,
        libraries=wheel.libraries,
    )


def native_arms(libraries: tuple[Library, ...]) -> tuple[Library, ...]:
    """Return the libraries that a Jetson could load: those that are measured."""
    return tuple(library for library in libraries if _is_arm(library))


def _core(libraries: tuple[Library, ...]) -> tuple[Library, ...]:
    """Return the libraries that infer, or all; of twins for several machines, Jetson's own."""
    core = tuple(lib for lib in libraries if gpu.is_core(lib)) or libraries
    twins = {_stem(lib) for lib in native_arms(core)}
    return tuple(lib for lib in core if _is_arm(lib) or _stem(lib) not in twins)


def _stem(library: Library) -> str:
    return re.sub(r"aarch64|arm64|x86_64|amd64", "", library.path)


def _is_arm(library: Library) -> bool:
    return library.format == "elf" and library.arch == "aarch64"


def _measure(
    wheel: WheelFile, libraries: tuple[Library, ...], core: tuple[Library, ...], live: bool | None
) -> Measured:
    if known := record.load(libraries, live=live):
        return known
    if live is False:
        return Measured(emulate.unknown("no record of these libraries"), "not run: not requested")
    with tempfile.TemporaryDirectory(prefix="kit-audit-") as name, disk_guard(Path(name)):
        folder = Path(name)
        with zipfile.ZipFile(wheel.path) as archive:
            archive.extractall(folder)
        emulation = emulate.measure(libraries, core, folder)
        message = inferring.infer(wheel, folder, emulation) if emulation.runs else "not run"
    measured = Measured(emulation, message)
    record.save(libraries, measured)
    return measured


def _arch(core: tuple[Library, ...]) -> tuple[str, str]:
    if not core:
        return "", ""
    kinds = sorted({library.arch for library in core})
    systems = sorted({SYSTEMS[library.format] for library in core})
    return "+".join(kinds), "+".join(systems)


def _highest(versions: Any) -> str:  # noqa: ANN401
    return max(versions, key=lambda v: [int(n) for n in re.findall(r"\d+", v)], default="")


def _needed(libraries: tuple[Library, ...]) -> tuple[str, ...]:
    own = {Path(lib.path).name for lib in libraries} | {lib.soname for lib in libraries}
    return tuple(sorted({name for lib in libraries for name in lib.needed} - own))


def _delegate(wheel: WheelFile) -> str:
    for row in rules.raw()["delegates"]:
        if re.search(row["pattern"], wheel.text(row["file"])):
            return str(row["says"])
    return ""


def _evidence(
    wheel: WheelFile,
    core: tuple[Library, ...],
    seen: gpu.GpuFacts,
    measured: Measured | None,
) -> tuple[str, ...]:
    lines = list(seen.evidence)
    if not seen.paths:
        lines.append(
            "no library imports or opens a GPU driver for inference"
            if wheel.libraries
            else "no native library"
        )
    lines += [f"{Path(lib.path).name}: {lib.trouble}" for lib in wheel.libraries if lib.trouble]
    bundled = [Path(lib.path).name for lib in wheel.libraries if lib not in core]
    if bundled:
        lines.append(f"also in it: {', '.join(bundled[:8])}{' ...' if len(bundled) > 8 else ''}")
    if measured:
        lines += [f"{run.cpu}: {run.says}" for run in measured.emulation.runs]
        lines += measured.emulation.notes
        lines.append(f"inference: {measured.inference}")
    return tuple(lines)
