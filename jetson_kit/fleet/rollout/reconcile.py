"""What devices say of themselves, taken into the journal: their own word is the truth."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping

from jetson_kit.fleet.rollout import gates
from jetson_kit.fleet.rollout.journal import CONFIRMED, FAILED, FETCHED, PENDING
from jetson_kit.fleet.rollout.steps import Steps
from jetson_kit.fleet.rollout.transport import DONE, LOST, Device, Reply


def agree(steps: Steps, seen: MutableMapping[str, float]) -> None:
    """Look at the confirmed hosts, but for those that were seen just now.

    One that is not on the image, healthy, has failed; one that gives no answer stays open. `seen`
    has when each was seen, by the monotonic clock.
    """
    latest = steps.clock.monotonic() - steps.plan.poll_s
    todo = [name for name in steps.names(CONFIRMED) if seen.get(name, latest) <= latest]
    replies = steps.ask("look", steps.transport.look, todo, retry_on=LOST)
    for name in [item for item in todo if replies[item].kind in LOST]:
        reply = replies[name]
        why = f"it was confirmed and gives no answer now: {reply.message or reply.kind}"
        steps.put(name, why=why, unseen=True)
    there = [name for name in todo if replies[name].kind not in LOST]
    for name, problem in (gates.watch(steps, there, 0.0, replies) if there else {}).items():
        device = replies[name].device
        facts = {"image_id": device.image_id} if device else {}
        if problem:
            steps.put(name, FAILED, why=problem, unsure=False, unseen=False, **facts)
            continue
        seen[name] = steps.clock.monotonic()
        if steps.host(name).unseen:
            steps.put(name, why="", unseen=False)


def take_in(
    steps: Steps, name: str, reply: Reply, doing: str, foreign: Callable[[Device], str]
) -> None:
    """Take a host's first answer of a run in; `doing` is what the run before was at.

    `foreign` returns who else has it on trial, "" for nobody.
    """
    host, device, rollout = steps.host(name), reply.device, steps.journal.record.id
    if reply.kind != DONE or device is None:
        # Of a host that was touched the step that is due will tell the same, and undo more.
        if host.state == PENDING:
            steps.fail(name, reply.message or reply.kind, unsure=False)
        return
    if host.before is None:
        problem = foreign(device)
        if problem:
            steps.fail(name, problem, unsure=False)
            return
        good = device.image_id == steps.image_id and not device.trial
        left = device.image_id == steps.image_id and device.trial
        before = device.previous if left else device.image_id
        slowest = 0.0 if good or left else gates.application_ms(device, steps.plan)
        steps.put(
            name,
            before=before,
            ours=not good,
            image_id=device.image_id,
            baseline_application_ms=slowest,
            **({"machine": device.machine} if device.machine else {}),
        )
    elif host.state == FETCHED and (problem := foreign(device)):
        steps.fail(name, problem, unsure=False)
    elif host.state == FETCHED and doing == "switch":
        # The switch was cut off from us, not from the device: that it failed is known by now.
        problem, _ = gates.judge(reply, steps.image_id, rollout)
        if device.went_back(steps.image_id, rollout):
            steps.fail(name, problem, unsure=True)
