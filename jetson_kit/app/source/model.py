"""A package of which there is only source, where it is from, and the wheel that was built of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from jetson_kit.app import lock_lines
from jetson_kit.app.lock_lines import AGAIN
from jetson_kit.core.errors import BadInputError
from jetson_kit.emulation.cpus import Cpu

ROW = "# source: "
SHA256 = re.compile(r"[0-9a-f]{64}")
COMMIT = re.compile(r"[0-9a-f]{40,64}")
PLAIN = re.compile(r"[A-Za-z0-9][\w.!+-]*")
KINDS = ("index", "url", "git", "folder")
MACHINES = {"arm64": "aarch64", "amd64": "x86_64"}


@dataclass(frozen=True)
class Source:
    """One package's source.

    `origin` is an address without a password or a path in the application's folder, "" for an
    index. `sha256` is the file's, or that of a folder's files; `commit` is git's.
    """

    name: str
    version: str
    kind: str
    origin: str = ""
    filename: str = ""
    sha256: str = ""
    commit: str = ""
    compiled: bool | None = None
    """Whether it has files of compiled languages; None where that is not known yet."""
    requires: tuple[str, ...] = ()
    """What its build needs: hash-pinned lines of requirements, once they are resolved."""

    @property
    def label(self) -> str:
        """Return what messages call it."""
        if self.name and self.version:
            return f"{self.name} {self.version}"
        return self.name or self.origin

    @property
    def content(self) -> str:
        """Return what identifies its bytes."""
        return self.commit or self.sha256


@dataclass(frozen=True)
class Target:
    """What a wheel is built for; `platform` is uv's name of it."""

    suite: str
    arch: str
    python: str
    manylinux: str
    core: Cpu | None
    """The core to emulate; None for a machine of this architecture."""

    @property
    def platform(self) -> str:
        """Return uv's name of the platform."""
        return f"{MACHINES[self.arch]}-{self.manylinux}"


@dataclass(frozen=True)
class Built:
    """A wheel in the cache, alone in its folder; `pure` runs on every architecture."""

    source: Source
    wheel: Path
    sha256: str
    pure: bool


def to_rows(sources: Iterable[Source]) -> str:
    """Return the lines of a lock that say what is built from source."""
    rows = sorted(sources, key=lambda source: source.name)
    return "".join(f"{ROW}{json.dumps(_filled(source))}\n" for source in rows)


def from_rows(text: str) -> tuple[Source, ...]:
    """Return what a lock says is built from source. Raises BadInputError for a damaged line."""
    names = {field.name for field in fields(Source)}
    result = []
    for line in text.splitlines():
        if not line.startswith(ROW):
            continue
        try:
            row: dict[str, Any] = json.loads(line.removeprefix(ROW))
            source = Source(**{key: row[key] for key in row if key in names})
            source = replace(source, requires=tuple(map(str, source.requires)))
        except (ValueError, TypeError) as error:
            raise BadInputError(f"a lock's line is damaged: {line[:80]}", AGAIN) from error
        _check(source, line)
        result.append(source)
    return tuple(result)


def _check(source: Source, line: str) -> None:
    """Raise BadInputError for a source that no build of ours wrote: paths and options among it."""
    strings = (source.name, source.version, source.origin, source.filename)
    sound = (
        source.kind in KINDS
        and bool(source.content)
        and all(isinstance(string, str) and string.isprintable() for string in strings)
        and (not source.sha256 or SHA256.fullmatch(source.sha256))
        and (not source.commit or COMMIT.fullmatch(source.commit))
        and PLAIN.fullmatch(source.name or "x")
        and PLAIN.fullmatch(source.version or "1")
        and Path(source.filename).name == source.filename
        and (source.kind != "folder" or _inside(source.origin))
        and (source.kind != "url" or source.origin.startswith(("https://", "http://", "file://")))
    )
    if not sound:
        raise BadInputError(f"a lock's line names no source: {line[:80]}", AGAIN)
    lock_lines.check(source.requires, "a lock's line")


def _inside(path: str) -> bool:
    return not Path(path).is_absolute() and ".." not in Path(path).parts


def _filled(source: Source) -> dict[str, Any]:
    return {key: value for key, value in asdict(source).items() if value or value is False}
