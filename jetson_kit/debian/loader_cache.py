"""The file /etc/ld.so.cache, by which programs find a library whose whole name they don't know.

ldconfig writes it, which can't be run for another processor. The loader finds libraries without it;
`ldconfig -p`, and with it Python's ctypes.util.find_library, does not. Format: glibc's
sysdeps/generic/dl-cache.h, the new one alone.
"""

from __future__ import annotations

import posixpath
import re
import struct
from collections.abc import Iterable

PATH = "etc/ld.so.cache"
LIBRARY = re.compile(r"lib[^/]+\.so(?:\.[^/]+)?")
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
# FLAG_ELF_LIBC6 and the processor's flag.
FLAGS = {"amd64": 0x0303, "arm64": 0x0A03}
MAGIC, LITTLE_ENDIAN = b"glibc-ld.so.cache1.1", 2
HEADER, ENTRY = struct.Struct("<20sIIB3xI12x"), struct.Struct("<iIIIQ")
PART = re.compile(r"\d+|\D")


def content(names: Iterable[str], arch: str) -> bytes:
    """Return the file for what an image holds: paths of files and links, without a first slash."""
    held = sorted({posixpath.split(name.removeprefix("./")) for name in names})
    paths: dict[str, str] = {}
    for folder in _folders(arch):
        for name in (name for above, name in held if above == folder and LIBRARY.fullmatch(name)):
            paths.setdefault(name, f"/{folder}/{name}")
    # The loader halves the list, from the greatest name down.
    rows = sorted(paths.items(), key=lambda row: _order(row[0]), reverse=True)
    start = HEADER.size + ENTRY.size * len(rows)
    strings, entries = bytearray(), bytearray()
    for name, path in rows:
        places = []
        for text in (name, path):
            places.append(start + len(strings))
            strings += text.encode() + b"\0"
        entries += ENTRY.pack(FLAGS[arch], *places, 0, 0)
    head = HEADER.pack(MAGIC, len(rows), len(strings), LITTLE_ENDIAN, 0)
    return head + bytes(entries + strings)


def _folders(arch: str) -> list[str]:
    """Return the loader's own folders, as Debian sets them: the first that has a library counts."""
    own = f"{MACHINES[arch]}-linux-gnu"
    return [f"lib/{own}", f"usr/lib/{own}", "lib", "usr/lib"]


def _order(name: str) -> list[tuple[bool, int]]:
    """Return what names are compared by, as _dl_cache_libcmp does: numbers by their value."""
    parts = PART.findall(name)
    return [(part[0].isdigit(), int(part) if part[0].isdigit() else ord(part)) for part in parts]
