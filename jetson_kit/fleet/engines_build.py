"""`engines.build`: for each class of boards in a fleet one board builds engines for all.

Nothing that runs on a board is touched. A run can be killed and begun again: boards go on where
they were, classes that are done are not asked for again.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jetson_kit.ansible_driver import ansible
from jetson_kit.ansible_driver.events import Event, HostResult
from jetson_kit.ansible_driver.inventory import Host
from jetson_kit.core.errors import CheckFailedError, KitError
from jetson_kit.core.progress import Progress
from jetson_kit.core.text import counted
from jetson_kit.fleet import check, controller
from jetson_kit.targets import table as targets
from jetson_kit.tensorrt import manifest, program, signed, sources, store
from jetson_kit.tensorrt.store import Class
from jetson_kit.wheels import runtimes

LOOK, BUILD = "engines_look", "engines_build"
SCHEMA = "mediapipe-jetson-kit/engines-build/1"


@dataclass(frozen=True)
class Board:
    """A board that was looked at. `why_not` says why it can't build, `busy` that it is at work."""

    host: Host
    engine_class: Class | None
    why_not: str = ""
    busy: str = ""
    memory_mb: int = 0


@dataclass(frozen=True)
class Built:
    """What became of a class. `how` is built, there, failed or skipped."""

    name: str
    how: str
    board: str = ""
    folder: str = ""
    engines: int = 0
    emulated: bool = False
    reason: str = ""
    checks: tuple[Mapping[str, Any], ...] = ()

    @property
    def good(self) -> bool:
        """Tell whether the class has its engines, or can't have any."""
        return self.how != "failed"

    def as_json(self) -> dict[str, Any]:
        """Return it for `--json`."""
        return {
            "class": self.name, "how": self.how, "board": self.board, "folder": self.folder,
            "engines": self.engines, "emulated": self.emulated, "words": self.reason,
            "checks": [dict(item) for item in self.checks],
        }  # fmt: skip


def run(
    inventory: Path,
    limit: str = "",
    *,
    models: Sequence[str] = (),
    precision: str = "",
    busy: bool = False,
    forks: int = 50,
) -> list[Built]:
    """Build what is missing for each class of the inventory's boards; `busy` takes busy boards too.

    Raises InventoryError before any board is touched, CheckFailedError where no board answered.
    """
    hosts = check.check(inventory, limit)
    progress = Progress()
    source = sources.prepare(progress, models)
    jobs = sources.jobs(source, precision)
    digests = {item.file: item.sha256 for item in manifest.read(source).onnx if item.file in jobs}
    folder = controller.state_dir()
    number = controller.new_id()
    log = folder / "engines" / f"{number}.jsonl"
    with controller.lock(folder, f"engines.build {number}") as hold:
        site = _Site(inventory, log, hold, forks, source, digests)
        boards = _look(site, hosts, progress)
        groups = classes(boards)
        chosen, done = choose(groups, digests, busy=busy)
        done += [_unable(board) for board in boards if board.engine_class is None]
        if chosen:
            done += _build(site, chosen, progress)
    if not any(build.how in ("built", "there") for build in done) and all(
        board.engine_class is None for board in boards
    ):
        raise CheckFailedError(
            f"none of {counted(len(boards), 'board')} can build engines: {done[0].reason}",
            f"the log is {log}",
        )
    return done


def as_json(done: Sequence[Built]) -> dict[str, Any]:
    """Return the result of a run."""
    return {"schema": SCHEMA, "classes": [build.as_json() for build in done]}


@dataclass(frozen=True)
class _Site:
    """What each playbook of a run needs."""

    inventory: Path
    log: Path
    hold: int
    forks: int
    source: Path
    digests: Mapping[str, str]


def _look(site: _Site, hosts: Sequence[Host], progress: Progress) -> list[Board]:
    with progress.step("look", f"looking at {counted(len(hosts), 'board')}"):
        job = ansible.Job(
            LOOK,
            site.inventory,
            hosts=tuple(host.name for host in hosts),
            forks=site.forks,
            log=site.log,
        )
        outcome = ansible.run(job, hold=(site.hold,))
    return [board(host, outcome.hosts[host.name]) for host in hosts]


def board(host: Host, result: HostResult) -> Board:
    """Return a board's class of engines and state, or why it can build none."""
    facts, engines = result.report.get("jetson"), result.report.get("engines")
    if not isinstance(facts, dict) or not isinstance(engines, dict):
        reason = result.messages[-1] if result.messages else result.status
        return Board(host, None, f"{host.name}: {reason}")
    target = next((item for item in targets.load().all if item.l4t == facts["l4t"]), None)
    way, why = runtimes.way_of(target) if target else ("none", f"L4T {facts['l4t']} is unknown")
    if way == "none":
        return Board(host, None, f"{host.name}: no image can run its engines: {why}")
    if engines["problem"]:
        return Board(host, None, f"{host.name}: {engines['problem']}")
    engine_class = Class(
        facts["sm"], engines["tensorrt"], way == runtimes.LEAN, bool(facts["emulated"])
    )
    return Board(host, engine_class, "", "; ".join(engines["busy"]), int(facts["memory_mb"] or 0))


