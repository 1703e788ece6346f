"""Copies a release's image to a registry, and remembers where devices pull it from.

Layers go there with gzip, since engines before 23.0 can't pull zstd; the image id stays what the
release says, and devices pull by the manifest's digest.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from jetson_kit.core.errors import BadInputError, IntegrityError, NetworkError, ToolMissingError
from jetson_kit.core.files import check_regular, write_text
from jetson_kit.core.run import run
from jetson_kit.fleet.release.registry import Registry
from jetson_kit.fleet.release.release import Release, built

FILE = "registry.json"
REPOSITORY = "mediapipe-jetson"
USER = "KIT_REGISTRY_USER"
PASSWORD = "KIT_REGISTRY_PASSWORD"  # noqa: S105 # a name


@dataclass(frozen=True)
class Pushed:
    """Where a release was pushed to."""

    reference: str
    """NAME@sha256:HEX."""
    ca: str
    """Certificate of the authority that devices must trust for it, "" for none of their own."""


def credentials() -> tuple[str, str] | None:
    """Return user and password for the registry out of the environment. Raises BadInputError."""
    user, password = os.environ.get(USER, ""), os.environ.get(PASSWORD, "")
    if bool(user) != bool(password):
        raise BadInputError(f"{USER} needs {PASSWORD}", "set both or none of them")
    return (user, password) if user else None


def push(release: Release, registry: Registry) -> Pushed:
    """Copy a release's image there.

    The registry's configuration must be the release's, byte for byte. Raises NetworkError.
    """
    if shutil.which("skopeo") is None:
        raise ToolMissingError("skopeo is not installed", "install it: apt-get install skopeo")
    build = built(release.folder)
    archive = release.folder / build["archive"]["file"]
    check_regular(archive, "move it away, and build it again: ./inv build")
    name = f"{registry.name}/{REPOSITORY}"
    with _scratch(registry) as scratch:
        note = scratch / "digest"
        options = _options(registry, scratch)
        run(
            [
                *("skopeo", "copy", "--quiet", "--digestfile", note),
                *("--dest-compress-format", "gzip", "--format", "oci"),
                *(word.replace("--", "--dest-", 1) for word in options),
                f"oci-archive:{archive}",
                f"docker://{name}:{release.name}-{release.image_id[7:19]}",
            ],
            what="push to the registry",
        )
        digest = note.read_text(encoding="utf-8").strip()
        command = ["skopeo", "inspect", "--raw", *options, f"docker://{name}@{digest}"]
        config_digest = json.loads(run(command, what="ask the registry"))["config"]["digest"]
    if config_digest != release.image_id:
        raise IntegrityError(
            f"{name}@{digest} holds {config_digest}, not {release.image_id}", "push it again"
        )
    ca = Path(registry.ca).read_text(encoding="utf-8") if registry.ca else ""
    body = {"image_id": release.image_id, "reference": f"{name}@{digest}", "ca": ca}
    write_text(release.folder / FILE, json.dumps(body, indent=1) + "\n")
    return Pushed(body["reference"], ca)


def pushed(release: Release) -> Pushed:
    """Return where a release was pushed to. Raises NetworkError where it was not."""
    check_regular(release.folder / FILE, "move it away, and push it again")
    try:
        body = json.loads((release.folder / FILE).read_text(encoding="utf-8"))
        if body["image_id"] == release.image_id:
            return Pushed(str(body["reference"]), str(body["ca"]))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        pass
    raise NetworkError(
        f"{release.name} is in no registry", "push it: ./inv fleet.registry --push TARGET"
    )


def variables(release: Release) -> dict[str, str]:
    """Return what the role image needs to pull a release. Raises as pushed and credentials do."""
    result = pushed(release)
    user, password = credentials() or ("", "")
    return {
        "image_reference": result.reference,
        "image_registry_ca": result.ca,
        **({"image_registry_user": user, "image_registry_password": password} if user else {}),
    }


@contextlib.contextmanager
def _scratch(registry: Registry) -> Iterator[Path]:
    """Yield a folder that only we read, with what skopeo needs to know; no argument has secrets."""
    with tempfile.TemporaryDirectory(prefix="kit-push-") as name:
        folder = Path(name)
        if registry.ca:
            (folder / "ca.crt").write_bytes(Path(registry.ca).read_bytes())
        if given := credentials():
            known = base64.b64encode(":".join(given).encode()).decode()
            body = {"auths": {registry.name: {"auth": known}}}
            write_text(folder / "auth.json", json.dumps(body))
        yield folder


def _options(registry: Registry, scratch: Path) -> list[str]:
    options = [] if registry.tls else ["--tls-verify=false"]
    options += [f"--cert-dir={scratch}"] if registry.ca else []
    return [*options, *([f"--authfile={scratch}/auth.json"] if credentials() else [])]
