"""Power cuts at chosen writes of one recorded rollout, each followed by a boot without any help."""

from __future__ import annotations

import contextlib
import random
import shutil
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.faults import content, crash_points, inside, recording
from bench.faults.cases import Attempt, Case
from bench.faults.crash_points import Point
from bench.faults.inside import Inside
from bench.faults.recording import CONFIRMED, Recording
from bench.faults.replay import Replay, recover
from bench.faults.site import Site
from jetson_kit.core.errors import KitError
from jetson_kit.fleet.rollout import journal as journals
from jetson_kit.virtual_devices import drives, kinds, power
from jetson_kit.virtual_devices.spec import Device

# So many points of each case are tried in one pass over the recording, so that a run that is
# stopped has tried points of all phases.
ROUND = 2
# The same release is rolled out again after each of so many.
NEXT = 8
BOOTED = """\
test -S /run/dbus/system_bus_socket
timeout 60 systemctl is-system-running --wait || :
"""


@dataclass(frozen=True)
class Try:
    """A try that is to be made."""

    case: Case
    seed: str
    number: int
    point: Point
    attempt: Attempt = field(default_factory=Attempt)


def tries(
    site: Site, todo: Mapping[str, tuple[Case, int]], end: float
) -> Iterator[tuple[str, str, Attempt]]:
    """Yield each try, its seed with it, until `end` (of time.monotonic)."""
    # Beside the device: what a killed run leaves there is swept with it.
    work = site.devices[0].folder.with_name("replay")
    work.mkdir(exist_ok=True)
    try:
        recorded = recording.make(site, work)
        yield from _rounds(site, todo, recorded, end, work)
    finally:
        # Gigabytes, of a real image.
        shutil.rmtree(work, ignore_errors=True)


def _rounds(
    site: Site, todo: Mapping[str, tuple[Case, int]], recorded: Recording, end: float, work: Path
) -> Iterator[tuple[str, str, Attempt]]:
    left = {name: count for name, (_, count) in todo.items()}
    while any(left.values()):
        chosen = []
        for name, count in left.items():
            chosen += [_next(site, todo[name][0], recorded) for _ in range(min(ROUND, count))]
            left[name] = max(0, count - ROUND)
        yield from _round(site, recorded, chosen, end, work)
        if time.monotonic() > end:
            return


def _next(site: Site, case: Case, recorded: Recording) -> Try:
    number = site.begun[case.name]
    site.begun[case.name] += 1
    seed = f"{case.name} {number} {time.time():.0f}"
    point = crash_points.choose(
        recorded.entries,
        recorded.bounds(case.facts["phase"]),
        number % case.repeat,
        case.repeat,
        random.Random(seed),  # noqa: S311 # not for secrets
        lying=bool(case.facts.get("lying")),
    )
    return Try(case, seed, number, point)


def _round(
    site: Site, recorded: Recording, chosen: Sequence[Try], end: float, work: Path
) -> Iterator[tuple[str, str, Attempt]]:
    replay = Replay(work, recorded)
    for item in sorted(chosen, key=lambda item: item.point.base):
        if time.monotonic() > end:
            return
        begun = time.monotonic()
        try:
            drive = replay.drive(item.point)
            _try(site, recorded, item, drive)
        except KitError as error:
            item.attempt.unkept.append(error.message)
        finally:
            recording.cut(site.devices[0])
        item.attempt.seconds = round(time.monotonic() - begun, 1)
        point = item.point
        summary = f"{item.seed}: {point.end} writes, {point.lost} of {point.end - point.base} lost"
        if not item.case.promised and (wrong := told_apart(item.attempt)):
            summary = f"{summary}; {wrong}"
        yield item.case.name, summary, item.attempt


def _try(site: Site, recorded: Recording, item: Try, drive: Path) -> None:
    (host,) = site.devices
    attempt = item.attempt
    drives.attach(host.folder, drive)
    if wrong := recover(host):
        attempt.lost.append(f"{host.name}: {wrong}")
        return
    power.on(host)
    _booted(host, site.kind.settle_s)
    allowed = {host.name: (recorded.old, recorded.release.image_id)}
    seen, problems = inside.settled([host], allowed, site.kind.settle_s)
    attempt.lost += problems
    state = seen[host.name]
    new = state.image_id == recorded.release.image_id
    attempt.ended = ("trial" if state.trial else "new") if new else "old"
    if problems:
        return
    attempt.false_success += claims(recorded, item.point.end, state)
    attempt.lost += _damaged(host, recorded, state.image_id)
    if item.number % NEXT == 0:
        attempt.next_failed += _repeat_rollout(site, host, recorded)


def _booted(host: Device, limit_s: float) -> None:
    """Wait for the end of the boot in the board itself: each look from outside costs a second."""
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        with contextlib.suppress(KitError):
            kinds.machine(host.kind).shell(host, BOOTED)
            return
        time.sleep(1.0)


def claims(recorded: Recording, end: int, seen: Inside) -> list[str]:
    """Return what a board is, and can't rightly be when so many writes had been sent.

    A board that was reported as confirmed stays so; one is not confirmed, and no new image runs,
    before anybody asked for that.
    """
    marks = recorded.marks
    new = seen.image_id == recorded.release.image_id
    result = []
    if end >= marks[CONFIRMED].by and (not new or seen.trial):
        result.append(f"told as confirmed, and it is on {seen.image_id}{' on trial' * seen.trial}")
    if end < marks["confirm"].not_before and new and not seen.trial:
        result.append("confirmed before it was seen healthy")
    if end < marks["switch"].not_before and new:
        result.append("on the new image before the switch")
    return result


def _damaged(host: Device, recorded: Recording, image_id: str) -> list[str]:
    """Return where the image that runs is not as it was built."""
    wrong = content.differences(recorded.contents[image_id], content.read(host))
    return [f"{host.name}: files of {image_id} are not whole: {', '.join(wrong)}"] if wrong else []


def _repeat_rollout(site: Site, host: Device, recorded: Recording) -> list[str]:
    """Roll the same release out again: it arrives, or was there, and all of it is whole."""
    power.wait(host, threading.Event())
    release = recorded.release
    going = site.start(release)
    code = going.end(site.kind.limit_s)
    only = {host.name: (release.image_id,)}
    seen, problems = inside.settled([host], only, site.kind.settle_s)
    record = going.record
    if code or record is None or record.ended != journals.ALL:
        problems.append(f"the next rollout ended with {code}; see {going.output}")
    elif not problems:
        problems += inside.false_successes(record, code, seen)
        problems += _damaged(host, recorded, release.image_id)
    return problems


def told_apart(attempt: Attempt) -> str:
    """Count what a drive that lies does to a board as a result: no board can promise anything.

    Return what was wrong, "" if nothing was.
    """
    names = ("lost", "false_success", "next_failed", "unkept")
    wrong = [text for name in names for text in getattr(attempt, name)]
    if not wrong:
        attempt.ended = "whole"
    elif any("file system" in text for text in attempt.lost):
        attempt.ended = "file system damaged"
    elif any("not whole" in text for text in wrong):
        attempt.ended = "image damaged"
    elif attempt.lost:
        attempt.ended = "lost"
    elif attempt.false_success:
        attempt.ended = "went back"
    else:
        attempt.ended = "next rollout failed"
    for name in names:
        getattr(attempt, name).clear()
    return "; ".join(wrong)
