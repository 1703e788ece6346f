"""Zip files written the same way everywhere: members copied compressed, in order, without times.

Compressing again would take seconds and give other bytes under another zlib.
"""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jetson_kit.core.errors import IntegrityError

EPOCH = (1980, 1, 1, 0, 0, 0)
UNIX = 3
LOCAL_HEADER = 30
ENCRYPTED, UTF8 = 0x1, 0x800


def plain(name: str, *, executable: bool = False) -> zipfile.ZipInfo:
    """Return the header of a member with fixed time, system and permissions (0644 or 0755)."""
    info = zipfile.ZipInfo(name, EPOCH)
    info.create_system = UNIX
    info.external_attr = (stat.S_IFREG | (0o755 if executable else 0o644)) << 16
    return info


def add(target: zipfile.ZipFile, name: str, data: bytes, *, executable: bool = False) -> None:
    """Store a new member uncompressed."""
    target.writestr(plain(name, executable=executable), data, zipfile.ZIP_STORED)


def executable(old: zipfile.ZipInfo, name: str) -> bool:
    """Return whether a member stays executable: shared libraries do."""
    return bool(old.external_attr >> 16 & stat.S_IXUSR) and ".so" in name


def raw(source: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """Return a member as it is compressed. Raises IntegrityError for an encrypted one."""
    if member.flag_bits & ENCRYPTED or source.fp is None:
        raise IntegrityError(f"{source.filename}: {member.filename} is encrypted")
    source.fp.seek(member.header_offset)
    header = source.fp.read(LOCAL_HEADER)
    skip = int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
    source.fp.seek(skip, 1)
    return source.fp.read(member.compress_size)


def copy(source: zipfile.ZipFile, old: zipfile.ZipInfo, target: zipfile.ZipFile, name: str) -> None:
    """Copy a member under another name without decompressing it.

    A shared library keeps its executable bit. Raises IntegrityError for an encrypted member.
    """
    if old.flag_bits & ENCRYPTED or source.fp is None or target.fp is None:
        raise IntegrityError(f"{source.filename}: {old.filename} is encrypted")
    info = plain(name, executable=executable(old, name))
    info.compress_type, info.CRC = old.compress_type, old.CRC
    info.compress_size, info.file_size = old.compress_size, old.file_size
    info.create_version, info.extract_version = old.create_version, old.extract_version
    info.flag_bits = old.flag_bits & UTF8
    data = raw(source, old)
    target.fp.seek(target.start_dir)
    info.header_offset = target.start_dir
    target.fp.write(info.FileHeader(zip64=False))
    target.fp.write(data)
    target.start_dir = target.fp.tell()
    target.filelist.append(info)
    target.NameToInfo[name] = info


@contextmanager
def opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open a zip file for reading. Raises IntegrityError for what is none."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except zipfile.BadZipFile as error:
        raise IntegrityError(
            f"{path.name} is damaged: {error}", "delete it and run it again"
        ) from error
