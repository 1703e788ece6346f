"""Fetches a channel's metadata and target files, and keeps what was seen of the metadata."""

import contextlib
import hashlib
from pathlib import Path
from typing import NamedTuple

from mediapipe_image import channel_roles, channel_web, disk, strict
from mediapipe_image.channel_roles import Document, Trusted
from mediapipe_image.errors import BadInputError, IntegrityError

ANCHOR = disk.ETC / "channel-root.json"
FOLDER = disk.LIB / "channel"
LARGEST = 1 << 20
MOST_ROOTS = 64


def refresh(url: str, now: str) -> Document:
    """Return the channel's targets, verified up to the newest timestamp.

    Raises IntegrityError for metadata that is not signed, older, expired or mixed, AwayError.
    """
    anchor = strict.read(ANCHOR, LARGEST)
    # Another anchor, which provisioning alone brings, begins anew.
    store = Store(FOLDER / hashlib.sha256(anchor).hexdigest()[:16])
    known = Trusted(anchor, now)
    with contextlib.suppress(IntegrityError, BadInputError):
        followed = Trusted(store.read(channel_roles.ROOT), now)
        if followed.root.version > known.root.version:
            known = followed
    for _root in range(MOST_ROOTS):
        raw = channel_web.small(f"{url}{known.root.version + 1}.root.json", LARGEST)
        if raw is None:
            break
        known.update_root(raw)
        store.write(channel_roles.ROOT, raw)
    _timestamp(url, known, store)
    _snapshot(url, known, store)
    return _targets(url, known, store)


class Store(NamedTuple):
    """The metadata that this board has seen, one file for each role."""

    folder: Path

    def read(self, role: str) -> bytes:
        """Return a role's metadata. Raises BadInputError where there is none."""
        return strict.read(self.folder / f"{role}.json", LARGEST)

    def write(self, role: str, raw: bytes) -> None:
        """Keep a role's metadata, which was verified."""
        disk.write(self.folder / f"{role}.json", raw.decode("utf-8"))


def _timestamp(url: str, known: Trusted, store: Store) -> None:
    with contextlib.suppress(IntegrityError, BadInputError):
        known.update_timestamp(store.read(channel_roles.TIMESTAMP))
    raw = _needed(f"{url}timestamp.json")
    known.update_timestamp(raw)
    store.write(channel_roles.TIMESTAMP, raw)


def _snapshot(url: str, known: Trusted, store: Store) -> None:
    try:
        known.update_snapshot(store.read(channel_roles.SNAPSHOT), stored=True)
    except (IntegrityError, BadInputError):
        raw = _needed(f"{url}{known.snapshot_version()}.snapshot.json")
        known.update_snapshot(raw)
        store.write(channel_roles.SNAPSHOT, raw)


def _targets(url: str, known: Trusted, store: Store) -> Document:
    try:
        return known.update_targets(store.read(channel_roles.TARGETS))
    except (IntegrityError, BadInputError):
        raw = _needed(f"{url}{known.targets_version()}.targets.json")
        result = known.update_targets(raw)
        store.write(channel_roles.TARGETS, raw)
        return result


def _needed(url: str) -> bytes:
    raw = channel_web.small(url, LARGEST)
    if raw is None:
        raise channel_web.AwayError(f"{url} is not there")
    return raw


def target(url: str, targets: Document, name: str) -> bytes:
    """Return a target's bytes: its name on the server has its hash before it."""
    row = channel_roles.target(targets, name)
    folder, _slash, last = name.rpartition("/")
    place = f"{folder}/{row['sha256']}.{last}" if folder else f"{row['sha256']}.{last}"
    if row["length"] > LARGEST:
        raise IntegrityError(f"{name} of the channel has {row['length']} bytes")
    raw = _needed(url + place)
    channel_roles.check(raw, row, name)
    return raw
