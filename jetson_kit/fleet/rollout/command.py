"""`fleet.rollout` and `fleet.status`: everything around the state machine."""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from jetson_kit.ansible_driver.inventory import Host
from jetson_kit.core.errors import (
    BadInputError,
    CheckFailedError,
    ToolMissingError,
)
from jetson_kit.core.log import LOG
from jetson_kit.fleet import check, controller
from jetson_kit.fleet.release import registry_push, signers, trust
from jetson_kit.fleet.release import release as releases
from jetson_kit.fleet.release.release import Release
from jetson_kit.fleet.rollout import bounds, live, page, results
from jetson_kit.fleet.rollout import journal as journals
from jetson_kit.fleet.rollout import plan as rollout_plan
from jetson_kit.fleet.rollout import status as statuses
from jetson_kit.fleet.rollout.by_ansible import Site
from jetson_kit.fleet.rollout.by_ssh import Ssh
from jetson_kit.fleet.rollout.clock import RealClock
from jetson_kit.fleet.rollout.journal import Journal, Record
from jetson_kit.fleet.rollout.plan import Plan, Wave
from jetson_kit.fleet.rollout.rollout import Rollout, requeue


@dataclass(frozen=True)
class RolloutRequest:
    """What the user asks of a rollout."""

    inventory: Path
    target: str = ""
    """Name below dist/ or a folder of a build."""
    plan: Plan = field(default_factory=Plan)
    limit: str = ""
    take_over: bool = False
    quiet: bool = False
    number: str = ""
    """Id of the rollout; "" makes a new one."""


def planned(request: RolloutRequest) -> tuple[Release | None, tuple[Wave, ...]]:
    """Return who would come when; no host is touched. Raises InventoryError, BadInputError."""
    release = releases.load(releases.folder_of(request.target)) if request.target else None
    hosts = check.check(request.inventory, request.limit, release=check.needs(release))
    waves = rollout_plan.waves(request.plan, [host.name for host in hosts])
    if warning := _whole_canary(request.plan, waves):
        LOG.warning("warning: %s", warning)
    return release, waves


def _whole_canary(plan: Plan, listed: Sequence[Wave]) -> str:
    """Return a warning where a canary that no one named takes every host, "" where it does not."""
    total = sum(len(wave.hosts) for wave in listed)
    first = len(listed[0].hosts) if listed and listed[0].canary else 0
    if isinstance(plan.canary, tuple) or total < 2 or first < total:
        return ""
    return f"the canary {plan.canary} is all {total} hosts: no host is spared a bad image"


def start(request: RolloutRequest) -> Record:
    """Roll a release out; `judge` tells whether all went well."""
    folder = controller.state_dir()
    number = request.number or controller.new_id()
    with controller.lock(folder, f"rollout {number}") as hold:
        bounds.trim(folder)
        release, waves = planned(request)
        if release is None:
            raise BadInputError("no release is named", "name a target of dist/")
        signers.refresh(release.folder)
        hosts = check.check(request.inventory, request.limit)
        trust.trusted(release, [host.variables for host in hosts])
        journal = Journal.new(
            controller.rollouts(folder) / f"{number}.jsonl",
            kind="rollout",
            by=controller.me(),
            inventory=str(request.inventory.absolute()),
            release={
                "image_id": release.image_id,
                "manifest_digest": release.manifest_digest,
                "name": release.name,
                "number": release.number,
                "l4t": release.l4t,
                "folder": str(release.folder.absolute()),
            },
            plan=request.plan.as_json(),
            waves=waves,
            hosts=[name for wave in waves for name in wave.hosts],
        )
        return _go(journal, request, release, hosts, hold)


def resume(
    requested: str, *, target: str = "", take_over: bool = False, quiet: bool = False
) -> Record:
    """Go on with a rollout that was killed, interrupted, or left hosts open.

    With `target` it must be a rollout of that release. Raises as start.
    """
    folder = controller.state_dir()
    path = controller.find(folder, requested)
    with controller.lock(folder, f"rollout {path.stem}") as hold:
        record = journals.read(path)
        releases.check_same(target, record.image_id, f"rollout {record.id}")
        if record.over:
            if not quiet:
                print(f"rollout {record.id} had ended; nothing new is begun", file=sys.stderr)
            return record if record.stop is not None else _review(path, hold, quiet=quiet)
        release = releases.load(Path(record.header["release"]["folder"]))
        if release.image_id != record.image_id:
            raise BadInputError(
                f"{release.folder} has another image than rollout {record.id}",
                "build that one again, or begin a new rollout",
            )
        plan = rollout_plan.parse(record.header["plan"])
        request = RolloutRequest(
            Path(record.header["inventory"]), plan=plan, take_over=take_over, quiet=quiet
        )
        boards = check.check(
            request.inventory, ",".join(record.hosts), release=check.needs(release)
        )
        signers.refresh(release.folder)
        journal = Journal.open(path)
        requeue(journal)
        return _go(journal, request, release, boards, hold, resumed=True)


