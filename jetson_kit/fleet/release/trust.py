"""How devices will judge a release: their own program judges, by what they trust."""

from __future__ import annotations

import datetime
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jetson_kit.core.errors import BadInputError, IntegrityError, KitError, ToolMissingError
from jetson_kit.core.files import write_text
from jetson_kit.core.paths import COLLECTION
from jetson_kit.fleet.release import signing
from jetson_kit.fleet.release.release import Release

PROGRAM = COLLECTION / "roles" / "image" / "files"
SIGNERS = "image_allowed_signers"
THRESHOLDS = {
    "release_threshold": "image_release_threshold",
    "owner_threshold": "image_owner_threshold",
}
ERRORS = {item.exit_code: item for item in (BadInputError, IntegrityError, ToolMissingError)}
LIMIT_S = 60.0


@dataclass(frozen=True)
class Anchor:
    """What a device trusts before any list of signers came: the inventory's variables."""

    signers: str
    release_threshold: int = 1
    owner_threshold: int = 1


def anchor(variables: Mapping[str, Any]) -> Anchor | None:
    """Return a host's anchor; None where it is empty, or a template that Ansible fills in."""
    text = str(variables.get(SIGNERS) or "")
    numbers = {key: variables.get(name, 1) for key, name in THRESHOLDS.items()}
    if not text.strip() or "{{" in text or any("{{" in str(number) for number in numbers.values()):
        return None
    try:
        return Anchor(text, *(int(str(number)) for number in numbers.values()))
    except ValueError:
        names = " and ".join(THRESHOLDS.values())
        raise BadInputError(f"{names} must be whole numbers", "correct the inventory") from None


def own() -> Anchor | None:
    """Return an anchor of the user's own key alone; None where there is none."""
    public = signing.default_key().with_name(signing.RELEASES.key + ".pub")
    return Anchor(signing.signers([public])) if public.is_file() else None


def trusted(release: Release, boards: Iterable[Mapping[str, Any]]) -> None:
    """Check a release as its devices will, by what their variables let them trust.

    Raises IntegrityError.
    """
    # Templates are Ansible's to fill in: the device checks in any case.
    known = {anchor(variables) for variables in boards} - {None} or {own()} - {None}
    for board_anchor in known:
        if board_anchor is not None:
            check(release, board_anchor)
    if not release.path.with_name(release.path.name + signing.SUFFIX).is_file():
        raise IntegrityError(f"{release.path} is not signed", "sign it: ./inv fleet.release")
    ahead = release.created - datetime.datetime.now(datetime.UTC)
    if ahead > datetime.timedelta(days=1):
        # Devices would take its time for the earliest that it can be now.
        raise IntegrityError(
            f"{release.path} was signed at {release.created:%F %T} UTC, which is still to come",
            "set this machine's clock, then sign it again: ./inv fleet.release --number",
        )


def check(release: Release, trusted: Anchor) -> None:
    """Let the devices' program judge signatures, lists of signers and expiry of a release.

    It runs beside an empty folder in place of a device's root. Raises its verdict: BadInputError,
    IntegrityError or ToolMissingError.
    """
    with tempfile.TemporaryDirectory(prefix="kit-trust-") as name:
        etc = Path(name, "etc", "mediapipe-jetson")
        write_text(etc / "allowed_signers", trusted.signers.rstrip("\n") + "\n")
        numbers = {key: getattr(trusted, key) for key in THRESHOLDS}
        write_text(etc / "image.json", json.dumps(numbers))
        done = subprocess.run(
            [sys.executable, "-P", "-m", "mediapipe_image", "check", release.path.absolute()],
            env={
                **os.environ,
                "PYTHONPATH": str(PROGRAM),
                "PYTHONDONTWRITEBYTECODE": "1",
                "MEDIAPIPE_IMAGE_ROOT": name,
            },
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
    if done.returncode:
        line = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        message, _, cure = line.removeprefix("error: ").partition("; ")
        place = str(etc / "allowed_signers")
        kind: type[KitError] = ERRORS.get(done.returncode, KitError)
        raise kind(
            message.replace(place, SIGNERS), cure.replace(place, f"{SIGNERS} of the inventory")
        )
