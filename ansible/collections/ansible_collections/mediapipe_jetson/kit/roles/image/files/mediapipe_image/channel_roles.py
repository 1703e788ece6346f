"""A channel's metadata: the four roles of The Update Framework (TUF), by its client workflow.

https://theupdateframework.github.io/specification/latest/#detailed-client-workflow
Keys are OpenSSH's (keytype ssh, scheme sshsig): a signature is one of PROTOCOL.sshsig over the
canonical JSON of the part `signed`. Versions only grow, expired metadata is refused, and all
files of a moment belong together, whatever a server or a carrier offers.
"""

import hashlib
from typing import Any, Dict, NamedTuple, Optional

from mediapipe_image import sshsig, strict, trust
from mediapipe_image.errors import IntegrityError

NAMESPACE = "mediapipe-jetson-channel"
ROOT, TIMESTAMP, SNAPSHOT, TARGETS = "root", "timestamp", "snapshot", "targets"
KEYTYPE, SCHEME = "ssh", "sshsig"
SPEC = "1."
MOST_VERSION = 2**53
MOST_SIZE = 1 << 44


class Document(NamedTuple):
    """A role's metadata: its part `signed`, those signatures, and what both say of its age."""

    signed: Dict[str, Any]
    signatures: Dict[str, str]
    version: int
    expires: str


def parse(raw: bytes, role: str) -> Document:
    """Return a role's metadata, unverified. Raises IntegrityError."""
    try:
        return _parsed(strict.loads(raw.decode("utf-8")), role)
    except ValueError as error:
        raise IntegrityError(f"{role}.json of the channel is damaged: {error}") from error


def _parsed(body: Dict[str, Any], role: str) -> Document:
    signed = strict.mapping(body, "signed")
    if signed.get("_type") != role:
        raise ValueError("it is of role {}".format(signed.get("_type")))
    if not strict.string(signed, "spec_version").startswith(SPEC):
        raise ValueError("it is of another version of TUF")
    rows = strict.mappings(body, "signatures", 4 * trust.MOST_KEYS)
    result = {strict.string(row, "keyid"): strict.string(row, "sig") for row in rows}
    if len(result) < len(rows):
        raise ValueError("it has two signatures of one key")
    version = strict.number(signed, "version", 1, MOST_VERSION)
    return Document(signed, result, version, trust.moment(signed, "expires"))


def canonical(value: Any) -> str:  # noqa: ANN401 # JSON
    """Return OLPC's canonical JSON, which is what is signed."""
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, dict):
        rows = (f"{canonical(key)}:{canonical(value[key])}" for key in sorted(value))
        return "{" + ",".join(rows) + "}"
    if isinstance(value, list):
        return "[" + ",".join(canonical(item) for item in value) + "]"
    words = {None: "null", True: "true", False: "false"}
    return words[value] if value is None or isinstance(value, bool) else str(value)


class Trusted:
    """What is known of a channel; each update is verified against what was known before it."""

    def __init__(self, root: bytes, now: str) -> None:
        self.now = now
        self.root = parse(root, ROOT)
        _signed(self.root, ROOT, self.root)
        self.timestamp: Optional[Document] = None
        self.snapshot: Optional[Document] = None

    def update_root(self, raw: bytes) -> None:
        """Take the next root, signed by enough keys of this one and of its own."""
        result = parse(raw, ROOT)
        if result.version != self.root.version + 1:
            raise IntegrityError(
                f"root {result.version} of the channel follows {self.root.version}"
            )
        _signed(self.root, ROOT, result)
        _signed(result, ROOT, result)
        self.root = result

    def update_timestamp(self, raw: bytes) -> None:
        """Take a timestamp that is not older than the one that is known, nor expired."""
        self._fresh(ROOT, self.root)
        timestamp = parse(raw, TIMESTAMP)
        _signed(self.root, TIMESTAMP, timestamp)
        snapshot = _meta(timestamp, "snapshot.json")["version"]
        if self.timestamp is not None:
            if timestamp.version == self.timestamp.version:
                timestamp = self.timestamp
            elif timestamp.version < self.timestamp.version:
                raise _older(TIMESTAMP, timestamp.version, self.timestamp.version)
            elif snapshot < _meta(self.timestamp, "snapshot.json")["version"]:
                raise _older(SNAPSHOT, snapshot, _meta(self.timestamp, "snapshot.json")["version"])
        # Known from now on even where it has expired: versions never go back.
        self.timestamp = timestamp
        self._fresh(TIMESTAMP, timestamp)

    def update_snapshot(self, raw: bytes, *, stored: bool = False) -> None:
        """Take the snapshot that the timestamp names; `stored`: an older one may be the base."""
        if self.timestamp is None:
            raise IntegrityError("the channel has no timestamp")
        self._fresh(TIMESTAMP, self.timestamp)
        named = _meta(self.timestamp, "snapshot.json")
        if not stored:
            _same(raw, named, "snapshot.json")
        result = parse(raw, SNAPSHOT)
        _signed(self.root, SNAPSHOT, result)
        if self.snapshot is not None:
            for name, row in _rows(self.snapshot, "meta").items():
                if name not in _rows(result, "meta"):
                    raise IntegrityError(f"the channel's snapshot lost {name}")
                new, old = _meta(result, name)["version"], row["version"]
                if new < old:
                    raise _older(name, new, old)
        self.snapshot = result
        self._final(SNAPSHOT, result, named)

    def snapshot_version(self) -> int:
        """Return which snapshot the timestamp names, 0 without one."""
        return int(_meta(self.timestamp, "snapshot.json")["version"]) if self.timestamp else 0

    def targets_version(self) -> int:
        """Return which targets the snapshot names, 0 without one."""
        return int(_meta(self.snapshot, "targets.json")["version"]) if self.snapshot else 0

    def update_targets(self, raw: bytes) -> Document:
        """Return the targets that the snapshot names."""
        if self.snapshot is None or self.timestamp is None:
            raise IntegrityError("the channel has no snapshot")
        self._final(SNAPSHOT, self.snapshot, _meta(self.timestamp, "snapshot.json"))
        named = _meta(self.snapshot, "targets.json")
        _same(raw, named, "targets.json")
        result = parse(raw, TARGETS)
        _signed(self.root, TARGETS, result)
        self._final(TARGETS, result, named)
        return result

    def _final(self, role: str, made: Document, named: Dict[str, Any]) -> None:
        self._fresh(role, made)
        if made.version != named["version"]:
            raise IntegrityError(
                f"{role} {made.version} of the channel is not the one named, {named['version']}"
            )

    def _fresh(self, role: str, made: Document) -> None:
        if self.now >= made.expires:
            raise IntegrityError(
                f"{role}.json of the channel has expired at {made.expires}; it is {self.now}",
                "if the clock is right, publish it anew: ./inv fleet.channel --renew",
            )