def _review(path: Path, hold: int, *, quiet: bool) -> Record:
    """Ask the hosts of a rollout that has ended whether they still are as the journal says."""
    with reopened(path, hold, quiet=quiet) as rollout:
        rollout.steps.journal.append("resume", by=controller.me())
        return rollout.review()


@contextlib.contextmanager
def reopened(path: Path, hold: int, *, quiet: bool, scope: str = "") -> Iterator[Rollout]:
    """Yield a rollout as its journal has it; `scope` is another than its plan's.

    Its results and its page are written afterwards.
    """
    place, record = folder_of(path), journals.read(path)
    inventory = Path(record.header["inventory"])
    plan = rollout_plan.parse(record.header["plan"])
    plan = replace(plan, scope=scope or plan.scope)
    boards = check.check(inventory, ",".join(record.hosts))
    journal = Journal.open(path)
    with live.View(place / "log", quiet=quiet) as view:
        clock = RealClock(view)
        journal.listener = view.line
        site = Site(inventory, place / "ansible.jsonl", place / "reports", (hold,), view.event)
        try:
            with clock.interrupts():
                yield Rollout(journal, plan, Ssh(site, plan), clock)
        finally:
            results.write(journal.record, place)
            page.write(journal.record, place, boards, view)
            journal.close()


def _go(
    journal: Journal,
    request: RolloutRequest,
    release: Release,
    boards: Sequence[Host],
    hold: int,
    *,
    resumed: bool = False,
) -> Record:
    place, way = folder_of(journal.path), request.plan.way
    if way == "archive" and shutil.which("rsync") is None:
        raise ToolMissingError("rsync is not installed", "install it: it sends images to boards")
    with live.View(place / "log", quiet=request.quiet) as view:
        clock = RealClock(view)
        journal.listener = view.line
        variables = registry_push.variables(release) if way == "registry" else {}
        if way == "archive":
            variables["image_layers"] = str(releases.layers(release))
        transport = Ssh(
            Site(
                request.inventory, place / "ansible.jsonl", place / "reports", (hold,), view.event
            ),
            request.plan,
            release,
            variables=variables,
            rollout=journal.record.id,
        )
        view.say(f"rollout {journal.record.id} of {release.image_id[:19]}; log: {place}")
        try:
            with clock.interrupts():
                if resumed:
                    journal.append("resume", by=controller.me())
                record = Rollout(
                    journal,
                    request.plan,
                    transport,
                    clock,
                    known=statuses.ids(controller.state_dir()),
                    take_over=request.take_over,
                ).run()
        finally:
            results.write(journal.record, place)
            page.write(journal.record, place, boards, view)
            journal.close()
    return record


def judge(record: Record) -> None:
    """Raise CheckFailedError unless every host is on the image, healthy and confirmed."""
    if record.ended == journals.ALL:
        return
    counts, see = live.counts(record), f"see who and why: {journals.status_command(record)}"
    if record.stop is not None:
        raise CheckFailedError(
            f"rollout {record.id} stopped: {record.stop} ({counts})",
            f"--resume {record.id} puts back who could not be reached" if record.open else see,
        )
    unseen = [name for name, host in record.hosts.items() if host.unseen]
    silent = f"; no answer at the end from {', '.join(unseen)}" if unseen else ""
    raise CheckFailedError(
        f"rollout {record.id} is not on every host: {counts}{silent}",
        f"./inv fleet.rollout --resume {record.id} asks again who is open"
        if record.open
        else f"{see}; then roll it out to them: --limit",
    )


def status(inventory: Path, limit: str = "") -> statuses.Status:
    """Return what each host is on, by the journals and by its own word."""
    hosts = [host.name for host in check.check(inventory, limit)]
    with tempfile.TemporaryDirectory(prefix="kit-status-") as name:
        site = Site(inventory, Path(name, "log"), Path(name))
        return statuses.status(hosts, Ssh(site, Plan()), inventory)


def folder_of(path: Path) -> Path:
    """Return (and make) the folder of a rollout's log, reports and results."""
    folder = path.with_suffix("")
    folder.mkdir(exist_ok=True)
    return folder
