"""Locked sets of Debian packages, in docker/packages/: fetched by hash, without any list.

What is locked was resolved and checked by apt when `data.update` wrote it. A build that follows a
lock is a function of the commit; once the archive has removed a package, apt resolves anew.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from urllib.parse import unquote

from jetson_kit.core.errors import IntegrityError, NetworkError, StepFailedError
from jetson_kit.core.files import disk_guard, locked
from jetson_kit.core.paths import ROOT
from jetson_kit.core.reasons import why
from jetson_kit.core.run import run
from jetson_kit.debian import apt as debian
from jetson_kit.debian.apt import Mirror
from jetson_kit.debian.deb_file import Deb, intact

FOLDER = ROOT / "docker" / "packages"
# apt's own downloader: it has the user's proxies and transports, and checks hashes.
HELPER = Path("/usr/lib/apt/apt-helper")
URI = re.compile(
    r"'(?P<uri>[^']*)' (?P<name>[^_ ]+)_(?P<version>[^_ ]+)_(?P<arch>\w+)\.deb \d+ "
    r"SHA256:(?P<sha256>[0-9a-f]{64})"
)
# What a server says of a file that it has no more, and apt of one in a folder.
GONE = (" 404 ", "No such file or directory")


@dataclass(frozen=True)
class Row:
    """A package: the archive that has it ("main" or "security"), and its path there, quoted."""

    name: str
    version: str
    architecture: str
    archive: str
    path: str
    sha256: str


@dataclass(frozen=True)
class Lock:
    """What was asked of apt, and all that it resolved to."""

    packages: tuple[str, ...]
    rows: tuple[Row, ...]


def path_of(variant: str, suite: str, arch: str) -> Path:
    """Return the file of a lock, whether it is there or not."""
    return FOLDER / f"{suite}-{arch}-{variant}.json"


def of_variant(variant: str) -> list[Lock]:
    """Return the locks of a variant, of all suites and architectures. Raises IntegrityError."""
    paths = sorted(FOLDER.glob(f"*-*-{variant}.json"))
    return [lock for path in paths if path.stat().st_size and (lock := read(path))]


def read(path: Path) -> Lock | None:
    """Return a lock; None where there is none. Raises IntegrityError for what is no lock."""
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        return Lock(tuple(facts["packages"]), tuple(Row(*row) for row in facts["rows"]))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise IntegrityError(
            f"{path.name} is no list of packages: {why(error)}", "get it back: git checkout docker"
        ) from error


def to_json(lock: Lock) -> str:
    """Return a lock as its file has it: a line for each package."""
    rows = ",\n".join(f"  {json.dumps(astuple(row))}" for row in lock.rows)
    return f'{{\n "packages": {json.dumps(lock.packages)},\n "rows": [\n{rows}\n ]\n}}\n'


def resolved(packages: Sequence[str], printed: str, mirror: Mirror) -> Lock:
    """Return the lock of what `apt-get --print-uris` lists, sorted.

    Raises StepFailedError for a package without a SHA256, and one that is not the mirror's.
    """
    rows = []
    for line in printed.splitlines():
        if not line.startswith("'"):
            continue
        match = URI.match(line)
        if not match:
            raise StepFailedError(f"apt offers a package without a SHA256: {line}")
        archive, path = _place(match["uri"], mirror)
        version = unquote(match["version"])
        rows.append(Row(match["name"], version, match["arch"], archive, path, match["sha256"]))
    return Lock(tuple(packages), tuple(sorted(rows, key=astuple)))


def _place(uri: str, mirror: Mirror) -> tuple[str, str]:
    # First the security archive, whose address may begin like the other's.
    for archive, place in (("security", mirror.security), ("main", mirror.main)):
        if uri.startswith(f"{place}/"):
            return archive, uri[len(place) + 1 :]
    raise StepFailedError(f"{uri} is not of the mirror {mirror.main}")


def fetch(lock: Lock, *, suite: str, arch: str, folder: Path) -> tuple[Deb, ...] | None:
    """Download what is locked, in debian.fetch's folder; None where the archive has it no more.

    Raises NetworkError, IntegrityError, DiskFullError, StepFailedError, ToolMissingError.
    """
    debs = tuple(_deb(row, debian.archives(folder)) for row in lock.rows)
    with locked(folder / "kit.lock", lambda: None):
        missing = [pair for pair in zip(lock.rows, debs, strict=True) if not intact(pair[1])]
        if not missing:
            return debs
        mirror = debian.host_mirror()
        with disk_guard(folder):
            config = debian.configure(folder, suite, arch, "", mirror)
            debian.room(folder)
        try:
            # The first one alone: apt waits for each file anew where no name server answers.
            for pairs in (missing[:1], missing[1:]):
                words = [word for pair in pairs for word in _download(*pair, mirror)]
                if not words:
                    continue
                run(
                    [HELPER, "-c", config, "-qq", "download-file", *words],
                    what=f"downloading packages for {suite} ({arch})",
                    env=debian.environment(),
                    timeout_s=debian.TIMEOUT_S,
                )
        except NetworkError as error:
            if any(words in error.message for words in GONE):
                return None
            raise
    if wrong := [deb.path.name for _, deb in missing if not intact(deb)]:
        raise IntegrityError(f"{', '.join(wrong)} has not the hash of the lock")
    return debs


def _deb(row: Row, folder: Path) -> Deb:
    # As apt names it: an epoch's colon is quoted.
    name = f"{row.name}_{row.version.replace(':', '%3a')}_{row.architecture}.deb"
    return Deb(row.name, row.version, row.architecture, folder / name, row.sha256)


def _download(row: Row, deb: Deb, mirror: Mirror) -> tuple[str, str, str]:
    deb.path.unlink(missing_ok=True)
    place = mirror.security if row.archive == "security" else mirror.main
    # apt reads files where they are; this transport copies them.
    place = place.replace("file:", "copy:", 1) if place.startswith("file:") else place
    return f"{place}/{row.path}", str(deb.path), f"SHA256:{row.sha256}"
