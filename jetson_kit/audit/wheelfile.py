"""Opens a wheel: what it says of itself, which native libraries it holds, where it contradicts."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import re
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path, PurePosixPath
from typing import IO

from packaging.tags import Tag, parse_tag
from packaging.utils import (
    InvalidWheelFilename,
    canonicalize_name,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

from jetson_kit.audit import native
from jetson_kit.audit.native import Library
from jetson_kit.core.errors import BadInputError

GOOD = "give the path of a wheel (.whl), or NAME==VERSION"
# Far above any wheel, far below what a crafted archive could ask for.
LARGEST = 4 << 30


@dataclass(frozen=True)
class WheelFile:
    """A wheel as it lies in its file."""

    path: Path
    name: str
    version: str
    tags: tuple[str, ...]
    requires_python: str
    classified: tuple[str, ...]
    """The Python versions that its classifiers name."""
    requires: tuple[str, ...]
    libraries: tuple[Library, ...]
    members: frozenset[str]
    lies: tuple[str, ...]
    """Where name, tags, record and contents contradict one another."""

    def text(self, member: str) -> str:
        """Return a member as text, "" if there is none."""
        if member not in self.members:
            return ""
        with zipfile.ZipFile(self.path) as archive:
            return archive.read(member).decode("utf-8", "replace")


def read(path: Path) -> WheelFile:
    """Open a wheel. Raises BadInputError where it is missing, damaged or no wheel."""
    if not path.exists():
        raise BadInputError(f"there is no file {path}", GOOD)
    if not path.is_file():
        raise BadInputError(f"{path} is not a file", GOOD)
    try:
        with zipfile.ZipFile(path) as archive:
            return _read(path, archive)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        if path.open("rb").read(4) == b"PK\x03\x04":
            raise BadInputError(
                f"{path} is damaged: it is cut short, or bytes of it are others", "fetch it again"
            ) from error
        raise BadInputError(f"{path} is no wheel: it is not a zip archive", GOOD) from error
    except RuntimeError as error:
        raise BadInputError(f"{path} is no wheel: its members are encrypted", GOOD) from error
    except OSError as error:
        raise BadInputError(f"{path} cannot be read: {error.strerror}", GOOD) from error


def _read(path: Path, archive: zipfile.ZipFile) -> WheelFile:
    infos = [info for info in archive.infolist() if not info.is_dir()]
    if sum(info.file_size for info in infos) > LARGEST:
        raise BadInputError(f"{path} is no wheel: it would unpack to more than 4 GiB", GOOD)
    members = frozenset(info.filename for info in infos)
    folder = _dist_info(path, members)
    about = _headers(archive, f"{folder}/METADATA")
    wheel = _headers(archive, f"{folder}/WHEEL")
    name, version = about.get("Name", ""), about.get("Version", "")
    if not name or not version:
        raise BadInputError(f"{path} is no wheel: its METADATA has no name or version", GOOD)
    record = _record(archive, f"{folder}/RECORD", members)
    libraries, lies = _libraries(archive, infos, record)
    declared = tuple(sorted({str(tag) for text in wheel.get_all("Tag", []) for tag in _tags(text)}))
    lies += _name_lies(path, name, version, declared)
    for tags in dict.fromkeys((declared, _name_tags(path))):
        lies += _content_lies(tags, libraries)
    return WheelFile(
        path=path,
        name=name,
        version=version,
        tags=declared or _name_tags(path),
        requires_python=about.get("Requires-Python", ""),
        classified=tuple(
            match[1]
            for text in about.get_all("Classifier", [])
            if (match := re.fullmatch(r"Programming Language :: Python :: (3\.\d+)", text.strip()))
        ),
        requires=tuple(about.get_all("Requires-Dist", [])),
        libraries=tuple(libraries),
        members=members,
        lies=tuple(dict.fromkeys(lies)),
    )


def _dist_info(path: Path, members: frozenset[str]) -> str:
    """Return the name of the one .dist-info folder, which is whole."""
    folders = sorted(
        {m.split("/", 1)[0] for m in members if re.match(r"[^/]+\.dist-info/(METADATA|WHEEL)$", m)}
    )
    if not folders:
        raise BadInputError(f"{path} is no wheel: it has no .dist-info folder", GOOD)
    if len(folders) > 1:
        raise BadInputError(f"{path} is no wheel: it has {len(folders)} .dist-info folders", GOOD)
    for file in ("METADATA", "WHEEL"):
        if f"{folders[0]}/{file}" not in members:
            raise BadInputError(f"{path} is no wheel: it has no {folders[0]}/{file}", GOOD)
    return folders[0]


def _libraries(
    archive: zipfile.ZipFile, infos: Sequence[zipfile.ZipInfo], record: Mapping[str, str]
) -> tuple[list[Library], list[str]]:
    """Return the native libraries, and those that RECORD has another hash of."""
    libraries, lies = [], []
    for info in infos:
        with archive.open(info) as stream:
            head = stream.read(8)
            if not native.sniff(head):
                _drain(stream)
                continue
            data = head + stream.read()
        library = native.read(info.filename, data)
        if library is None:
            continue
        libraries.append(library)
        if record and record.get(info.filename, "") != _digest(data):
            lies.append(f"RECORD does not have the hash of {info.filename}: it was changed")
    return libraries, lies


def _drain(stream: IO[bytes]) -> None:
    """Read to the end: only so are the checksums of the archive looked at."""
    while stream.read(1 << 20):
        pass


def _headers(archive: zipfile.ZipFile, member: str) -> Message:
    return HeaderParser().parsestr(archive.read(member).decode("utf-8", "replace"))


def _digest(data: bytes) -> str:
    raw = base64.urlsafe_b64encode(hashlib.sha256(data).digest())
    return f"sha256={raw.rstrip(b'=').decode()}"


def _record(archive: zipfile.ZipFile, member: str, members: frozenset[str]) -> dict[str, str]:
    if member not in members:
        return {}
    rows = csv.reader(io.StringIO(archive.read(member).decode("utf-8", "replace")))
    return {row[0]: row[1] for row in rows if len(row) >= 2}


def _tags(text: str) -> frozenset[Tag]:
    try:
        return parse_tag(text.strip())
    except ValueError:
        return frozenset()


def _name_tags(path: Path) -> tuple[str, ...]:
    try:
        return tuple(sorted(str(tag) for tag in parse_wheel_filename(path.name)[3]))
    except InvalidWheelFilename:
        return ()


def _name_lies(path: Path, name: str, version: str, declared: tuple[str, ...]) -> list[str]:
    try:
        named, numbered, _, tags = parse_wheel_filename(path.name)
    except (InvalidWheelFilename, InvalidVersion):
        return [f"the file name {path.name} is no wheel's name"]
    lies = []
    if named != canonicalize_name(name):
        lies.append(f"the file name says {named}, the metadata {name}")
    try:
        same = numbered == Version(version)
    except InvalidVersion:
        same = False
    if not same:
        lies.append(f"the file name says version {numbered}, the metadata {version}")
    if declared and {str(tag) for tag in tags} != set(declared):
        lies.append("the tags in the file name are not those in its WHEEL file")
    return lies


def _content_lies(tags: tuple[str, ...], libraries: list[Library]) -> list[str]:
    platforms = {tag.rsplit("-", 1)[-1] for tag in tags}
    if not platforms:
        return []
    if not libraries:
        requested = sorted(platforms - {"any"})
        return [f"tagged {requested[0]}, but holds no native library"] if requested else []
    if "any" in platforms:
        return [f"tagged for any platform, but holds {libraries[0].arch} libraries"]
    lies = []
    odd = [lib for lib in libraries if not any(_fits(platform, lib) for platform in platforms)]
    if odd:
        where = PurePosixPath(odd[0].path).name
        more = f" (and {len(odd) - 1} more)" if len(odd) > 1 else ""
        kind = f"{odd[0].format} {odd[0].arch}"
        lies.append(f"tagged {min(platforms)}, but {where}{more} is {kind}")
    limits = [int(match[1]) for p in platforms if (match := re.match(r"manylinux_2_(\d+)_", p))]
    old = {"manylinux1": 5, "manylinux2010": 12, "manylinux2014": 17}
    limits += [limit for p in platforms for key, limit in old.items() if p.startswith(key + "_")]
    for library in libraries:
        minor = int(library.glibc.split(".")[1]) if library.glibc.count(".") else 0
        if limits and minor > max(limits):
            where = PurePosixPath(library.path).name
            lies.append(f"tagged for glibc 2.{max(limits)}, but {where} needs {library.glibc}")
    return lies


def _fits(platform: str, library: Library) -> bool:
    if library.format == "elf":
        return "linux" in platform and platform.endswith(f"_{library.arch}")
    if library.format == "pe":
        return platform in (f"win_{library.arch}", library.arch)
    universal = library.arch == "universal2" or platform.endswith("universal2")
    return platform.startswith("macosx") and (universal or platform.endswith(library.arch))
