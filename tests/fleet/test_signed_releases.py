"""Older releases, other signers and revoked keys on a real device, by the real tasks."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jetson_kit.fleet.release import signing
from jetson_kit.fleet.release.release import Release
from tests.fleet.site import Site

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.one_engine]
TRUST = "/var/lib/mediapipe-jetson/trust"


@pytest.fixture
def one(site: Site) -> Iterator[Site]:
    """Return the controller; what its first device saw of signers is forgotten afterwards."""
    yield site
    site.boards.sh(f"rm -f {TRUST}.json {TRUST}.copy.json")
    (site.folder / "state/mediapipe-jetson-kit/fleet/signers.json").unlink(missing_ok=True)


def key(site: Site, name: str) -> Path:
    place = site.folder / "config" / name
    signing.make_key(place, name, passphrase=False)
    return place


def released(site: Site, release: Release, number: int, by: Path) -> Release:
    site.task("release", str(release.folder), "--key", str(by), "--number", str(number))
    return release


def test_an_older_release_comes_on_purpose_alone_and_a_revoked_key_never(one: Site) -> None:
    first = ("--limit", one.names[0])
    new, owner = key(one, "new"), key(one, "owner")
    number = one.release().number + 10
    v0, v1, v2, v3 = (released(one, one.release(), number + at, one.key) for at in range(4))
    one.rollout(v1, *first)
    one.rollout(v2, *first)

    host = one.rollout(v1, *first, code=1)["hosts"][one.names[0]]
    assert f"is release {number + 1}, older than {number + 2}" in host["why"]
    assert one.running()[0] == v2.image_id
    # The board's own previous image is always there to go back to.
    one.task("rollback", "-i", str(one.inventory), "--limit", one.names[0])
    assert one.running()[0] == v1.image_id

    done = one.rollout(v0, *first, "--allow-downgrade")
    assert one.running()[0] == v0.image_id
    journal = one.records(done["id"]).with_suffix(".jsonl").read_text().splitlines()
    assert json.loads(journal[0])["plan"]["allow_downgrade"] is True
    (row,) = trust(one)["downgrades"]
    assert (row["image_id"], row["from"]) == (v0.image_id, number + 2)

    one.task(
        "signers", "--release-key", f"{new}.pub", "--owner-key", f"{one.key}.pub",
        "--owner-key", f"{owner}.pub", "--key", str(one.key),
    )  # fmt: skip
    one.task("signers", "--revoke", f"{one.key}.pub", "--key", str(owner))
    released(one, v3, number + 3, new)
    one.rollout(v3, *first)
    assert one.running()[0] == v3.image_id
    assert trust(one)["signers"] == 2
    stolen = released(one, one.release(), number + 4, one.key)
    assert "which is revoked" in one.task(
        "rollout", str(stolen.folder), "-i", str(one.inventory), code=5
    )
    # Past the controller, and without the lists: the board remembers.
    (stolen.folder / "signers.json").unlink()
    message = one.boards.sh(f"cd /run; {offer(stolen)} 2>&1 || true")
    assert "error:" in message
    assert one.running()[0] == v3.image_id


def trust(site: Site) -> dict[str, Any]:
    """Return what the first device has seen."""
    result: dict[str, Any] = json.loads(site.boards.sh("mediapipe-image status --json"))["trust"]
    return result


def offer(release: Release) -> str:
    """Return the command that offers a release on the device itself."""
    arguments = [
        base64.b64encode(path.read_bytes()).decode()
        for path in (release.path, release.path.with_name("release.json.sig"))
    ]
    return "mediapipe-image offer --way archive " + " ".join(arguments)
