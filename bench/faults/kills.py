"""The controller, killed at random moments; each kill is followed by a look and by `--resume`."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

from bench.faults import inside
from bench.faults.cases import Attempt, Case, after
from bench.faults.rollout_process import RolloutProcess
from bench.faults.site import Site
from jetson_kit.fleet.release.release import Release
from jetson_kit.fleet.rollout import journal as journals

# The kill comes within so many seconds from the start, or within fewer from the beginning of one
# of the next steps. A resumed rollout may need three of them to be where it was: some get so far.
ANY_S, STEP_S = 10.0, 6.0
STEPS = (0, 0, 1, 1, 2, 2, 3, 5)
LIMIT_S = 300.0
# Devices of a rollout, others each time: there are as many steps as with more, in less time.
HOSTS = 2
FLAGS = ("--canary", "1", "--batches", "1")


def controller(site: Site, case: Case, count: int, rand: random.Random) -> Iterator[Attempt]:
    """Kill it `count` times, again and again in one rollout until that is through."""
    given = 0
    while given < count:
        for attempt in _one_rollout(site, case, count - given, rand):
            given += 1
            yield attempt


def _one_rollout(site: Site, case: Case, most: int, rand: random.Random) -> Iterator[Attempt]:
    """Yield each kill; what the end of the rollout shows is the last one's."""
    release = site.release(bulk=500_000)
    hosts = rand.sample(site.names, min(HOSTS, len(site.names)))
    flags = (*FLAGS, "--limit", ",".join(hosts))
    going = site.start(release, *flags)
    last: Attempt | None = None
    given = 0
    while True:
        started = time.monotonic()
        _wait(going, rand)
        if given == most or not going.kill(all_of_it=rand.random() < 0.5):
            break
        if last:
            yield last
        given += 1
        last = Attempt(ended="killed")
        _moment(site, last, release, going)
        # Without a whole line in its journal there is no rollout to go on with.
        number = going.record.id if going.record else ""
        going = site.resume(number) if number else site.start(release, *flags)
        last.seconds = round(time.monotonic() - started, 1)
    last = last or Attempt()
    record = after(site, case, last, release, going)
    last.ended = "killed"
    if record is None or record.ended != journals.ALL:
        last.unkept.append(f"--resume did not bring it to its end; see {going.output}")
    if last.good:
        site.good |= dict.fromkeys(hosts, release.image_id)
    else:
        last.next_failed += site.renew()
    if given:
        yield last


def _wait(going: RolloutProcess, rand: random.Random) -> None:
    """Wait for a random moment of a rollout that was just started."""
    before = going.count("")
    steps = rand.choice(STEPS)
    if steps:
        going.until("", LIMIT_S, before + steps - 1)
    time.sleep(rand.uniform(0, STEP_S if steps else ANY_S))


def _moment(site: Site, attempt: Attempt, release: Release, going: RolloutProcess) -> None:
    """Look right after the kill: old or new, and nothing claimed that is not so."""
    seen = site.look()
    attempt.lost += inside.between(seen, site.allowed(release))
    record = going.record
    if record is None:
        return
    for name in record.names(journals.CONFIRMED):
        if seen[name].image_id != release.image_id or seen[name].trial:
            attempt.false_success.append(f"{name}: confirmed, and it is on {seen[name].image_id}")
    switched = [name for name, item in seen.items() if item.image_id == release.image_id]
    begun = {name for wave in record.waves[: record.waves_begun] for name in wave.hosts}
    attempt.false_journal += [
        f"{name}: switched before its batch began" for name in switched if name not in begun
    ]
