"""Small ELF files with a section table, laid out as linkers and as patchelf do."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from tests.unit import tiny_wheel

ALLOC = 2
PROGBITS, SYMTAB, STRTAB = 1, 2, 3
SECTION = 64


@dataclass(frozen=True)
class Part:
    """A section; without `data` it covers `at`, a range of the file that is there already."""

    name: str
    kind: int
    flags: int
    data: bytes = b""
    at: tuple[int, int] = (0, 0)
    link: int = 0


SYMBOLS = (
    Part(".comment", PROGBITS, 0, b"compiler 1.0\0"),
    Part(".symtab", SYMTAB, 0, b"\x11" * 240, link=4),
    Part(".strtab", STRTAB, 0, b"\0" + b"$x\0$d\0" * 40),
)


def library(parts: Sequence[Part] = SYMBOLS, *, names: bytes | None = None) -> bytes:
    """Return a loadable library with one loaded section, `parts` behind it, and .shstrtab."""
    image = tiny_wheel.elf(texts=("loaded text",), needed=("libc.so.6",))
    loaded = Part(".text", PROGBITS, ALLOC, at=(0x100, len(image)))
    return table(image, (loaded, *parts), names=names)


def table(image: bytes, parts: Sequence[Part], *, names: bytes | None = None) -> bytes:
    """Append sections, their names and a table of them to an ELF file that has none."""
    strings = b"\0"
    rows = [bytes(SECTION)]
    for part in (*parts, Part(".shstrtab", STRTAB, 0)):
        name = len(strings)
        strings += part.name.encode() + b"\0"
        start, stop = part.at
        if part.name == ".shstrtab":
            start, stop = len(image), len(image) + len(strings)
            image += strings if names is None else names
        elif part.data:
            start, stop = len(image), len(image) + len(part.data)
            image += part.data
        rows.append(
            struct.pack(
                "<IIQQQQIIQQ",
                *(name, part.kind, part.flags, start if part.flags & ALLOC else 0),
                *(start, stop - start, part.link, 0, 1, 24 if part.kind == SYMTAB else 0),
            )
        )
    image += bytes(-len(image) % 8)
    raw = bytearray(image)
    struct.pack_into("<Q", raw, 0x28, len(image))
    struct.pack_into("<HH", raw, 0x3C, len(rows), len(rows) - 1)
    return bytes(raw) + b"".join(rows)


def patched_library() -> bytes:
    """Return a library with symbols between two segments: patchelf appends what it changes."""
    front = bytearray(library())
    program = 64 + 56  # in place of PT_DYNAMIC
    at = -(-len(front) // 0x1000) * 0x1000
    struct.pack_into("<IIQQQQQQ", front, program, 1, 4, at, 0x20000, 0x20000, 32, 32, 0x1000)
    return bytes(front) + bytes(at - len(front)) + b"appended".ljust(32, b".")
