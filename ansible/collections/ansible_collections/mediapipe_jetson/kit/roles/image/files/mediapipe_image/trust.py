"""Whom this device trusts to sign, and how far its releases have come: what only ever grows.

The inventory's keys are the anchor. A signed list of signers replaces them, and the next list that
one: each is signed by those whom the device trusts and by those whom it names. As in TUF, whoever
signs lists (owners) is another role than whoever signs releases, and each has its threshold.
"""

import contextlib
import hashlib
import re
import time
from typing import Any, Dict, Iterator, List, NamedTuple, Tuple

from mediapipe_image import disk, settings, sshsig, strict
from mediapipe_image.errors import IntegrityError

LIST_SCHEMA = "mediapipe-jetson/signer-list/1"
CHAIN_SCHEMA = "mediapipe-jetson/signers/1"
SCHEMA = "mediapipe-jetson/trust/1"
LIST_NAMESPACE = "mediapipe-jetson-signers"
# Names that allowed_signers gives to whoever may sign releases, and lists of signers.
PRINCIPAL, OWNER = "mediapipe-jetson-release", "mediapipe-jetson-owner"
NAMESPACES = {PRINCIPAL: "mediapipe-jetson", OWNER: LIST_NAMESPACE}
SIGNERS = disk.ETC / "allowed_signers"
LINE = re.compile(r'(\S+) namespaces="([^"]*)" (.+)')
TIME = re.compile(r"\d{4}-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-5]\dZ")
PATHS = (disk.LIB / "trust.json", disk.LIB / "trust.copy.json")
LARGEST = 64 * 1024
MOST_KEYS = 16
MOST_REVOKED = 256
# Of all lists that came.
MOST_GONE = 1 << 16
NEWEST = 2**53
ROWS = 20


class Roles(NamedTuple):
    """Who may sign releases, and who lists; so many different ones have to."""

    releases: Tuple[str, ...]
    threshold: int
    owners: Tuple[str, ...]
    owner_threshold: int


class Trust(NamedTuple):
    """What the device has seen; nothing of it goes back but on purpose."""

    # Version of the newest list of signers, 0: none came.
    version: int = 0
    roles: Tuple[Any, ...] = ()
    # Digest of the anchor on which that list stands.
    anchor: str = ""
    revoked: Tuple[str, ...] = ()
    # The greatest number of a release that was confirmed here.
    number: int = 0
    # The latest time at which something trusted was signed.
    time: str = ""
    # The image of an older release that may come, on purpose.
    permit: str = ""
    downgrades: Tuple[Dict[str, Any], ...] = ()


def read() -> Trust:
    """Return what the device has seen; one damaged file of the two does no harm.

    Raises IntegrityError where both are damaged.
    """
    problem = ""
    for path in PATHS:
        try:
            body = disk.read_json(path)
            if body is not None:
                return _parsed(body)
        except (IntegrityError, ValueError, TypeError, KeyError) as error:
            problem = str(error)
    if problem:
        raise IntegrityError(
            f"{PATHS[0]} and its copy are damaged: {problem}",
            "remove both: the device then takes releases from any number on",
        )
    return Trust()


def _parsed(body: Dict[str, Any]) -> Trust:
    if body.get("schema") != SCHEMA:
        raise ValueError(f"it is of schema {body.get('schema')}")
    result: Dict[str, Any] = {
        name: tuple(body[name]) if isinstance(body[name], list) else body[name]
        for name in Trust._fields
    }
    made = Trust(**result)
    for name in ("version", "number"):
        strict.number(body, name, 0, NEWEST)
    for name in ("anchor", "permit"):
        strict.string(body, name)
    if strict.string(body, "time"):
        moment(body, "time")
    strict.strings(body, "revoked", MOST_GONE)
    strict.mappings(body, "downgrades", ROWS)
    if made.version:
        _check_roles(body["roles"])
    return made


def _check_roles(rows: List[Any]) -> None:
    """Raise ValueError or TypeError unless these are a list's roles, as they are written down."""
    first, threshold, second, owner_threshold = rows
    for keys, least in ((first, threshold), (second, owner_threshold)):
        role = {"keys": keys, "threshold": least}
        for key in strict.strings(role, "keys", MOST_KEYS):
            sshsig.key(key)
        strict.number(role, "threshold", 1, MOST_KEYS)


def write(trust: Trust) -> None:
    """Write it twice, each time so that a power cut leaves the old or the new one."""
    for path in PATHS:
        disk.write_json(path, dict(trust._asdict(), schema=SCHEMA))


@contextlib.contextmanager
def changing() -> Iterator[Trust]:
    """Hold the lock of what the device has seen, and yield it."""
    with disk.locked("trust", 30.0):
        yield read()


def anchor() -> Tuple[Roles, str]:
    """Return the inventory's keys, and their digest. Raises IntegrityError where there are none."""
    if not SIGNERS.is_file():
        raise IntegrityError(
            f"nobody may sign releases for this device: no {SIGNERS}",
            "the role image writes it: ./inv fleet.provision",
        )
    raw = strict.read(SIGNERS, LARGEST)
    keys: Dict[str, List[str]] = {PRINCIPAL: [], OWNER: []}
    for line in raw.decode("utf-8", "replace").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        try:
            principal, key = _line(line)
        except ValueError as error:
            raise IntegrityError(
                f"{SIGNERS} has a line that names no key: {error}",
                "give image_allowed_signers the text of ./inv fleet.key",
            ) from error
        keys[principal].append(key)
    own = settings.load()
    releases = tuple(dict.fromkeys(keys[PRINCIPAL]))
    owners = tuple(dict.fromkeys(keys[OWNER]))
    if not releases:
        raise IntegrityError(
            f"nobody may sign releases for this device: {SIGNERS} names no key",
            "set image_allowed_signers, then: ./inv fleet.provision",
        )
    result = Roles(
        releases, own.release_threshold,
        owners or releases, own.owner_threshold if owners else own.release_threshold,
    )  # fmt: skip
    return result, hashlib.sha256(repr(result).encode("utf-8")).hexdigest()


