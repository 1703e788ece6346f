"""Compile the player and run sequences on an emulated core."""

from __future__ import annotations

import hashlib
import random
import struct
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from jetson_kit.audit import one_cpu
from jetson_kit.core import cached_files
from jetson_kit.core.errors import StepFailedError, ToolMissingError
from jetson_kit.core.files import disk_guard
from jetson_kit.core.paths import cache_dir
from jetson_kit.core.run import run
from jetson_kit.wheels import shim

SOURCE = Path(__file__).with_name("player.c")
COMPILE = (
    "-fno-sanitize=all -O1 -std=c11 -ffreestanding -fno-builtin -fno-stack-protector -w -c".split()
)
LINK = "-static -e _start --build-id=none".split()
NONE = 32
STACK_POINTER = 31
PAIR = 100
WORDS = 123
MEMORY = 64
"""Bytes that a sequence may work on, from SP on."""
STATE = struct.Struct(f"<31Q3Q512s{MEMORY}s")
# Bytes of a state: x0 to x30, SP, flags, padding, v0 to v31, memory.
FLAGS_AT, VECTORS_AT, MEMORY_AT = 256, 272, 784


@dataclass(frozen=True)
class Case:
    """A sequence to play, and how its registers are prepared."""

    words: tuple[int, ...]
    base: int = NONE
    """The register that points to memory: 0 to 30, STACK_POINTER or NONE."""
    offset: int = 0
    equal: int = NONE
    """The register that gets memory's value in every other state."""
    size: int = 0
    """Of that value in bytes, plus PAIR where it fills two registers."""

    def packed(self) -> bytes:
        """Return it as the player reads it."""
        padded = (*self.words, *(0 for _ in range(WORDS - len(self.words))))
        return struct.pack(
            f"<{5 + WORDS}I",
            *(len(self.words), self.base, self.offset, self.equal, self.size, *padded),
        )


def build() -> Path:
    """Return the player, compiled with the shim's pinned compiler; raises as compiled() does."""
    return compiled("player", SOURCE, COMPILE, LINK)


def compiled(name: str, source: Path, compile_: Sequence[str], link: Sequence[str]) -> Path:
    """Return an arm64 program or library of one C file, from the cache where it is unchanged.

    Raises ToolMissingError, NetworkError, IntegrityError, DiskFullError, StepFailedError.
    """
    arch = shim.target("arm64")
    inputs = (source.read_text(encoding="utf-8"), compile_, link, arch, shim.fingerprint(arch))
    digest = hashlib.sha256(repr(inputs).encode()).hexdigest()
    path = cache_dir("shim", f"proof-{digest[:16]}") / name
    if not cached_files.intact(path, thorough=True):
        with disk_guard(path.parent), tempfile.TemporaryDirectory(prefix="proof-") as work:
            folder = Path(work)
            program = shim.unpack_compiler(folder)
            env = {"HOME": work, "TMPDIR": work}
            env |= {f"ZIG_{kind}_CACHE_DIR": f"{work}/{kind}" for kind in ("GLOBAL", "LOCAL")}
            target = ("-target", arch.triple, *arch.flags)
            run(
                [program, "cc", *target, *compile_, "-o", folder / "made.o", source],
                what=f"compiling {source.name}",
                env=env,
            )
            with cached_files.create(path) as output:
                run(
                    [program, "ld.lld", *link, "-o", output.absolute(), folder / "made.o"],
                    what=f"linking {name}",
                    env=env,
                )
    path.chmod(0o755)
    return path


def states(count: int, seed: int) -> list[bytes]:
    """Return register states: random bits, among them small numbers, extremes and odd floats."""
    source = random.Random(seed)  # noqa: S311 # the same on each run
    halves = (0, 0x8000, 1, 0x8001, 0x3FF, 0x400, 0x3C00, 0x7BFF, 0xFBFF, 0x7C00, 0xFC00, 0x7E00)
    contents = []
    for number in range(count):
        registers = [
            source.choice((0, 1, 2**64 - 1, 2**63, 2**31, 2**32 - 1, 255, 128, 32768))
            if source.random() < 0.2
            else source.getrandbits(64)
            for _ in range(31)
        ]
        lanes = [
            source.choice(halves)
            if source.random() < 0.3 * (number % 3)
            else source.getrandbits(16)
            for _ in range(8 * 32)
        ]
        if number % 4 == 1:  # numbers of like size, whose sums round
            lanes = [0x3800 + source.getrandbits(11) | source.getrandbits(1) << 15 for _ in lanes]
        vectors = struct.pack(f"<{len(lanes)}H", *lanes)
        flags = source.getrandbits(4) << 28
        memory = source.randbytes(MEMORY)
        contents.append(STATE.pack(*registers, 0, flags, 0, vectors, memory))
    return contents


def play(program: Path, cases: Sequence[Case], pool: Sequence[bytes], cpu: str) -> bytes:
    """Return the result of each case and state, STATE.size bytes each, on a core of QEMU's.

    Raises ToolMissingError without QEMU, StepFailedError where a case ended the player.
    """
    if not one_cpu.program():
        raise ToolMissingError("QEMU's user emulation of arm64 is not installed", "./inv build")
    head = struct.pack("<II", len(pool), len(cases))
    data = b"".join((head, *pool, *(case.packed() for case in cases)))
    done = subprocess.run(
        [one_cpu.program(), "-cpu", cpu, program], input=data, capture_output=True, check=False
    )
    if done.returncode or len(done.stdout) != len(cases) * len(pool) * STATE.size:
        number = len(done.stdout) // (len(pool) * STATE.size)
        raise StepFailedError(
            f"case {number} of {len(cases)} ended the player on {cpu} with {done.returncode}: "
            f"{' '.join(f'{word:08x}' for word in cases[min(number, len(cases) - 1)].words)}"
        )
    return done.stdout


def results(raw: bytes, count: int) -> Iterator[list[bytes]]:
    """Yield the states of each case, of which there are so many."""
    size = STATE.size
    for at in range(0, len(raw), count * size):
        yield [raw[place : place + size] for place in range(at, at + count * size, size)]
