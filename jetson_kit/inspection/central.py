"""Inspect the boards of many sites at once: lines as they come, then what each site came to."""

from __future__ import annotations

import datetime
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from jetson_kit.core.errors import BadInputError, KitError
from jetson_kit.core.text import counted, plain
from jetson_kit.fleet.sites import home, inventory, kit_archive, members
from jetson_kit.fleet.sites.inventory import Site
from jetson_kit.fleet.sites.link import Link
from jetson_kit.fleet.sites.members import Member
from jetson_kit.fleet.sites.mesh import Mesh
from jetson_kit.fleet.sites.replies import Hello
from jetson_kit.inspection.intake import Intake
from jetson_kit.report.summary import MOST_LINE, Summary
from jetson_kit.service import expectation

# Each needs a process that reads its answer.
SITES_AT_A_TIME = 32
SOON_DAYS = 30
CLOCK_S = 300.0
# A site says nothing while it unpacks a kit and makes its environment.
KIT_SILENT_S = 900.0


@dataclass(frozen=True)
class Request:
    """What the user asks for; seconds that a site may be silent, and may take in all."""

    kind: str
    sites: Path
    only: tuple[str, ...] = ()
    level: str = ""
    tasks: tuple[str, ...] = ()
    silent_s: float = 60.0
    deadline_s: float = 7200.0


@dataclass(frozen=True)
class SiteResult:
    """How the inspection of a site ended; `problem` says why not all of its boards were seen."""

    site: str
    boards: int
    problem: str = ""
    certificate_days: int | None = None
    version: str = ""
    free: int = 0
    clock_ahead_s: float = 0.0
    seconds: float = 0.0

    @property
    def wrong(self) -> list[str]:
        """Return what is wrong with the site itself."""
        result = [self.problem] if self.problem else []
        if self.certificate_days is not None and self.certificate_days < SOON_DAYS:
            result.append(
                f"its certificate is good for {counted(self.certificate_days, 'day')}: join again"
            )
        if not self.problem and abs(self.clock_ahead_s) > CLOCK_S:
            result.append(f"its clock differs by {self.clock_ahead_s:.0f} s")
        return result


Event = Summary | SiteResult


def run(request: Request) -> Iterator[Event]:
    """Yield each board's line as it comes, and each site's result after its boards.

    Every board of every chosen site is yielded once. Raises InventoryError, BadInputError,
    NodeDownError; what goes wrong at a site is in its result.
    """
    sites = inventory.load(request.sites)
    expectation.check_tasks(request.tasks)
    chosen = sites.named(*request.only)
    place = home.where()
    place.mesh.check(request.sites)
    joined = members.load(place.folder)
    events: queue.Queue[Event | BaseException] = queue.Queue()
    slots = threading.BoundedSemaphore(SITES_AT_A_TIME)
    making = threading.Lock()

    def inspect_site(site: Site) -> None:
        try:
            with slots:
                work = _AtSite(request, site, sites.boards[site.name], place.mesh, making)
                work.run(joined.get(site.name), events.put)
        except BaseException as error:  # raised again by the reader, who waits for this site
            events.put(error)

    for site in chosen:
        threading.Thread(target=inspect_site, args=(site,), daemon=True).start()
    open_sites = len(chosen)
    while open_sites:
        event = events.get()
        if isinstance(event, BaseException):
            raise event
        open_sites -= isinstance(event, SiteResult)
        yield event


class _AtSite:
    """The inspection of one site."""

    def __init__(
        self,
        request: Request,
        site: Site,
        boards: tuple[str, ...],
        mesh: Mesh,
        making: threading.Lock,
    ) -> None:
        self._request, self._site, self._boards = request, site, boards
        self._link = Link(mesh, site, request.silent_s, request.deadline_s)
        self._making = making
        self._hello: Hello | None = None

    def run(self, member: Member | None, put: Callable[[Event], None]) -> None:
        """Put the lines of all boards, then the site's result, whatever comes."""
        begun, problem, days = time.monotonic(), "", None
        intake = Intake(self._request.kind, self._site.name, self._boards, self._request.deadline_s)
        try:
            if member is None:
                name = self._site.name
                raise BadInputError(  # noqa: TRY301 # a result
                    f"{name} has not joined; ./inv sites.join {name} makes its archive"
                )
            days = (member.end - datetime.datetime.now(datetime.UTC)).days
            self._inspect(intake, put)
        except KitError as error:
            problem = plain(error.message)
        except Exception as error:  # a result for each site, whatever comes
            problem = plain(f"{type(error).__name__}: {error}")
        if not problem and intake.missing(""):
            problem = f"{self._site.name} sent no line for {len(intake.missing(''))} of its boards"
        for board in intake.missing(problem):
            put(board)
        hello = self._hello
        put(
            SiteResult(
                self._site.name,
                len(self._boards),
                problem,
                days,
                hello.version if hello else "",
                hello.free if hello else 0,
                round(hello.ahead_s, 1) if hello else 0.0,
                round(time.monotonic() - begun, 1),
            )
        )

    def _inspect(self, intake: Intake, put: Callable[[Event], None]) -> None:
        self._hello = self._link.hello()
        with self._making:
            kit = kit_archive.make(self._site.arch, self._site.python)
        patient = replace(self._link, silent_s=max(self._link.silent_s, KIT_SILENT_S))
        patient.bring_kit(kit, self._hello)
        self._link.bring_inventory()
        request: Mapping[str, object] = {
            "verb": "inspect", "kind": self._request.kind, "site": self._site.name,
            "inventory": self._site.inventory.name, "level": self._request.level,
            "tasks": list(self._request.tasks),
        }  # fmt: skip
        for line in self._link.lines(request, longest=MOST_LINE, total=intake.most_bytes):
            if (board := intake.take(line)) is not None:
                put(board)
