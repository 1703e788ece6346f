"""What this device knows of each image that it received: releases/HEX.json."""

import sys
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Set

from mediapipe_image import disk, engine, state_files
from mediapipe_image.errors import BadInputError, ImageError, IntegrityError
from mediapipe_image.release import Release, parse
from mediapipe_image.strict import DIGEST

SCHEMA = "mediapipe-jetson/device-release/1"
RECORDS = "[0-9a-f]*.json"
STATES = ("loading", "ready", "going")
# Damaged records that this run has told of.
_TOLD: Set[Path] = set()


class Record(NamedTuple):
    """A release on this device; `loading` in an older boot means: not to be trusted."""

    release: Release
    state: str  # loading, ready or going
    boot_id: str
    # How many layers the engine had, and had on the disk, before it was loaded.
    had: int
    way: str
    at: str
    # What the engine calls the image; empty until it has it.
    engine_id: str

    @property
    def suspect(self) -> bool:
        """Tell whether a power cut may have kept the engine's files from the disk."""
        return self.state != "ready" and self.boot_id != disk.boot_id()


def path(image_id: str) -> Path:
    """Return where an image's record is."""
    return disk.RELEASES / (image_id.partition(":")[2] + ".json")


def write(release: Release, state: str, had: int, way: str, engine_id: str = "") -> None:
    """Write a record to the disk; `engine_id` is what the engine calls the image."""
    body: Dict[str, Any] = {
        "schema": SCHEMA,
        "state": state,
        "boot_id": disk.boot_id(),
        "had": had,
        "way": way,
        "at": disk.now(),
        "engine_id": engine_id,
        "release": release.body,
    }
    disk.write_json(path(release.image_id), body)


def read(image_id: str) -> Optional[Record]:
    """Return an image's record, or None; one that is damaged is none, and is made anew by a fetch.

    Raises BadInputError for what is no image id.
    """
    if not DIGEST.fullmatch(image_id):
        raise BadInputError(f"{image_id} is no image id", "write it as sha256:HEX")
    return _read(path(image_id))


def all_records() -> List[Record]:
    """Return every record, the newest first."""
    result = [_read(item) for item in disk.RELEASES.glob(RECORDS)]
    return sorted((item for item in result if item), key=lambda item: item.at, reverse=True)


def damaged() -> List[str]:
    """Return the images whose records say nothing."""
    return ["sha256:" + item.stem for item in disk.RELEASES.glob(RECORDS) if _read(item) is None]


def whole(image_id: str) -> bool:
    """Tell whether an image was received, checked and put on the disk, and is still there."""
    record = read(image_id)
    return record is not None and record.state == "ready" and in_engine(record)


def in_engine(record: Record) -> bool:
    """Tell whether the engine has all layers of a record's image."""
    image = engine.image(record.engine_id)
    return image is not None and image.diff_ids == tuple(
        layer.diff_id for layer in record.release.layers
    )


def there(image_id: str) -> bool:
    """Tell whether the engine has an image, whole where a record says what it holds."""
    record = read(image_id)
    if record is not None and record.state == "ready":
        return in_engine(record)
    return engine.image(engine_id(image_id)) is not None


def engine_id(image_id: str) -> str:
    """Return what the engine calls an image: by the state, else by its record."""
    known = {entry.image_id: entry.engine_id for entry in state_files.read().entries()}
    if known.get(image_id):
        return known[image_id]
    record = read(image_id)
    return record.engine_id if record else image_id


def image_id(engine_id: str) -> str:
    """Return the image that the engine calls so; one that no record knows keeps that name."""
    known_here = {entry.engine_id: entry.image_id for entry in state_files.read().entries()}
    if engine_id in known_here or not engine_id or path(engine_id).exists():
        return known_here.get(engine_id, engine_id)
    known = (record.release.image_id for record in all_records() if record.engine_id == engine_id)
    return next(known, engine_id)


def _read(one: Path) -> Optional[Record]:
    try:
        body = disk.read_json(one)
        if body is None:
            return None
        release = parse(body["release"], str(one))
        if body["state"] not in STATES or path(release.image_id) != one:
            raise IntegrityError(f"{one} is damaged: it is no record of {release.image_id}")
        return Record(
            release, body["state"], str(body["boot_id"]), int(body["had"]), str(body["way"]),
            str(body["at"]),
            # Records of older versions are of engines that use the configuration's digest.
            str(body.get("engine_id") or release.image_id),
        )  # fmt: skip
    except (ImageError, AttributeError, KeyError, OSError, TypeError, ValueError) as error:
        message = error.message if isinstance(error, ImageError) else f"{one} is damaged: {error!r}"
        if one not in _TOLD:
            _TOLD.add(one)
            sys.stderr.write(f"warning: {message}; the image counts as not received\n")
        return None
