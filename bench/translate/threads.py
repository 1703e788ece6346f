"""Atomicity and unwinding: a library with every kind of atomics, translated, with many threads."""

from __future__ import annotations

import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bench.translate import player
from jetson_kit.audit import one_cpu
from jetson_kit.core.errors import CheckFailedError
from jetson_kit.debian import rootfs
from jetson_kit.emulation import cores as emulation
from jetson_kit.wheels.translate import rewrite, table

SOURCE = Path(__file__).with_name("threads.c")
PROGRAM = Path(__file__).with_name("threads_program.py")
COMPILE = "-O2 -std=gnu11 -fPIC -fexceptions -mcpu=cortex_a76 -fno-sanitize=all -w -c".split()
LINK = "-shared --eh-frame-hdr --build-id=sha1 --hash-style=gnu".split()
LIMIT_S = 900.0


@dataclass(frozen=True)
class Threads:
    """What ran: `sites` of the library were translated."""

    threads: int
    rounds: int
    sites: int


def run(threads: int = 8, rounds: int = 20_000, cpu: str = "cortex-a57") -> Threads:
    """Count with translated atomics on an old core, and unwind through them.

    Raises CheckFailedError where a count is wrong, and what compiling raises.
    """
    original = player.compiled("threads.so", SOURCE, COMPILE, LINK)
    translation = rewrite.translate(original.read_bytes(), table.core("armv80"))
    core = emulation.core(cpu)
    tree = rootfs.tree(variant="audit", suite="bookworm", arch="arm64")
    with one_cpu.prefix(tree, core) as place, tempfile.TemporaryDirectory() as name:
        library = Path(name) / "threads.so"
        library.write_bytes(translation.data)
        done = subprocess.run(
            [*one_cpu.command(place, core), *map(str, (PROGRAM, library, threads, rounds))],
            env={"PATH": os.defpath},
            capture_output=True,
            timeout=LIMIT_S,
            check=False,
        )
    if done.returncode:
        last = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        raise CheckFailedError(f"translated atomics on {cpu}: exit {done.returncode}, {last}")
    return Threads(threads, rounds, len(translation.in_place) + len(translation.trampolines))
