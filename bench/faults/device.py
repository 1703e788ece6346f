"""Faults of devices, several in one rollout, each on another device or at another time."""

from __future__ import annotations

import math
import random
import re
import subprocess
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from bench.faults import inside
from bench.faults.cases import PHASE_S, Attempt, Case, after
from bench.faults.rollout_process import RolloutProcess
from bench.faults.site import Site
from jetson_kit.fleet.release.release import Release
from jetson_kit.virtual_devices import faults, ssh
from jetson_kit.virtual_devices.spec import Device

WATCH = "until {condition} >/dev/null 2>&1; do sleep 0.02; done; echo so"
# What each carries is sent in ten seconds, so that there is a time in which it can be cut.
BULK = 4_000_000
RATE = ("--rate", "400")
STEPS = ("look", "fits", "fetch", "switch", "soak", "confirm")
SERIES = "kills:controller"
"""Many tries in one rollout; never a part of these groups."""
GOLDEN = 0.618
"""Multiples of it are spread evenly over the whole numbers between, however many are taken."""
# A device with a fault is none that stops the others'.
GO_ON = ("--stop-at", "99")


def single_fault(site: Site, case: Case, attempt: Attempt, rand: random.Random) -> None:
    """Put one fault into one device."""
    many(site, [(case, attempt)], rand)


def many(site: Site, tries: Sequence[tuple[Case, Attempt]], rand: random.Random) -> None:
    """Put faults into one rollout, on as many devices; on a single one, each after the other."""
    if len(site.devices) == 1:
        _in_turn(site, tries, rand)
    else:
        _at_once(site, tries, rand)


def _at_once(site: Site, tries: Sequence[tuple[Case, Attempt]], rand: random.Random) -> None:
    """Every fault has a device of its own, as long as there are any."""
    chosen = rand.sample(site.devices, len(tries))
    release = site.release(bulk=BULK)
    for (case, _), host in zip(tries, chosen, strict=True):
        if not case.facts["at"]:
            faults.put(host.name, case.facts["fault"], None)
    going = site.start(release, *RATE, *GO_ON)
    waits = [point(site, case, rand) for case, _ in tries]
    try:
        with ThreadPoolExecutor(len(tries)) as pool:
            runs = [
                pool.submit(_put, case, host, going, wait)
                for (case, _), host, wait in zip(tries, chosen, waits, strict=True)
            ]
        for run in runs:
            run.result()
        going.end(site.kind.limit_s)
    finally:
        _heal(chosen)
    attempt = Attempt()
    after(site, tries[0][0], attempt, release, going, check_promise=False)
    _share(tries, [host.name for host in chosen], attempt, going)


def point(site: Site, case: Case, rand: random.Random) -> float:
    """Return the seconds from a phase's beginning to the fault; each try has a part of its own.

    As many tries as the case is repeated have all parts of the phase, and so many of them as came
    to be tried are spread over the whole of it.
    """
    number = site.begun[case.name] % case.repeat
    site.begun[case.name] += 1
    part = float(case.facts.get("after_s", 0.0)) / case.repeat
    return part * (spread(number, case.repeat) + rand.random())


def spread(number: int, count: int) -> int:
    """Return the part of `count` that is next: each comes once, and no two in a row are near."""
    steps = (step for step in range(1, count + 1) if math.gcd(step, count) == 1)
    return number * min(steps, key=lambda step: abs(step - count * GOLDEN)) % count


def _put(case: Case, host: Device, going: RolloutProcess, wait: float) -> None:
    """Wait for the moment and put a fault in; take it out again where it has an end."""
    facts = case.facts
    if facts["at"]:
        if not going.until(facts["at"], PHASE_S):
            return
        _watch(host, facts.get("wait", ""), going)
        time.sleep(wait)
        faults.put(host.name, facts["fault"], None)
    if facts["fault"] == "power-cut":
        faults.heal(host.name, "power-cut")
    elif facts.get("hold_s"):
        time.sleep(facts["hold_s"])
        faults.heal(host.name, facts["fault"])


def _watch(host: Device, condition: str, going: RolloutProcess) -> None:
    """Wait for a condition inside, or for the end of the rollout."""
    if not condition:
        return
    command = ssh.command(host, ["sh", "-c", WATCH.format(condition=condition)])
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
        end = time.monotonic() + PHASE_S
        while child.poll() is None and going.child.poll() is None and time.monotonic() < end:
            time.sleep(0.02)
        child.kill()


