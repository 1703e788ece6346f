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


def bad(site: Site, case: Case, found: Attempt, rand: random.Random) -> None:
    """Roll out an image that is wrong in one way."""
    del rand
    made = site.release(**case.facts["build"])
    going = site.start(made, *case.flags)
    going.end(site.kind.limit_s)
    record = going.record
    if record and record.waves and record.waves[0].canary:
        found.unkept += untouched(site, record, record.waves[0].hosts)
    after(site, case, found, made, going)


def unsigned(site: Site, case: Case, found: Attempt, rand: random.Random) -> None:
    """Offer a release without a signature, by the command and past it."""
    del case
    made = site.release(sign=False)
    _refused_twice(site, found, rand.choice(site.devices), made)


def altered(site: Site, case: Case, found: Attempt, rand: random.Random) -> None:
    """Offer a release that was changed after it was signed."""
    del case
    made = site.release()
    body = json.loads(made.path.read_text(encoding="utf-8"))
    body["name"] = "altered"
    made.path.write_text(json.dumps(body), encoding="utf-8")
    _refused_twice(site, found, rand.choice(site.devices), made)


def _refused_twice(site: Site, found: Attempt, chosen: Device, made: Release) -> None:
    before = _images(site)
    try:
        site.task(
            "fleet.rollout", str(made.folder), "-i", str(site.hosts), code=IntegrityError.exit_code
        )
    except StepFailedError as error:
        found.unkept.append(error.message)
    code = _offer(chosen, made)
    if code != IntegrityError.exit_code:
        found.unkept.append(f"{chosen.name} answered {code} to what it must refuse")
    if _images(site) != before:
        found.unkept.append("a device was changed")
    found.ended = "refused"


def _images(site: Site) -> dict[str, tuple[object, ...]]:
    """Return what each device is on and runs."""
    seen = site.look()
    return {name: (one.image_id, one.trial, one.pending, one.running) for name, one in seen.items()}


def _offer(chosen: Device, made: Release) -> int:
    """Hand a release and its signature to a device, without any rollout; return its answer."""
    signature = made.path.with_name(made.path.name + signing.SUFFIX)
    ssh.shell(chosen, f"rm -f {INCOMING} {INCOMING}{signing.SUFFIX}")
    for path in (made.path, signature):
        if path.exists():
            suffix = path.name.removeprefix(made.path.name)
            words = ["sh", "-c", f"cat > {INCOMING}{suffix}"]
            ssh.completed(chosen, words, path.read_bytes()).check_returncode()
    return ssh.completed(chosen, ["mediapipe-image", "receive", INCOMING]).returncode


def wrongly_signed(site: Site, case: Case, found: Attempt, rand: random.Random) -> None:
    """Roll out what is signed by a key that the controller trusts and no device does."""
    del rand
    other = site.folder / "other-key"
    if not other.exists():
        signing.make_key(other, "other", passphrase=False)
    made = site.release(key=other)
    hosts = site.trusting(other.with_name("other-key.pub"))
    going = site.start(made, hosts=hosts)
    going.end(site.kind.limit_s)
    if going.record:
        found.unkept += untouched(site, going.record)
    after(site, case, found, made, going)


def corrupt_layer(site: Site, case: Case, found: Attempt, rand: random.Random) -> None:
    """Flip a byte of a layer that is about to be sent; then roll the same release out again."""
    # A size that no release had before: no device has the layer, and it takes a while to send.
    made = site.release(bulk=ROTTING + rand.randrange(1_000_000))
    rotting = made.layers[-1] if site.setting.build else made.layers[BULK_LAYER]
    going = site.start(made)
    # Its files are checked before the first step, and sent in the second.
    if going.until("fits", PHASE_S):
        _flip(releases.layers(made) / rotting.file, rand)
    after(site, case, found, made, going)
    again = site.start(made)
    if again.end(site.kind.limit_s):
        found.unkept.append(f"the same release does not arrive the next time; see {again.said}")
    else:
        site.good = dict.fromkeys(site.names, made.image_id)


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


def verdict_worse(site: Site, case: Case, found: Attempt, rand: random.Random) -> None:
    """Roll out an image that its verification finds on the wrong processor."""
    del rand
    _judged(site, case, found, report(20.0, as_expected=False))


def slower(site: Site, case: Case, found: Attempt, rand: random.Random) -> None:
    """Roll out an image that is slower than the one before it."""
    del rand
    _judged(site, case, found, report(90.0))


def _judged(site: Site, case: Case, found: Attempt, told: dict[str, Any]) -> None:
    before = site.release(**_reporting(report(20.0)))
    if site.start(before, "--verify", "quick").end(site.kind.limit_s):
        found.unkept.append("the good image does not arrive")
        return
    site.good = dict.fromkeys(site.names, before.image_id)
    made = site.release(**_reporting(told))
    going = site.start(made, "--verify", "quick", "--canary", "1")
    going.end(site.kind.limit_s)
    record = going.record
    if record:
        found.unkept += untouched(site, record, record.waves[0].hosts)
    after(site, case, found, made, going)


def _reporting(told: dict[str, Any]) -> dict[str, Any]:
    return {"files": {"bin/python3": VERIFY, "report": json.dumps(told).encode()}}
