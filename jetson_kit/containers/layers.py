"""Layer tars whose bytes depend on nothing but their contents."""

from __future__ import annotations

import io
import posixpath
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from jetson_kit.core import stopping

# One time for every file, so that when a build ran never shows: 2025-01-01T00:00:00Z.
EPOCH = 1735689600


class Compiler(Protocol):
    """Makes Python's compiled files; debian/bytecode.py has one."""

    def takes(self, name: str) -> bool:
        """Tell whether a layer has the compiled file of this source."""

    def compiled(self, sources: Mapping[str, bytes]) -> Iterable[tuple[str, bytes]]:
        """Return (path, content) of the compiled files."""


class LayerTar:
    """A tar of root-owned entries at one fixed time; missing parent folders are made.

    The caller adds entries in a fixed order; a path that was added before is not added again.
    With a `compiler` the compiled files of Python sources come last.
    """

    def __init__(self, path: Path, compiler: Compiler | None = None) -> None:
        self._compiler = compiler
        self._sources: dict[str, bytes] = {}
        self._tar = tarfile.open(path, "w", format=tarfile.PAX_FORMAT)  # noqa: SIM115
        self._seen: set[str] = set()

    def __enter__(self) -> Self:
        """Return the open tar."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the tar, which is whole if nothing went wrong."""
        try:
            if self._compiler and kind is None:
                for name, content in self._compiler.compiled(self._sources):
                    self.data(name, content)
        finally:
            self._tar.close()

    @property
    def names(self) -> frozenset[str]:
        """Return the paths that were added."""
        return frozenset(self._seen)

    def __contains__(self, name: str) -> bool:
        """Tell whether a path was added."""
        return name in self._seen

    def folder(self, name: str, mode: int = 0o755, uid: int = 0, gid: int = 0) -> None:
        """Add a folder."""
        self._put(_info(name, tarfile.DIRTYPE, mode, uid, gid), None)

    def data(
        self, name: str, content: bytes | str, mode: int = 0o644, uid: int = 0, gid: int = 0
    ) -> None:
        """Add a file from memory."""
        raw = content.encode() if isinstance(content, str) else content
        info = _info(name, tarfile.REGTYPE, mode, uid, gid)
        info.size = len(raw)
        self._put(info, io.BytesIO(raw))

    def link(self, name: str, to: str) -> None:
        """Add a symbolic link."""
        info = _info(name, tarfile.SYMTYPE, 0o777, 0, 0)
        info.linkname = to
        self._put(info, None)

    def file(self, name: str, source: Path, mode: int = 0o644) -> None:
        """Add a file from disk."""
        info = _info(name, tarfile.REGTYPE, mode, 0, 0)
        info.size = source.stat().st_size
        with source.open("rb") as stream:
            self._put(info, stream)

    def tree(self, name: str, source: Path) -> None:
        """Add a folder and all below it, sorted; only whether a file is executable is kept."""
        self.folder(name)
        for entry in sorted(source.iterdir()):
            below = posixpath.join(name, entry.name)
            if entry.is_symlink():
                self.link(below, str(entry.readlink()))
            elif entry.is_dir():
                self.tree(below, entry)
            else:
                self.file(below, entry, 0o755 if entry.stat().st_mode & 0o100 else 0o644)

    def member(self, info: tarfile.TarInfo, stream: io.BufferedIOBase | None) -> None:
        """Add a member of another tar under the name it has now, at our time."""
        clean = _info(info.name, info.type, info.mode, info.uid, info.gid)
        clean.linkname = info.linkname
        clean.size = info.size if info.isreg() else 0
        self._put(clean, stream)

    def _compiler_takes(self, name: str) -> bool:
        return self._compiler is not None and self._compiler.takes(name)

    def _put(self, info: tarfile.TarInfo, stream: io.BufferedIOBase | None) -> None:
        stopping.check()
        if info.name in self._seen:
            return
        parent = posixpath.dirname(info.name)
        if parent and parent not in self._seen:
            self.folder(parent)
        self._seen.add(info.name)
        if stream and info.name.endswith(".py") and self._compiler_takes(info.name):
            self._sources[info.name] = stream.read()
            stream = io.BytesIO(self._sources[info.name])
        self._tar.addfile(info, stream)


def _info(name: str, kind: bytes, mode: int, uid: int, gid: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name.strip("/"))
    info.type, info.mode, info.uid, info.gid, info.mtime = kind, mode, uid, gid, EPOCH
    return info
