"""A reader for what `info` needs of a shared library: its machine and the libraries it needs.

Layout: the System V ABI's ELF chapters; section headers are not used, as strip may take them.
"""

from __future__ import annotations

import dataclasses
import mmap
import struct
from pathlib import Path
from typing import Union

Bytes = Union[bytes, mmap.mmap]
PT_LOAD, PT_DYNAMIC = 1, 2
DT_NULL, DT_NEEDED, DT_STRTAB = 0, 1, 5
MACHINES = {0x03: "i386", 0x28: "arm", 0x3E: "x86_64", 0xB7: "aarch64", 0xF3: "riscv"}
LONGEST_NAME = 4096


class NotElfError(Exception):
    """The file is no 64-bit little-endian ELF file, or is damaged."""


@dataclasses.dataclass(frozen=True)
class Library:
    """A shared library's machine and its NEEDED entries, in order."""

    machine: str
    needed: tuple[str, ...]


def read(path: Path) -> Library:
    """Read a library; raise NotElfError or OSError."""
    with path.open("rb") as stream:
        try:
            data = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        except ValueError as error:
            raise NotElfError("the file is empty") from error
        with data:
            return parse(data)


def parse(data: Bytes) -> Library:
    """Read a library from its bytes; raise NotElfError."""
    if data[:6] != b"\x7fELF\x02\x01":
        raise NotElfError("not a 64-bit little-endian ELF file")
    try:
        machine = struct.unpack_from("<H", data, 18)[0]
        return Library(MACHINES.get(machine, hex(machine)), _needed(data))
    except struct.error as error:
        raise NotElfError("the ELF file is cut short") from error


def _needed(data: Bytes) -> tuple[str, ...]:
    table = struct.unpack_from("<Q", data, 32)[0]
    size, count = struct.unpack_from("<HH", data, 54)
    loads: list[tuple[int, int, int]] = []
    dynamic: list[tuple[int, int]] = []
    for number in range(count):
        kind, _, offset, address, _, length = struct.unpack_from(
            "<IIQQQQ", data, table + number * size
        )
        if kind == PT_LOAD:
            loads.append((address, offset, length))
        elif kind == PT_DYNAMIC:
            dynamic.append((offset, length))
    names: list[int] = []
    tags: dict[int, int] = {}
    for offset, length in dynamic:
        for place in range(offset, offset + length, 16):
            tag, value = struct.unpack_from("<qQ", data, place)
            if tag == DT_NULL:
                break
            if tag == DT_NEEDED:
                names.append(value)
            tags[tag] = value
    if not names:
        return ()
    strings = _file_offset(tags.get(DT_STRTAB, 0), loads)
    return tuple(_text(data, strings + name) for name in names)


def _file_offset(address: int, loads: list[tuple[int, int, int]]) -> int:
    for start, offset, length in loads:
        if start <= address < start + length:
            return address - start + offset
    raise NotElfError("its string table lies outside of the file")


def _text(data: Bytes, place: int) -> str:
    end = data.find(b"\0", place, place + LONGEST_NAME)
    if end < 0:
        raise NotElfError("a name in it has no end")
    return data[place:end].decode("utf-8", "replace")
