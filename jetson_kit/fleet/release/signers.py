"""Lists of signers: who may sign from now on, and who may not any more.

Each list is signed by those who could sign the one before it and by those whom it names; all of
them travel with every release, so that a device that missed some follows.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema

from jetson_kit.core.errors import BadInputError
from jetson_kit.core.files import lock_of, locked, open_regular, write_text
from jetson_kit.core.paths import SCHEMAS
from jetson_kit.core.reasons import why
from jetson_kit.core.text import counted, verb
from jetson_kit.fleet import controller
from jetson_kit.fleet.release import release, signing
from jetson_kit.fleet.release import terms as release_terms

CHAIN_SCHEMA = "mediapipe-jetson/signers/1"
LIST_SCHEMA = "mediapipe-jetson/signer-list/1"
SCHEMA_FILE = SCHEMAS / "signer-list.schema.json"
CHAIN: dict[str, Any] = {
    "type": "object",
    "required": ["schema", "lists"],
    "properties": {
        "schema": {"const": CHAIN_SCHEMA},
        "lists": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["document", "signatures"],
                "properties": {
                    "document": {"type": "string"},
                    "signatures": {"type": "array", "items": {"type": "string"}},
                },
            },
        },
    },
}
FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}")
ROLES = ("releases", "owners")
# Its base64 is one word of a command, of which Linux takes 128 KiB.
LARGEST = 64 * 1024


@dataclass(frozen=True)
class Change:
    """What the next list says otherwise than the one before it; what is empty stays."""

    releases: tuple[str, ...] = ()
    """Files of the public keys that sign releases."""
    threshold: int = 0
    owners: tuple[str, ...] = ()
    """Files of the public keys that sign lists."""
    owner_threshold: int = 0
    revoke: tuple[str, ...] = ()
    """Fingerprints, or files of public keys."""


def path() -> Path:
    """Return where this controller has the lists."""
    return controller.state_dir() / release.SIGNERS


def load(place: Path | None = None) -> list[dict[str, Any]]:
    """Return the rows of a file of lists, the oldest first; none where there is no such file.

    Raises BadInputError.
    """
    place = place or path()
    if not place.exists():
        return []
    try:
        with open_regular(place, "restore it from a release") as stream:
            raw = stream.read(LARGEST + 1)
        body = json.loads(raw.decode())
        jsonschema.validate(body, CHAIN)
        rows: list[dict[str, Any]] = body["lists"]
        for row in rows:
            jsonschema.validate(json.loads(row["document"]), _schema())
    except (OSError, ValueError, RecursionError, jsonschema.ValidationError) as error:
        reason = error.message if isinstance(error, jsonschema.ValidationError) else why(error)
        raise BadInputError(
            f"{place} holds no lists of signers: {reason[:200]}", "restore it from a release"
        ) from error
    return rows


def newest() -> dict[str, Any] | None:
    """Return the newest list; None where there is none."""
    rows = load()
    return json.loads(rows[-1]["document"]) if rows else None


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Let nobody else read and write the lists meanwhile: a signature would be lost."""
    with locked(lock_of(path()), lambda: None):
        yield


@_alone()
def change(request: Change) -> dict[str, Any]:
    """Write the next list, still unsigned, and return it. Raises BadInputError."""
    rows = load()
    if rows and _lacking(rows[-1]):
        raise BadInputError(
            f"list {json.loads(rows[-1]['document'])['version']} of signers is not signed yet",
            "sign it: ./inv fleet.signers --key, or take it back: --drop",
        )
    before = json.loads(rows[-1]["document"]) if rows else None
    gone = set(before["revoked"] if before else ()) | {
        _fingerprint(item) for item in request.revoke
    }
    body: dict[str, Any] = {
        "schema": LIST_SCHEMA,
        "version": before["version"] + 1 if before else 1,
        "created": datetime.datetime.now(datetime.UTC).strftime(release_terms.FORMAT),
        "revoked": sorted(gone),
    }
    numbers = {"releases": request.threshold, "owners": request.owner_threshold}
    for name in ROLES:
        files = getattr(request, name)
        old: dict[str, Any] = before[name] if before else {"keys": [], "threshold": 1}
        keys = [signing.key_text(Path(file)) for file in files] if files else old["keys"]
        keys = [key for key in dict.fromkeys(keys) if signing.fingerprint(key) not in gone]
        body[name] = {"keys": keys, "threshold": numbers[name] or old["threshold"]}
        if not 1 <= body[name]["threshold"] <= len(keys):
            raise BadInputError(
                f"{counted(len(keys), 'key')} of {name} {verb(len(keys), 'be')} left and "
                f"{body[name]['threshold']} must sign",
                "name more: --release-key and --owner-key, or set --threshold, --owner-threshold",
            )
    jsonschema.validate(body, _schema())
    _write([*rows, {"document": json.dumps(body, sort_keys=True), "signatures": []}])
    return body