def _line(line: str) -> Tuple[str, str]:
    """Return for what a line of allowed_signers names a key, and the key. Raises ValueError."""
    match = LINE.fullmatch(line.strip())
    if not match or NAMESPACES.get(match.group(1)) != match.group(2):
        raise ValueError("it names another purpose")
    return match.group(1), sshsig.key(match.group(3))


def roles(trust: Trust) -> Roles:
    """Return who may sign now: the newest list's keys, or the anchor's if that was changed since.

    A key that was ever revoked here may not, whoever names it again.
    """
    result, digest = anchor()
    if trust.version and trust.anchor == digest:
        first, threshold, second, owner_threshold = trust.roles
        result = Roles(tuple(first), threshold, tuple(second), owner_threshold)
    return result._replace(
        releases=_unrevoked(result.releases, trust), owners=_unrevoked(result.owners, trust)
    )


def _unrevoked(keys: Tuple[str, ...], trust: Trust) -> Tuple[str, ...]:
    return tuple(key for key in keys if sshsig.fingerprint(key) not in trust.revoked)


class Listed(NamedTuple):
    """A list of signers as it came: text and signatures, and what the text says."""

    document: str
    signatures: str
    version: int
    created: str
    roles: Roles
    revoked: Tuple[str, ...]


def chain(raw: bytes) -> List[Listed]:
    """Return the lists of a file, the oldest first. Raises ValueError."""
    body = strict.loads(raw.decode("utf-8"))
    if body.get("schema") != CHAIN_SCHEMA or not isinstance(body.get("lists"), list):
        raise ValueError("it holds no lists of signers")
    result = []
    for row in body["lists"]:
        if not isinstance(row, dict):
            raise ValueError("it holds what is no list of signers")  # noqa: TRY004
        signatures = "\n".join(strict.strings(row, "signatures", sshsig.MOST))
        result.append(_listed(strict.string(row, "document"), signatures))
    return sorted(result, key=lambda item: item.version)


def _listed(document: str, signatures: str) -> Listed:
    body = strict.loads(document)
    if body.get("schema") != LIST_SCHEMA:
        raise ValueError("it holds a list of another schema")
    named: List[Any] = []
    for name in ("releases", "owners"):
        role = body.get(name)
        if not isinstance(role, dict):
            raise ValueError(f"a list has no {name}")  # noqa: TRY004
        texts = strict.strings(role, "keys", MOST_KEYS)
        keys = tuple(dict.fromkeys(sshsig.key(text) for text in texts))
        named += [keys, strict.number(role, "threshold", 1, len(keys))]
    revoked = tuple(strict.strings(body, "revoked", MOST_REVOKED))
    version = strict.number(body, "version", 1, NEWEST)
    return Listed(document, signatures, version, moment(body, "created"), Roles(*named), revoked)


def moment(body: Dict[str, Any], name: str) -> str:
    """Return a time of a document; such texts compare as the times do. Raises ValueError."""
    value = strict.string(body, name)
    if not TIME.fullmatch(value):
        raise ValueError(f"{name} is no time such as 2026-01-31T00:00:00Z")
    return value


def follow(trust: Trust, lists: List[Listed]) -> Trust:
    """Return what is trusted after all newer lists that are signed as they must be.

    A list that is not newer, or not signed by enough of both, changes nothing.
    """
    _path, digest = anchor()
    for item in lists:
        if item.version <= trust.version:
            continue
        now = roles(trust)
        raw = item.document.encode("utf-8")
        every = tuple(dict.fromkeys((*now.owners, *item.roles.owners)))
        signed = sshsig.signers(raw, item.signatures, every, LIST_NAMESPACE)
        gone = set(trust.revoked) | set(item.revoked)
        kept = {name for name in signed if sshsig.fingerprint(name) not in gone}
        if (
            len(signed & set(now.owners)) < now.owner_threshold
            or len(kept & set(item.roles.owners)) < item.roles.owner_threshold
        ):
            continue
        trust = trust._replace(
            version=item.version, roles=tuple(item.roles), anchor=digest,
            revoked=tuple(sorted(gone)), time=max(trust.time, item.created),
        )  # fmt: skip
    return trust


def now() -> str:
    """Return the clock's time, which may be wrong."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def permit(image_id: str, number: int) -> None:
    """Let an older release come, on purpose, or, for "", none. It is written to the records."""
    with changing() as trust:
        if trust.permit == image_id:
            return
        rows = trust.downgrades
        if image_id:
            row = {"at": now(), "image_id": image_id, "number": number, "from": trust.number}
            rows = (*rows, row)[-ROWS:]
        write(trust._replace(permit=image_id, downgrades=rows))


def confirmed(image_id: str, number: int, created: str) -> None:
    """Take note that a release is good here: from now on older ones are refused."""
    with changing() as trust:
        if image_id and trust.permit == image_id:
            result = trust._replace(number=number, time=created, permit="")
        else:
            result = trust._replace(
                number=max(trust.number, number), time=max(trust.time, created)
            )  # fmt: skip
        if result != trust:
            write(result)


def summary() -> Dict[str, Any]:
    """Return it for the status."""
    trust = read()
    return {
        "number": trust.number,
        "signers": trust.version,
        "time": trust.time,
        "downgrades": list(trust.downgrades),
    }
