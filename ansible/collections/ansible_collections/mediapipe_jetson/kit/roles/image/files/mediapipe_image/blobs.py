"""Layers on their way: which are lacking, whether they fit, and whether they came whole."""

import hashlib
import os
import stat
import time
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Sequence, Set

from mediapipe_image import disk, engine, records
from mediapipe_image.errors import FullError, IntegrityError
from mediapipe_image.release import Layer, Release
from mediapipe_image.settings import Settings

PART = ".part"
CHUNK = 1 << 20
# A FIFO does not hold us up, a link leads nowhere.
FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
# Who sends layers of another release writes at least this often, or has given up.
SENT_S = 60.0


class Lack(NamedTuple):
    """What this device lacks of a release, and the space that it takes and has."""

    had: int
    layers: List[Layer]
    # By the name of its file, how much of each layer came before.
    came: Dict[str, int]
    # File systems that are short: (path, bytes needed, bytes free).
    short: List[Dict[str, Any]]
    # Whether the engine has images in containerd.
    containerd: bool

    @property
    def to_send(self) -> int:
        """Return the bytes that must still come."""
        return sum(row.size - min(self.came.get(row.hex, 0), row.size) for row in self.layers)


def lack(release: Release, there: engine.Engine, settings: Settings) -> Lack:
    """Return what is lacking. Whatever belongs to no layer of this release goes.

    Layers that someone else is sending stay, unless this release needs their space.
    """
    had = _had(release, there)
    layers = list(dict.fromkeys(release.layers[had:]))
    alone = _tidy(layers)
    result = _lack(release, had, layers, there, settings)
    if result.short and not alone:
        _tidy(layers, others=True)
        result = _lack(release, had, layers, there, settings)
    return result


def _lack(
    release: Release, had: int, layers: List[Layer], there: engine.Engine, settings: Settings
) -> Lack:
    came = {row.hex: _came(row) for row in layers}
    result = Lack(had, layers, came, [], there.containerd)
    # The classic store unpacks what it is given into a folder of its own first, then again as
    # layers; containerd keeps a layer as it came, and unpacked.
    taken = sum(
        row.unpacked + (row.size if there.containerd else row.unpacked)
        for row in release.layers[had:]
    )
    root = Path(there.root)
    needs = [(disk.LIB, result.to_send), (root, taken)]
    if disk.device_of(disk.LIB) == disk.device_of(root):
        needs = [(root, result.to_send + taken)]
    for place, bytes_needed in needs:
        free = disk.free(place)
        if bytes_needed and bytes_needed + settings.reserve_bytes > free:
            row = {"path": str(place), "needed": bytes_needed + settings.reserve_bytes}
            result.short.append(dict(row, free=free))
    return result


def _had(release: Release, there: engine.Engine) -> int:
    """Return how many of the lowest layers the engine can use again.

    The classic store knows them by what they hold, in whatever image. containerd knows them by what
    was sent, which only the records say.
    """
    if not there.containerd:
        own = [layer.diff_id for layer in release.layers]
        return shared([image.diff_ids for image in engine.images()], own)
    known = [
        [layer.digest for layer in row.release.layers]
        for row in records.all_records()
        if row.engine_id == row.release.manifest_digest and records.in_engine(row)
    ]
    return shared(known, [layer.digest for layer in release.layers])


def check_space(found: Lack) -> None:
    """Raise FullError where the space does not suffice."""
    for row in found.short:
        raise FullError(
            "{path} needs {needed} bytes with its reserve, {free} are free".format(**row),
            "free some space, or run: mediapipe-image prune --keep 2",
        )


def shared(known: Sequence[Sequence[str]], own: Sequence[str]) -> int:
    """Return how many of the lowest layers some image has: only such a chain can be reused."""
    best = 0
    for layers in known:
        count = 0
        while count < min(len(own), len(layers)) and own[count] == layers[count]:
            count += 1
        best = max(best, count)
    return best


def take(layers: Sequence[Layer]) -> None:
    """Move layers here that came to the folder of who logs in, once all are whole."""
    # What is not stays: there rsync goes on.
    if any(_came(layer) < layer.size for layer in layers):
        return
    for layer in layers:
        name = layer.hex + PART
        try:
            handle = os.open(str(disk.SENT / name), FLAGS)
        except OSError:
            continue
        try:
            facts = os.fstat(handle)
            # A longer one, too: it is found damaged, and goes.
            whole = facts.st_nlink == 1 and facts.st_size >= layer.size
            if stat.S_ISREG(facts.st_mode) and whole:
                os.fchown(handle, os.geteuid(), os.getegid())
                os.fchmod(handle, 0o600)
                disk.remove(disk.BLOBS / name)
                (disk.SENT / name).rename(disk.BLOBS / name)
                if (disk.BLOBS / name).lstat().st_ino != facts.st_ino:
                    disk.remove(disk.BLOBS / name)
        finally:
            os.close(handle)


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


def drop_damaged(layers: Sequence[Layer]) -> bool:
    """Remove layers that have their full length but other bytes; tell whether there was one.

    A power cut may leave a file's length and lose its bytes, and rsync sends no file anew that is
    as long as its own.
    """
    found = False
    for layer in layers:
        part = layer.hex + PART
        for path in (disk.BLOBS / layer.hex, disk.BLOBS / part, disk.SENT / part):
            size = _size(path)
            if size > layer.size or (size == layer.size and _sha256(path) != layer.hex):
                disk.remove(path)
                found = True
    return found


def clear(release: Release) -> None:
    """Remove every layer that came, but for those of another release that someone is sending."""
    for name in _names(release.layers):
        for folder in (disk.BLOBS, disk.SENT):
            disk.remove(folder / name)
    _tidy([])


def _tidy(layers: Sequence[Layer], *, others: bool = False) -> bool:
    """Remove what is of none of these layers; tell whether nothing of that had to stay.

    `others`: also what someone is sending now.
    """
    disk.BLOBS.mkdir(parents=True, exist_ok=True)
    folders = [folder for folder in (disk.BLOBS, disk.SENT) if folder.is_dir()]
    # rsync writes straight into .part; names with a dot before them are of killed ones.
    rest = [
        path for folder in folders for path in folder.iterdir() if path.name not in _names(layers)
    ]
    # A release's first layers are old when its last one comes.
    if not others and any(_is_fresh(path) for path in rest):
        return False
    for path in rest:
        disk.remove(path)
    return True


def _names(layers: Sequence[Layer]) -> Set[str]:
    return {name for row in layers for name in (row.hex, row.hex + PART)}


def _is_fresh(path: Path) -> bool:
    """Tell whether a file was written just now; by the clock that wrote it, which may jump."""
    try:
        facts = path.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISREG(facts.st_mode) and abs(time.time() - facts.st_mtime) < SENT_S


def _came(layer: Layer) -> int:
    part = layer.hex + PART
    return max(_size(disk.BLOBS / layer.hex), _size(disk.BLOBS / part), _size(disk.SENT / part))


def _size(path: Path) -> int:
    try:
        facts = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return 0
    return facts.st_size if stat.S_ISREG(facts.st_mode) else 0


def _sha256(path: Path) -> str:
    """Hash a file, and put it on the disk on the way; "" for what is none."""
    sha256 = hashlib.sha256()
    try:
        handle = os.open(str(path), FLAGS)
    except OSError:
        return ""
    with os.fdopen(handle, "rb") as stream:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            return ""
        for block in iter(lambda: stream.read(CHUNK), b""):
            sha256.update(block)
        os.fsync(stream.fileno())
    return sha256.hexdigest()
