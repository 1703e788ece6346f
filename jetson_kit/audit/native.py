"""What a native library is and needs, read from its headers and loaded segments.

Nothing here needs section headers, so that stripped libraries read like others.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from elftools.common.exceptions import ELFError
from elftools.elf.dynamic import DynamicSegment
from elftools.elf.elffile import ELFFile

MACHINES = {"EM_AARCH64": "aarch64", "EM_X86_64": "x86_64", "EM_ARM": "armv7l", "EM_386": "i686"}
MACHO_CPUS = {0x01000007: "x86_64", 0x0100000C: "arm64", 7: "i386"}
PE_MACHINES = {0x8664: "amd64", 0xAA64: "arm64", 0x014C: "win32"}
ELF_MAGIC = b"\x7fELF"
MACHO_MAGICS = (b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe")
FAT_MAGIC = b"\xca\xfe\xba\xbe"


@dataclass(frozen=True)
class Library:
    """A native library of a wheel. `versions` pairs a library with a symbol version it must have.

    `trouble` says why it could not be read to the end; then the rest is what could be read.
    """

    path: str
    sha256: str
    format: str
    arch: str
    size: int
    soname: str
    needed: tuple[str, ...]
    imports: frozenset[str]
    versions: tuple[tuple[str, str], ...]
    loaded: bytes
    trouble: str = ""

    @property
    def glibc(self) -> str:
        """Return the highest GLIBC_x.y that it asks for, "" if none."""
        result = [
            name.removeprefix("GLIBC_")
            for _, name in self.versions
            if re.fullmatch(r"GLIBC_[\d.]+", name)
        ]
        return max(result, key=lambda text: [int(part) for part in text.split(".")], default="")

    def holds(self, text: str) -> bool:
        """Tell whether what the loader maps into memory contains a text."""
        return text.encode() in self.loaded


def sniff(head: bytes) -> str:
    """Return "elf", "macho", "pe" or "" for the first 8 bytes of a file."""
    if head[:4] == ELF_MAGIC:
        return "elf"
    if head[:4] in MACHO_MAGICS:
        return "macho"
    # Java class files share the magic of fat Mach-O; their second word is a version above 40.
    if head[:4] == FAT_MAGIC and len(head) >= 8 and struct.unpack(">I", head[4:8])[0] < 40:
        return "macho"
    return "pe" if head[:2] == b"MZ" else ""


def read(path: str, data: bytes) -> Library | None:
    """Return the facts of one native library; None where it is none (a text that begins MZ)."""
    kind = sniff(data[:8])
    digest = hashlib.sha256(data).hexdigest()
    if kind == "elf":
        return _elf(path, digest, data)
    arch = _macho_arch(data) if kind == "macho" else _pe_arch(data)
    if not arch:
        return None
    return Library(path, digest, kind, arch, len(data), "", (), frozenset(), (), data)


def _elf(path: str, digest: str, data: bytes) -> Library | None:
    needed: tuple[str, ...] = ()
    imports: frozenset[str] = frozenset()
    versions: tuple[tuple[str, str], ...] = ()
    arch, soname, loaded, trouble = "unknown", "", b"", ""
    try:
        elf = ELFFile(io.BytesIO(data))
        if elf.header.e_type not in ("ET_DYN", "ET_EXEC"):
            return None
        machine = str(elf.header.e_machine)
        arch = MACHINES.get(machine, machine.removeprefix("EM_").lower())
        segments = list(elf.iter_segments())
        loads = [part for part in segments if part.header.p_type == "PT_LOAD"]
        loaded = b"".join(
            data[part.header.p_offset : part.header.p_offset + part.header.p_filesz]
            for part in loads
        )
        end = max((part.header.p_offset + part.header.p_filesz for part in loads), default=0)
        if end > len(data):
            trouble = f"cut short: its segments end at byte {end} of {len(data)}"
        for part in segments:
            if isinstance(part, DynamicSegment):
                tags = list(part.iter_tags())
                needed = tuple(_names(tags, "DT_NEEDED", "needed"))
                soname = next(_names(tags, "DT_SONAME", "soname"), "")
                imports = _imports(part)
                versions = tuple(_verneed(part, data))
    except (ELFError, struct.error, ValueError, KeyError, IndexError, AssertionError) as error:
        trouble = trouble or f"its headers are damaged ({type(error).__name__})"
    except (AttributeError, TypeError, OverflowError, UnicodeDecodeError, MemoryError) as error:
        trouble = trouble or f"its headers make no sense ({type(error).__name__})"
    return Library(
        path, digest, "elf", arch, len(data), soname, needed, imports, versions, loaded, trouble
    )


def _names(tags: list[Any], kind: str, attribute: str) -> Iterator[str]:
    return (getattr(tag, attribute) for tag in tags if tag.entry.d_tag == kind)


def _imports(part: Any) -> frozenset[str]:  # noqa: ANN401
    names = set()
    with contextlib.suppress(ELFError, struct.error):
        for symbol in part.iter_symbols():
            if symbol.entry.st_shndx == "SHN_UNDEF" and symbol.name:
                names.add(symbol.name)
    return frozenset(names)


def _verneed(part: Any, data: bytes) -> Iterator[tuple[str, str]]:  # noqa: ANN401
    """Walk DT_VERNEED (LSB, symbol versioning) without section headers."""
    spots: dict[str, int] = {
        str(tag.entry.d_tag): tag.entry.d_val
        for tag in part.iter_tags()
        if tag.entry.d_tag in ("DT_VERNEED", "DT_VERNEEDNUM")
    }
    if len(spots) < 2:
        return
    elf = part.elffile
    order = "<" if elf.little_endian else ">"
    where = next(iter(elf.address_offsets(spots["DT_VERNEED"])), None)
    if where is None:
        return
    _, strings = part.get_table_offset("DT_STRTAB")
    for _ in range(min(spots["DT_VERNEEDNUM"], 1000)):
        _, count, file, first, following = struct.unpack_from(order + "HHIII", data, where)
        at = where + first
        for _ in range(count):
            _, _, _, name, onward = struct.unpack_from(order + "IHHII", data, at)
            yield _text(data, strings + file), _text(data, strings + name)
            at += onward
        where += following
        if not following:
            return


def _text(data: bytes, at: int) -> str:
    return data[at : data.index(b"\0", at)].decode("utf-8", "replace")


def _macho_arch(data: bytes) -> str:
    try:
        if data[:4] != FAT_MAGIC:
            return MACHO_CPUS.get(struct.unpack_from("<I", data, 4)[0], "unknown")
        count = struct.unpack_from(">I", data, 4)[0]
        kinds = {struct.unpack_from(">I", data, 8 + 20 * i)[0] for i in range(count)}
    except struct.error:
        return "unknown"
    names = sorted(MACHO_CPUS.get(kind, "unknown") for kind in kinds)
    return "universal2" if names == ["arm64", "x86_64"] else "+".join(names)


def _pe_arch(data: bytes) -> str:
    try:
        at = struct.unpack_from("<I", data, 0x3C)[0]
        signature, machine = struct.unpack_from("<4sH", data, at)
    except struct.error:
        return ""
    return PE_MACHINES.get(machine, "unknown") if signature == b"PE\0\0" else ""
