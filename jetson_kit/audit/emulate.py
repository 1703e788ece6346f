"""Finds out what CPU a wheel's libraries need by loading them on emulated ones.

Scanning a library for instructions would not tell: code that is chosen at run time holds
instructions that no lesser CPU ever reaches. So the loader runs it, constructors and all.
"""

from __future__ import annotations

import contextlib
import os
import re
import resource
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from jetson_kit.audit import rules
from jetson_kit.core.errors import DiskFullError, KitError
from jetson_kit.core.text import counted, verb
from jetson_kit.debian import rootfs
from jetson_kit.emulation import cores as emulation
from jetson_kit.emulation import cpus
from jetson_kit.emulation.cpus import Cpu
from jetson_kit.targets import table as targets

if TYPE_CHECKING:
    from jetson_kit.audit.native import Library

# Debian sid's package has no name with -static any more; the program is the same.
PROGRAMS = ("qemu-aarch64-static", "qemu-aarch64")
LOADER = Path(__file__).with_name("loader.py")
LOAD_S = 240.0
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


@dataclass(frozen=True)
class _Outcome:
    loaded: tuple[str, ...]
    errors: tuple[tuple[str, str], ...]
    """(path, what the loader said) of each library that failed for another reason."""
    crash: str
    """Why the process died, "" if it did not."""
    illegal: bool


def program() -> str:
    """Return the path of QEMU's user emulation of arm64, or an empty string."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None) or ""


def unknown(reason: str) -> Emulation:
    """Return the emulation that could not be done."""
    return Emulation(UNKNOWN, (), (), (), (f"Arm level not measured: {reason}",))


def measure(libraries: tuple[Library, ...], vital: tuple[Library, ...], folder: Path) -> Emulation:
    """Load libraries, unpacked under `folder`, on every emulated CPU.

    `vital` are those without which the wheel is of no use. What keeps it from measuring (no QEMU,
    no root file system) makes the level "unknown".
    """
    if not program():
        return unknown(f"{PROGRAMS[0]} is not installed")
    try:
        tree = rootfs.tree(variant="audit", suite=_suite(libraries), arch="arm64")
    except DiskFullError:
        raise
    except KitError as error:
        return unknown(f"no arm64 root file system to run it in ({error.message})")
    paths = tuple(str(folder / library.path) for library in libraries)
    outcomes = {cpu.name: _load(tree, cpu, cpu.hwcap, paths) for cpu in cpus.load()}
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
    level = max(levels, key=targets.arm_rank, default=lowest.level)
    if needed:
        notes.append(f"does not load without {rules.say(needed)}")
    return Emulation(level, needed, runs, missing, tuple(notes))


def on_core(
    libraries: tuple[Library, ...], folder: Path, cpu: Cpu, beside: tuple[Path, ...] = ()
) -> tuple[CpuRun, tuple[str, ...]]:
    """Load libraries, unpacked under `folder`, on one core; return that, and what they lack there.

    `beside` are folders of other libraries that are there.
    `ok` of the run is None where it could not be measured.
    """
    if not program():
        return CpuRun(cpu.name, None, f"{PROGRAMS[0]} is not installed"), ()
    tree = rootfs.tree(variant="audit", suite=_suite(libraries), arch="arm64")
    paths = tuple(str(folder / library.path) for library in libraries)
    outcome = _load(tree, cpu, cpu.hwcap, paths, beside)
    return _run(cpu, outcome), _missing(list(outcome.errors), set(paths))


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
    late = any(_number(library.glibc) > _number(facts[SUITES[0]]["glibc"]) for library in libraries)
    return (
        SUITES[1]
        if late or newest > int(facts[SUITES[0]]["python"].split(".")[1]) + 1
        else SUITES[0]
    )


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))


def _run(cpu: Cpu, outcome: _Outcome) -> CpuRun:
    if outcome.crash:
        return CpuRun(cpu.name, False, outcome.crash)
    if outcome.errors:
        count = len(outcome.errors)
        all_ = counted(count + len(outcome.loaded), "library", "libraries")
        message = f"{count} of {all_} {verb(count, 'do')} not load, not for the CPU"
        return CpuRun(cpu.name, True if outcome.loaded else None, message)
    return CpuRun(cpu.name, True, "loads")


def _hwcap(names: tuple[str, ...] | None) -> str:
    if names is None:
        return "-"
    known = rules.features()
    return f"{sum(1 << known[name].bit for name in names):x}"


def command(tree: Path, cpu: Cpu, *more: str) -> list[str]:
    """Return the command line that runs the tree's own Python on an emulated CPU."""
    python = next(tree.glob("usr/bin/python3.[0-9]*"))
    return [program(), "-cpu", cpu.qemu, "-L", str(tree), *more, str(python)]


