"""A bundle's groups: what every machine needs, and TensorRT for a PC in parts of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jetson_kit.bundle import payload
from jetson_kit.bundle.payload import Member
from jetson_kit.core.files import sha256_file

Site = Iterable[tuple[str, Iterable[Member]]]
"""(a wheel's name, its files)"""
Rows = list[list[object]]


@dataclass(frozen=True)
class Group:
    """Files that come together: those of every Python, and those of each."""

    stem: str
    """What the names of its parts begin with."""
    common: Iterable[Member]
    sites: Iterator[tuple[str, Site]]
    """(Python, its wheels)"""


@dataclass(frozen=True)
class Written:
    """A group on disk: its parts, its row in the manifest, and what it takes unpacked (bytes)."""

    parts: tuple[Path, ...]
    row: dict[str, Any]
    unpacked: int


def write(group: Group, folder: Path, limit: int) -> Written:
    """Write a group's parts, of at most `limit` bytes each. Raises what its contents raise."""
    parts = payload.Parts(folder, group.stem, limit)
    stream = payload.Stream(parts)
    common = stream.add(group.common)
    wheels: dict[str, Rows] = {}
    pythons: dict[str, Rows] = {}
    for python, site in group.sites:
        pythons[python] = []
        for name, members in site:
            # The hash of each wheel is pinned: one of the same name is the same wheel.
            if name not in wheels:
                wheels[name] = stream.add(members)
            pythons[python] += wheels[name]
    parts.close()
    sizes = [int(str(blob[1])) for blob in stream.blobs]
    row = {
        "parts": [
            {"name": path.name, "size": path.stat().st_size, "sha256": sha256_file(path)}
            for path in parts.files
        ],
        "blobs": stream.blobs,
        "common": common,
        "pythons": pythons,
    }
    most = max(sum(sizes[int(str(item[1]))] for item in rows) for rows in pythons.values())
    shared = sum(sizes[int(str(item[1]))] for item in common)
    return Written(tuple(parts.files), row, shared + most)