def _heal(devices: Sequence[Device]) -> None:
    for host in devices:
        if faults.active(host):
            faults.heal(host.name)


def _in_turn(site: Site, tries: Sequence[tuple[Case, Attempt]], rand: random.Random) -> None:
    """Fault after fault on the one device; a rollout that ended meanwhile is followed by a new."""
    (host,) = site.devices
    release: Release | None = None
    going: RolloutProcess | None = None
    mine: list[tuple[Case, Attempt]] = []
    for case, attempt in tries:
        begun = time.monotonic()
        facts = case.facts
        if release is None or going is None or not _comes(going, facts["at"]):
            if release and going:
                _close(site, mine, release, going)
            mine = []
            release = site.release(bulk=BULK)
            if not facts["at"]:
                faults.put(host.name, facts["fault"], None)
            going = site.start(release, *RATE, *GO_ON)
        mine.append((case, attempt))
        try:
            _put(case, host, going, point(site, case, rand))
            if facts["fault"] == "power-cut":
                # The rollout goes on meanwhile: old or new, and running by itself.
                allowed = site.allowed(release)
                attempt.lost += inside.settled([host], allowed, site.kind.settle_s)[1]
            else:
                going.end(site.kind.limit_s)
        finally:
            _heal([host])
        attempt.seconds = round(time.monotonic() - begun, 1)
    if release and going:
        _close(site, mine, release, going)


def _comes(going: RolloutProcess, step: str) -> bool:
    """Tell whether a step of a rollout that is under way is not over."""
    if not step or going.child.poll() is not None:
        return False
    return not any(going.count(later) for later in STEPS[STEPS.index(step) + 1 :])


def _close(
    site: Site, tries: Sequence[tuple[Case, Attempt]], release: Release, going: RolloutProcess
) -> None:
    attempt = Attempt()
    record = after(site, tries[-1][0], attempt, release, going, check_promise=False)
    _share(tries, [site.devices[0].name] * len(tries), attempt, going)
    if record and record.ended == "all":
        site.good = dict.fromkeys(site.names, release.image_id)


def _share(
    tries: Sequence[tuple[Case, Attempt]],
    hosts: Sequence[str],
    findings: Attempt,
    going: RolloutProcess,
) -> None:
    """Give each try the findings on its device; those on no device go to the first."""
    for what in ("lost", "false_success", "false_journal", "unkept"):
        for text in getattr(findings, what):
            owners = [
                attempt
                for (_, attempt), host in zip(tries, hosts, strict=True)
                if text.startswith(f"{host}:")
            ]
            for owner in owners[-1:] or [tries[0][1]]:
                getattr(owner, what).append(text)
    record = going.record
    for (case, item), host in zip(tries, hosts, strict=True):
        if record:
            item.ended = record.hosts[host].state
            item.unkept += unkept(case, record.hosts[host].state, record.hosts[host].why)


def unkept(case: Case, state: str, why: str) -> list[str]:
    """Return what a case promises of its device, and is not so."""
    result = []
    if case.ends not in ("any", state):
        result.append(f"its device is {state}, not {case.ends}: {why}")
    if case.why and state == "failed" and not re.search(case.why, why):
        result.append(f"the reason is not {case.why}: {why}")
    return result


def groups(todo: Mapping[str, tuple[Case, int]], most: int) -> list[list[str]]:
    """Return which cases go into one rollout, by name; those of no group are each alone.

    `most`: so many devices there are. A single one takes any number, one after the other.
    """
    result: list[list[str]] = []
    by_group: dict[str, list[list[str]]] = {}
    alone: list[list[str]] = []
    for name, (case, count) in todo.items():
        if not case.group:
            alone += [[name]] * count * (case.how != SERIES)
            continue
        rounds = by_group.setdefault(case.group, [])
        for _ in range(count):
            fitting = (
                item for item in rounds if (len(item) < most if most > 1 else name not in item)
            )
            place = next(fitting, None)
            if place is None:
                place = []
                rounds.append(place)
                result.append(place)
            place.append(name)
    return result + alone