@contextlib.contextmanager
def prefix(tree: Path, cpu: Cpu) -> Iterator[Path]:
    """Yield the tree with this core's /proc/cpuinfo: QEMU looks for every path there first."""
    with _scratch() as folder:
        # No more than programs are made of: what is the machine's own, /tmp above all, stays so.
        for name in ("bin", "etc", "lib", "lib64", "sbin", "usr"):
            if (tree / name).exists():
                (folder / name).symlink_to(tree / name)
        (folder / "proc").mkdir()
        text = emulation.cpuinfo(cpu, os.cpu_count() or 1)
        (folder / "proc" / "cpuinfo").write_text(text, encoding="utf-8")
        yield folder


def _load(
    tree: Path,
    cpu: Cpu,
    hwcap: tuple[str, ...] | None,
    paths: tuple[str, ...],
    beside: tuple[Path, ...] = (),
) -> _Outcome:
    """Load each library in turn; go on behind one that kills the process."""
    loaded: list[str] = []
    errors: list[tuple[str, str]] = []
    crash, illegal = "", False
    rest = list(paths)
    while rest:
        tail = [*("-I", "-S"), str(LOADER), _hwcap(hwcap), *rest]
        code, out, err = _execute([*command(tree, cpu), *tail], rest, beside)
        lines = [line for line in out.splitlines() if line.partition(" ")[0] in ("OK", "ERR")]
        for path, line in zip(rest, lines, strict=False):
            if line == "OK":
                loaded.append(path)
            else:
                errors.append((path, line.removeprefix("ERR ")))
        if code == 0:
            break
        if "NOMASK" in out:
            unmasked = tuple((path, "its CPU features could not be hidden") for path in rest)
            return _Outcome((), unmasked, "", illegal=False)
        at = rest[min(len(lines), len(rest) - 1)]
        if not crash:
            crash, illegal = f"{Path(at).name}: {_why(code, err)}", code == -signal.SIGILL
        rest = rest[len(lines) + 1 :]
    return _Outcome(tuple(loaded), tuple(dict.fromkeys(errors)), crash, illegal)


def _execute(
    line: list[str], paths: list[str], beside: tuple[Path, ...] = ()
) -> tuple[int, str, str]:
    folders = list(dict.fromkeys((*map(str, beside), *(str(Path(path).parent) for path in paths))))
    env = {"PATH": os.defpath, "LC_ALL": "C.UTF-8"}
    env["QEMU_SET_ENV"] = f"LD_LIBRARY_PATH={':'.join(folders[:20])}"
    try:
        with _scratch() as folder, _no_core_files():
            done = subprocess.run(
                line, env=env, capture_output=True, timeout=LOAD_S, check=False, cwd=folder
            )
    except subprocess.TimeoutExpired:
        return -signal.SIGALRM, "", f"no end within {LOAD_S:.0f} s"
    out, err = (stream.decode("utf-8", "replace") for stream in (done.stdout, done.stderr))
    return done.returncode, out, err


@contextlib.contextmanager
def _no_core_files() -> Iterator[None]:
    """Keep QEMU from writing the memory of what is meant to crash to a file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, (soft, hard))


def _why(code: int, err: str) -> str:
    """Return the process's own last words, and the signal that ended it."""
    words = [
        words
        for line in re.split(r"[^\x20-\x7e]+", err)
        if (words := line.strip()) and not words.startswith("qemu: uncaught")
    ]
    name = signal.Signals(-code).name if code < 0 else f"exit code {code}"
    return f"{words[-1][:200]} ({name})" if words else f"died of {name}"


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
        if _load(tree, cpu, left, paths).crash:
            result.append(name)
    return tuple(result)


def _refused_instruction(tree: Path, cpu: Cpu, paths: tuple[str, ...]) -> tuple[str, ...]:
    """Name the feature of the instruction on which a CPU stopped, from QEMU's own log."""
    with _scratch() as folder:
        log = folder / "asm.log"
        tail = ["-I", "-S", str(LOADER), "-", *paths]
        line = [*command(tree, cpu, "-strace", "-d", "in_asm", "-D", str(log)), *tail]
        _, _, err = _execute(line, list(paths))
        text = log.read_text("utf-8", "replace") if log.exists() else ""
    spot = re.findall(r"SIGILL[^}]*si_addr\s*=\s*(?:0x)?([0-9a-fA-F]+)", err + text)
    if not spot:
        return ()
    words = re.findall(rf"^0x0*{spot[-1].lstrip('0').lower()}:\s+([0-9a-f]{{8}})", text, re.M)
    if not words:
        return ()
    word = int(words[-1], 16)
    return next(((op.feature,) for op in rules.opcodes() if word & op.mask == op.value), ())


@contextlib.contextmanager
def _scratch() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="kit-audit-") as name:
        yield Path(name)
