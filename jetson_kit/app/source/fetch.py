"""The bytes of sources: archives of an index or an address, git repositories, folders."""

from __future__ import annotations

import posixpath
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

import requests

from jetson_kit.app import resolve, tree
from jetson_kit.app.source import addresses, repository, unpack
from jetson_kit.app.source.model import Source
from jetson_kit.core import cached_files, stopping
from jetson_kit.core.errors import BadInputError, IntegrityError, NetworkError
from jetson_kit.core.files import CHUNK, sha256_file, written_aside
from jetson_kit.core.paths import FULL, cache_dir
from jetson_kit.core.uv import NoSolutionError

TIMEOUT_S = 60.0
# Bytes: more is no source archive.
LARGEST = 1 << 30


def of_index(
    name: str, requirements: Sequence[str], python: str, options: Sequence[str]
) -> Source | None:
    """Return the newest source of a package that an index has and `requirements` allow.

    It is put into the cache. None where there is none. Raises NetworkError, IntegrityError.
    """
    try:
        row = resolve.source_row(name, requirements, python, options)
    except NoSolutionError:
        return None
    sdist = row.get("sdist")
    if not sdist:
        return None
    place = str(sdist.get("url") or sdist.get("path", ""))
    filename = str(sdist.get("name") or Path(unquote(urlsplit(place).path)).name)
    sha256 = str(sdist.get("hashes", {}).get("sha256", ""))
    if not filename.endswith(unpack.ARCHIVES):
        return None
    if not sha256:
        raise IntegrityError(
            f"the index gives no sha256 of {filename}", "build its wheel and put it into wheels/"
        )
    source = Source(name, str(row["version"]), "index", "", filename, sha256)
    if not _cached(source).is_file():
        _download(place, _cached(source), sha256, options)
    return source


def of_address(address: str, name: str, options: Sequence[str]) -> Source:
    """Return the source archive at an address; a hash in it, #sha256=..., must hold.

    Raises NetworkError, IntegrityError, BadInputError.
    """
    parts = urlsplit(address)
    filename = Path(unquote(parts.path)).name
    if not filename.endswith(unpack.ARCHIVES):
        raise BadInputError(
            f"{addresses.bare(address)} names no source archive", "name a .tar.gz or .zip"
        )
    match = re.search(r"sha256=([0-9a-f]{64})", parts.fragment)
    with tempfile.TemporaryDirectory(dir=cache_dir("tmp"), prefix="app-source-") as folder:
        path = Path(folder, "archive")
        sha256 = _download(address, path, match[1] if match else "", options)
        source = Source(name, "", "url", addresses.bare(address), filename, sha256)
        shutil.move(path, _cached(source))
    return source


def of_git(address: str, name: str) -> Source:
    """Return a repository's source at the commit that its address, git+URL[@REF], names now.

    Raises NetworkError, BadInputError.
    """
    plain, _, fragment = address.removeprefix("git+").partition("#")
    if "subdirectory=" in fragment:
        raise BadInputError(
            f"{addresses.bare(address)}: a subdirectory", "name the folder's own repository"
        )
    parts = urlsplit(plain)
    path, at, ref = parts.path.rpartition("@")
    place = urlunsplit(parts._replace(path=path)) if at else plain
    with tempfile.TemporaryDirectory(dir=cache_dir("tmp"), prefix="app-source-") as folder:
        commit = repository.clone(place, ref if at else "HEAD", Path(folder, "it"))
    return Source(name, "", "git", addresses.without_password(place), commit=commit)


def of_folder(app: Path, path: str, name: str, include: Sequence[str] = ()) -> Source:
    """Return a folder or archive in the application's folder as a source. Raises BadInputError.

    What `left_out` returns is no part of it.
    """
    folder = (app / path).resolve()
    if folder.is_file():
        return Source(name, "", "folder", path, folder.name, sha256_file(folder))
    return Source(name, "", "folder", path, sha256=_copy(app, path, None, include))


def left_out(app: Path, path: str, include: Sequence[str] = ()) -> Iterator[str]:
    """Yield the files of a package's folder that are secrets, by their paths in the application's.

    `include` names what is none.
    """
    folder = (app / path).resolve()
    secret = _secrets(folder, path, include)
    for name in sorted(unpack.files(folder)):
        if secret(folder / name) or secret((folder / name).resolve()):
            yield posixpath.normpath(posixpath.join(path, name))


