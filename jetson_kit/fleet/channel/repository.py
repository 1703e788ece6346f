"""A channel's folder: TUF's four roles, consistent snapshots, the newest metadata last.

Two keys: the owner's signs root, the channel's all else; it lies where channels are published. What
a channel's key can do is bounded: releases have signatures of their own, and their numbers.
"""

from __future__ import annotations

import datetime
import hashlib
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuf.api.exceptions import RepositoryError, UnsignedMetadataError
from tuf.api.metadata import (
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)
from tuf.api.serialization import DeserializationError

from jetson_kit.core.errors import BadInputError, IntegrityError
from jetson_kit.core.files import disk_guard, open_regular, written_aside
from jetson_kit.core.reasons import why
from jetson_kit.fleet.channel import lock
from jetson_kit.fleet.channel.ssh_keys import SshSigner

ROOT_FILE = re.compile(r"([1-9][0-9]{0,15})\.root\.json")
ONLINE = (Timestamp.type, Snapshot.type, Targets.type)
DAY = datetime.timedelta(days=1)
# What a killed `begin` leaves; it is no part of a channel.
ASIDE = ".begin."
# Far more than the metadata of any channel, or a release's documents.
MOST = 64 << 20
ANEW = "publish it from a copy"
# The timestamp's version of a channel that was begun.
FIRST = 2


@dataclass(frozen=True)
class Validity:
    """Days until boards refuse each role's metadata."""

    root: int = 365
    online: int = 7


class Repository:
    """A channel's folder as it is; raises BadInputError where there is none, IntegrityError."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        result = (ROOT_FILE.fullmatch(item.name) for item in folder.glob("*.root.json"))
        versions = [int(item[1]) for item in result if item]
        if not versions:
            raise BadInputError(f"{folder} is no channel", "begin one: --begin --owner KEY")
        self.root = self._root(max(versions), versions)
        self.timestamp: Metadata[Timestamp] = self._read("timestamp.json", Timestamp.type)
        named = self.timestamp.signed.snapshot_meta
        self.snapshot: Metadata[Snapshot] = self._read(
            f"{named.version}.snapshot.json", Snapshot.type, named
        )
        named = self.snapshot.signed.meta.get("targets.json", MetaFile())
        self.targets: Metadata[Targets] = self._read(
            f"{named.version}.targets.json", Targets.type, named
        )

    def _root(self, number: int, versions: Sequence[int]) -> Metadata[Root]:
        """Return a root that is the one of its name, and that the one before it lets follow."""
        name = f"{number}.root.json"
        root: Metadata[Root] = self._read(name, Root.type, MetaFile(number))
        if number - 1 in versions:
            before: Metadata[Root] = self._read(f"{number - 1}.root.json", Root.type)
            try:
                before.verify_delegate(Root.type, root)
            except RepositoryError as error:
                what = f"the owner of {number - 1}.root.json has not signed it"
                raise IntegrityError(f"{self.folder / name} is damaged: {what}", ANEW) from error
        return root

    def _read(self, name: str, role: str, named: MetaFile | None = None) -> Metadata[Any]:
        """Return a role's file, which is just the one that others name."""
        try:
            raw = _raw(self.folder / name, ANEW)
            file: Metadata[Any] = Metadata.from_bytes(raw)
            delegator = file if role == Root.type else self.root
            delegator.verify_delegate(role, file)
            if named and file.signed.version != named.version:
                text = f"it is version {file.signed.version}, not {named.version}"
                raise RepositoryError(text)  # noqa: TRY301 # told with the others
            if named:
                named.verify_length_and_hashes(raw)
        except (OSError, DeserializationError, RepositoryError) as error:
            raise IntegrityError(f"{self.folder / name} is damaged: {why(error)}", ANEW) from error
        return file

    def read(self, name: str) -> bytes:
        """Return a target's bytes. Raises IntegrityError where they are others."""
        row = self.targets.signed.targets.get(name)
        path = self.folder / _place(name, row.hashes["sha256"]) if row else self.folder / name
        try:
            raw = _raw(path, "publish it anew")
            if row:
                row.verify_length_and_hashes(raw)
        except (OSError, RepositoryError) as error:
            raise IntegrityError(f"{path} is damaged: {why(error)}", "publish it anew") from error
        return raw

    def publish(
        self,
        files: Mapping[str, bytes],
        signer: SshSigner,
        validity: Validity,
        owner: SshSigner | None = None,
    ) -> int:
        """Make these the only target files; return the new version of the timestamp.

        A board sees the old channel or the new one: all has its own name but the timestamp, which
        comes last. With an owner a new root comes before it, which names the signer. Raises
        BadInputError for keys that do not sign this channel.
        """
        root = self._next_root(owner, signer, validity) if owner else b""
        rows = {}
        for name, raw in files.items():
            digest = hashlib.sha256(raw).hexdigest()
            write(self.folder / _place(name, digest), raw)
            rows[name] = TargetFile(len(raw), {"sha256": digest}, name)
        targets = self.targets.signed
        targets.targets = rows
        targets.version += 1
        expires = _after(validity.online)
        raw = self._signed(self.targets, signer, expires)
        write(self.folder / f"{targets.version}.targets.json", raw)
        snapshot = self.snapshot.signed
        snapshot.meta["targets.json"] = _meta(targets.version, raw)
        snapshot.version += 1
        raw = self._signed(self.snapshot, signer, expires)
        write(self.folder / f"{snapshot.version}.snapshot.json", raw)
        timestamp = self.timestamp.signed
        timestamp.snapshot_meta = _meta(snapshot.version, raw)
        timestamp.version += 1
        raw = self._signed(self.timestamp, signer, expires)
        if root:
            write(self.folder / f"{self.root.signed.version}.root.json", root)
        write(self.folder / "timestamp.json", raw)
        return int(timestamp.version)

    def _next_root(self, owner: SshSigner, signer: SshSigner, validity: Validity) -> bytes:
        version = self.root.signed.version + 1
        result = Metadata(_root(owner, signer, version, _after(validity.root)))
        _sign(result, owner)
        try:
            self.root.verify_delegate(Root.type, result)
        except RepositoryError as error:
            raise BadInputError(
                f"this is not the owner's key that {self.folder} names", "name it: --owner"
            ) from error
        self.root = result
        return bytes(result.to_bytes())

    def _signed(
        self, metadata: Metadata[Any], signer: SshSigner, expires: datetime.datetime
    ) -> bytes:
        metadata.signed.expires = expires
        _sign(metadata, signer)
        role = metadata.signed.type
        try:
            self.root.verify_delegate(role, metadata)
        except RepositoryError as error:
            raise BadInputError(
                f"this key does not sign {role} of {self.folder}", "name the channel's: --key"
            ) from error
        return bytes(metadata.to_bytes())


