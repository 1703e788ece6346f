"""`sites.rollout`: everything around the state machine."""

from __future__ import annotations

import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jetson_kit.core.errors import BadInputError, CheckFailedError
from jetson_kit.core.stopping import StoppedError
from jetson_kit.core.text import counted, plain
from jetson_kit.fleet import controller
from jetson_kit.fleet.release import release as releases
from jetson_kit.fleet.release import signers, trust
from jetson_kit.fleet.release.release import Release
from jetson_kit.fleet.rollout.steps import InterruptedRolloutError, TerminatedRolloutError
from jetson_kit.fleet.sites import home, inventory, journal, machines, members
from jetson_kit.fleet.sites import plan as plans
from jetson_kit.fleet.sites.inventory import Sites
from jetson_kit.fleet.sites.journal import SitesJournal, SitesRecord
from jetson_kit.fleet.sites.plan import SitesPlan, SiteWave
from jetson_kit.fleet.sites.remote import RemoteWork
from jetson_kit.fleet.sites.rollout import SitesRollout, summary

ROLLOUTS = "rollouts"
MOST_WORDS = 2000


@dataclass(frozen=True)
class Request:
    """What the user asks of a rollout over sites."""

    sites: Path
    target: str
    only: tuple[str, ...] = ()
    plan: SitesPlan = field(default_factory=SitesPlan)
    quiet: bool = False


def planned(request: Request) -> tuple[Sites, Release, tuple[SiteWave, ...]]:
    """Return who would come when; nothing is contacted. Raises InventoryError, BadInputError."""
    sites = inventory.load(request.sites)
    release = releases.load(releases.folder_of(request.target))
    return sites, release, plans.waves(sites.named(*request.only))


def start(request: Request) -> SitesRecord:
    """Roll a release out over sites; `judge` tells whether all went well."""
    sites, release, waves = planned(request)
    place = home.here()
    number = controller.new_id()
    with controller.lock(place.folder, f"rollout over sites {number}"):
        names = [name for wave in waves for name in wave.sites]
        _ready(place, sites.path, names)
        signers.refresh(release.folder)
        trust.trusted(release, ())
        sites_journal = SitesJournal.new(
            _folder(place) / f"{number}.jsonl",
            sites=str(sites.path.absolute()),
            release={
                "image_id": release.image_id,
                "name": release.name,
                "folder": str(release.folder.absolute()),
            },
            plan=request.plan.as_json(),
            waves=waves,
            boards={name: sites.boards[name] for name in names},
        )
        return _go(sites_journal, sites, release, request.plan, quiet=request.quiet)


def resume(requested: str, *, target: str = "", quiet: bool = False) -> SitesRecord:
    """Go on with a rollout that was killed, interrupted, or left sites open.

    With `target` it must be a rollout of that release. Raises as start.
    """
    place = home.where()
    path = _find(place.folder / ROLLOUTS, requested)
    with controller.lock(place.folder, f"rollout over sites {path.stem}"):
        record = journal.read(path)
        releases.check_same(target, record.image_id, f"rollout {record.id}")
        due = record.open or record.unasked
        if record.ended and not due and not quiet:
            print(f"rollout {record.id} had ended; nothing new is begun", file=sys.stderr)
        if record.ended and record.stop is not None and not due:
            return record
        sites = inventory.load(Path(record.header["sites"]))
        sites.named(*record.sites)
        _ready(place, sites.path, list(record.sites))
        release = releases.load(Path(record.header["release"]["folder"]))
        if release.image_id != record.image_id:
            raise BadInputError(
                f"{release.folder} has another image than rollout {record.id}",
                "build that one again, or begin a new rollout",
            )
        sites_journal = SitesJournal.open(path)
        sites_journal.append("resume")
        plan = plans.parse(record.header["plan"])
        return _go(sites_journal, sites, release, plan, quiet=quiet, resumed=True)


def _ready(place: home.Central, sites: Path, names: list[str]) -> None:
    """Refuse sites that are no members, and a node that is down: nothing is judged by either.

    Raises BadInputError, NodeDownError.
    """
    joined = members.load(place.folder)
    if strangers := [name for name in names if name not in joined]:
        raise BadInputError(
            f"{', '.join(strangers)} {'has' if len(strangers) == 1 else 'have'} not joined",
            "let them join: ./inv sites.join",
        )
    place.mesh.check(sites)


