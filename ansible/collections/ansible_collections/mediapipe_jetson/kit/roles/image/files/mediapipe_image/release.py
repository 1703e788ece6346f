"""A release: what an image consists of, who signed that, and whether it may come here."""

import hashlib
import re
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Tuple

from mediapipe_image import settings, sshsig, strict, target, trust
from mediapipe_image.errors import BadInputError, IntegrityError, ToolMissingError

SCHEMA = "mediapipe-jetson/release/2"
# Images that such a release brought stay, and one can go back to them.
BEFORE = "mediapipe-jetson/release/1"
NAMESPACE = trust.NAMESPACES[trust.PRINCIPAL]
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,127}")
APPLICATION = "io.mediapipe-jetson.app"
LARGEST = 1 << 20
MOST_LAYERS = 512
MOST_BYTES = 1 << 44
AGAIN = "make and sign it again: ./inv fleet.release"


class Layer(NamedTuple):
    """A layer: hash when unpacked, hash and bytes as it is sent, bytes unpacked."""

    diff_id: str
    digest: str
    size: int
    unpacked: int

    @property
    def hex(self) -> str:
        """Return the name of its file."""
        return self.digest.partition(":")[2]


class Release(NamedTuple):
    """A release that was read and found sound in itself."""

    body: Dict[str, Any]
    image_id: str
    manifest_digest: str
    architecture: str
    l4t: str
    name: str
    config: bytes
    # Empty where an older kit made the release.
    manifest: bytes
    layers: List[Layer]
    # 0 and empty where an older kit made the release.
    number: int = 0
    created: str = ""
    expires: str = ""
    # Version of the list of signers that was the newest when it was signed.
    signers: int = 0
    # What it is for; empty: any.
    socs: Tuple[str, ...] = ()
    # Part numbers of the modules.
    modules: Tuple[str, ...] = ()
    # Name of the user's application in it; empty: none.
    application: str = ""


def parse(body: Dict[str, Any], what: str) -> Release:
    """Return the release that a JSON object holds, also one of an older kit.

    Raises BadInputError or IntegrityError.
    """
    if body.get("schema") not in (SCHEMA, BEFORE):
        raise BadInputError(f"{what} is of schema {body.get('schema')}, not {SCHEMA}")
    try:
        result = _parsed(body)
        inner = strict.loads(result.config.decode("utf-8"))
        diff_ids = inner["rootfs"]["diff_ids"]
        same = inner["architecture"] == result.architecture and inner["os"] == "linux"
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadInputError(f"{what} is no release: {error}") from error
    if "sha256:" + hashlib.sha256(result.config).hexdigest() != result.image_id:
        raise IntegrityError(f"{what}: the configuration is not that of {result.image_id}")
    if not same or diff_ids != [layer.diff_id for layer in result.layers]:
        raise IntegrityError(f"{what}: layers and configuration disagree")
    result = result._replace(application=_application(inner))
    if (result.manifest or body["schema"] != BEFORE) and not _describes(result.manifest, result):
        raise IntegrityError(f"{what}: the manifest is not that of {result.manifest_digest}")
    return result


def _parsed(body: Dict[str, Any]) -> Release:
    """Return a release by its text alone. Raises ValueError."""
    image, rows = body.get("image"), body.get("layers")
    if not isinstance(image, dict) or not isinstance(rows, list) or len(rows) > MOST_LAYERS:
        raise ValueError("image or layers are missing")
    if not all(isinstance(row, dict) for row in rows):
        raise ValueError("a layer is no object")
    layers = [
        Layer(
            _digest(row, "diff_id"), _digest(row, "digest"),
            strict.number(row, "size", 0, MOST_BYTES),
            strict.number(row, "unpacked", 0, MOST_BYTES),
        )
        for row in rows
    ]  # fmt: skip
    result = Release(
        body, _digest(image, "id"), _digest(image, "manifest_digest"),
        strict.string(image, "architecture"), strict.string(body, "l4t"),
        strict.string(body, "name"), strict.string(body, "config").encode("utf-8"), b"", layers,
    )  # fmt: skip
    if not NAME.fullmatch(result.name):
        raise ValueError("its name is none")
    if body["schema"] == BEFORE:
        manifest = strict.string(body, "manifest") if "manifest" in body else ""
        return result._replace(manifest=manifest.encode("utf-8"))
    result = result._replace(
        manifest=strict.string(body, "manifest").encode("utf-8"),
        number=strict.number(body, "number", 1, trust.NEWEST),
        created=trust.moment(body, "created"),
        expires=trust.moment(body, "expires"),
        signers=strict.number(body, "signers", 0, trust.NEWEST),
        socs=tuple(strict.strings(body, "socs", 64)),
        modules=tuple(strict.strings(body, "modules", 64)),
    )
    if result.expires <= result.created:
        raise ValueError("it expires before it was made")
    return result


def _application(config: Dict[str, Any]) -> str:
    """Return what an image's label says of an application; it is words for people."""
    try:
        name = config["config"]["Labels"][APPLICATION]
    except (KeyError, TypeError):
        return ""
    return "".join(item for item in str(name)[:100] if item.isprintable())


