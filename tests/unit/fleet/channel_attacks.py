"""What somebody may change of the channel that a server offers."""

from __future__ import annotations

import datetime
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuf.api.metadata import Metadata, Root, Snapshot, Targets, Timestamp

from jetson_kit.fleet.channel import repository
from jetson_kit.fleet.channel.repository import Repository, Validity
from jetson_kit.fleet.channel.ssh_keys import SshSigner
from jetson_kit.fleet.release import signing

LONG = Validity(365, 30)
ROLES = (Root.type, Timestamp.type, Snapshot.type, Targets.type)


@dataclass(frozen=True)
class Keys:
    owner: SshSigner
    channel: SshSigner
    stranger: SshSigner


# Each changes what the server offers after a board has seen it, or before.
Change = Callable[[Path, Keys], object]


def publish(www: Path, keys: Keys, *names: str) -> None:
    files = {name: name.encode() for name in ("channel.json", *names)}
    Repository(www).publish(files, keys.channel, LONG)


def file_of(www: Path, role: str) -> Path:
    """Return the newest file of a role."""
    there = Repository(www)
    versions = {
        "root": there.root.signed.version,
        "snapshot": there.snapshot.signed.version,
        "targets": there.targets.signed.version,
    }
    return www / ("timestamp.json" if role == "timestamp" else f"{versions[role]}.{role}.json")


def signed_again(www: Path, keys: Keys, role: str, change: Callable[[Any], None]) -> None:
    """Change a role's metadata, signed by those who may, and name it in those above."""
    there = Repository(www)
    result: dict[str, Metadata[Any]] = {
        "timestamp": there.timestamp,
        "snapshot": there.snapshot,
        "targets": there.targets,
    }
    for name in ("targets", "snapshot", "timestamp"):
        if name == role:
            change(result[name].signed)
        result[name].sign(keys.channel)
        raw = result[name].to_bytes()
        version = result[name].signed.version
        place = "timestamp.json" if name == "timestamp" else f"{version}.{name}.json"
        (www / place).write_bytes(raw)
        if name == "targets":
            result["snapshot"].signed.meta["targets.json"] = repository._meta(version, raw)
        if name == "snapshot":
            result["timestamp"].signed.snapshot_meta = repository._meta(version, raw)


def text(www: Path, role: str, change: Callable[[Any], object]) -> None:
    """Change a role's file without signing it."""
    path = file_of(www, role)
    body = json.loads(path.read_bytes())
    change(body)
    path.write_text(json.dumps(body))


def expired(role: str) -> Change:
    past = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    return lambda www, keys: signed_again(
        www, keys, role, lambda item: setattr(item, "expires", past)
    )


def root(www: Path, keys: Keys, signer: SshSigner, **fields: Any) -> None:
    """Write the next root, as someone would."""
    result = Metadata(repository._root(keys.owner, keys.channel, 2, repository._after(9)))
    for name, value in fields.items():
        setattr(result.signed, name, value)
    result.sign(signer)
    (www / "2.root.json").write_bytes(result.to_bytes())


def swapped(www: Path, keys: Keys) -> None:
    """Offer an older targets file in the place of the newest."""
    del keys
    shutil.copy(www / "2.targets.json", www / "3.targets.json")


def unsigned(role: str) -> Change:
    return lambda www, _: text(www, role, lambda body: body.update(signatures=[]))


def another_purpose(www: Path, keys: Keys) -> None:
    """Sign the timestamp by the right key, as if it were a release."""
    path = www / "timestamp.json"
    body = json.loads(path.read_bytes())
    raw = Metadata.from_bytes(path.read_bytes()).signed_bytes
    body["signatures"][0]["sig"] = signing.sign_bytes(raw, keys.channel._private, signing.RELEASES)
    path.write_text(json.dumps(body))


def by_a_stranger(role: str) -> Change:
    def change(www: Path, keys: Keys) -> None:
        path = file_of(www, role)
        result: Metadata[Any] = Metadata.from_bytes(path.read_bytes())
        keyid = next(iter(result.signatures))
        block = keys.stranger.sign(result.signed_bytes).signature
        body = json.loads(path.read_bytes())
        body["signatures"] = [{"keyid": keyid, "sig": block}]
        path.write_text(json.dumps(body))

    return change


ATTACKS: dict[str, Change] = {
    **{f"{role} is not signed": unsigned(role) for role in ROLES[1:]},
    **{f"{role} is signed by a stranger": by_a_stranger(role) for role in ROLES[1:]},
    **{f"{role} has expired": expired(role) for role in ROLES[1:]},
    "a signature for another purpose": another_purpose,
    "mix and match: older targets in the place of newer": swapped,
    "a changed byte": lambda www, _: text(
        www, "targets", lambda body: body["signed"]["targets"].clear()
    ),
    "the snapshot's version is another": lambda www, keys: signed_again(
        www, keys, "timestamp", lambda item: setattr(item.snapshot_meta, "version", 2)
    ),
    "a root by a stranger": lambda www, keys: root(www, keys, keys.stranger),
    "a root that skips a version": lambda www, keys: root(www, keys, keys.owner, version=3),
    "a root of the same version": lambda www, keys: root(www, keys, keys.owner, version=1),
    "a root that has expired": lambda www, keys: root(
        www, keys, keys.owner, expires=datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    ),
    "a root that is none": lambda www, _: (www / "2.root.json").write_text("{}"),
    "no timestamp": lambda www, _: (www / "timestamp.json").unlink(),
    "no snapshot": lambda www, _: file_of(www, "snapshot").unlink(),
    "no targets": lambda www, _: file_of(www, "targets").unlink(),
    "an empty timestamp": lambda www, _: (www / "timestamp.json").write_bytes(b""),
    "not text": lambda www, _: (www / "timestamp.json").write_bytes(b"\xff\xfe"),
    "a list": lambda www, _: (www / "timestamp.json").write_bytes(b"[]"),
    "another role's file": lambda www, _: shutil.copy(
        file_of(www, "snapshot"), www / "timestamp.json"
    ),
    "endless data": lambda www, _: (www / "timestamp.json").write_bytes(b" " * (2 << 20)),
    "two signatures of one key": lambda www, _: text(
        www, "timestamp", lambda body: body["signatures"].append(body["signatures"][0])
    ),
    "the snapshot is not named": lambda www, _: text(
        www, "timestamp", lambda body: body["signed"]["meta"].clear()
    ),
}  # fmt: skip
