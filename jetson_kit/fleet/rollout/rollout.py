"""A rollout: preflight, fetch, then wave by wave switch, verify, soak, confirm; stops itself.

All that is known is in the journal: a run that was killed goes on as the same code does anyway,
after it has looked at the devices, whose own word is the truth.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from jetson_kit.fleet.lines import Lines
from jetson_kit.fleet.rollout import gates, reconcile, undo
from jetson_kit.fleet.rollout import journal as journals
from jetson_kit.fleet.rollout.journal import (
    CONFIRMED,
    FAILED,
    FETCHED,
    HEALTHY,
    HELD,
    PENDING,
    SWITCHED,
    Record,
)
from jetson_kit.fleet.rollout.plan import Plan
from jetson_kit.fleet.rollout.steps import Steps
from jetson_kit.fleet.rollout.transport import (
    BUSY,
    DONE,
    LOST,
    TIMED_OUT,
    UNREACHABLE,
    Clock,
    Device,
    Reply,
    Transport,
)
from jetson_kit.fleet.rollout.transport import FAILED as DID_FAIL
from jetson_kit.fleet.rollout.transport import HELD as SAID_HELD

# Seconds between two looks at the clock while the window is shut.
WINDOW_EACH_S = 30.0
# What a board notes in place of a rollout's id.
CHANNEL = "channel"
FETCH_AGAIN = (UNREACHABLE, TIMED_OUT, BUSY, DID_FAIL)


class _StopError(Exception):
    """The limit was reached in a wave; -1 is before the first one."""

    def __init__(self, wave: int, why: str) -> None:
        super().__init__(why)
        self.wave = wave
        self.why = why


class _PauseError(Exception):
    """Nothing is wrong, and there is no going on now."""


class Rollout:
    """One rollout, new or resumed."""

    def __init__(
        self,
        journal: Lines[Record],
        plan: Plan,
        transport: Transport,
        clock: Clock,
        *,
        known: Sequence[str] = (),
        take_over: bool = False,
    ) -> None:
        """Prepare it.

        `known` are the ids of this controller's rollouts: a trial of any other is left alone,
        unless `take_over` says that nobody is at work there.
        """
        self.steps = Steps(journal, plan, transport, clock)
        self._known = {*known, journal.record.id}
        self._take_over = take_over
        # When a confirmed host was last seen healthy on the image, by the clock of this run.
        self._seen: dict[str, float] = {}

    @property
    def record(self) -> Record:
        """Return the state."""
        return self.steps.record

    def run(self) -> Record:
        """Go on to the end. Raises InterruptedRolloutError; KitError where we are wrong."""
        if self.record.stop is None:
            reconcile.agree(self.steps, self._seen)
            try:
                self._preflight()
                self._fetch()
                for number in range(self.record.waves_done, len(self.record.waves)):
                    self._wave(number, self.record.waves[number].hosts)
                self._held()
            except _StopError as stop:
                self.steps.journal.append("stop", wave=stop.wave, why=stop.why)
            except _PauseError:
                pass
        if self.record.stop is not None:
            undo.back(
                self.steps, undo.scope(self.steps), f"rollout stopped: {self.record.stop}"[:200]
            )
            return self._end(journals.STOPPED)
        self._put_back(tuple(self.record.hosts))
        return self.review()

    def review(self) -> Record:
        """End the run by what the hosts themselves say: the journal may be old, or untrue."""
        reconcile.agree(self.steps, self._seen)
        return self._end()

    def _end(self, result: str = "") -> Record:
        seen = [name for name in self.record.names(CONFIRMED) if not self.steps.host(name).unseen]
        everyone = len(seen) == len(self.record.hosts)
        result = result or (journals.ALL if everyone else journals.SOME)
        self.steps.journal.append("end", result=result)
        return self.record

    def _preflight(self) -> None:
        """Ask those that are new whether it fits, and look at all others that are not done."""
        steps = self.steps
        todo = steps.names(PENDING, FETCHED, HELD, SWITCHED, HEALTHY)
        # What the journal said was being done when the run before was killed.
        left = {name: steps.host(name).doing for name in todo}
        requested = steps.ask("fits", steps.transport.fits, steps.names(PENDING), retry_on=LOST)
        # Hosts that answered reported their state; the lost ones were tried often enough.
        known = {
            name: reply for name, reply in requested.items() if reply.device or reply.kind in LOST
        }
        unseen = [name for name in todo if name not in known]
        replies = steps.ask("look", steps.transport.look, unseen, retry_on=LOST)
        for name in todo:
            reply = known.get(name) or replies[name]
            reconcile.take_in(steps, name, reply, left[name], self._foreign)
        for name in steps.names(PENDING, of=requested):
            if requested[name].kind != DONE:
                steps.fail(name, requested[name].message or requested[name].kind, unsure=False)
        self._judge_all()

    def _foreign(self, device: Device) -> str:
        """Return who else has the device on trial, if we must not touch it."""
        if not device.trial or device.rollout in self._known or self._take_over:
            return ""
        who = f"rollout {device.rollout} of another controller" if device.rollout else "somebody"
        if device.rollout == CHANNEL:
            who = "its channel"
        return f"{who} has it on trial; --take-over if nobody is at work there"

    def _fetch(self) -> None:
        steps = self.steps
        todo = steps.names(PENDING)
        replies = steps.ask("fetch", steps.transport.fetch, todo, retry_on=FETCH_AGAIN)
        for name, reply in replies.items():
            if reply.kind == DONE:
                steps.put(name, FETCHED, why="")
            else:
                steps.fail(name, f"fetch: {reply.message or reply.kind}", unsure=False)
        self._judge_all()

    def _judge_all(self) -> None:
        """Judge what every host was asked for: nothing is switched where too many can't follow."""
        if self.record.waves_begun:
            return
        whole = len(self.record.hosts)
        why = self.steps.plan.verdict(len(self.steps.names(FAILED)), whole, whole=whole)
        if why:
            raise _StopError(-1, why)

    def _judge(self, number: int) -> None:
        """Judge the waves that were begun; who was held or was not switched yet is not tried.

        Who could not follow has failed before its wave begins, beside those that wait for it: a
        share of failures is one of all of them.
        """
        waves = self.record.waves
        begun = [name for wave in waves[: number + 1] for name in wave.hosts]
        untried = self.steps.names(PENDING, FETCHED, HELD, of=begun)
        waiting = self.steps.names(FETCHED, of=begun)
        failed = self.steps.names(FAILED, of=begun)
        tried = len(begun) - len(untried)
        why = self.steps.plan.verdict(
            len(failed), tried, waiting=len(waiting), whole=len(self.record.hosts)
        )
        if number < len(waves) and waves[number].canary and failed:
            why = f"the canary {failed[0]} failed"
        if why:
            raise _StopError(number, why)

    def _wave(self, number: int, hosts: Sequence[str]) -> None:
        steps = self.steps
        if number >= self.record.waves_begun:
            steps.journal.append("wave", wave=number, done=False)
        self._judge(number)
        ready = steps.names(FETCHED, of=hosts)
        reported: Mapping[str, Reply] = {}
        if ready:
            gates.baseline(steps, ready)
            self._open()
            reported = self._switch(ready)
            self._judge(number)
        gates.verify(steps, steps.names(SWITCHED, of=hosts))
        self._judge(number)
        # A verification takes long: replies from before it are old.
        gates.soak(
            steps,
            steps.names(SWITCHED, of=hosts),
            reported if steps.plan.verify == "none" else {},
        )
        self._judge(number)
        self._confirm(steps.names(HEALTHY, of=hosts))
        self._judge(number)
        self._put_back(hosts)
        if number >= len(self.record.waves):
            return
        if self.record.waves[number].canary and not steps.names(CONFIRMED, of=hosts):
            raise _PauseError
        steps.journal.append("wave", wave=number, done=True)

    def _open(self) -> None:
        """Wait until images may be switched."""
        steps = self.steps
        while (shut := steps.plan.shut_s(steps.clock.now())) > 0:
            steps.sleep(min(shut, WINDOW_EACH_S))

    def _switch(self, hosts: Sequence[str]) -> Mapping[str, Reply]:
        """Switch hosts; return their replies."""
        steps = self.steps
        reported = steps.ask("switch", steps.transport.switch, hosts)
        for name, reply in reported.items():
            if reply.kind == DONE:
                steps.put(name, SWITCHED, image_id=steps.image_id, seconds=reply.seconds)
            elif reply.kind == SAID_HELD:
                steps.put(name, HELD, why=reply.message)
            else:
                steps.fail(name, reply.message or reply.kind, unsure=True)
        return reported

    def _confirm(self, hosts: Sequence[str]) -> None:
        """End the trials; a host counts only if it is healthy on the image after that, too."""
        steps = self.steps
        done = []
        reported = steps.ask("confirm", steps.transport.confirm, hosts)
        for name, reply in reported.items():
            if reply.kind == DONE:
                done.append(name)
            else:
                steps.fail(name, f"confirm: {reply.message or reply.kind}", unsure=True)
        if not done:
            return
        for name, problem in gates.watch(steps, done, 0.0, reported).items():
            if problem:
                steps.fail(name, problem, unsure=True)
            else:
                steps.put(name, CONFIRMED, image_id=steps.image_id, why=reported[name].message)
                self._seen[name] = steps.clock.monotonic()

    def _put_back(self, hosts: Sequence[str]) -> None:
        """Put those back that have failed and may be on the new image."""
        lost = [name for name in self.steps.names(FAILED, of=hosts) if self.steps.host(name).unsure]
        undo.back(self.steps, lost, "it failed")

    def _held(self) -> None:
        """Ask those again that said "not now", after all others."""
        steps = self.steps
        last = len(self.record.waves)
        for _ in range(steps.plan.held_tries):
            held = steps.names(HELD)
            if held:
                steps.sleep(steps.plan.held_wait_s)
            for name in held:
                steps.put(name, FETCHED, late=True)
            todo = steps.names(FETCHED, SWITCHED, HEALTHY)
            if not todo:
                return
            self._wave(last, todo)


def requeue(journal: Lines[Record]) -> None:
    """Let a resumed run ask those again that were held when the run before had ended."""
    if journal.record.ended and journal.record.stop is None:
        for name in journal.record.names(HELD):
            journal.append("host", host=name, state=FETCHED, late=True)
