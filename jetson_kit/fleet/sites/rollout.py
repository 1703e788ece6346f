"""A rollout over sites: wave by wave, inside each the site's own rollout; stops and takes back.

All that is known here is in one journal. After a kill each site is asked the same again: sites,
whose own journals and boards are the truth, go on from where they are.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol

from jetson_kit.core.errors import IntegrityError, InternalError, KitError
from jetson_kit.core.text import counted, plain
from jetson_kit.fleet.lines import Lines
from jetson_kit.fleet.rollout import journal as journals
from jetson_kit.fleet.rollout.journal import Record
from jetson_kit.fleet.sites import evidence
from jetson_kit.fleet.sites.journal import (
    ALL,
    BACK,
    DONE,
    FAILED,
    PART,
    PENDING,
    SOME,
    STOPPED,
    WORKING,
    SitesRecord,
    SiteState,
)
from jetson_kit.fleet.sites.machines import Machines
from jetson_kit.fleet.sites.mesh import OwnDiskFullError
from jetson_kit.fleet.sites.plan import SitesPlan, SiteWave
from jetson_kit.fleet.sites.tally import Tally

MOST_WHY = 1000
Watch = Callable[[Record], bool]
Together = Callable[[Sequence[str], Callable[[str], None]], None]
"""Does something for several sites at once, and returns when it is done for all."""


class Work(Protocol):
    """What is done at sites, by their names; each raises KitError, asked again does the rest."""

    def prepare(self, site: str) -> str:
        """Bring a site kit, inventory and release; return the release's folder there."""

    def rollout(self, site: str, folder: str, watch: Watch) -> Record:
        """Roll out inside a site; return its proven state. `watch` sees each change of it."""

    def back(self, site: str, why: str) -> tuple[str, ...]:
        """Take back what this rollout changed; return the boards that are still to go back."""