def begin(
    folder: Path, owner: SshSigner, channel: SshSigner, validity: Validity, policy: bytes
) -> bytes:
    """Write a new channel, whole or not at all; return its first root, the anchor of boards.

    Raises BadInputError, BusyError or DiskFullError.
    """
    with disk_guard(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with lock.locked(folder):
            for left in folder.glob(f"{ASIDE}*"):
                shutil.rmtree(left)
            if any(folder.iterdir()):
                raise BadInputError(f"{folder} is not empty", "name a new folder")
            aside = Path(tempfile.mkdtemp(dir=folder, prefix=ASIDE))
            try:
                anchor = _begun(aside, owner, channel, validity, policy)
                _move(aside, folder)
            finally:
                shutil.rmtree(aside, ignore_errors=True)
    return anchor


def _begun(
    folder: Path, owner: SshSigner, channel: SshSigner, validity: Validity, policy: bytes
) -> bytes:
    expires = _after(validity.online)
    root = Metadata(_root(owner, channel, 1, _after(validity.root)))
    _sign(root, owner)
    anchor = bytes(root.to_bytes())
    write(folder / "1.root.json", anchor)
    # Empty versions, which the first publication follows: nothing else knows how to write.
    for name, metadata in (
        ("1.targets.json", Metadata(Targets(expires=expires))),
        ("1.snapshot.json", Metadata(Snapshot(expires=expires))),
        ("timestamp.json", Metadata(Timestamp(expires=expires))),
    ):
        _sign(metadata, channel)
        write(folder / name, metadata.to_bytes())
    Repository(folder).publish({"channel.json": policy}, channel, validity)
    return anchor


def _move(aside: Path, folder: Path) -> None:
    """Move all files of a folder into another, or none of them."""
    moved: list[Path] = []
    try:
        # Of the same file system: a folder's parent may be another's, or another disk.
        for path in aside.iterdir():
            moved.append(path.rename(folder / path.name))
    except BaseException:
        for path in moved:
            path.unlink()
        raise


def _root(owner: SshSigner, channel: SshSigner, version: int, expires: datetime.datetime) -> Root:
    root = Root(version=version, expires=expires, consistent_snapshot=True)
    root.add_key(owner.public_key, Root.type)
    for role in ONLINE:
        root.add_key(channel.public_key, role)
    return root


def _sign(metadata: Metadata[Any], signer: SshSigner) -> None:
    """Sign metadata. Raises what the signer raises, which python-tuf hides."""
    try:
        metadata.sign(signer)
    except UnsignedMetadataError as error:
        raise (error.__cause__ or error) from None


def _after(days: int) -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC).replace(microsecond=0) + days * DAY


def _meta(version: int, raw: bytes) -> MetaFile:
    return MetaFile(version, len(raw), {"sha256": hashlib.sha256(raw).hexdigest()})


def _place(name: str, digest: str) -> str:
    folder, _, last = name.rpartition("/")
    return f"{folder}/{digest}.{last}" if folder else f"{digest}.{last}"


def _raw(path: Path, cure: str) -> bytes:
    """Return a file's bytes. Raises IntegrityError for what is none or too large, OSError."""
    try:
        with open_regular(path, cure) as stream:
            raw = stream.read(MOST + 1)
    except BadInputError as error:
        raise IntegrityError(error.message, error.cure) from error
    if len(raw) > MOST:
        raise IntegrityError(f"{path} has more than {MOST >> 20} MiB", cure)
    return raw


def write(path: Path, raw: bytes) -> None:
    """Write a file of the channel so that it is whole or not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_aside(path) as aside:
        aside.write_bytes(raw)
        aside.chmod(0o644)


def place_layer(folder: Path, digest: str, source: Path) -> None:
    """Copy a layer, by the name that boards ask for, unless it is there."""
    path = folder / "layers" / digest
    if not path.is_file() or path.stat().st_size != source.stat().st_size:
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_aside(path) as aside:
            shutil.copyfile(source, aside)
            aside.chmod(0o644)