def _digest(body: Dict[str, Any], name: str) -> str:
    value = strict.string(body, name)
    if not strict.DIGEST.fullmatch(value):
        raise ValueError(f"{name} is no digest")
    return value


def _describes(manifest: bytes, made: Release) -> bool:
    """Tell whether a manifest is the release's, and names what the release names."""
    try:
        body = strict.loads(manifest.decode("utf-8"))
        digests = [body["config"]["digest"], *(row["digest"] for row in body["layers"])]
    except (KeyError, TypeError, ValueError):
        return False
    own = [made.image_id, *(layer.digest for layer in made.layers)]
    return (
        digests == own and "sha256:" + hashlib.sha256(manifest).hexdigest() == made.manifest_digest
    )


def load(path: Path, registry: bool = False) -> Release:
    """Return a signed release that this device may run. `registry`: it comes by pinned digest.

    Raises IntegrityError without enough good signatures and for what is older or has expired,
    WrongDeviceError for other devices. Where OpenSSH is too old to check signatures only the
    registry way is open.
    """
    result, seen = authentic(path, registry=registry)
    target.check(
        result.name, target.Target(result.architecture, result.l4t, result.socs, result.modules)
    )
    target.check_command(result.name, result.application, settings.load().command)
    check_age(result, seen)
    return result


def authentic(path: Path, registry: bool = False) -> Tuple[Release, trust.Trust]:
    """Return a release that those have signed who must, and what this device has seen before."""
    raw = strict.read(path, LARGEST)
    seen = trust.read()
    try:
        seen = verify(path, raw)
    except ToolMissingError:
        if not registry:
            raise
    try:
        body = strict.loads(raw.decode("utf-8"))
    except ValueError as error:
        raise BadInputError(f"{path} is no release: {error}") from error
    if body.get("schema") == BEFORE:
        raise BadInputError(
            f"{path} is a release of an older kit, without number and expiry", AGAIN
        )
    result = parse(body, str(path))
    if result.signers > seen.version and result.signers > listed(path):
        raise IntegrityError(
            f"{path} was signed under list {result.signers} of signers, which did not come with it",
            "send signers.json of the release too",
        )
    return result, seen


def listed(path: Path) -> int:
    """Return the version of the newest list that lies beside a release, 0 without any."""
    lists = _lists(path)
    return lists[-1].version if lists else 0


def _lists(path: Path) -> List[trust.Listed]:
    beside = path.with_name("signers.json")
    if not beside.exists():
        return []
    try:
        return trust.chain(strict.read(beside, trust.LARGEST))
    except ValueError as error:
        raise BadInputError(f"{beside} is no list of signers: {error}") from error


def verify(path: Path, raw: bytes) -> trust.Trust:
    """Return what is trusted after the lists that came; enough of its keys signed the release.

    Raises IntegrityError, or ToolMissingError (OpenSSH < 8.1). Newer lists are kept also where the
    release is refused: who is revoked stays so.
    """
    sshsig.able()
    signature = path.with_name(path.name + ".sig")
    if not signature.is_file():
        raise IntegrityError(f"{path} is not signed", "sign it: ./inv fleet.release")
    with trust.changing() as before:
        seen = trust.follow(before, _lists(path))
        if seen != before:
            trust.write(seen)
    now = trust.roles(seen)
    text = strict.read(signature, sshsig.LARGEST).decode("utf-8", "replace")
    good = sshsig.signers(raw, text, now.releases, NAMESPACE)
    if len(good) >= now.threshold > 0:
        return seen
    claimed = [sshsig.claimed(block) for block in sshsig.blocks(text)]
    gone = [sshsig.fingerprint(item) for item in claimed if item]
    gone = [item for item in gone if item in seen.revoked]
    cure = f"nothing was changed; see {trust.SIGNERS}"
    if good:
        raise IntegrityError(
            f"{path} has {len(good)} of the {now.threshold} signatures that this device requires",
            "let another signer sign it too: ./inv fleet.release --key",
        )
    if gone:
        raise IntegrityError(f"{path} is signed by {gone[0]}, which is revoked", AGAIN)
    raise IntegrityError(f"{path} is not signed by anyone who may sign for this device", cure)


def check_age(made: Release, seen: trust.Trust) -> None:
    """Refuse what is older than what was confirmed here, and what has expired.

    A clock may be behind by years where no battery runs it: then the latest time counts at which
    anything was signed that this device trusts. Raises IntegrityError.
    """
    on_purpose = bool(seen.permit) and seen.permit == made.image_id
    clock = trust.now()
    latest = clock if on_purpose else max(clock, seen.time)
    if latest >= made.expires:
        by = "the clock" if latest == clock else "what was signed since"
        raise IntegrityError(
            f"{made.name} has expired at {made.expires}; by {by} it is {latest} or later",
            "if the clock is right, " + AGAIN,
        )
    if made.number < seen.number and not on_purpose and made.image_id != _current():
        raise IntegrityError(
            f"{made.name} is release {made.number}, older than {seen.number}, "
            "which was confirmed here",
            "roll out a newer one, or this one on purpose: --allow-downgrade",
        )


def _current() -> str:
    # The state knows this module.
    from mediapipe_image import state_files

    current = state_files.read().current
    return current.image_id if current else ""
