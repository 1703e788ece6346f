"""Installed packages without what a program never uses: test suites, types, symbol tables.

What goes is data in pysite.toml. Each package that is changed says so in its dist-info, and its
RECORD names the files that are there, with their hashes.
"""

from __future__ import annotations

import csv
import fnmatch
import functools
import hashlib
import io
import json
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name

from jetson_kit.wheels import elf_strip
from jetson_kit.wheels.record import hash_of

TABLE = Path(__file__).with_name("pysite.toml")
# Raised when the same packages and table would give other bytes than before.
FORMAT = 1
SCHEMA = "mediapipe-jetson-kit/package-provenance/1"
PROVENANCE = "jetson-provenance.json"


@dataclass(frozen=True)
class LeaveOut:
    """Files of a package that are not shipped."""

    package: str
    why: str
    drop: tuple[str, ...]
    keep: tuple[str, ...] = ()

    def takes(self, path: str) -> bool:
        """Return whether a file, named as RECORD does, is left out."""
        return _any(path, self.drop) and not _any(path, self.keep)


@dataclass(frozen=True)
class Strip:
    """Native libraries of a package that are shipped without sections that are never loaded."""

    package: str
    why: str
    files: tuple[str, ...]
    sections: tuple[str, ...]

    def takes(self, path: str) -> bool:
        """Return whether a file, named as RECORD does, is stripped."""
        return _any(path, self.files)


@dataclass(frozen=True)
class Rules:
    """What is not shipped."""

    leave_out: tuple[LeaveOut, ...]
    strip: tuple[Strip, ...]

    @property
    def key(self) -> str:
        """Return what a layer depends on."""
        return repr((FORMAT, elf_strip.FORMAT, self))

    def of(self, package: str) -> Rules:
        """Return the rules of one package."""
        name = canonicalize_name(package)
        return Rules(
            tuple(item for item in self.leave_out if item.package == name),
            tuple(item for item in self.strip if item.package == name),
        )


@functools.cache
def rules(table: Path = TABLE) -> Rules:
    """Return the rules of pysite.toml."""
    rows = tomllib.loads(table.read_text(encoding="utf-8"))
    return Rules(
        tuple(
            LeaveOut(row["package"], row["why"], tuple(row["drop"]), tuple(row.get("keep", ())))
            for row in rows.get("leave_out", ())
        ),
        tuple(
            Strip(row["package"], row["why"], tuple(row["files"]), tuple(row["sections"]))
            for row in rows.get("strip", ())
        ),
    )


def prune(site: Path, every: Rules) -> None:
    """Prune the packages in a site-packages folder. Raises IntegrityError for a damaged library."""
    for info in sorted(site.glob("*.dist-info")):
        mine = every.of(info.name.partition("-")[0])
        if mine.leave_out or mine.strip:
            _prune(site, info, mine)


def _prune(site: Path, info: Path, mine: Rules) -> None:
    record = info / "RECORD"
    rows: list[list[str]] = []
    left_out: dict[str, list[int]] = {}
    stripped: list[dict[str, object]] = []
    for path, digest, size in csv.reader(record.read_text(encoding="utf-8").splitlines()):
        if gone := next((item for item in mine.leave_out if item.takes(path)), None):
            left_out.setdefault(gone.why, []).append((site / path).stat().st_size)
            _remove(site / path, site)
        elif strip := next((item for item in mine.strip if item.takes(path)), None):
            row, facts = _strip(site, path, strip)
            rows.append(row)
            stripped.append(facts)
        else:
            rows.append([path, digest, size])
    if not left_out and not stripped:
        return
    about = {
        "schema": SCHEMA,
        "left_out": [
            {"why": why, "files": len(sizes), "bytes": sum(sizes)}
            for why, sizes in left_out.items()
        ],
        "stripped": stripped,
    }
    raw = (json.dumps(about, indent=1) + "\n").encode()
    (info / PROVENANCE).write_bytes(raw)
    rows.append([f"{info.name}/{PROVENANCE}", hash_of(raw), str(len(raw))])
    listing = io.StringIO()
    csv.writer(listing, lineterminator="\n").writerows(sorted(rows))
    _replace(record, listing.getvalue().encode())


def _strip(site: Path, path: str, rule: Strip) -> tuple[list[str], dict[str, object]]:
    """Strip a library in place; return its row in RECORD and what provenance says of it."""
    before = (site / path).read_bytes()
    after = elf_strip.strip(before, rule.sections, path)
    _replace(site / path, after.data)
    facts: dict[str, object] = {
        "path": path,
        "why": rule.why,
        "sections": [{"name": item.name, "bytes": item.size} for item in after.removed],
        "before": {"sha256": hashlib.sha256(before).hexdigest(), "bytes": len(before)},
        "after": {"sha256": hashlib.sha256(after.data).hexdigest(), "bytes": len(after.data)},
        "loaded_sha256": after.loaded_sha256,
    }
    return [path, hash_of(after.data), str(len(after.data))], facts


def _replace(path: Path, data: bytes) -> None:
    """Write a file anew: it may be a hard link into uv's cache."""
    mode = path.stat().st_mode
    path.unlink()
    path.write_bytes(data)
    path.chmod(mode)


def _remove(path: Path, site: Path) -> None:
    """Remove a file and the folders that are empty without it."""
    path.unlink()
    for folder in path.parents:
        if folder == site or any(folder.iterdir()):
            return
        folder.rmdir()


def _any(path: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch.fnmatchcase(path, pattern) for pattern in patterns)
