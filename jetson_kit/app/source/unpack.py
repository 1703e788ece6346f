"""Source archives and folders, unpacked or copied without following anything that they contain."""

from __future__ import annotations

import errno
import hashlib
import lzma
import os
import posixpath
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from jetson_kit.core import stopping
from jetson_kit.core.errors import BadInputError, IntegrityError
from jetson_kit.core.files import CHUNK, disk_guard, sha256_file
from jetson_kit.core.reasons import why

ARCHIVES = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".zip")
LARGEST = 2 << 30
MOST = 100_000
# Of version control and tools: no part of a package.
IGNORED = frozenset(
    {".git", ".hg", ".svn", ".venv", "venv", ".tox", ".nox", "__pycache__", "node_modules"}
)
IGNORED_ENDS = (".egg-info", ".pyc", ".jetson.lock")
# Source of compiled languages: such a package has to be built for the target's processor.
NATIVE = frozenset(
    ".c .cc .cpp .cxx .cu .pyx .f .f90 .for .rs .s .go .zig .swg .i".split()
)  # fmt: skip
# What a damaged archive raises.
UNREADABLE = (
    *(tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, KeyError),
    *(NotADirectoryError, IsADirectoryError, FileExistsError, RuntimeError, ValueError),
)
# A name that this file system can't hold.
NAMES = (errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ)
NATIVE_FILES = frozenset({"cmakelists.txt", "meson.build", "cargo.toml", "configure"})


def archive(path: Path, folder: Path) -> Path:
    """Unpack a source archive into `folder`; return the folder of the package in it.

    Raises IntegrityError for what is no such archive, BadInputError for one that is too large.
    """
    try:
        with disk_guard(folder):
            rows = _zip(path) if path.suffix == ".zip" else _tar(path)
            size = 0
            for number, (name, executable, stream) in enumerate(rows):
                _few(number, path)
                target = folder / _safe(name, path)
                target.parent.mkdir(parents=True, exist_ok=True)
                with target.open("wb") as out:
                    while block := stream.read(CHUNK):
                        stopping.check()
                        size += out.write(block)
                        if size > LARGEST:
                            raise BadInputError(
                                f"{path.name} unpacks to more than 2 GiB", "build its wheel"
                            )
                target.chmod(0o755 if executable else 0o644)
    except (*UNREADABLE, OSError) as error:
        if not isinstance(error, UNREADABLE) and getattr(error, "errno", None) not in NAMES:
            raise
        # Tarfile's words list every form that it tried.
        reason = "it is none, or cut short" if isinstance(error, tarfile.ReadError) else why(error)
        raise IntegrityError(
            f"{path.name} is no source archive that can be read: {reason}",
            "check what is at its address or path",
        ) from error
    tops = [entry for entry in folder.iterdir() if entry.is_dir()]
    return tops[0] if len(tops) == 1 and len(list(folder.iterdir())) == 1 else folder


def copy(
    source: Path, target: Path | None, leave_out: Callable[[Path], bool] = lambda _: False
) -> str:
    """Copy a package's folder, if there is a target; return the sha256 of its files.

    A link to a file becomes that file: `leave_out` is asked about both.
    Raises BadInputError for a link that leads out, and more than 2 GiB.
    """
    digest = hashlib.sha256()
    size = 0
    for number, name in enumerate(sorted(files(source))):
        stopping.check()
        path = source / name
        if not path.resolve().is_relative_to(source.resolve()):
            raise BadInputError(f"{path} leads out of its folder", "copy the file there")
        if leave_out(path) or leave_out(path.resolve()):
            continue
        _few(number, source)
        status = path.stat()
        size += status.st_size
        if size > LARGEST:
            raise BadInputError(f"{source} has more than 2 GiB", "build its wheel")
        executable = bool(status.st_mode & stat.S_IXUSR)
        line = f"{name}\0{executable}\0{sha256_file(path)}\n"
        digest.update(line.encode(errors="surrogateescape"))
        if target is not None:
            _write(path, target / name, executable)
    return digest.hexdigest()


def _few(number: int, path: Path) -> None:
    if number >= MOST:
        raise BadInputError(f"{path} has more than {MOST} files", "build its wheel")


def _write(source: Path, path: Path, executable: bool) -> None:
    with disk_guard(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, path)
        path.chmod(0o755 if executable else 0o644)


def has_native_code(folder: Path) -> bool:
    """Tell whether a source has files of compiled languages."""
    for _, _, names in os.walk(folder):
        for name in map(str.lower, names):
            if Path(name).suffix in NATIVE or name in NATIVE_FILES:
                return True
    return False


def files(folder: Path) -> Iterator[str]:
    """Yield the files of a package's folder, by their paths in it."""
    for where, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not _ignored(name)]
        for name in names:
            if not _ignored(name) and (Path(where) / name).is_file():
                yield (Path(where) / name).relative_to(folder).as_posix()


def _ignored(name: str) -> bool:
    return name in IGNORED or name.endswith(IGNORED_ENDS)


def _tar(path: Path) -> Iterator[tuple[str, bool, IO[bytes]]]:
    with tarfile.open(path) as tar:
        for info in tar:
            # A link to a file inside becomes that file; other kinds are no part of a source.
            if info.isreg() or info.issym() or info.islnk():
                stream = _linked(tar, info)
                if stream is not None:
                    yield info.name, bool(info.mode & stat.S_IXUSR), stream


def _linked(tar: tarfile.TarFile, info: tarfile.TarInfo) -> IO[bytes] | None:
    try:
        return tar.extractfile(info)
    except KeyError:
        return None  # to a folder, or to what is not in the archive


def _zip(path: Path) -> Iterator[tuple[str, bool, IO[bytes]]]:
    with zipfile.ZipFile(path) as bundle:
        for item in bundle.infolist():
            if not item.is_dir():
                with bundle.open(item) as stream:
                    yield item.filename, bool(item.external_attr >> 16 & 0o100), stream


def _safe(name: str, path: Path) -> str:
    clean = posixpath.normpath(name)
    if clean.startswith(("/", "../")) or clean in ("", ".", ".."):
        raise IntegrityError(f"{path.name} has a file outside of its folder: {name[:80]}")
    return clean