class SitesRollout:
    """One rollout over sites, new or resumed."""

    def __init__(
        self,
        journal: Lines[SitesRecord],
        plan: SitesPlan,
        work: Work,
        together: Together | None = None,
    ) -> None:
        """Prepare it; sites are worked on in threads, unless `together` does it otherwise."""
        self.journal = journal
        self.plan = plan
        self._work = work
        self._together = together or in_threads
        self._guard = threading.RLock()
        # Of the waves up to the one that is at work: what a run before says of later ones is told
        # anew by them.
        self._tally = Tally()
        self._machines = Machines(tuple(journal.record.sites))
        # At hand: the limit is judged at every line of every site.
        self._boards = sum(len(journal.record.boards(name)) for name in journal.record.sites)
        self._number = 0
        # Why sites were stopped in the middle of a wave; "" while they go on.
        self._halted = ""

    @property
    def record(self) -> SitesRecord:
        """Return the state."""
        return self.journal.record

    def run(self, *, resumed: bool = False) -> SitesRecord:
        """Go on to the end. `resumed` asks sites that are done again, too."""
        if self.record.stop is None:
            for number, wave in enumerate(self.record.waves):
                self._wave(number, wave, resumed=resumed)
                if self.record.stop is not None:
                    break
        if self.record.stop is not None:
            self._take_back(resumed=resumed)
            return self._end(STOPPED)
        good = all(site.state == DONE for site in self.record.sites.values())
        return self._end(ALL if good else SOME)

    def _wave(self, number: int, wave: SiteWave, *, resumed: bool) -> None:
        states = self.record.sites
        todo = [name for name in wave.sites if resumed or states[name].state != DONE]
        with self._guard:
            self._number = number
            for name in wave.sites:
                # Its results of the run before are counted anew.
                known = states[name]
                reset = resumed or known.state != DONE
                self._tally.put(name, (0, 0) if reset else (known.failed, known.tried))
        self._together(todo, self._site)
        for name in set(wave.sites).intersection(self._machines.wrong):
            # It may have ended before the other site reported the board.
            self._twice(name)
        why = self._verdict(wave)
        if why:
            self.journal.append("stop", wave=number, why=why)

    def _site(self, name: str) -> None:
        """Do all that is due at a site; the result is in the journal."""
        try:
            folder = self._work.prepare(name)
            if self._halted:
                return
            self._put(name, state=WORKING, why="")
            record = self._work.rollout(name, folder, lambda seen: self._watch(name, seen))
        except OwnDiskFullError:
            # It ends the run; the site goes on, and a resume follows it.
            raise
        except Exception as error:  # a thread's fault must stop the rollout
            everyone = len(self.record.boards(name))
            self._put(name, state=FAILED, why=_reason(error), failed=everyone, tried=everyone)
            return
        with self._guard:
            self._machines.put(name, record)
        if name in self._machines.wrong:
            self._twice(name)
            return
        failed, tried = evidence.counts(record)
        named = evidence.failures(record)
        if record.ended == journals.ALL:
            self._put(name, state=DONE, why="", failed=failed, tried=tried)
        elif record.ended == journals.SOME and record.stop is None:
            why = f"{failed} of {counted(len(record.hosts), 'board')} failed or wait"
            self._put(name, state=PART, why=_joined(why, named), failed=failed, tried=tried)
        else:
            why = _joined(record.stop or "stopped by the central controller", named)
            self._put(name, state=FAILED, why=why, failed=failed, tried=tried)

    def _twice(self, name: str) -> None:
        """Fail a site that has a board of another one; its rollout's result counts for none."""
        if self.record.sites[name].state != FAILED:
            everyone = len(self.record.boards(name))
            why = self._machines.wrong[name]
            self._put(name, state=FAILED, why=why, failed=everyone, tried=everyone)

    def _watch(self, name: str, seen: Record) -> bool:
        """Note a site's counts and machines; return whether it goes on."""
        with self._guard:
            self._tally.put(name, evidence.so_far(seen))
            self._halted = self._halted or self._limit()
            self._machines.put(name, seen)
            return not (self._halted or name in self._machines.wrong)

    def _put(self, name: str, **facts: object) -> None:
        if "why" in facts:
            # Of a site's own words: nothing in the journal moves a cursor, or has no end.
            facts["why"] = plain(facts["why"], MOST_WHY)
        with self._guard:
            self.journal.append("site", site=name, **facts)
            if "failed" in facts:
                site = self.record.sites[name]
                self._tally.put(name, (site.failed, site.tried))

    def _limit(self) -> str:
        """Return why the limit over all boards is reached, "" if it is not."""
        return self.plan.limits.verdict(self._tally.failed, self._tally.tried, whole=self._boards)

    def _begun(self) -> list[SiteState]:
        """Return the sites of the waves up to this one."""
        waves = self.record.waves[: self._number + 1]
        return [self.record.sites[name] for wave in waves for name in wave.sites]

    def _verdict(self, wave: SiteWave) -> str:
        """Return why the rollout stops after a wave, "" if it goes on."""
        sites = self.record.sites
        failed = [site_state for site_state in self._begun() if site_state.state == FAILED]
        if wave.canary:
            bad = [sites[name] for name in wave.sites if sites[name].state != DONE]
            if bad:
                return f"the canary site {bad[0].name} failed: {bad[0].why}"
        # A share may have fallen again since; the sites that were stopped for it stay stopped.
        if why := self._halted or self._limit():
            named = (f"{state.name}: {state.why}" for state in self._begun() if state.failed)
            return f"boards of all sites: {why}; {'; '.join(named)}"[:MOST_WHY]
        if why := self.plan.site_limits.verdict(len(failed), len(self._begun()), whole=len(sites)):
            message = "; ".join(f"{site_state.name}: {site_state.why}" for site_state in failed)
            return f"sites: {why}: {message}"[:MOST_WHY]
        return ""

    def _take_back(self, *, resumed: bool) -> None:
        """Have the sites of the stop's scope go back: those that this rollout has touched.

        A journal of an old backup takes for pending what has begun since; they are asked, too.
        """
        record = self.record
        among = set(record.sites)
        if self.plan.scope == "wave":
            among = set(record.waves[record.stopped_in].sites)
        todo = [
            name
            for name, site in record.sites.items()
            if (name in among and site.state != BACK and (resumed or site.state != PENDING))
            or site.open
            # Its own rollout has stopped, or was stopped in the middle: nothing of it stays.
            or site.state in (WORKING, FAILED)
        ]
        untouched = {name for name in todo if record.sites[name].state == PENDING}
        self._together(todo, lambda name: self._back(name, untouched))

    def _back(self, name: str, untouched: Collection[str]) -> None:
        """Have a site go back; `untouched` are those of which nothing is known to have begun."""
        try:
            left = self._work.back(name, f"rollout over sites stopped: {self.record.stop}")
        except OwnDiskFullError:
            raise
        except Exception as error:  # the other sites still go back, and the rollout ends
            # A journal that does not hold is one of this rollout, whatever is known here.
            if name in untouched and not isinstance(error, IntegrityError):
                self._put(name, why=f"could not be asked: {_reason(error)}")
                return
            known = self.record.sites[name].why.partition("; not taken back")[0]
            why = "; ".join(filter(None, (known, f"not taken back: {_reason(error)}")))
            self._put(name, state=FAILED, why=why, open=True)
            return
        if left:
            self._put(name, state=FAILED, why=f"not back: {', '.join(left)}"[:400], open=True)
        else:
            cleared = {"why": ""} if name in untouched else {}
            self._put(name, state=BACK, open=False, **cleared)

    def _end(self, result: str) -> SitesRecord:
        self.journal.append("end", result=result)
        return self.record


def _reason(error: Exception) -> str:
    """Return why a site failed; what is none of the kit's errors is a fault of the kit itself."""
    if isinstance(error, KitError):
        return error.message
    return InternalError(f"{type(error).__name__}: {error}").message


def _joined(why: str, named: str) -> str:
    """Return why a site failed, with the boards that did, unless it names them itself."""
    return why if not named or named in why else f"{why}; {named}"


def in_threads(names: Sequence[str], do: Callable[[str], None]) -> None:
    """Do something for several sites at once, in a thread each.

    An interrupt leaves them, they end with the program. Raises what none of them expects.
    """
    faults: list[BaseException] = []

    def one(name: str) -> None:
        try:
            do(name)
        except BaseException as error:  # raised again below
            faults.append(error)

    threads = [threading.Thread(target=one, args=(name,), daemon=True) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        while thread.is_alive():
            thread.join(0.2)
    for fault in faults:
        raise fault


def summary(record: SitesRecord) -> Mapping[str, int]:
    """Return how many sites are in each state."""
    result: dict[str, int] = {}
    for site in record.sites.values():
        result[site.state] = result.get(site.state, 0) + 1
    return result
