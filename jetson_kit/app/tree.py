"""What of an application's folder goes into the image: files, and links that stay inside."""

from __future__ import annotations

import errno
import fnmatch
import hashlib
import os
import re
import shlex
import stat
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath

from jetson_kit.app import faults
from jetson_kit.app.settings import FILE, App
from jetson_kit.core import stopping
from jetson_kit.core.errors import BadInputError
from jetson_kit.core.files import sha256_file
from jetson_kit.core.text import shown

DATA = Path(__file__).with_name("files.toml")
MOST = 50_000
# Files in which tools keep addresses, such as those of package indexes; bytes that are read of one.
SETTINGS = (".txt", ".in", ".toml", ".cfg", ".ini", ".conf", ".yml", ".yaml", ".json")
READ = 1 << 18
PASSWORD = re.compile(rf"://[^/\s:@?#]+:{faults.PORT_OR_PLACE}[^/\s:@]+@".encode())
# A private key as OpenSSL, OpenSSH and GnuPG write it, also within JSON, YAML and strings of a
# program; PuTTY's; WireGuard's. The bounds keep the search from taking long.
KEY = re.compile(
    rb"-----BEGIN (?:[A-Z0-9]{1,20} ){0,4}PRIVATE KEY(?: BLOCK)?-----(?:\\[rn]|[\\\"'\s]){1,80}"
    rb"(?:[A-Za-z-]{1,40}: [^\n]{0,200}\n\s{0,80}){0,10}[A-Za-z0-9+/=]{40}"
    rb"|^PuTTY-User-Key-File-\d+: |^[ \t]*PrivateKey[ \t]*=[ \t]*[A-Za-z0-9+/]{43}=",
    re.MULTILINE,
)
PEM = ".pem"
BEGIN = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----")
PUBLIC = (b"CERTIFICATE", b"PUBLIC KEY")
MEGABYTE = 1_000_000
UNREADABLE = f"let it be read (chmod), or name it in {FILE}: ignore = [...]"


@dataclass(frozen=True)
class Entry:
    """A file or link: its path in the folder, and its status when it was looked at."""

    name: str
    source: Path
    size: int
    changed_ns: int
    executable: bool
    link: str
    """Where a symbolic link leads, relative; "" for a file."""


@dataclass(frozen=True)
class Tree:
    """What goes into the image, sorted, and what was left out because it looks like a secret."""

    entries: tuple[Entry, ...]
    secrets: tuple[str, ...]

    @property
    def size(self) -> int:
        """Return the bytes of all files."""
        return sum(entry.size for entry in self.entries)


@cache
def _outputs() -> tuple[frozenset[str], ...]:
    """Return the names by each of which a folder is known that the kit wrote."""
    table = tomllib.loads(DATA.read_text(encoding="utf-8"))
    return tuple(map(frozenset, table["outputs"]))


@cache
def _patterns() -> tuple[tuple[str, ...], ...]:
    """Return the patterns of what stays out and of secrets, and the marks of environments.

    Last those of secrets that are no part of a package either.
    """
    table = tomllib.loads(DATA.read_text(encoding="utf-8"))
    keys = ("ignore", "secrets", "environments", "credentials")
    return tuple(tuple(table[key]) for key in keys)


def read(app: App) -> Tree:
    """Return what of the folder goes into the image.

    Raises BadInputError for a link that leads out, for what is no regular file, can't be read or
    has a name that is no text, and for too much.
    """
    ignored, _, marks, _ = _patterns()
    own = (*ignored, *app.ignore, app.tests.folder, *filter(None, (app.wheels,)))
    entries: list[Entry] = []
    secrets: list[str] = []
    for path in _walk(app.folder, app.folder, own, marks):
        name = path.relative_to(app.folder).as_posix()
        if _is_secret(name, path, app.include):
            secrets.append(name)
            continue
        if len(entries) == MOST:
            raise BadInputError(
                f"{app.folder} has more than {MOST} files",
                f"name what the image does not need in {FILE}: ignore = [...]",
            )
        entries.append(_entry(app, path, name, own))
    tree = Tree(tuple(sorted(entries, key=lambda entry: entry.name)), tuple(sorted(secrets)))
    _check_size(app, tree)
    return tree