def target(targets: Document, name: str) -> Dict[str, Any]:
    """Return length and sha256 of a target file. Raises IntegrityError where it is not named."""
    try:
        row = strict.mapping(_rows(targets, "targets"), name)
        return {
            "length": strict.number(row, "length", 0, MOST_SIZE),
            "sha256": strict.string(strict.mapping(row, "hashes"), "sha256"),
        }
    except ValueError as error:
        raise IntegrityError(f"the channel has no {name}: {error}") from error


def check(raw: bytes, row: Dict[str, Any], name: str) -> None:
    """Raise IntegrityError where bytes are not those of a target."""
    if len(raw) != row["length"] or hashlib.sha256(raw).hexdigest() != row["sha256"]:
        raise IntegrityError(f"{name} of the channel is not the one that was signed")


def _older(name: str, new: int, old: int) -> IntegrityError:
    return IntegrityError(
        f"{name} {new} of the channel is older than {old}, which was seen here",
        "someone plays it back, or the channel was restored from an old copy",
    )


def _rows(made: Document, name: str) -> Dict[str, Any]:
    result = made.signed.get(name)
    if not isinstance(result, dict):
        raise IntegrityError(f"the channel's metadata has no {name}")
    return result


def _meta(made: Document, name: str) -> Dict[str, Any]:
    """Return what a timestamp or a snapshot says of a file."""
    try:
        row = strict.mapping(_rows(made, "meta"), name)
        strict.number(row, "version", 1, MOST_VERSION)
        if "length" in row:
            strict.number(row, "length", 1, MOST_SIZE)
        if "hashes" in row:
            strict.string(strict.mapping(row, "hashes"), "sha256")
    except ValueError as error:
        raise IntegrityError(f"the channel's metadata has no {name}: {error}") from error
    return row


def _same(raw: bytes, row: Dict[str, Any], name: str) -> None:
    if "length" in row and len(raw) != row["length"]:
        raise IntegrityError(f"{name} of the channel has {len(raw)} bytes, not {row['length']}")
    digest = (row.get("hashes") or {}).get("sha256")
    if digest is not None and hashlib.sha256(raw).hexdigest() != digest:
        raise IntegrityError(f"{name} of the channel is not the one that was named")


def _signed(by: Document, role: str, made: Document) -> None:
    """Raise IntegrityError unless enough different keys of a role of `by` signed metadata."""
    try:
        row = strict.mapping(_rows(by, "roles"), role)
        keyids = strict.strings(row, "keyids", trust.MOST_KEYS)
        threshold = strict.number(row, "threshold", 1, trust.MOST_KEYS)
        keys = {keyid: _key(strict.mapping(_rows(by, "keys"), keyid)) for keyid in keyids}
    except ValueError as error:
        raise IntegrityError(f"root.json of the channel has no role {role}: {error}") from error
    raw = canonical(made.signed).encode("utf-8")
    good = set()
    for keyid, own in keys.items():
        block = made.signatures.get(keyid, "")
        if own and block:
            good |= sshsig.signers(raw, block, (own,), NAMESPACE)
    if len(good) < threshold:
        raise IntegrityError(
            f"{made.signed['_type']}.json of the channel is signed by {len(good)} of its keys, not "
            f"by {threshold}"
        )


def _key(row: Dict[str, Any]) -> str:
    """Return a key as sshsig has it, "" for one of another kind. Raises ValueError."""
    if (row.get("keytype"), row.get("scheme")) != (KEYTYPE, SCHEME):
        return ""
    return sshsig.key(strict.string(strict.mapping(row, "keyval"), "public"))
