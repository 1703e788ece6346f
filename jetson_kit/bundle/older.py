"""For boards before Orin a bundle holds how MediaPipe's translated library differs.

The official library is there already, and a translated one is the same but for a hundredth, so the
program on the board puts it together (program/cores.py). What it gets is byte for byte the images'.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from jetson_kit.bundle import payload
from jetson_kit.bundle.payload import Member
from jetson_kit.bundle.program.cores import DELTA, FOLDER, LIBRARY, RUN
from jetson_kit.core.paths import cache_dir
from jetson_kit.wheels import pins as wheels
from jetson_kit.wheels import repack
from jetson_kit.wheels.device_wheel import SOURCE

DATA = SOURCE / "src" / "mediapipe_jetson" / "data"
BLOCK = 4096
WORD = 4


@dataclass(frozen=True)
class Older:
    """What the manifest says of each core, the newest first, and the files of all."""

    rows: tuple[dict[str, Any], ...]
    members: tuple[Member, ...]


def of(pin: wheels.Pin) -> Older:
    """Return what the cores need that an official wheel is not for; nothing where it has none.

    Raises what repack.build raises.
    """
    pins = [item for item in wheels.translated() if item.sha256 == pin.sha256]
    if not pins:
        return Older((), ())
    needs = json.loads((DATA / "wheels.json").read_text(encoding="utf-8"))["needs"]
    rows = [{"name": "", "hwcap": _bits(needs["features"])}]
    members: list[Member] = []
    with zipfile.ZipFile(wheels.fetch(pin)) as archive:
        official = archive.read(LIBRARY)
    for core_pin in pins:
        with zipfile.ZipFile(repack.build(core_pin, cache_dir("wheels"))) as archive:
            library = archive.read(LIBRARY)
            members += _files(archive, f"{FOLDER}/{core_pin.core}", official, library)
        row = {"name": core_pin.core, "hwcap": _bits(needs["translated"][core_pin.core])}
        digest = hashlib.sha256(library).hexdigest()
        rows.append({**row, "sha256": digest, "size": len(library)})
    return Older(tuple(rows), tuple(members))


def delta(old: bytes, new: bytes) -> bytes:
    """Return what makes `new` of `old`: its size, then (offset, length, bytes) for each run."""
    out = bytearray(RUN.pack(len(new), 0))
    for start, end in _runs(old, new):
        out += RUN.pack(start, end - start) + new[start:end]
    return bytes(out)


def _files(
    archive: zipfile.ZipFile, folder: str, official: bytes, library: bytes
) -> Iterator[Member]:
    yield payload.of_bytes(f"{folder}/{DELTA}", delta(official, library))
    for name in sorted(archive.namelist()):
        if ".dist-info/" in name and not name.endswith("/"):
            yield payload.of_bytes(f"{folder}/{name}", archive.read(name))


def _bits(names: list[str]) -> int:
    """Return the bits of AT_HWCAP by Linux's names of them."""
    known = json.loads((DATA / "cpus.json").read_text(encoding="utf-8"))["hwcap"]
    return sum(1 << known.index(name) for name in names)


def _runs(old: bytes, new: bytes) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of what differs; what lies closer together than a header is one run."""
    begin = last = -1
    for start, end in _differing(old, new):
        if begin >= 0 and start - last > RUN.size:
            yield begin, last
            begin = -1
        begin, last = (start if begin < 0 else begin), end
    if begin >= 0:
        yield begin, last


def _differing(old: bytes, new: bytes) -> Iterator[tuple[int, int]]:
    both = min(len(old), len(new)) // BLOCK * BLOCK
    for at in range(0, both, BLOCK):
        content, other = old[at : at + BLOCK], new[at : at + BLOCK]
        if content != other:
            word_pairs = zip(
                memoryview(content).cast("I"), memoryview(other).cast("I"), strict=True
            )
            for number, (a, b) in enumerate(word_pairs):
                if a != b:
                    yield at + number * WORD, at + (number + 1) * WORD
    if both < len(new):
        yield both, len(new)