def is_packages_secret(name: str, path: Path, include: Sequence[str]) -> bool:
    """Return whether a file of a package is a secret by its content, or a name of no package's.

    `name` is its path in the application's folder. What `include` names is none.
    """
    hidden = matches(name, _patterns()[3]) or KEY.search(content(path))
    return bool(hidden) and not matches(name, include)


def _is_secret(name: str, path: Path, include: Sequence[str]) -> bool:
    """Return whether a file of a folder looks like a secret and is none that goes in by name."""
    _, usual, _, always = _patterns()
    text = content(path)
    hidden = (
        (matches(name, (*usual, *always)) and not _public(path, text))
        or KEY.search(text)
        or (path.suffix in SETTINGS and PASSWORD.search(text))
    )
    return bool(hidden) and not matches(name, include)


def left_out_module(tree: Tree, name: str, importer: str) -> str:
    """Return the file of a module, beside one that imports it or above, that is left out; or ""."""
    above = PurePosixPath(importer).parents
    places = {str(folder / name / "__init__.py") for folder in above}
    places |= {str(folder / f"{name}.py") for folder in above}
    return next((secret for secret in tree.secrets if secret in places), "")


def included(name: str) -> str:
    """Return what puts a file into the image that looks like a secret."""
    return f'write include = ["{name}"] in {FILE}'


def in_environment(root: Path, name: str) -> bool:
    """Return whether a file of a folder is inside an environment of Python's packages."""
    marks = _patterns()[2]
    above = Path(name).parents
    return any((root / parent / mark).exists() for parent in above for mark in marks)


def dangling(app: App, tree: Tree) -> list[str]:
    """Return the links that lead to what the image leaves out."""
    root = app.folder.resolve()
    there = {"."}
    for entry in tree.entries:
        there |= {entry.name, *map(str, PurePosixPath(entry.name).parents)}
    links = [entry for entry in tree.entries if entry.link]
    return [
        entry.name
        for entry in links
        if not all(place.relative_to(root).as_posix() in there for place in _led(entry.source))
    ]


def _led(path: Path) -> Iterator[Path]:
    """Yield where a link leads, and where each link leads that stands there."""
    while path.is_symlink():
        target = path.parent.resolve() / path.readlink()
        # The last part stays: it may be a link itself.
        path = target.resolve() if target.name == ".." else target.parent.resolve() / target.name
        yield path


def digest(entries: Sequence[Entry]) -> str:
    """Return the hash of files: their names, rights and contents."""
    sha256 = hashlib.sha256()
    for entry in entries:
        stopping.check()
        content = entry.link or sha256_file(entry.source)
        sha256.update(f"{entry.name}\0{entry.executable:d}\0{content}\n".encode())
    return sha256.hexdigest()


def check_unchanged(entries: Sequence[Entry]) -> None:
    """Raise BadInputError if a file was changed since it was looked at."""
    for entry in entries:
        try:
            facts = entry.source.lstat()
        except OSError:
            facts = None
        if facts is None or (facts.st_size, facts.st_mtime_ns) != (entry.size, entry.changed_ns):
            raise BadInputError(f"{entry.source} was changed meanwhile", "run it again")


def _walk(root: Path, folder: Path, ignored: Sequence[str], marks: Sequence[str]) -> Iterator[Path]:
    stopping.check()
    try:
        result = sorted(os.scandir(folder), key=lambda item: item.name)
    except OSError as error:
        raise BadInputError(f"{folder} can't be read: {error.strerror}", UNREADABLE) from error
    names = {item.name for item in result}
    if folder != root and (names & set(marks) or any(own <= names for own in _outputs())):
        return
    for item in result:
        path = Path(item.path)
        if matches(path.relative_to(root).as_posix(), ignored):
            continue
        if item.is_dir(follow_symlinks=False):
            yield from _walk(root, path, ignored, marks)
        else:
            yield path


