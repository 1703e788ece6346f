"""One step of a rollout on many hosts: journalled before and after, tried again, interrupted."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar

from jetson_kit.core.errors import KitError
from jetson_kit.fleet.lines import Lines
from jetson_kit.fleet.rollout import journal as journals
from jetson_kit.fleet.rollout.journal import Host, Record
from jetson_kit.fleet.rollout.plan import Plan
from jetson_kit.fleet.rollout.transport import BUSY, UNREACHABLE, Clock, Replies, Reply, Transport

Act = Callable[[Sequence[str]], Replies]
AGAIN = (UNREACHABLE, BUSY)


class InterruptedRolloutError(KitError):
    """The user wants an end; nothing is lost by it."""

    exit_code: ClassVar[int] = 130


class TerminatedRolloutError(InterruptedRolloutError):
    """The same by SIGTERM."""

    exit_code: ClassVar[int] = 143


class Steps:
    """What all parts of a rollout share."""

    def __init__(
        self, journal: Lines[Record], plan: Plan, transport: Transport, clock: Clock
    ) -> None:
        self.journal = journal
        self.plan = plan
        self.transport = transport
        self.clock = clock

    @property
    def record(self) -> Record:
        """Return the state as the journal has it."""
        return self.journal.record

    @property
    def image_id(self) -> str:
        """Return the image that is rolled out."""
        return self.record.image_id

    def host(self, name: str) -> Host:
        """Return a host as the journal has it."""
        return self.record.hosts[name]

    def names(self, *states: str, of: Iterable[str] | None = None) -> tuple[str, ...]:
        """Return the hosts in these states, among those given."""
        among = None if of is None else set(of)
        return tuple(name for name in self.record.names(*states) if among is None or name in among)

    def put(self, name: str, state: str = "", **facts: Any) -> None:  # noqa: ANN401
        """Journal a host's new state, or a fact about it on the way."""
        self.journal.append("host", host=name, **({"state": state} if state else {}), **facts)

    def fail(self, name: str, why: str, *, unsure: bool) -> None:
        """Journal a failure; `unsure`: it may be on the new image."""
        self.put(name, journals.FAILED, why=why, unsure=unsure)

    def check(self) -> None:
        """Raise InterruptedRolloutError if the user wants an end."""
        if self.clock.stopping:
            raise InterruptedRolloutError(
                f"rollout {self.record.id} was stopped between two steps",
                f"go on with it: ./inv fleet.rollout --resume {self.record.id}",
            )

    def sleep(self, seconds: float) -> None:
        """Wait. Raises as check does."""
        self.check()
        if seconds > 0:
            self.clock.sleep(seconds)
            self.check()

    def ask(
        self, step: str, act: Act, hosts: Sequence[str], retry_on: Sequence[str] = AGAIN
    ) -> dict[str, Reply]:
        """Do a step on hosts; those whose reply has a kind of `retry_on` are retried later."""
        if not hosts:
            return {}
        self.check()
        self.journal.append("doing", step=step, hosts=list(hosts))
        result: dict[str, Reply] = {}
        left = tuple(hosts)
        for turn in range(self.plan.tries):
            if turn:
                pause = self.plan.retry_s * 2 ** (turn - 1)
                self.sleep(pause * (1 + random.random() / 2))  # noqa: S311 # spreads the load
            replies = act(left)
            result |= {name: replies.get(name, Reply(UNREACHABLE, "no answer")) for name in left}
            left = tuple(name for name in left if result[name].kind in retry_on)
            if not left:
                break
        return result