def _go(
    sites_journal: SitesJournal,
    sites: Sites,
    release: Release,
    plan: SitesPlan,
    *,
    quiet: bool,
    resumed: bool = False,
) -> SitesRecord:
    place, number = home.here(), sites_journal.record.id
    folder = sites_journal.path.with_suffix("")
    folder.mkdir(exist_ok=True, mode=0o700)
    by_name = {site.name: site for site in sites.sites}
    boards = {name: sites_journal.record.boards(name) for name in sites_journal.record.sites}
    remote = RemoteWork(number, place.mesh, by_name, boards, release, plan, folder)
    if not quiet:
        sites_journal.listener = _say
        print(f"rollout {number} of {release.image_id[:19]}; records: {folder}", file=sys.stderr)
    try:
        return SitesRollout(sites_journal, plan, remote).run(resumed=resumed)
    except KeyboardInterrupt as stop:
        terminated = isinstance(stop, StoppedError) and stop.number == signal.SIGTERM
        raise (TerminatedRolloutError if terminated else InterruptedRolloutError)(
            f"rollout {number} goes on at the sites that have begun; no further one begins",
            f"./inv sites.rollout --resume {number} follows it",
        ) from None
    finally:
        sites_journal.close()


def judge(record: SitesRecord) -> None:
    """Raise CheckFailedError unless every board of every site has the image, by its evidence."""
    if record.ended == journal.ALL:
        return
    counted = ", ".join(f"{count} {state}" for state, count in summary(record).items())
    second = f"./inv sites.rollout --resume {record.id}"
    if record.stop is not None:
        hint = "see who and why: ./inv sites.status"
        if record.unasked:
            counted += f"; {', '.join(record.unasked)} could not be asked"
            hint = f"{second} asks again"
        if record.open:
            hint = f"{second} takes back what could not be reached"
        raise CheckFailedError(f"rollout {record.id} stopped: {record.stop} ({counted})", hint)
    left = [record.sites[name].why for name in record.open]
    shared = bool(left) and all(machines.CURE in why for why in left)
    raise CheckFailedError(
        f"rollout {record.id} is not on every board: {counted}",
        f"a board is at two sites (./inv sites.status); {machines.CURE}"
        if shared
        else f"{second} asks the others again",
    )


def as_json(record: SitesRecord) -> dict[str, Any]:
    """Return the result as a document."""
    return {
        "schema": "mediapipe-jetson-kit/sites-rollout/1",
        "id": record.id,
        "result": record.ended,
        "stopped": record.stop,
        "release": record.header["release"],
        "waves": [{"name": wave.name, "sites": list(wave.sites)} for wave in record.waves],
        "sites": {name: vars(site) for name, site in record.sites.items()},
    }


def _say(line: Mapping[str, Any], record: SitesRecord) -> None:
    message = str(line.get("why") or "")
    if line["event"] == "site":
        site = record.sites[line["site"]]
        message = f"{site.name} {site.state}" + (f": {site.why}" if site.why else "")
        if site.tried:
            good, boards = site.tried - site.failed, len(record.boards(site.name))
            message += f" ({good} of {counted(boards, 'board')})"
    elif line["event"] == "stop":
        message = f"stopped: {message}"
    print(plain(message, MOST_WORDS) or line["event"], file=sys.stderr)


def _folder(place: home.Central) -> Path:
    folder = place.folder / ROLLOUTS
    folder.mkdir(exist_ok=True, mode=0o700)
    return folder


def _find(folder: Path, requested: str) -> Path:
    known = sorted(folder.glob("*.jsonl"))
    known = known[-1:] if requested in ("", "last") else [
        path for path in known if path.stem.startswith(requested)
    ]  # fmt: skip
    if len(known) != 1:
        many = "several rollouts" if known else "no rollout"
        raise BadInputError(f"there is {many} {requested}".rstrip(), f"see {folder}")
    return known[0]