def matches(name: str, patterns: Sequence[str]) -> bool:
    """Tell whether a path, or a folder above it, is what a pattern names."""
    parts = name.split("/")
    paths = ["/".join(parts[: count + 1]) for count in range(len(parts))]
    return any(
        fnmatch.fnmatchcase(text, form) for form in _forms(tuple(patterns))
        for text in (*parts, *paths)
    )  # fmt: skip


@cache
def _forms(patterns: tuple[str, ...]) -> tuple[str, ...]:
    """Return what is compared for patterns; as in .gitignore, **/ is any folders, or none."""
    forms = (form for text in patterns for form in (text, text.removeprefix("**/")))
    return tuple(dict.fromkeys(form.rstrip("/") for form in forms))


def content(path: Path) -> bytes:
    """Return what a file holds in which secrets are looked for; nothing of large ones and links."""
    try:
        facts = path.lstat()
        if not stat.S_ISREG(facts.st_mode) or facts.st_size > READ:
            return b""
        return path.read_bytes()
    except OSError:
        return b""


def _public(path: Path, text: bytes) -> bool:
    """Return whether a file has only what anybody may see of a key."""
    parts = BEGIN.findall(text)
    return path.suffix == PEM and bool(parts) and all(part.endswith(PUBLIC) for part in parts)


def _entry(app: App, path: Path, name: str, ignored: Sequence[str]) -> Entry:
    root = app.folder
    ignore = f"take it out, or name it in {FILE}: ignore = [...]"
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        raise BadInputError(f"{shown(str(path))} has a name that is not UTF-8", ignore) from None
    facts = path.lstat()
    link = ""
    if stat.S_ISLNK(facts.st_mode):
        link = str(path.readlink())
        try:
            leads = path.resolve(strict=True)
        except RuntimeError:
            raise BadInputError(f"{path} is a link that leads to itself", ignore) from None
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise BadInputError(f"{path} is a link that leads to itself", ignore) from None
            leads = path.resolve()
        if Path(link).is_absolute() and leads.exists() and leads.is_relative_to(root.resolve()):
            place = os.path.relpath(leads, path.parent.resolve())
            raise BadInputError(
                f"{path} is a link to {shown(link)}, which is no path of the image",
                ignore
                if _left_out(app, leads, ignored)
                else f"make it a relative one: ln -sfn {shlex.quote(place)} "
                f"{shlex.quote(str(path))}",
            )
        if Path(link).is_absolute() or _leaves(root.resolve(), path, link):
            raise BadInputError(f"{path} is a link out of the folder, to {shown(link)}", ignore)
        if not leads.exists():
            raise BadInputError(f"{path} is a link to nothing, {shown(link)}", ignore)
    elif not stat.S_ISREG(facts.st_mode):
        raise BadInputError(f"{path} is no regular file", ignore)
    elif not os.access(path, os.R_OK):
        raise BadInputError(f"{path} can't be read: Permission denied", UNREADABLE)
    executable = bool(facts.st_mode & 0o100)
    return Entry(name, path, facts.st_size, facts.st_mtime_ns, executable, link)


def _left_out(app: App, path: Path, ignored: Sequence[str]) -> bool:
    """Return whether the image leaves out a file or folder of the application's folder."""
    name = path.relative_to(app.folder.resolve()).as_posix()
    return (
        matches(name, ignored)
        or in_environment(app.folder, f"{name}/*")
        or _is_secret(name, path, app.include)
    )


def _leaves(root: Path, path: Path, link: str) -> bool:
    """Return whether a relative link leads out of a folder, be it to come back by its name."""
    place = path.parent.resolve()
    for part in link.split("/"):
        place = place.parent if part == ".." else (place / part).resolve()
        if not place.is_relative_to(root):
            return True
    return False


def _check_size(app: App, tree: Tree) -> None:
    if tree.size <= app.max_mb * MEGABYTE:
        return
    largest = max(tree.entries, key=lambda entry: entry.size)
    raise BadInputError(
        f"{app.folder} has {tree.size / MEGABYTE:.0f} MB, more than {app.max_mb}; the largest file "
        f"is {largest.name} with {largest.size / MEGABYTE:.0f} MB",
        f"name what the image does not need in {FILE}: ignore = [...], or raise max_mb",
    )
