"""Releases that no device may come to run, or may not keep."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from bench.faults.cases import PHASE_S, Attempt, Case, after, untouched
from bench.faults.site import Site
from jetson_kit.core.errors import IntegrityError, StepFailedError
from jetson_kit.fleet.release import release as releases
from jetson_kit.fleet.release import signing
from jetson_kit.fleet.release.release import Release
from jetson_kit.virtual_devices import ssh
from jetson_kit.virtual_devices.spec import Device

INCOMING = "/var/lib/mediapipe-jetson/incoming/release.json"
# Stands for the verifier: it leaves the report where it is told to.
# Bytes of the layer that rots, and its place among those of a small image.
ROTTING = 50_000_000
BULK_LAYER = 1
VERIFY = b"""#!/bin/sh
while [ $# -gt 1 ]; do test "$1" != --json || out="$2"; shift; done
cat /report > "$out"
"""


def bad(site: Site, case: Case, attempt: Attempt, rand: random.Random) -> None:
    """Roll out an image that is wrong in one way."""
    del rand
    release = site.release(**case.facts["build"])
    going = site.start(release, *case.flags)
    going.end(site.kind.limit_s)
    record = going.record
    if record and record.waves and record.waves[0].canary:
        attempt.unkept += untouched(site, record, record.waves[0].hosts)
    after(site, case, attempt, release, going)


def unsigned(site: Site, case: Case, attempt: Attempt, rand: random.Random) -> None:
    """Offer a release without a signature, by the command and past it."""
    del case
    release = site.release(sign=False)
    _refused_twice(site, attempt, rand.choice(site.devices), release)


def altered(site: Site, case: Case, attempt: Attempt, rand: random.Random) -> None:
    """Offer a release that was changed after it was signed."""
    del case
    release = site.release()
    body = json.loads(release.path.read_text(encoding="utf-8"))
    body["name"] = "altered"
    release.path.write_text(json.dumps(body), encoding="utf-8")
    _refused_twice(site, attempt, rand.choice(site.devices), release)


def _refused_twice(site: Site, attempt: Attempt, chosen: Device, release: Release) -> None:
    before = _images(site)
    try:
        site.task(
            "fleet.rollout",
            str(release.folder),
            "-i",
            str(site.hosts),
            code=IntegrityError.exit_code,
        )
    except StepFailedError as error:
        attempt.unkept.append(error.message)
    code = _offer(chosen, release)
    if code != IntegrityError.exit_code:
        attempt.unkept.append(f"{chosen.name} answered {code} to what it must refuse")
    if _images(site) != before:
        attempt.unkept.append("a device was changed")
    attempt.ended = "refused"


def _images(site: Site) -> dict[str, tuple[object, ...]]:
    """Return what each device is on and runs."""
    seen = site.look()
    return {
        name: (item.image_id, item.trial, item.pending, item.running) for name, item in seen.items()
    }


def _offer(chosen: Device, release: Release) -> int:
    """Hand a release and its signature to a device, without any rollout; return its answer."""
    signature = release.path.with_name(release.path.name + signing.SUFFIX)
    ssh.shell(chosen, f"rm -f {INCOMING} {INCOMING}{signing.SUFFIX}")
    for path in (release.path, signature):
        if path.exists():
            suffix = path.name.removeprefix(release.path.name)
            command = ["sh", "-c", f"cat > {INCOMING}{suffix}"]
            ssh.completed(chosen, command, path.read_bytes()).check_returncode()
    return ssh.completed(chosen, ["mediapipe-image", "receive", INCOMING]).returncode


def wrongly_signed(site: Site, case: Case, attempt: Attempt, rand: random.Random) -> None:
    """Roll out what is signed by a key that the controller trusts and no device does."""
    del rand
    other = site.folder / "other-key"
    if not other.exists():
        signing.make_key(other, "other", passphrase=False)
    release = site.release(key=other)
    hosts = site.trusting(other.with_name("other-key.pub"))
    going = site.start(release, hosts=hosts)
    going.end(site.kind.limit_s)
    if going.record:
        attempt.unkept += untouched(site, going.record)
    after(site, case, attempt, release, going)


def corrupt_layer(site: Site, case: Case, attempt: Attempt, rand: random.Random) -> None:
    """Flip a byte of a layer that is about to be sent; then roll the same release out again."""
    # A size that no release had before: no device has the layer, and it takes a while to send.
    release = site.release(bulk=ROTTING + rand.randrange(1_000_000))
    rotting = release.layers[-1] if site.setting.build else release.layers[BULK_LAYER]
    going = site.start(release)
    # Its files are checked before the first step, and sent in the second.
    if going.until("fits", PHASE_S):
        _flip(releases.layers(release) / rotting.file, rand)
    after(site, case, attempt, release, going)
    second = site.start(release)
    if second.end(site.kind.limit_s):
        attempt.unkept.append(
            f"the same release does not arrive the next time; see {second.output}"
        )
    else:
        site.good = dict.fromkeys(site.names, release.image_id)


def _flip(path: Path, rand: random.Random) -> None:
    size = path.stat().st_size
    with path.open("r+b") as stream:
        # What is near its end is sent last.
        place = rand.randrange(size - size // 10, size)
        stream.seek(place)
        old = stream.read(1)
        stream.seek(place)
        stream.write(bytes([old[0] ^ 0xFF]))


def report(milliseconds: float, *, as_expected: bool = True) -> dict[str, Any]:
    """Return as much of a verification report as the gates look at."""
    verdict = "software" if as_expected else "cpu"
    tasks = {"HandLandmarker": {"latency_ms": {"gpu": milliseconds, "cpu": None}}}
    return {"as_expected": as_expected, "verdict": verdict, "reason": "so it is", "tasks": tasks}


def verdict_worse(site: Site, case: Case, attempt: Attempt, rand: random.Random) -> None:
    """Roll out an image that its verification finds on the wrong processor."""
    del rand
    _roll_out_with_report(site, case, attempt, report(20.0, as_expected=False))


def slower(site: Site, case: Case, attempt: Attempt, rand: random.Random) -> None:
    """Roll out an image that is slower than the one before it."""
    del rand
    _roll_out_with_report(site, case, attempt, report(90.0))


def _roll_out_with_report(
    site: Site, case: Case, attempt: Attempt, document: dict[str, Any]
) -> None:
    before = site.release(**_reporting(report(20.0)))
    if site.start(before, "--verify", "quick").end(site.kind.limit_s):
        attempt.unkept.append("the good image does not arrive")
        return
    site.good = dict.fromkeys(site.names, before.image_id)
    release = site.release(**_reporting(document))
    going = site.start(release, "--verify", "quick", "--canary", "1")
    going.end(site.kind.limit_s)
    record = going.record
    if record:
        attempt.unkept += untouched(site, record, record.waves[0].hosts)
    after(site, case, attempt, release, going)


def _reporting(document: dict[str, Any]) -> dict[str, Any]:
    return {"files": {"bin/python3": VERIFY, "report": json.dumps(document).encode()}}