def put(
    source: Source,
    app: Path,
    into: Path,
    options: Sequence[str],
    python: str,
    include: Sequence[str] = (),
) -> Path:
    """Put a source's files below `into`; return the folder of the package.

    Raises NetworkError, IntegrityError where the bytes are others than those that were locked.
    """
    if source.kind == "git":
        commit = repository.clone(
            addresses.with_login(source.origin, options), source.commit, into / "it"
        )
        if commit != source.commit:
            raise IntegrityError(f"{source.label}: {source.origin} has no commit {source.commit}")
        return into / "it"
    if source.kind == "folder" and not source.filename:
        if _copy(app, source.origin, into / "it", include) != source.sha256:
            raise IntegrityError(f"{source.origin} changes while it is built", "run it again")
        return into / "it"
    path = _archive(source, app, options, python)
    if sha256_file(path) != source.sha256:
        cached_files.forget(path)
        raise IntegrityError(
            f"{source.filename} has not the hash of the lock", "it was changed; nothing was built"
        )
    return unpack.archive(path, into)


def _copy(app: Path, path: str, target: Path | None, include: Sequence[str]) -> str:
    folder = (app / path).resolve()
    return unpack.copy(folder, target, _secrets(folder, path, include))


def _secrets(folder: Path, path: str, include: Sequence[str]) -> Callable[[Path], bool]:
    """Return what tells whether a file of a package's folder is a secret."""

    def is_secret(file: Path) -> bool:
        name = posixpath.normpath(posixpath.join(path, file.relative_to(folder).as_posix()))
        return tree.is_packages_secret(name, file, include)

    return is_secret


def _archive(source: Source, app: Path, options: Sequence[str], python: str) -> Path:
    if source.kind == "folder":
        return (app / source.origin).resolve()
    path = _cached(source)
    if path.is_file():
        return path
    if source.kind == "url":
        _download(source.origin, path, source.sha256, options)
        return path
    pinned = [f"{source.name}=={source.version}"]
    current = of_index(source.name, pinned, python, options)
    if current is None or current.sha256 != source.sha256:
        raise IntegrityError(
            f"the index has no {source.filename} with the hash of the lock",
            "nothing was built; if the change is right: --refresh",
        )
    return path


def _cached(source: Source) -> Path:
    # Its own name last: what unpacks it looks at the ending.
    return cache_dir("app-sources") / f"{source.sha256[:32]}-{source.filename}"


def _download(address: str, path: Path, sha256: str, options: Sequence[str]) -> str:
    """Fetch a file to `path` and return its sha256; it must be `sha256`, where that is known."""
    shown = addresses.bare(address)
    parts = urlsplit(address)
    with written_aside(path) as aside:
        if parts.scheme in ("", "file"):
            _copied(Path(unquote(parts.path)), aside)
        else:
            _stream(addresses.with_login(address, options), shown, aside)
        value = sha256_file(aside)
        if sha256 and value != sha256:
            raise IntegrityError(
                f"{shown} has sha256 {value}, expected {sha256}",
                "it was changed or damaged on the way; nothing of it was kept",
            )
    return value


def _copied(source: Path, aside: Path) -> None:
    """Copy a local archive. Raises BadInputError where it can't be read or is too large."""
    try:
        if source.stat().st_size > LARGEST:
            raise BadInputError(f"{source} is larger than 1 GiB", "build its wheel")
        shutil.copyfile(source, aside)
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno in FULL:
            raise
        why = getattr(error, "strerror", None) or str(error)
        raise BadInputError(
            f"{source} can't be read: {why}", "name a file that is there"
        ) from error


def _stream(address: str, shown: str, aside: Path) -> None:
    try:
        with (
            requests.get(address, stream=True, timeout=TIMEOUT_S) as reply,
            aside.open("wb") as out,
        ):
            if reply.status_code in (401, 403):
                raise NetworkError(f"{shown}: the server refuses the login", "check its password")
            if reply.status_code != requests.codes.ok:
                raise NetworkError(
                    f"cannot fetch {shown}: status {reply.status_code}", "check the address"
                )
            for block in reply.iter_content(CHUNK):
                stopping.check()
                if out.tell() + len(block) > LARGEST:
                    raise BadInputError(f"{shown} is larger than 1 GiB", "build its wheel")
                out.write(block)
    except requests.RequestException as error:
        kind = type(error).__name__
        raise NetworkError(f"cannot fetch {shown}: {kind}", "check the network") from error
