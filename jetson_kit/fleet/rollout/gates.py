"""The gates of a rollout: verified, not slower than before, healthy for the whole soak."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from jetson_kit.fleet.rollout import journal as journals
from jetson_kit.fleet.rollout.plan import Plan
from jetson_kit.fleet.rollout.steps import Steps
from jetson_kit.fleet.rollout.transport import DONE, UNREACHABLE, Device, Reply

# How the reason of a rollback by a controller begins (rollback.py).
BY_HAND = "rollback "
WIPED = (
    "knows of no image any more: was it wiped, or installed anew? ./inv fleet.provision, then "
    "roll out to it again"
)
# How long an application on trial may take beyond the soak until its health check tells its pace.
PACE_S = 60.0


def application_ms(device: Device, plan: Plan) -> float:
    """Return how slow the application of the image before is (p95); 0 where it is not known."""
    return device.pace.latency_p95_ms if plan.latency_factor and device.pace else 0.0


def baseline(steps: Steps, hosts: Sequence[str]) -> None:
    """Measure the latency with the image before, where it is to be judged and is not known."""
    if steps.plan.verify == "none" or not steps.plan.latency_factor:
        return
    todo = [
        name
        for name in hosts
        if not steps.host(name).baseline_ms
        and steps.host(name).before not in (None, "", steps.image_id)
        # A switch that was cut off: it may be on the new one.
        and steps.host(name).doing != "switch"
    ]
    replies = steps.ask("baseline", steps.transport.verify, todo)
    for name, reply in replies.items():
        # An image that can't be measured any more is no reason to keep it.
        if reply.kind == DONE:
            steps.put(name, baseline_ms=dict(reply.latency_ms))


def verify(steps: Steps, hosts: Sequence[str]) -> None:
    """Fail those hosts whose verification is not as expected, or that are slower than before."""
    if steps.plan.verify == "none":
        return
    for name, reply in steps.ask("verify", steps.transport.verify, hosts).items():
        if reply.kind != DONE:
            steps.fail(name, f"verify: {_reason(reply)}", unsure=True)
            continue
        steps.put(name, latency_ms=dict(reply.latency_ms))
        slow = slower(
            steps.host(name).baseline_ms,
            reply.latency_ms,
            steps.plan.latency_factor,
            steps.plan.latency_slack_ms,
        )
        if slow:
            steps.fail(name, slow, unsure=True)


def slower(
    before: Mapping[str, float], now: Mapping[str, float], factor: float, slack_ms: float
) -> str:
    """Return which task became too slow, "" if none did; `factor` 0 judges nothing."""
    if not factor:
        return ""
    worst = ""
    most = 0.0
    for task, old in before.items():
        new = now.get(task)
        if new is None:
            return f"{task} has no latency any more, it had {old:.1f} ms"
        over = new - max(old * factor, old + slack_ms)
        if over > most:
            most, worst = over, f"{task} takes {new:.1f} ms, with the image before {old:.1f} ms"
    return worst


def soak(steps: Steps, hosts: Sequence[str], first_replies: Mapping[str, Reply]) -> None:
    """Watch hosts for the plan's time; those that stay healthy become `healthy`.

    `first_replies` are replies of the step before, as recent as a look at the hosts.
    """
    if not hosts:
        return
    steps.check()
    steps.journal.append("doing", step="soak", hosts=list(hosts))
    for name, problem in watch(steps, hosts, steps.plan.soak_s, first_replies, paced=True).items():
        if problem:
            steps.fail(name, problem, unsure=True)
        else:
            steps.put(name, journals.HEALTHY, image_id=steps.image_id)


def watch(
    steps: Steps,
    hosts: Sequence[str],
    seconds: float,
    first_replies: Mapping[str, Reply],
    *,
    paced: bool = False,
) -> dict[str, str]:
    """Look at hosts for a while; return what is wrong with each, "" where the last look was good.

    `first_replies` replaces the first look at those hosts whose own status is in it. After a result
    that leaves a doubt (no answer) a host is looked at again, as often as the plan tries things.
    `paced`: an application that reported its pace before must report it again, and not be slower by
    more than the plan allows.
    """
    begun = steps.clock.monotonic()
    doubts = dict.fromkeys(hosts, 0)
    result: dict[str, str] = {}
    while True:
        left = [name for name in hosts if name not in result]
        known = {
            name: first_replies[name]
            for name in left
            if name in first_replies and first_replies[name].device
        }
        first_replies = {}
        unseen = [name for name in left if name not in known]
        replies = {**known, **(steps.transport.look(unseen) if unseen else {})}
        past = steps.clock.monotonic() - begun
        for name in left:
            reply = replies.get(name, Reply(UNREACHABLE, "no answer"))
            confirmed = steps.host(name).state == journals.CONFIRMED
            problem, sure = judge(reply, steps.image_id, steps.record.id, confirmed=confirmed)
            doubts[name] = doubts[name] + 1 if problem else 0
            if problem and (sure or doubts[name] >= steps.plan.tries):
                result[name] = problem
            elif not problem and past >= seconds and reply.device and reply.device.healthy:
                slow = _application(steps, name, reply.device, past - seconds) if paced else ""
                if slow is not None:
                    result[name] = slow
            elif past >= seconds + steps.plan.step_limit_s:
                result[name] = problem or "the service is still starting"
        if len(result) == len(hosts):
            return {name: result[name] for name in hosts}
        rest = seconds - past
        steps.sleep(min(steps.plan.poll_s, rest) if rest > 0 else steps.plan.poll_s)


def _application(steps: Steps, name: str, device: Device, waited_s: float) -> str | None:
    """Return why an application is too slow beside the one before, "" if not; None is not known.

    One with limits of its own is held to those, by its health check.
    """
    before = steps.host(name).baseline_application_ms
    if not before or not steps.plan.latency_factor:
        return ""
    if device.pace is None:
        # An image whose application tells nothing any more is no slower one.
        return "" if waited_s >= PACE_S else None
    now = device.pace.latency_p95_ms
    steps.put(name, application_ms=now)
    if device.pace.limited:
        return ""
    return slower(
        {"the application": before},
        {"the application": now},
        steps.plan.latency_factor,
        steps.plan.latency_slack_ms,
    )


def judge(
    reply: Reply, image_id: str, rollout: str, *, confirmed: bool = False
) -> tuple[str, bool]:
    """Return what is wrong with a host that must be on an image, and whether that is sure.

    `confirmed`: its trial must have ended.
    """
    device = reply.device
    if reply.kind != DONE or device is None:
        return _reason(reply), False
    if device.image_id != image_id:
        return _elsewhere(device, image_id, rollout, confirmed=confirmed), True
    doubt = device.problem or ("is on trial again" if confirmed and device.trial else "")
    if not doubt and device.running not in ("", image_id):
        doubt = "runs another image than its state says"
    if doubt:
        return doubt, False
    if device.healthy is False:
        return f"is not healthy: {device.ended}" if device.ended else "is not healthy", True
    return "", True


def _elsewhere(device: Device, image_id: str, rollout: str, *, confirmed: bool) -> str:
    """Return why a host is not on an image, by its own report."""
    if device.went_back(image_id, rollout):
        by_hand = device.why.startswith(BY_HAND)
        how = "went back" if confirmed or by_hand else "went back by itself"
        return f"{how}: {device.why or 'no reason given'}"
    if not device.image_id and not device.left:
        return WIPED
    return f"is not on the image: {device.why}" if device.why else "is not on the image"


def _reason(reply: Reply) -> str:
    return reply.message or reply.kind
