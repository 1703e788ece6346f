"""Puts hosts back that a rollout changed: those that failed, and all that a stop takes along."""

from __future__ import annotations

from collections.abc import Sequence

from jetson_kit.fleet.rollout import journal as journals
from jetson_kit.fleet.rollout.journal import (
    CONFIRMED,
    FAILED,
    FETCHED,
    HEALTHY,
    ROLLED_BACK,
    SWITCHED,
)
from jetson_kit.fleet.rollout.steps import Steps
from jetson_kit.fleet.rollout.transport import DONE, Device, Reply

NOWHERE = "there is no image to go back to"


def scope(steps: Steps) -> tuple[str, ...]:
    """Return the hosts that the stop of this rollout puts back, and all that are on trial."""
    record = steps.record
    among: set[str] = set(record.hosts)
    if steps.plan.scope == "batch":
        here = record.stopped_in
        among = set(record.waves[here].hosts) if 0 <= here < len(record.waves) else set()
        # The last round has those that were held: none of the batches before is part of it.
        if here >= len(record.waves):
            among = {name for name, host in record.hosts.items() if host.late}
    return tuple(
        name
        for name, host in record.hosts.items()
        if host.unsure
        or host.state in journals.ON_TRIAL
        or (host.state == CONFIRMED and name in among)
    )


def back(steps: Steps, hosts: Sequence[str], why: str) -> None:
    """Put hosts back to what they were on before this rollout; nothing is done where they are.

    A host that failed stays `failed`, others become `rolled-back`. One that can't be reached
    stays unsure.
    """
    todo = []
    for name, reply in steps.ask("look", steps.transport.look, hosts).items():
        if reply.device is None or reply.kind != DONE:
            _lost(steps, name, reply)
        elif not steps.host(name).ours:
            _as_it_was(steps, name)
        elif reply.device.image_id != steps.image_id:
            _is_back(steps, name, reply.device, why)
        elif not reply.device.previous:
            _stays(steps, name)
        else:
            todo.append(name)
    if not todo:
        return
    replies = steps.ask(
        "rollback", lambda names: steps.transport.rollback(names, why), todo, retry_on=()
    )
    for name, reply in steps.ask("look", steps.transport.look, todo).items():
        reported = replies[name]
        if reply.device is None or reply.kind != DONE:
            _lost(steps, name, reply)
        elif reply.device.image_id == steps.image_id:
            _lost(steps, name, reported)
        else:
            message = why if reported.kind == DONE else f"{why}; {reported.message}"
            _is_back(steps, name, reply.device, message, reported.seconds)


def _is_back(
    steps: Steps, name: str, device: Device, why: str, seconds: float | None = None
) -> None:
    host = steps.host(name)
    facts = {"image_id": device.image_id, "unsure": False, "seconds": seconds}
    if host.state == FAILED:
        steps.put(name, FAILED, **facts)
    else:
        steps.put(name, ROLLED_BACK, why=why, **facts)


def _as_it_was(steps: Steps, name: str) -> None:
    """Note a host that was on the image before: it has nothing to be undone."""
    host = steps.host(name)
    if host.state == FAILED:
        steps.put(name, FAILED, unsure=False, image_id=steps.image_id)
    elif host.state in (FETCHED, SWITCHED, HEALTHY):
        steps.put(name, FETCHED, why="it was on the image before", image_id=steps.image_id)


def _stays(steps: Steps, name: str) -> None:
    why = "; ".join(filter(None, (steps.host(name).why, NOWHERE)))
    steps.put(name, FAILED, why=why, unsure=False, image_id=steps.image_id)


def _lost(steps: Steps, name: str, reply: Reply) -> None:
    message = f"could not be put back: {reply.message or reply.kind}"
    why = steps.host(name).why.partition("; could not be put back")[0]
    steps.put(name, FAILED, why="; ".join(filter(None, (why, message))), unsure=True)