@_alone()
def sign(key: Path) -> None:
    """Sign the newest list by one more owner's key. Raises BadInputError."""
    rows = load()
    if not rows:
        raise BadInputError("there is no list of signers", "write one: ./inv fleet.signers --help")
    signing.check_signer(key, signing.OWNERS)
    own = signing.key_text(signing.public_of(key, signing.OWNERS))
    known = {item for row in rows[-2:] for item in json.loads(row["document"])["owners"]["keys"]}
    # Before the first list devices have the inventory's keys, which aren't known here.
    if len(rows) > 1 and own not in known:
        raise BadInputError(f"{key} is no owner's key", "name one of the owners': --key")
    raw = rows[-1]["document"].encode()
    others = [
        signature
        for signature in rows[-1]["signatures"]
        if not signing.signed_by(raw, signature, own, signing.OWNERS)
    ]
    rows[-1]["signatures"] = [*others, signing.sign_bytes(raw, key, signing.OWNERS)]
    _write(rows)


@_alone()
def drop() -> None:
    """Take the newest list back, if it lacks signatures. Raises BadInputError."""
    rows = load()
    if not rows or not _lacking(rows[-1]):
        raise BadInputError(
            "there is no list of signers that lacks signatures",
            "devices may have seen the newest one: write the next",
        )
    _write(rows[:-1])


def lacking() -> int:
    """Return how many of the newest list's own owners must still sign it."""
    rows = load()
    return _lacking(rows[-1]) if rows else 0


def shown(body: dict[str, Any] | None) -> str:
    """Return the newest list for people."""
    if body is None:
        return "no list of signers: devices go by image_allowed_signers of the inventory"
    lines = [f"list {body['version']} of signers, {body['created']}"]
    for name in ROLES:
        role = body[name]
        lines.append(f"{name}: {role['threshold']} of {len(role['keys'])}")
        lines += [f"  {signing.fingerprint(key)} {key.split()[0]}" for key in role["keys"]]
    lines += [f"revoked: {item}" for item in body["revoked"]]
    missing = lacking()
    lines += [f"{counted(missing, 'owner')} must still sign it: --key"] if missing else []
    return "\n".join(lines)


def _lacking(row: dict[str, Any]) -> int:
    body = json.loads(row["document"])
    raw = row["document"].encode()
    good = {
        key
        for key in body["owners"]["keys"]
        for block in row["signatures"]
        if signing.signed_by(raw, block, key, signing.OWNERS)
    }
    return max(0, int(body["owners"]["threshold"]) - len(good))


def attach(folder: Path) -> int:
    """Lay the lists beside a release; return the version of the newest, 0 without any.

    Newer ones that are there already stay: who signs a release second may not know them. Raises
    BadInputError where the newest of this controller lacks signatures.
    """
    rows = load()
    if rows and (missing := _lacking(rows[-1])):
        raise BadInputError(
            f"the newest list of signers lacks {counted(missing, 'signature')}",
            "sign it: ./inv fleet.signers --key, or take it back: --drop",
        )
    return _newest_of(folder, rows)


def refresh(folder: Path) -> None:
    """Lay newer lists beside a release that was made before them; unfinished ones stay here."""
    rows = load()
    _newest_of(folder, rows[:-1] if rows and _lacking(rows[-1]) else rows)


def _newest_of(folder: Path, rows: list[dict[str, Any]]) -> int:
    place = folder / release.SIGNERS
    own, there = _version(rows), _version(load(place))
    if own > there:
        _write(rows, place)
    return max(own, there)


def _version(rows: list[dict[str, Any]]) -> int:
    return int(json.loads(rows[-1]["document"])["version"]) if rows else 0


def _fingerprint(text: str) -> str:
    if FINGERPRINT.fullmatch(text):
        return text
    return signing.fingerprint(signing.key_text(Path(text)))


def _write(rows: list[dict[str, Any]], place: Path | None = None) -> None:
    text = json.dumps({"schema": CHAIN_SCHEMA, "lists": rows}, indent=1) + "\n"
    if len(text) > LARGEST:
        raise BadInputError(
            f"the lists of signers have become larger than {LARGEST} bytes",
            f"provision all boards with the newest keys, then move {path()} away",
        )
    write_text(place or path(), text)


@cache
def _schema() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    return loaded