def classes(boards: Sequence[Board]) -> dict[Class, list[Board]]:
    """Return the boards of each class, in the inventory's order."""
    result: dict[Class, list[Board]] = {}
    for item in boards:
        if item.engine_class is not None:
            result.setdefault(item.engine_class, []).append(item)
    return result


def choose(
    groups: Mapping[Class, Sequence[Board]], digests: Mapping[str, str], *, busy: bool = False
) -> tuple[dict[Class, Board], list[Built]]:
    """Return the board that builds for each class that lacks engines, and what is settled already.

    An idle board: the one that built before, which has its work still, else the one with most
    memory.
    """
    chosen: dict[Class, Board] = {}
    settled: list[Built] = []
    for item, boards in groups.items():
        with store.mine(item) as place:
            if store.has(place, dict(digests)):
                settled.append(_result_from_manifest(item, "there", store.read(place), ""))
                continue
            before = store.builder(place)
        idle = [board for board in boards if busy or not board.busy]
        if not idle:
            reason = f"all its boards are busy: {boards[0].host.name}: {boards[0].busy}"
            settled.append(Built(item.name, "failed", reason=reason, emulated=item.emulated))
            continue
        chosen[item] = max(idle, key=lambda it: (it.host.name == before, it.memory_mb))
    return chosen, settled


def _build(site: _Site, chosen: Mapping[Class, Board], progress: Progress) -> list[Built]:
    """Build on all chosen boards at once, those of lean classes apart; take over what comes."""
    done: list[Built] = []
    keys: dict[str, signed.Keys] = {}
    able: dict[Class, Board] = {}
    for engine_class, board in chosen.items():
        try:
            keys[board.host.name] = signed.known(board.host)
            able[engine_class] = board
        except KitError as error:
            done.append(Built(engine_class.name, "failed", board.host.name, reason=error.message))
    with tempfile.TemporaryDirectory(prefix="kit-engines-") as scratch:
        code = program.write(Path(scratch, "program"))
        for lean in (False, True):
            part = {item: board for item, board in able.items() if item.lean is lean}
            if not part:
                continue
            came = Path(scratch, f"came-{lean}")
            came.mkdir()
            outcome = _play(site, part, keys, (code, came), progress)
            for engine_class, board in part.items():
                name = board.host.name
                done.append(
                    _take(
                        site, engine_class, came / name, keys[name], outcome.hosts[name], progress
                    )
                )
    return done


def _play(
    site: _Site,
    part: Mapping[Class, Board],
    keys: Mapping[str, signed.Keys],
    places: tuple[Path, Path],
    progress: Progress,
) -> ansible.Outcome:
    names = tuple(board.host.name for board in part.values())
    code, came = places
    total = len(site.digests)
    count = dict.fromkeys(names, 0)

    def tell(event: Event) -> None:
        """Say each engine as it is done; what is skipped or of no account says nothing."""
        if event.id == "engine" and event.status in ("ok", "changed"):
            count[event.host] += 1
            lines = str(event.result.get("stdout", "")).strip().splitlines()[-1:] or [event.task]
            progress.say(f"        {event.host} {count[event.host]}/{total}  {lines[0]}")
        elif event.status in ("failed", "unreachable"):
            print(f"{event.host}: {event.task}: {event.message}", file=sys.stderr, flush=True)

    lean = next(iter(part)).lean
    builders = ", ".join(f"{board.host.name} for {item.name}" for item, board in part.items())
    with progress.step("build", f"{counted(total, 'engine')} each: {builders}"):
        job = ansible.Job(
            BUILD,
            site.inventory,
            hosts=names,
            forks=site.forks,
            log=site.log,
            variables={
                "engines_program": str(code),
                "engines_sources": str(site.source),
                "engines_jobs": list(site.digests),
                "engines_lean": lean,
                "engines_bring": str(came),
                "engines_keys": {name: keys[name].file for name in names},
            },
        )
        return ansible.run(job, tell, (site.hold,))


def _take(
    site: _Site,
    engine_class: Class,
    came: Path,
    keys: signed.Keys,
    result: HostResult,
    progress: Progress,
) -> Built:
    if not result.good:
        reason = result.messages[-1] if result.messages else result.status
        return Built(
            engine_class.name, "failed", keys.host, reason=reason, emulated=engine_class.emulated
        )
    try:
        with progress.step("take", f"signature and hashes of what {keys.host} built"):
            store_manifest = store.take(came, keys, engine_class, dict(site.digests))
    except KitError as error:
        return Built(
            engine_class.name,
            "failed",
            keys.host,
            reason=error.message,
            emulated=engine_class.emulated,
        )
    return _result_from_manifest(engine_class, "built", store_manifest, keys.host)


def _result_from_manifest(engine_class: Class, how: str, store_manifest: Any, name: str) -> Built:  # noqa: ANN401
    """Return the result that a manifest of the store describes."""
    return Built(
        engine_class.name, how, name or str(store_manifest.device.get("name", "")),
        str(store_manifest.folder), len(store_manifest.engines), store_manifest.emulated, "",
        tuple({"file": row.file, **row.as_json()["check"]} for row in store_manifest.engines),
    )  # fmt: skip


def _unable(board: Board) -> Built:
    return Built("none", "skipped", board.host.name, reason=board.why_not)
