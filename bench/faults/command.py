"""`bench.faults`: every case as often as it says, on devices that are provisioned once."""

from __future__ import annotations

import json
import math
import random
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.faults import bring_up, cases, device, kills, power_loss, record, setting, trial
from bench.faults import site as sites
from bench.faults.cases import Attempt, Case
from bench.faults.setting import Setting
from bench.faults.site import Site
from jetson_kit.core.errors import BadInputError, CheckFailedError, KitError
from jetson_kit.core.files import write_text
from jetson_kit.core.paths import cache_dir
from jetson_kit.core.progress import Progress


def run(
    names: Sequence[str] = (),
    *,
    forget: bool = False,
    keep: bool = False,
    requested: Setting | None = None,
    points: int = 0,
    minutes: float = 0.0,
) -> dict[str, Any]:
    """Try what was not tried yet, and write bench/faults.json.

    `names` are cases or kinds of devices; none is all. `forget` forgets what was tried of them;
    `keep` leaves the devices up. `points`: so many power cuts in each phase. After `minutes` no
    further try begins; the next run goes on. Raises BadInputError, CheckFailedError where anything
    was wrong.
    """
    requested = requested or setting.check()
    known = cases.load()
    chosen = select(known, names, requested, points)
    kinds = {case.on for case in chosen.values()}
    setting.check_arch(requested, {name: sites.KINDS[name].arch for name in sorted(kinds)})
    home = cache_dir("faults")
    log = home / "tries.jsonl"
    if forget:
        remaining = [
            item
            for item in record.read(log)
            if item["case"] not in chosen or not requested.of(item)
        ]
        write_text(log, "".join(json.dumps(item) + "\n" for item in remaining))
    end = time.monotonic() + minutes * 60 if minutes else math.inf
    _kinds(chosen, log, Bench(Progress(), requested, end), keep=keep)
    return finish(log, known, {(name, requested.label) for name in chosen} if forget else ())


@dataclass(frozen=True)
class Bench:
    """What holds for a run: how it reports, with what it tries, and until when."""

    progress: Progress
    setting: Setting
    end: float
    """Of time.monotonic: no try begins after that."""


def _kinds(chosen: Mapping[str, Case], log: Path, bench: Bench, *, keep: bool) -> None:
    for kind, facts in sites.KINDS.items():
        tried = Counter(item["case"] for item in record.read(log) if bench.setting.of(item))
        todo = {
            name: (case, case.repeat - tried[name])
            for name, case in chosen.items()
            if case.on == kind and case.repeat > tried[name]
        }
        if todo and time.monotonic() < bench.end:
            folder = log.with_name(f"{kind}-{bench.setting.name}")
            with bring_up.up(facts, folder, bench.progress, bench.setting, keep=keep) as site:
                site.begun = tried
                _all(site, todo, log, bench)


def finish(
    log: Path, known: Mapping[str, Case], outdated: Iterable[tuple[str, str]] = ()
) -> dict[str, Any]:
    """Write the results; raise CheckFailedError where anything was wrong.

    `outdated` are cases with the setting in which earlier tries do not count any more.
    """
    before = json.loads(record.OUT.read_bytes()) if record.OUT.exists() else None
    result = record.summary(record.read(log), known, before, outdated)
    write_text(record.OUT, json.dumps(result, indent=1) + "\n")
    wrong = {what: result[what] for what in record.WRONG if result[what]}
    if wrong:
        message = ", ".join(f"{what} {count}" for what, count in wrong.items())
        raise CheckFailedError(f"of {result['tried']} tries: {message}", f"each is in {log}")
    return result


def select(
    known: Mapping[str, Case], names: Sequence[str], requested: Setting, points: int = 0
) -> dict[str, Case]:
    """Return the cases that are meant, power cuts as often as there are `points`.

    Raises BadInputError for a name of none, and for a case that needs an image of its own.
    """
    for name in names:
        if name not in known and name not in sites.KINDS:
            raise BadInputError(
                f"there is no case {name}", f"take {', '.join((*sites.KINDS, *known))}"
            )
        if name in known and not requested.takes(known[name].how):
            raise BadInputError(f"{name} makes an image of its own", "try it without --image")
    return {
        name: replace(case, repeat=points) if points and case.cuts else case
        for name, case in known.items()
        if requested.takes(case.how) and (not names or {name, case.on} & set(names))
    }


def _all(site: Site, todo: Mapping[str, tuple[Case, int]], log: Path, bench: Bench) -> None:
    total = sum(count for _, count in todo.values())
    for done, (name, seed, attempt) in enumerate(_tries(site, todo, bench.end), 1):
        record.append(log, name, seed, attempt, site.setting)
        bench.progress.say(
            f"{done:3}/{total}  {attempt.seconds:6.1f} s  {name}: {describe(attempt)}"
        )


def _tries(
    site: Site, todo: Mapping[str, tuple[Case, int]], end: float
) -> Iterator[tuple[str, str, Attempt]]:
    for name, (case, count) in todo.items():
        if case.how == device.SERIES and time.monotonic() < end:
            seed = f"{name} {time.time():.0f}"
            rand = random.Random(seed)  # noqa: S311 # not for secrets
            for item in kills.controller(site, case, count, rand):
                yield name, seed, item
                if time.monotonic() > end:
                    return
    if site.kind.root_on_disk:
        yield from power_loss.tries(site, todo, end)
        return
    for number, names in enumerate(device.groups(todo, len(site.devices))):
        if time.monotonic() > end:
            return
        seed = f"{'+'.join(names)} {number} {time.time():.0f}"
        attempts = _tried(site, [todo[name][0] for name in names], seed)
        yield from ((name, seed, attempt) for name, attempt in zip(names, attempts, strict=True))


def _tried(site: Site, chosen: Sequence[Case], seed: str) -> list[Attempt]:
    try:
        return trial.run(site, chosen, seed)
    except KitError as error:
        # What the bench itself could not do is no success either.
        return [Attempt(unkept=[error.message], next_failed=site.renew()) for _ in chosen]


def describe(attempt: Attempt) -> str:
    """Return a try in one line."""
    wrong = [f"{what}: {'; '.join(getattr(attempt, what))}" for what in record.WRONG
             if getattr(attempt, what)]  # fmt: skip
    return f"{attempt.ended or 'no end'}" + (f"; WRONG: {'; '.join(wrong)}" if wrong else "")
