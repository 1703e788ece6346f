"""Damaged and foreign models, made from real ones by seed: what the exporter makes of them.

Run it alone for a longer run, in the engines' environment, from the project's folder:
    PYTHONPATH=.:wheels/mediapipe-jetson/src python -m tests.engines.fuzz COUNT [FIRST_SEED] FILE...
"""

from __future__ import annotations

import collections
import json
import random
import resource
import signal
import struct
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tflite

from jetson_kit.core.errors import KitError
from jetson_kit.onnx_export import bundle, export
from jetson_kit.onnx_export.options import BATCHES, LAYOUTS, PRECISIONS, Options

MEMORY = 3 << 30
"""Bytes of address space that a run may take; its libraries alone take some 0.5 GiB."""
SECONDS = 10
"""How long the processor may work on one model."""
LARGEST = 60
"""Bytes that a mutation changes at most in one place."""
NUMBERS = (0, 1, 2, 3, 4, 8, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


@dataclass(frozen=True)
class Original:
    """A real file, and where in it something else than weights stands."""

    name: str
    blob: bytes = field(repr=False)
    structure: tuple[range, ...] = field(repr=False)

    @staticmethod
    def read(path: Path) -> Original:
        """Find the tables between the weights; of a bundle, the zip's own records count."""
        blob = path.read_bytes()
        weights: list[tuple[int, int]] = []
        start = 0
        while (start := blob.find(b"TFL3", start)) >= 0:
            weights += _weights(blob, start - 4)
            start += 4
        edges = [0, *(edge for pair in sorted(weights) for edge in pair), len(blob)]
        gaps = [range(*pair) for pair in zip(edges[::2], edges[1::2], strict=True)]
        return Original(path.name, blob, tuple(gap for gap in gaps if len(gap) > 4))


def _weights(blob: bytes, start: int) -> list[tuple[int, int]]:
    model = tflite.Model.GetRootAs(blob[start:], 0)
    result = []
    for index in range(model.BuffersLength()):
        table = model.Buffers(index)._tab
        offset = table.Offset(4)
        if offset and table.VectorLen(offset) > LARGEST:
            at = start + table.Vector(offset)
            result.append((at, at + table.VectorLen(offset)))
    return result


def _place(rng: random.Random, original: Original) -> int:
    """Return a place in the file: mostly one in its tables."""
    if rng.random() < 0.9:
        return rng.choice(rng.choice(original.structure))
    return rng.randrange(len(original.blob))


def _flip(rng: random.Random, original: Original, data: bytearray) -> None:
    for _ in range(rng.randint(1, 8)):
        data[_place(rng, original)] ^= 1 << rng.randrange(8)


def _number(rng: random.Random, original: Original, data: bytearray) -> None:
    for _ in range(rng.randint(1, 3)):
        at = min(_place(rng, original), len(data) - 4) & ~3
        number = rng.choice((*NUMBERS, len(data), rng.getrandbits(32)))
        width = rng.choice((1, 2, 4))
        data[at : at + width] = struct.pack("<I", number)[:width]


def _cut(rng: random.Random, original: Original, data: bytearray) -> None:
    del data[_place(rng, original) :]


def _remove(rng: random.Random, original: Original, data: bytearray) -> None:
    at = _place(rng, original)
    del data[at : at + rng.randint(1, LARGEST)]


def _insert(rng: random.Random, original: Original, data: bytearray) -> None:
    data[(at := _place(rng, original)) : at] = rng.randbytes(rng.randint(1, LARGEST))


def _copy(rng: random.Random, original: Original, data: bytearray) -> None:
    size, source, at = rng.randint(4, LARGEST), _place(rng, original), _place(rng, original)
    part = bytes(data[source : source + size])
    data[at : at + len(part)] = part


def _blank(rng: random.Random, original: Original, data: bytearray) -> None:
    at, size = _place(rng, original), rng.randint(1, LARGEST)
    data[at : at + size] = bytes([rng.choice((0, 0xFF))]) * len(data[at : at + size])


def _foreign(rng: random.Random, original: Original, data: bytearray) -> None:
    """Make something else of it: noise, behind a head that promises a model or a bundle."""
    head = rng.choice((b"", b"PK\3\4", b"\x1c\0\0\0TFL3", b"\x7fELF", b"\x89PNG\r\n\x1a\n"))
    data[:] = head + rng.randbytes(rng.randint(0, 4096))


MUTATIONS: Sequence[Callable[[random.Random, Original, bytearray], None]] = (
    *(_flip, _number, _cut, _remove, _insert, _copy, _blank),
    *(_flip, _number, _number, _number, _copy),
    _foreign,
)


def mutated(seed: int, originals: Sequence[Original]) -> tuple[str, bytes, Options]:
    """Return the file of a seed: its name, its bytes, and how it is to be exported."""
    rng = random.Random(seed)  # noqa: S311
    original = rng.choice(originals)
    data = bytearray(original.blob)
    rng.choice(MUTATIONS)(rng, original, data)
    options = Options(rng.choice(PRECISIONS), rng.choice(LAYOUTS), rng.choice(BATCHES))
    return original.name, bytes(data), options


@dataclass
class Tally:
    """What came of a run; `broken` has each seed that did not end as it should."""

    outcomes: collections.Counter[str] = field(default_factory=collections.Counter)
    broken: list[str] = field(default_factory=list)
    slowest_s: float = 0.0
    peak_mib: float = 0.0

    def facts(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "mutations": sum(self.outcomes.values()),
            "outcomes": dict(sorted(self.outcomes.items())),
            "broken": self.broken,
            "slowest_s": round(self.slowest_s, 2),
            "peak_mib": round(self.peak_mib),
        }


def run(paths: Sequence[Path], seeds: range) -> Tally:
    """Export the files of all seeds, in bounded memory and time."""
    originals = [Original.read(path) for path in paths]
    tally = Tally()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, before[1]))
    handler = signal.signal(signal.SIGPROF, _too_slow)
    try:
        for seed in seeds:
            _one(seed, originals, tally)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, handler)
        resource.setrlimit(resource.RLIMIT_AS, before)
    tally.peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return tally


def _one(seed: int, originals: Sequence[Original], tally: Tally) -> None:
    name, blob, options = mutated(seed, originals)
    started = time.process_time()
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        for sub_model in bundle.parse(name, blob):
            export.export(sub_model, options)
        outcome = "exported"
    except KitError as error:
        outcome = type(error).__name__
        if not error.line().startswith("error: ") or "\n" in error.line():
            tally.broken.append(f"seed {seed} {name}: {error.line()!r}")
    except Exception as error:
        outcome = f"untyped {type(error).__name__}"
        where = traceback.extract_tb(error.__traceback__)[-1]
        tally.broken.append(f"seed {seed} {name}: {error!r} at {where.filename}:{where.lineno}")
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    tally.outcomes[outcome] += 1
    tally.slowest_s = max(tally.slowest_s, time.process_time() - started)


def _too_slow(signum: int, frame: object) -> None:
    raise TimeoutError(f"longer than {SECONDS} s")


if __name__ == "__main__":
    first = int(sys.argv[2])
    found = run([Path(word) for word in sys.argv[3:]], range(first, first + int(sys.argv[1])))
    print(json.dumps(found.facts(), indent=1))
