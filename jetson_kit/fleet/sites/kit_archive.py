"""The kit as an archive for a site: its files, the wheels of its environment, each with its hash.

The same kit gives the same bytes; their sha256 is the version that a site must have.
"""

from __future__ import annotations

import fnmatch
import hashlib
import importlib.metadata
import io
import json
import os
import re
import subprocess
import tarfile
import time
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from jetson_kit import __version__
from jetson_kit.bundle import packages as wheels
from jetson_kit.core.errors import IntegrityError
from jetson_kit.core.files import locked, sha256_file, write_text, written_aside
from jetson_kit.core.paths import ROOT, cache_dir, git_of
from jetson_kit.fleet.sites import install
from jetson_kit.wheels.pins import ARCHITECTURES

TABLE = Path(__file__).with_name("kit.toml")
# What another controller on this machine, of another kit, may still be sending.
OTHERS_STAY_S = 86_400.0
HOST_LOCK = ROOT / "requirements" / "host.txt"


@dataclass(frozen=True)
class Kit:
    """An archive, and its hash."""

    path: Path
    sha256: str


def make(arch: str, python: str) -> Kit:
    """Return the archive of this kit for an architecture (amd64, arm64) and a Python ("3.11").

    Raises IntegrityError where this kit is no whole one, NetworkError, DiskFullError.
    """
    table = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    lock = _lock(table["packages"], python, arch)
    glibc = (table["glibc"][0], table["glibc"][1])
    sources = {name: (ROOT / name).read_bytes() for name in _files(table["files"])}
    sources[install.LOCK] = lock.encode()
    facts: dict[str, Any] = {
        "version": __version__,
        "python": python,
        "machine": ARCHITECTURES[arch],
        "files": {name: hashlib.sha256(raw).hexdigest() for name, raw in sources.items()},
    }
    # The wheels are those of the lock, which is among the files.
    key = hashlib.sha256(json.dumps([facts, glibc], sort_keys=True).encode()).hexdigest()[:16]
    path = cache_dir("sites") / f"kit-{arch}-{python}-{key}.tar"
    known = path.with_suffix(".sha256")
    with locked(cache_dir("locks") / "sites-kit.lock", lambda: None):
        if not (
            path.is_file() and known.is_file() and known.read_text("ascii") == sha256_file(path)
        ):
            paths = wheels.wheels(python, arch, glibc, _lock_file(lock))
            facts["files"] |= {f"{install.WHEELS}/{item.name}": sha256_file(item) for item in paths}
            with written_aside(path) as aside, tarfile.open(aside, "w") as tar:
                _add(tar, install.FACTS, json.dumps(facts, sort_keys=True, indent=1).encode())
                for name, raw in sources.items():
                    _add(tar, name, raw)
                for wheel in paths:
                    _add(tar, f"{install.WHEELS}/{wheel.name}", wheel.read_bytes())
            write_text(known, sha256_file(path))
        _forget_others(path)
        return Kit(path, known.read_text("ascii"))


def _files(patterns: list[str]) -> list[str]:
    """Return the kit's own files that travel: those that Git knows, or that came in an archive."""
    facts = ROOT / install.FACTS
    if facts.is_file():
        known = list(json.loads(facts.read_text(encoding="utf-8"))["files"])
    else:
        arguments = "ls-files -z --cached --others --exclude-standard".split()
        done = subprocess.run([*git_of(ROOT), *arguments], capture_output=True, check=False)
        known = [name for name in done.stdout.decode().split("\0") if name]
        # None: it lies in another repository, which ignores it.
        if done.returncode or not known:
            raise IntegrityError(
                f"{ROOT} is no checkout, so its files are not known", "clone the kit with Git"
            )
    chosen = re.compile("|".join(map(fnmatch.translate, patterns))).match
    return sorted(name for name in known if chosen(name) and (ROOT / name).is_file())


def _lock(packages: list[str], python: str, arch: str) -> str:
    """Return the part of the host's lock that these packages and all they depend on make up."""
    text = wheels.lines_for(HOST_LOCK.read_text(encoding="utf-8"), python, ARCHITECTURES[arch])
    entries = {_canonical(entry): entry for entry in re.split(r"\n(?=[A-Za-z])", text.strip())}
    taken: dict[str, str] = {}
    todo = [_plain(name) for name in packages]
    while todo:
        name = todo.pop()
        if name in taken or name not in entries:
            continue
        taken[name] = entries[name]
        todo += _dependencies(name)
    if lacking := [name for name in map(_plain, packages) if name not in taken]:
        raise IntegrityError(f"{HOST_LOCK.name} has no {lacking[0]}", "correct kit.toml")
    return "\n".join(taken[name] for name in sorted(taken)) + "\n"


def _dependencies(name: str) -> Iterator[str]:
    """Yield what a package asks for, whatever the machine: the lock itself is for the site's."""
    for text in importlib.metadata.requires(name) or ():
        requirement = Requirement(text)
        if requirement.marker is None or "extra" not in str(requirement.marker):
            yield _plain(requirement.name)


def _lock_file(text: str) -> Path:
    path = cache_dir("sites") / f"lock-{hashlib.sha256(text.encode()).hexdigest()[:16]}.txt"
    if not path.is_file():
        write_text(path, text)
    return path


def _canonical(entry: str) -> str:
    return _plain(re.split(r"[=\[; ]", entry, maxsplit=1)[0])


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _add(tar: tarfile.TarFile, name: str, raw: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(raw), 0o755 if raw[:2] == b"#!" else 0o644
    tar.addfile(member, io.BytesIO(raw))


def _forget_others(path: Path) -> None:
    """Keep this archive, and others for its machine that were used of late: each is some 40 MB.

    A controller of another checkout may be sending its own to sites.
    """
    for mine in (path, path.with_suffix(".sha256")):
        os.utime(mine)
    stem = path.stem.rpartition("-")[0]
    for item in path.parent.glob(f"{stem}-*"):
        if item.stem != path.stem and item.stat().st_mtime < time.time() - OTHERS_STAY_S:
            item.unlink(missing_ok=True)
