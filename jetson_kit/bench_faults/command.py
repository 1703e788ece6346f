"""`bench.faults`: every case as often as it says, on devices that are provisioned once."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from jetson_kit import readme
from jetson_kit.bench_faults import cases, device, kills, record, trial
from jetson_kit.bench_faults import site as sites
from jetson_kit.bench_faults.cases import Case, Try
from jetson_kit.bench_faults.site import Site
from jetson_kit.errors import BadInputError, CheckFailedError, KitError
from jetson_kit.files import write_text
from jetson_kit.paths import cache_dir
from jetson_kit.progress import Progress


def run(names: Sequence[str] = (), *, again: bool = False, keep: bool = False) -> dict[str, Any]:
    """Try what was not tried yet, and write bench/faults.json and the table of docs/faults.md.

    `names` are cases or kinds of devices; none is all. `again` forgets what was tried of them;
    `keep` leaves the devices up. Raises BadInputError, CheckFailedError where anything was wrong.
    """
    known = cases.load()
    chosen = select(known, names)
    home = cache_dir("faults")
    log = home / "tries.jsonl"
    if again:
        kept = [one for one in record.read(log) if one["case"] not in chosen]
        write_text(log, "".join(json.dumps(one) + "\n" for one in kept))
    progress = Progress()
    _kinds(chosen, log, progress, keep=keep)
    return finish(log, known)


def _kinds(chosen: Mapping[str, Case], log: Path, progress: Progress, *, keep: bool) -> None:
    for kind, facts in sites.KINDS.items():
        todo = {
            name: case.repeat - sum(one["case"] == name for one in record.read(log))
            for name, case in chosen.items()
            if case.on == kind
        }
        todo = {name: count for name, count in todo.items() if count > 0}
        if todo:
            with sites.up(facts, log.with_name(kind), progress, keep=keep) as site:
                _all(site, {name: (chosen[name], count) for name, count in todo.items()},
                     log, progress)  # fmt: skip


def finish(log: Path, known: Mapping[str, Case]) -> dict[str, Any]:
    """Write what was found; raise CheckFailedError where anything was wrong."""
    result = record.summary(record.read(log), known)
    write_text(record.OUT, json.dumps(result, indent=1) + "\n")
    readme.renew()
    wrong = {what: result[what] for what in record.WRONG if result[what]}
    if wrong:
        said = ", ".join(f"{what} {count}" for what, count in wrong.items())
        raise CheckFailedError(f"of {result['tried']} tries: {said}", f"each is in {log}")
    return result


def select(known: Mapping[str, Case], names: Sequence[str]) -> dict[str, Case]:
    """Return the cases that are meant. Raises BadInputError for a name of none."""
    for name in names:
        if name not in known and name not in sites.KINDS:
            raise BadInputError(
                f"there is no case {name}", f"take {', '.join((*sites.KINDS, *known))}"
            )
    return {name: case for name, case in known.items() if not names or {name, case.on} & set(names)}


def _all(site: Site, todo: Mapping[str, tuple[Case, int]], log: Path, progress: Progress) -> None:
    total = sum(count for _, count in todo.values())
    for done, (name, seed, found) in enumerate(_tries(site, todo), 1):
        record.append(log, name, seed, found)
        progress.say(f"{done:3}/{total}  {found.seconds:6.1f} s  {name}: {told(found)}")


def _tries(site: Site, todo: Mapping[str, tuple[Case, int]]) -> Iterator[tuple[str, str, Try]]:
    for name, (case, count) in todo.items():
        if case.how == device.SERIES:
            seed = f"{name} {time.time():.0f}"
            rand = random.Random(seed)  # noqa: S311 # not for secrets
            yield from ((name, seed, one) for one in kills.controller(site, case, count, rand))
    for number, names in enumerate(device.groups(todo, len(site.devices))):
        seed = f"{'+'.join(names)} {number} {time.time():.0f}"
        found = _tried(site, [todo[name][0] for name in names], seed)
        yield from ((name, seed, one) for name, one in zip(names, found, strict=True))


def _tried(site: Site, chosen: Sequence[Case], seed: str) -> list[Try]:
    try:
        return trial.run(site, chosen, seed)
    except KitError as error:
        # What the bench itself could not do is no success either.
        return [Try(unkept=[error.message], next_failed=site.renew()) for _ in chosen]


def told(found: Try) -> str:
    """Return a try in one line."""
    wrong = [f"{what}: {'; '.join(getattr(found, what))}" for what in record.WRONG
             if getattr(found, what)]  # fmt: skip
    return f"{found.ended or 'no end'}" + (f"; WRONG: {'; '.join(wrong)}" if wrong else "")
