"""Finds out what CPU a wheel's libraries need by loading them on emulated ones.

Scanning a library for instructions would not tell: code that is chosen at run time holds
instructions that no lesser CPU ever reaches. So the loader runs it, constructors and all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from jetson_kit.audit import one_cpu, rules
from jetson_kit.core.errors import DiskFullError, KitError
from jetson_kit.core.text import counted, verb
from jetson_kit.debian import rootfs
from jetson_kit.emulation import cpus
from jetson_kit.emulation.cpus import Cpu
from jetson_kit.targets import arm_levels
from jetson_kit.targets.table import version_key

if TYPE_CHECKING:
    from jetson_kit.audit.native import Library

SUITES = ("bookworm", "trixie")
UNKNOWN = "unknown"


@dataclass(frozen=True)
class CpuRun:
    """What happened on one emulated CPU.

    `ok` is None where the CPU was not the matter: a library or symbol was missing there.
    """

    cpu: str
    ok: bool | None
    says: str


@dataclass(frozen=True)
class Emulation:
    """The Arm level that libraries need, as observed: "unknown" with a reason, None if none."""

    min_arm: str | None
    features: tuple[str, ...]
    """CPU features (Linux's names) without which the libraries refuse to load."""
    runs: tuple[CpuRun, ...]
    missing: tuple[str, ...]
    """Libraries that neither the wheel nor the image's Debian packages bring."""
    notes: tuple[str, ...]

    def on(self, soc: str) -> CpuRun | None:
        """Return the run that stands for a SoC ("tegra194")."""
        names = [cpu.name for cpu in cpus.load() if soc in cpu.socs]
        return next((run for run in self.runs if run.cpu in names), None)


def unknown(reason: str) -> Emulation:
    """Return the emulation that could not be done."""
    return Emulation(UNKNOWN, (), (), (), (f"Arm level not measured: {reason}",))


def measure(libraries: tuple[Library, ...], vital: tuple[Library, ...], folder: Path) -> Emulation:
    """Load libraries, unpacked under `folder`, on every emulated CPU.

    `vital` are those without which the wheel is of no use. What keeps it from measuring (no QEMU,
    no root file system) makes the level "unknown".
    """
    if not one_cpu.program():
        return unknown(f"{one_cpu.PROGRAMS[0]} is not installed")
    try:
        tree = rootfs.tree(variant="audit", suite=_suite(libraries), arch="arm64")
    except DiskFullError:
        raise
    except KitError as error:
        return unknown(f"no arm64 root file system to run it in ({error.message})")
    paths = tuple(str(folder / library.path) for library in libraries)
    outcomes = {cpu.name: one_cpu.load(tree, cpu, cpu.hwcap, paths) for cpu in cpus.load()}
    runs = tuple(_run(cpu, outcomes[cpu.name]) for cpu in cpus.load())
    errors = sorted({error for outcome in outcomes.values() for error in outcome.errors})
    missing = _missing(errors, {str(folder / library.path) for library in vital})
    notes = [f"{Path(path).name}: {text.partition(': ')[2] or text}" for path, text in errors]
    # What fails everywhere for want of a library says nothing about the CPU.
    able = tuple(p for p in paths if any(p in outcome.loaded for outcome in outcomes.values()))
    lowest = next((cpu for cpu in cpus.load() if outcomes[cpu.name].loaded == able), None)
    if not able or lowest is None:
        crashed = any(outcome.crash for outcome in outcomes.values())
        return Emulation(None if crashed else UNKNOWN, (), runs, missing, tuple(notes))
    first = outcomes[cpus.load()[0].name]
    if not first.crash:
        return Emulation(lowest.level, (), runs, missing, tuple(notes))
    needed = _needed_features(tree, lowest, able)
    if not needed and first.illegal:
        needed = _refused_instruction(tree, cpus.load()[0], able)
    known = rules.features()
    levels = [known[name].level for name in needed]
    level = max(levels, key=arm_levels.rank, default=lowest.level)
    if needed:
        notes.append(f"does not load without {rules.say(needed)}")
    return Emulation(level, needed, runs, missing, tuple(notes))


@dataclass(frozen=True)
class OneCore:
    """What happened on one core, and what libraries lack there."""

    run: CpuRun
    """Its `ok` is None where it could not be measured, and where the core was not the matter."""
    missing: tuple[str, ...] = ()
    everywhere: bool = False
    """Whether they end their process on the newest core as well."""


def on_core(
    libraries: tuple[Library, ...], folder: Path, cpu: Cpu, beside: tuple[Path, ...] = ()
) -> OneCore:
    """Load libraries, unpacked under `folder`, on one core.

    `beside` are folders of other libraries that are there.
    """
    if not one_cpu.program():
        return OneCore(CpuRun(cpu.name, None, f"{one_cpu.PROGRAMS[0]} is not installed"))
    tree = rootfs.tree(variant="audit", suite=_suite(libraries), arch="arm64")
    paths = tuple(str(folder / library.path) for library in libraries)
    outcome = one_cpu.load(tree, cpu, cpu.hwcap, paths, beside)
    missing = _missing(list(outcome.errors), set(paths))
    newest = cpus.load()[-1]
    if outcome.crash and not outcome.illegal:
        other = (
            outcome if newest == cpu else one_cpu.load(tree, newest, newest.hwcap, paths, beside)
        )
        if other.crash and not other.illegal:
            return OneCore(CpuRun(cpu.name, None, outcome.crash), missing, everywhere=True)
    return OneCore(_run(cpu, outcome), missing)


def _missing(errors: list[tuple[str, str]], vital: set[str]) -> tuple[str, ...]:
    """Return the libraries that the loader looked for in vain."""
    matches = [
        re.match(r"(\S+): cannot open shared object", text) for p, text in errors if p in vital
    ]
    return tuple(sorted({match[1] for match in matches if match}))


def _suite(libraries: tuple[Library, ...]) -> str:
    """Return the Debian suite whose Python and glibc suit the libraries best."""
    tagged = {m[1] for lib in libraries if (m := re.search(r"cpython-3(\d+)", lib.path))}
    newest = max((int(minor) for minor in tagged), default=0)
    facts = rootfs.data()["suites"]
    glibc = version_key(facts[SUITES[0]]["glibc"])
    late = any(version_key(library.glibc) > glibc for library in libraries)
    return (
        SUITES[1]
        if late or newest > int(facts[SUITES[0]]["python"].split(".")[1]) + 1
        else SUITES[0]
    )


def _run(cpu: Cpu, outcome: one_cpu.Outcome) -> CpuRun:
    if outcome.crash:
        return CpuRun(cpu.name, False, outcome.crash)
    if outcome.errors:
        count = len(outcome.errors)
        all_ = counted(count + len(outcome.loaded), "library", "libraries")
        message = f"{count} of {all_} {verb(count, 'do')} not load, not for the CPU"
        return CpuRun(cpu.name, True if outcome.loaded else None, message)
    return CpuRun(cpu.name, True, "loads")


def _needed_features(tree: Path, cpu: Cpu, paths: tuple[str, ...]) -> tuple[str, ...]:
    """Take one feature after another away from a CPU that loads them, and see who refuses.

    The instructions stay: this finds the checks that a library makes when it starts.
    """
    known = rules.features()
    base = tuple(known) if cpu.hwcap is None else cpu.hwcap
    without = [name for name in base if name not in ("fp", "asimd", "cpuid")]
    result = []
    for name in without:
        left = tuple(other for other in base if other != name)
        if one_cpu.load(tree, cpu, left, paths).crash:
            result.append(name)
    return tuple(result)


def _refused_instruction(tree: Path, cpu: Cpu, paths: tuple[str, ...]) -> tuple[str, ...]:
    """Name the feature of the instruction on which a CPU stopped, from QEMU's own log."""
    with one_cpu.scratch() as folder:
        log = folder / "asm.log"
        tail = ["-I", "-S", str(one_cpu.LOADER), "-", *paths]
        line = [*one_cpu.command(tree, cpu, "-strace", "-d", "in_asm", "-D", str(log)), *tail]
        _, _, err = one_cpu.execute(line, list(paths))
        text = log.read_text("utf-8", "replace") if log.exists() else ""
    spot = re.findall(r"SIGILL[^}]*si_addr\s*=\s*(?:0x)?([0-9a-fA-F]+)", err + text)
    if not spot:
        return ()
    instructions = re.findall(
        rf"^0x0*{spot[-1].lstrip('0').lower()}:\s+([0-9a-f]{{8}})", text, re.M
    )
    if not instructions:
        return ()
    word = int(instructions[-1], 16)
    return next(((op.feature,) for op in rules.opcodes() if word & op.mask == op.value), ())
