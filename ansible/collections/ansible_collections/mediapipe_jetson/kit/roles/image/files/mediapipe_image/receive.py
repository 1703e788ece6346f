"""From a signed release to an image that is whole and on the disk, in either way."""

import base64
import os
from pathlib import Path
from typing import Any, Dict, Tuple

from mediapipe_image import blobs, disk, engine, load, partial, records, strict, trust
from mediapipe_image import release as releases
from mediapipe_image.errors import (
    BadInputError,
    BusyError,
    IntegrityError,
    StepFailedError,
    ToolMissingError,
)
from mediapipe_image.release import Release
from mediapipe_image.settings import ARCHIVE, REGISTRY, Settings


def offer(
    text: str, signature: str, settings: Settings, *, registry: bool, signers: str, downgrade: bool
) -> Dict[str, Any]:
    """Take a release, its signatures and the lists of signers, all in base64; then as `missing`.

    `downgrade`: it may be older than what was confirmed here. Raises BusyError.
    """
    place = disk.LIB / "incoming" / "release.json"
    with disk.locked("receive"):
        # The signature first: a release is never there without its own.
        for name, coded in (
            ("signers.json", signers), (place.name + ".sig", signature), (place.name, text)
        ):  # fmt: skip
            path, body = place.with_name(name), _decoded(coded)
            if not body:
                disk.remove(path)
            elif not _holds(path, body.encode("utf-8")):
                disk.write(path, body)
        # Before anybody else offers one: parts of two would be a release that nobody signed.
        permitted(place, downgrade=downgrade, registry=registry)
        release = releases.load(place, registry=registry)
    return missing(release, settings)


def _holds(path: Path, raw: bytes) -> bool:
    """Tell whether a file is there and holds these bytes; whatever else is there does not."""
    try:
        return not path.is_symlink() and strict.read(path, len(raw)) == raw
    except BadInputError:
        return False


def permitted(place: Path, *, downgrade: bool, registry: bool = False) -> None:
    """Take note of whether this release may be older than what was confirmed here."""
    if downgrade:
        result, seen = releases.authentic(place, registry=registry)
        if result.number < seen.number or result.created < seen.time:
            trust.permit(result.image_id, result.number)
            return
    if trust.read().permit:
        trust.permit("", 0)


def _decoded(coded: str) -> str:
    try:
        return base64.b64decode(coded, validate=True).decode("utf-8")
    except ValueError as error:
        raise BadInputError(f"what is offered is not text in base64: {error}") from error


def missing(release: Release, settings: Settings) -> Dict[str, Any]:
    """Return what must be sent; nothing but what no release needs is changed.

    Raises FullError before anything is sent where the space does not suffice.
    """
    with disk.locked("receive"):
        present = _ready(release)
        if present:
            return _answer(release, True, blobs.Lack(len(release.layers), [], {}, [], False))
        result = _prepare(release, settings)
        if blobs.drop_damaged(result.layers):
            result = _prepare(release, settings)
        blobs.check_space(result)
        return _answer(release, False, result)


def receive(release: Release, settings: Settings) -> Dict[str, Any]:
    """Check the layers that came and load them; return whether anything changed."""
    with disk.locked("receive"):
        if _ready(release):
            blobs.clear(release)
            return {"changed": False, "image_id": release.image_id}
        result = _prepare(release, settings)
        blobs.take(result.layers)
        files = {layer.digest: blobs.accept(layer) for layer in result.layers}
        blobs.check_space(result)
        had = _had(release, result)
        records.write(release, "loading", had, ARCHIVE)
        name = name_of(release, settings)
        load.load(release, result.had, name, files, containerd=result.containerd)
        _finish(release, had, ARCHIVE)
        blobs.clear(release)
        return {"changed": True, "image_id": release.image_id}


def expect(release: Release, settings: Settings) -> Dict[str, Any]:
    """Prepare for an image that the engine itself will pull from a registry."""
    with disk.locked("receive"):
        if _ready(release):
            return {"changed": False, "present": True, "image_id": release.image_id}
        result = _prepare(release, settings)
        blobs.check_space(result)
        records.write(release, "loading", _had(release, result), REGISTRY)
        return {"changed": True, "present": False, "image_id": release.image_id}


def adopt(release: Release, settings: Settings) -> Dict[str, Any]:
    """Take over an image that the engine pulled; it must be the release's to the last layer."""
    with disk.locked("receive"):
        if _ready(release):
            return {"changed": False, "image_id": release.image_id}
        record = records.read(release.image_id)
        if record is None or record.suspect:
            raise IntegrityError(
                f"the pull of {release.image_id} was not prepared in this boot",
                "run: mediapipe-image expect, pull it again, then adopt",
            )
        why, cure = _completed(release) if load.find(release) is None else ("", "")
        engine.tag(load.check(release, why, cure), name_of(release, settings))
        _finish(release, record.had, REGISTRY)
        return {"changed": True, "image_id": release.image_id}


def _completed(release: Release) -> Tuple[str, str]:
    """Make an image that came in part whole; return why it could not be tried, and the cure."""
    try:
        partial.complete(release)
    except (StepFailedError, ToolMissingError) as error:
        return error.message, error.cure
    return "", ""


def name_of(release: Release, settings: Settings) -> str:
    """Return the name that keeps an image from being pruned as one without a name."""
    return "{}:{}-{}".format(
        settings.repository, release.name[:100], release.image_id.partition(":")[2][:12]
    )


def offered(place: Path, image_id: str, *, registry: bool = False) -> Release:
    """Return the release that lies there, of the image that is meant; "" is any.

    Raises BusyError where another one was offered since, or is just now, and as releases.load.
    """
    with disk.locked("receive"):
        release = releases.load(place, registry=registry)
    if image_id and release.image_id != image_id:
        raise BusyError(
            f"{release.name} ({release.image_id}) was offered here meanwhile",
            "another controller, or this device's channel, is at work on it; try again later",
        )
    return release


def _ready(release: Release) -> bool:
    record = records.read(release.image_id)
    return record is not None and record.state == "ready" and records.whole(release.image_id)


def _prepare(release: Release, settings: Settings) -> blobs.Lack:
    """Clean up after loads that ended in a power cut, and see what is lacking."""
    there = engine.info()
    for record in records.all_records():
        if record.suspect:
            load.purge(record)
            disk.remove(records.path(record.release.image_id))
    disk.sweep(disk.RELEASES)
    return blobs.lack(release, there, settings)


def _had(release: Release, found: blobs.Lack) -> int:
    """Return how many layers are on the disk: those of an unfinished attempt may not be."""
    record = records.read(release.image_id)
    return min(record.had, found.had) if record and record.state == "loading" else found.had


def _finish(release: Release, had: int, way: str) -> None:
    """Put all of it on the disk before any record says that it is there."""
    engine_id = load.check(release)
    os.sync()
    records.write(release, "ready", had, way, engine_id)


def _answer(release: Release, present: bool, found: blobs.Lack) -> Dict[str, Any]:
    rows = [
        {"digest": row.digest, "size": row.size, "came": found.came.get(row.hex, 0)}
        for row in found.layers
    ]
    return {
        "changed": False,
        "image_id": release.image_id,
        "present": present,
        "layers": rows,
        "bytes_to_send": found.to_send,
    }
