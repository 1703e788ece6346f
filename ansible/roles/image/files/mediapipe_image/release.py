"""A release: what an image consists of, who signed that, and whether this device may run it."""

import hashlib
import json
import os
import re
from functools import lru_cache
from pathlib import Path
from typing import Any, Dict, List, NamedTuple

from mediapipe_image import command, disk
from mediapipe_image.errors import (
    BadInputError,
    IntegrityError,
    ToolMissingError,
    WrongDeviceError,
)

SCHEMA = "mediapipe-jetson/release/1"
NAMESPACE = "mediapipe-jetson"
# The name that allowed_signers gives to whoever may sign releases.
PRINCIPAL = "mediapipe-jetson-release"
SIGNERS = disk.ETC / "allowed_signers"
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,127}")
LARGEST = 1 << 20
MACHINES = {"aarch64": "arm64", "x86_64": "amd64"}
L4T_RELEASE = re.compile(r"#\s*R(\d+)\s*\(release\),\s*REVISION:\s*(\d+(?:\.\d+)*)")


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


def parse(body: Dict[str, Any], what: str) -> Release:
    """Return the release that a JSON object holds. Raises BadInputError or IntegrityError."""
    try:
        if body["schema"] != SCHEMA:
            raise BadInputError("{} is of schema {}, not {}".format(what, body["schema"], SCHEMA))
        image, config = body["image"], body["config"].encode("utf-8")
        manifest = body.get("manifest", "").encode("utf-8")
        layers = [
            Layer(row["diff_id"], row["digest"], int(row["size"]), int(row["unpacked"]))
            for row in body["layers"]
        ]
        made = Release(
            body, image["id"], image["manifest_digest"], image["architecture"], body["l4t"],
            body["name"], config, manifest, layers,
        )  # fmt: skip
        inner = json.loads(body["config"])
        diff_ids = inner["rootfs"]["diff_ids"]
        same = inner["architecture"] == made.architecture and inner["os"] == "linux"
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadInputError(f"{what} is no release: {error!r}") from error
    digests = [made.image_id, made.manifest_digest]
    digests += [text for layer in layers for text in (layer.diff_id, layer.digest)]
    if not all(isinstance(text, str) and DIGEST.fullmatch(text) for text in digests):
        raise BadInputError(f"{what} is no release: it holds something that is no digest")
    if not NAME.fullmatch(made.name) or any(min(row.size, row.unpacked) < 0 for row in layers):
        raise BadInputError(f"{what} is no release: bad name or size")
    if "sha256:" + hashlib.sha256(config).hexdigest() != made.image_id:
        raise IntegrityError(f"{what}: the configuration is not that of {made.image_id}")
    if not same or diff_ids != [layer.diff_id for layer in layers]:
        raise IntegrityError(f"{what}: layers and configuration disagree")
    if manifest and not _describes(manifest, made):
        raise IntegrityError(f"{what}: the manifest is not that of {made.manifest_digest}")
    return made


def _describes(manifest: bytes, made: Release) -> bool:
    """Tell whether a manifest is the release's, and names what the release names."""
    try:
        body = json.loads(manifest.decode("utf-8"))
        digests = [body["config"]["digest"], *(row["digest"] for row in body["layers"])]
    except (KeyError, TypeError, ValueError):
        return False
    own = [made.image_id, *(layer.digest for layer in made.layers)]
    return (
        digests == own and "sha256:" + hashlib.sha256(manifest).hexdigest() == made.manifest_digest
    )


def load(path: Path, registry: bool = False) -> Release:
    """Return a signed release that this device may run. `registry`: it comes by pinned digest.

    Raises IntegrityError without a good signature, WrongDeviceError for other devices. Where
    OpenSSH is too old to check signatures only the registry way is open.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise BadInputError(f"cannot read {path}: {error.strerror}") from error
    if len(raw) > LARGEST:
        raise BadInputError(f"{path} is no release: {len(raw)} bytes")
    try:
        verify(path, raw)
    except ToolMissingError:
        if not registry:
            raise
    try:
        body = json.loads(raw.decode("utf-8"))
    except ValueError as error:
        raise BadInputError(f"{path} is no release: {error}") from error
    made = parse(body if isinstance(body, dict) else {}, str(path))
    check_device(made)
    return made


def verify(path: Path, raw: bytes) -> str:
    """Return who signed a release. Raises IntegrityError, or ToolMissingError (OpenSSH < 8.1)."""
    signature = path.with_name(path.name + ".sig")
    words = ["ssh-keygen", "-Y", "verify"]
    if signature.is_file() and SIGNERS.is_file():
        words += ["-f", str(SIGNERS), "-I", PRINCIPAL, "-n", NAMESPACE, "-s", str(signature)]
    done = command.ask(words, stdin=raw)
    if "option" in done.err and "-- Y" in done.err:
        raise ToolMissingError(
            "this device's OpenSSH can't check signatures (8.1 can)",
            "use the registry way: its images come by digest",
        )
    if not signature.is_file():
        raise IntegrityError(f"{path} is not signed", "sign it: ./inv fleet.release")
    if not SIGNERS.is_file():
        raise IntegrityError(
            f"nobody may sign releases for this device: no {SIGNERS}",
            "the role image writes it: ./inv fleet.provision",
        )
    if done.code:
        raise IntegrityError(
            f"{path} is not signed by anyone who may sign for this device",
            f"nothing was changed; see {SIGNERS}",
        )
    return done.out.strip().rpartition(" ")[2]


def check_device(made: Release) -> None:
    """Refuse a release for another processor or L4T release. Raises WrongDeviceError."""
    own = MACHINES.get(os.uname().machine, os.uname().machine)
    if made.architecture != own:
        raise WrongDeviceError(f"{made.name} is for {made.architecture}, this device is {own}")
    found = device_l4t()
    if made.l4t and made.l4t != found:
        raise WrongDeviceError(
            "{} is for L4T {}, this device has {}".format(made.name, made.l4t, found or "none"),
            "build one for it: ./inv build --jetson --l4t {}".format(found or "RELEASE"),
        )


@lru_cache(maxsize=None)
def device_l4t() -> str:
    """Return this device's L4T release or "": the package's version first, as apt raises it."""
    try:
        package = command.ask(["dpkg-query", "-W", "-f=${Version}", "nvidia-l4t-core"])
        if not package.code and package.out.strip():
            return package.out.strip().split("-", 1)[0]
    except ToolMissingError:
        pass
    try:
        text = Path(disk.ROOT + "/etc/nv_tegra_release").read_text(encoding="utf-8")
    except OSError:
        return ""
    found = L4T_RELEASE.match(text)
    if not found:
        return ""
    return ".".join([found.group(1), *f"{found.group(2)}.0".split(".")[:2]])
