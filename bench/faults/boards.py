"""What a board must come through by itself: prunes, a controller that is gone, damaged files."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from bench.faults import inside
from bench.faults.cases import PHASE_S, Attempt, Case, after
from bench.faults.site import Site
from jetson_kit.virtual_devices import faults, ssh
from jetson_kit.virtual_devices.spec import Device

LIB = "/var/lib/mediapipe-jetson"
PRUNES = "docker image prune --all --force; docker system prune --all --force --volumes"
TRIAL_S = 15
# So long that no boot ends it, and the role's own limit of boots.
LONG_TRIAL_S = 3600
MOST_BOOTS = 3
# The state's files, and what becomes of one of them.
FILES = ("state.json", "state.copy.json", "current.env", "pending", "releases/{image}.json")
DAMAGES = (
    "rm -f {}", ": > {}", "truncate -s 40 {}", "head -c 300 /dev/urandom > {}",
    "rm -f {0}; mkdir -p {0}/inner", "mv {0} {0}.x; ln -s {0}.x {0}", "chown 10001 {}",
)  # fmt: skip


def prune(site: Site, case: Case, attempt: Attempt, rand: random.Random) -> None:
    """Prune all that the engine would give while an unhealthy image is on trial."""
    release = site.release(kind="unhealthy")
    going = site.start(release, *case.flags)
    if going.until("switch", PHASE_S) and going.record:
        canary = going.record.waves[0].hosts[0]
        time.sleep(rand.uniform(0, case.facts["after_s"]))
        ssh.shell(site.device(canary), PRUNES)
    after(site, case, attempt, release, going)


def trial_limit(site: Site, case: Case, attempt: Attempt, rand: random.Random) -> None:
    """Put a board on a healthy image by hand, and leave it alone; the watcher is killed, too."""
    del case
    before = site.good
    attempt.next_failed += site.renew()
    chosen = rand.choice(site.devices)
    image = before[chosen.name]
    ssh.shell(chosen, f"mediapipe-image switch --trial {TRIAL_S} {image}")
    if inside.look([chosen])[chosen.name].image_id != image:
        attempt.unkept.append(f"{chosen.name} is not on trial")
    time.sleep(rand.uniform(0, TRIAL_S))
    ssh.shell(chosen, "kill -9 $(systemctl show -p MainPID --value mediapipe-watch.service) || :")
    _wait(lambda: inside.look([chosen])[chosen.name].image_id != image, site.kind.settle_s)
    only = {chosen.name: (site.good[chosen.name],)}
    seen, problems = inside.settled([chosen], only, site.kind.settle_s)
    attempt.lost += problems
    attempt.ended = "trial" if seen[chosen.name].trial else "good"


def trial_boots(site: Site, case: Case, attempt: Attempt, rand: random.Random) -> None:
    """Cut the power of a board on trial, at any moment, once more often than a trial may boot."""
    before = site.good
    attempt.next_failed += site.renew()
    chosen = rand.choice(site.devices)
    image = before[chosen.name]
    command = f"mediapipe-image switch --trial {LONG_TRIAL_S} {image}"
    ssh.shell(chosen, command, timeout_s=site.kind.settle_s)
    for boots in range(2, MOST_BOOTS + 2):
        time.sleep(rand.uniform(0, case.facts["after_s"]))
        faults.put(chosen.name, "power-cut", None)
        faults.heal(chosen.name, "power-cut")
        lasts = boots <= MOST_BOOTS
        only = {chosen.name: (image if lasts else site.good[chosen.name],)}
        seen, problems = inside.settled([chosen], only, site.kind.settle_s)
        attempt.lost += problems
        if not problems and seen[chosen.name].trial != lasts:
            attempt.unkept.append(f"boot {boots}: {'not ' if lasts else ''}on trial")
    if case.why not in (shell := ssh.shell(chosen, "mediapipe-image status --json")):
        attempt.unkept.append(f"{chosen.name} does not say {case.why!r}: {shell}")
    attempt.ended = "good"


def damaged(site: Site, case: Case, attempt: Attempt, rand: random.Random) -> None:
    """Damage a file of a board's state in the middle of a rollout, and restart its service."""
    chosen = rand.choice(site.devices)
    release = site.release()
    going = site.start(release, "--stop-at", "99")
    if going.until(rand.choice(("fetch", "switch", "soak")), PHASE_S):
        _damage(site, chosen, rand)
    going.end(site.kind.limit_s)
    # Whoever asks for the state mends it.
    site.task("fleet.status", "-i", str(site.hosts), "--json")
    after(site, case, attempt, release, going)


def _damage(site: Site, chosen: Device, rand: random.Random) -> None:
    name = rand.choice(FILES).format(image=site.good[chosen.name].partition(":")[2])
    script = rand.choice(DAMAGES).format(f"{LIB}/{name}")
    ssh.shell(chosen, f"test ! -e {LIB}/{name} || {{ {script}; }}")
    ssh.shell(chosen, "systemctl restart mediapipe.service")


def _wait(so: Callable[[], bool], limit_s: float) -> None:
    end = time.monotonic() + limit_s
    while not so() and time.monotonic() < end:
        time.sleep(inside.POLL_S)
