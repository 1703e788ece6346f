"""Loads libraries on one emulated CPU, constructors and all, by a tree's own Python."""

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

from jetson_kit.audit import rules
from jetson_kit.emulation import cores as emulation
from jetson_kit.emulation.cpus import Cpu

# Debian sid's package has no name with -static any more; the program is the same.
PROGRAMS = ("qemu-aarch64-static", "qemu-aarch64")
LOADER = Path(__file__).with_name("loader.py")
LOAD_S = 240.0


@dataclass(frozen=True)
class Outcome:
    """The results of libraries on one emulated CPU."""

    loaded: tuple[str, ...]
    errors: tuple[tuple[str, str], ...]
    """(path, what the loader said) of each library that failed for another reason."""
    crash: str
    """Why the process died, "" if it did not."""
    illegal: bool


def program() -> str:
    """Return the path of QEMU's user emulation of arm64, or an empty string."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None) or ""


def command(tree: Path, cpu: Cpu, *more: str) -> list[str]:
    """Return the command line that runs the tree's own Python on an emulated CPU."""
    python = next(tree.glob("usr/bin/python3.[0-9]*"))
    return [program(), "-cpu", cpu.qemu, "-L", str(tree), *more, str(python)]


@contextlib.contextmanager
def prefix(tree: Path, cpu: Cpu) -> Iterator[Path]:
    """Yield the tree with this core's /proc/cpuinfo: QEMU looks for every path there first."""
    with scratch() as folder:
        # No more than programs are made of: what is the machine's own, /tmp above all, stays so.
        for name in ("bin", "etc", "lib", "lib64", "sbin", "usr"):
            if (tree / name).exists():
                (folder / name).symlink_to(tree / name)
        (folder / "proc").mkdir()
        text = emulation.cpuinfo(cpu, os.cpu_count() or 1)
        (folder / "proc" / "cpuinfo").write_text(text, encoding="utf-8")
        yield folder


def load(
    tree: Path,
    cpu: Cpu,
    hwcap: tuple[str, ...] | None,
    paths: tuple[str, ...],
    beside: tuple[Path, ...] = (),
) -> Outcome:
    """Load each library in turn; go on behind one that kills the process."""
    loaded: list[str] = []
    errors: list[tuple[str, str]] = []
    crash, illegal = "", False
    rest = list(paths)
    while rest:
        tail = [*("-I", "-S"), str(LOADER), _hwcap(hwcap), *rest]
        code, out, err = execute([*command(tree, cpu), *tail], rest, beside)
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
            return Outcome((), unmasked, "", illegal=False)
        at = rest[min(len(lines), len(rest) - 1)]
        if not crash:
            crash, illegal = f"{Path(at).name}: {_why(code, err)}", code == -signal.SIGILL
        rest = rest[len(lines) + 1 :]
    return Outcome(tuple(loaded), tuple(dict.fromkeys(errors)), crash, illegal)


def execute(
    line: list[str], paths: list[str], beside: tuple[Path, ...] = ()
) -> tuple[int, str, str]:
    """Run a command that finds libraries beside these; return its code, output and errors."""
    folders = list(dict.fromkeys((*map(str, beside), *(str(Path(path).parent) for path in paths))))
    env = {"PATH": os.defpath, "LC_ALL": "C.UTF-8"}
    env["QEMU_SET_ENV"] = f"LD_LIBRARY_PATH={':'.join(folders[:20])}"
    try:
        with scratch() as folder, _no_core_files():
            done = subprocess.run(
                line, env=env, capture_output=True, timeout=LOAD_S, check=False, cwd=folder
            )
    except subprocess.TimeoutExpired:
        return -signal.SIGALRM, "", f"no end within {LOAD_S:.0f} s"
    out, err = (stream.decode("utf-8", "replace") for stream in (done.stdout, done.stderr))
    return done.returncode, out, err


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """Yield a folder that goes afterwards."""
    with tempfile.TemporaryDirectory(prefix="kit-audit-") as name:
        yield Path(name)


def _hwcap(names: tuple[str, ...] | None) -> str:
    if names is None:
        return "-"
    known = rules.features()
    return f"{sum(1 << known[name].bit for name in names):x}"


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
    messages = [
        messages
        for line in re.split(r"[^\x20-\x7e]+", err)
        if (messages := line.strip()) and not messages.startswith("qemu: uncaught")
    ]
    name = signal.Signals(-code).name if code < 0 else f"exit code {code}"
    return f"{messages[-1][:200]} ({name})" if messages else f"died of {name}"
