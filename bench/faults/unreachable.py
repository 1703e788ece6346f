"""Devices that can't be reached, or that are not who they were."""

from __future__ import annotations

import random

from bench.faults.cases import PHASE_S, Attempt, Case, after, untouched
from bench.faults.site import Site
from jetson_kit.virtual_devices import faults, kinds

FLAGS = ("--canary", "1", "--batches", "2", "--stop-at", "1")
OTHER_KEY = """\
mkdir -p /root/kit-before
mv /etc/ssh/ssh_host_ed25519_key /etc/ssh/ssh_host_ed25519_key.pub /root/kit-before/
ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key
systemctl restart ssh
pkill -f '^sshd: root' || :
"""
OWN_KEY = """\
mv /root/kit-before/* /etc/ssh/
systemctl restart ssh
"""


def wave(site: Site, case: Case, attempt: Attempt, rand: random.Random) -> None:
    """Take the network from a device when its batch begins, give it back after the rollout."""
    release = site.release()
    going = site.start(release, *FLAGS)
    number = case.facts["wave"]
    chosen = None
    try:
        if going.until(f"wave {number}", PHASE_S) and going.record:
            chosen = rand.choice(going.record.waves[number].hosts)
            faults.put(chosen, "net-off", None)
        going.end(site.kind.limit_s)
    finally:
        if chosen:
            faults.heal(chosen)
    record = going.record
    if record:
        begun = [name for item in record.waves[: number + 1] for name in item.hosts]
        attempt.unkept += untouched(site, record, begun)
    after(site, case, attempt, release, going)


def host_key(site: Site, case: Case, attempt: Attempt, rand: random.Random) -> None:
    """Give a device another host key: whoever it is, it is not spoken to."""
    chosen = rand.choice(site.devices)
    machine = kinds.machine(chosen.kind)
    release = site.release()
    machine.shell(chosen, OTHER_KEY)
    try:
        going = site.start(release)
        going.end(site.kind.limit_s)
        touched = machine.shell(chosen, "ls /var/lib/mediapipe-jetson/releases")
        if release.image_id.partition(":")[2] in touched:
            attempt.unkept.append(f"{chosen.name} was spoken to")
    finally:
        machine.shell(chosen, OWN_KEY)
    after(site, case, attempt, release, going)
