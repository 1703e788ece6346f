"""Layers on their way: which are lacking, whether they fit, and whether they came whole."""

import hashlib
import os
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Sequence

from mediapipe_image import disk, engine
from mediapipe_image.errors import FullError, IntegrityError
from mediapipe_image.release import Layer, Release
from mediapipe_image.settings import Settings

PART = ".part"
CHUNK = 1 << 20


class Lack(NamedTuple):
    """What this device lacks of a release, and the space that it takes and has."""

    had: int
    layers: List[Layer]
    # By the name of its file, how much of each layer came before.
    came: Dict[str, int]
    # File systems that are short: (path, bytes needed, bytes free).
    short: List[Dict[str, Any]]

    @property
    def to_send(self) -> int:
        """Return the bytes that must still come."""
        return sum(row.size - min(self.came.get(row.hex, 0), row.size) for row in self.layers)


def lack(release: Release, root: str, settings: Settings) -> Lack:
    """Return what is lacking. Whatever belongs to no layer of this release goes."""
    had = shared([one.diff_ids for one in engine.images()], release)
    layers = list(dict.fromkeys(release.layers[had:]))
    _tidy(layers)
    came = {row.hex: _came(row) for row in layers}
    made = Lack(had, layers, came, [])
    # An engine unpacks what it is given into a folder of its own first, then again as layers.
    unpacked = 2 * sum(row.unpacked for row in release.layers[had:])
    needs = [(disk.LIB, made.to_send), (Path(root), unpacked)]
    if disk.device_of(disk.LIB) == disk.device_of(Path(root)):
        needs = [(Path(root), made.to_send + unpacked)]
    for place, bytes_needed in needs:
        there = disk.free(place)
        if bytes_needed and bytes_needed + settings.reserve_bytes > there:
            row = {"path": str(place), "needed": bytes_needed + settings.reserve_bytes}
            made.short.append(dict(row, free=there))
    return made


def check_space(found: Lack) -> None:
    """Raise FullError where the space does not suffice."""
    for row in found.short:
        raise FullError(
            "{path} needs {needed} bytes with its reserve, {free} are free".format(**row),
            "free some space, or run: mediapipe-image prune --keep 2",
        )


def shared(known: Sequence[Sequence[str]], release: Release) -> int:
    """Return how many of the lowest layers some image has: only such a chain can be reused."""
    own = [layer.diff_id for layer in release.layers]
    best = 0
    for diff_ids in known:
        count = 0
        while count < min(len(own), len(diff_ids)) and own[count] == diff_ids[count]:
            count += 1
        best = max(best, count)
    return best


def accept(layer: Layer) -> Path:
    """Return a layer's file, checked. Raises IntegrityError where it is not all there."""
    whole, part = disk.BLOBS / layer.hex, disk.BLOBS / (layer.hex + PART)
    place = whole if whole.exists() else part
    size = _size(place)
    if size < layer.size:
        raise IntegrityError(
            f"of layer {layer.digest} only {size} of {layer.size} bytes came",
            "send it again: what came is kept",
        )
    if size > layer.size or _sha256(place) != layer.hex:
        disk.remove(place)
        raise IntegrityError(f"layer {layer.digest} came damaged", "it was removed; send it again")
    if place is part:
        part.replace(whole)
        disk.sync_folder(disk.BLOBS)
    return whole


def clear() -> None:
    """Remove every layer that came."""
    _tidy([])


def _tidy(layers: Sequence[Layer]) -> None:
    disk.BLOBS.mkdir(parents=True, exist_ok=True)
    names = {row.hex for row in layers} | {row.hex + PART for row in layers}
    for one in disk.BLOBS.iterdir():
        # rsync writes straight into .part; names with a dot before them are of killed ones.
        if one.name not in names:
            disk.remove(one)


def _came(layer: Layer) -> int:
    return max(_size(disk.BLOBS / layer.hex), _size(disk.BLOBS / (layer.hex + PART)))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _sha256(path: Path) -> str:
    """Hash a file, and put it on the disk on the way."""
    found = hashlib.sha256()
    with path.open("rb") as stream:
        for block in iter(lambda: stream.read(CHUNK), b""):
            found.update(block)
        os.fsync(stream.fileno())
    return found.hexdigest()
