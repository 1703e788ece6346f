"""Switch, confirm, go back: each is one atomic write of state.json, then the service follows."""

import time
from typing import Any, Dict, Optional

from mediapipe_image import disk, guarded, holders, records, service, state_files, trust
from mediapipe_image import state as states
from mediapipe_image.errors import (
    BadInputError,
    HeldError,
    ImageError,
    IntegrityError,
    StepFailedError,
    UnhealthyError,
)
from mediapipe_image.settings import Settings
from mediapipe_image.state import GOOD, TRIAL, Entry, State

LOCK = "state"
NOTHING = "none"
# What stands in place of a rollout's id where this device took the image from its channel.
CHANNEL, CHANNEL_CAME = "channel", "its channel"
WAIT_S = 30.0
HOLD_TEXT = 200
# A trial that failed, and the engine has nothing from before it.
STAYS = "stays"
STAYED = "it stays, as no image from before it is there; fetch one again"


def held() -> str:
    """Return why the application wants no update now, or an empty string."""
    try:
        # The application may write there: a link, a FIFO and a folder are a "not now", too.
        text = guarded.begin(disk.HOLD, HOLD_TEXT).decode("utf-8", "replace")
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except (IntegrityError, OSError):
        return "held"
    return "".join(item if item.isprintable() else " " for item in text).strip() or "held"


def switch(
    image_id: str,
    settings: Settings,
    *,
    rollout: str,
    why: str,
    limit_s: Optional[float],
    trial_s: float = 0.0,
    seen: Optional[str] = None,
) -> Dict[str, Any]:
    """Put the device on an image, on trial; wait for it to be healthy, else go back.

    `limit_s`: until it must be healthy; `trial_s`: until it must be confirmed (0: by the settings);
    `seen`: what it must be on still, `none` is nothing.
    Raises HeldError, StepFailedError where the image is not whole, UnhealthyError after going back,
    BadInputError where it is on another image than was seen.
    """
    started = time.monotonic()
    with disk.locked(LOCK, WAIT_S):
        state = state_files.mended()
        changed = state.current is None or state.current.image_id != image_id
        record = records.read(image_id)
        if changed:
            # Who came between may have had this image removed, too.
            _as_seen(state, seen)
        if record is None or not records.whole(image_id):
            raise StepFailedError(f"{image_id} is not on this device", "fetch it first")
        if changed:
            reason = held()
            if reason:
                raise HeldError(f'the application says "not now": {reason}')
            entry = Entry(
                image_id, record.release.manifest_digest, record.release.name,
                disk.now(), why[: states.LONGEST], rollout[: states.LONGEST], TRIAL,
                record.engine_id,
            )  # fmt: skip
            # Before the change: from now on no prune removes what it needs.
            holders.follow(state, entry)
            # From a trial one goes back to what was good before it.
            previous = state.previous if state.on_trial else state.current
            older = state.older if state.on_trial else state.previous
            disk.write(disk.PENDING, "switch\n")
            state = states.noted(state, "switch", image_id, why, rollout)
            state = state._replace(
                current=entry, previous=previous, older=older, boots=(disk.boot_id(),),
                limit_s=trial_s, spent_s=0.0,
            )  # fmt: skip
            state_files.write(state)
        elif not state.on_trial and service.look(settings).healthy:
            return {"changed": False, "image_id": image_id, "state": GOOD}
        problem = _start(image_id, settings, force=changed)
    problem = problem or _ill(image_id, settings, limit_s)
    if not problem:
        return {
            "changed": changed,
            "image_id": image_id,
            "state": state.current.state if state.current else "",
            "seconds": round(time.monotonic() - started, 2),
        }
    if not state.on_trial:
        raise UnhealthyError(f"{image_id} was good and is not now: {problem}")
    back = give_up(image_id, problem, settings)
    raise UnhealthyError(f"{image_id}: {problem}; {back}")


def _as_seen(state: State, seen: Optional[str]) -> None:
    """Refuse a change of what someone else has changed since. Raises BadInputError."""
    on = state.current.image_id if state.current else NOTHING
    if seen in (None, on):
        return
    if state.current is None and not state.history:
        raise BadInputError(
            f"this device knows of no image any more, and was on {seen}",
            "was it wiped, or installed anew? ./inv fleet.provision, then roll out to it again",
        )
    last = state.history[-1] if state.history else {}
    if last.get("event") == "rollback" and last.get("image_id") == seen:
        why = f": {last['why']}" if last["why"] else ""
        raise BadInputError(
            f"it was put back from {seen} meanwhile{why}", "look at it, then roll out to it again"
        )
    rollout = state.current.rollout if state.current else ""
    by = CHANNEL_CAME if rollout == CHANNEL else f"rollout {rollout}" if rollout else "somebody"
    raise BadInputError(
        f"{by} has put this device on {on} meanwhile",
        "another controller, or this device's channel, is at work on it; let that end first",
    )


def confirm(image_id: str) -> Dict[str, Any]:
    """End the trial of an image: it is good.

    Raises BadInputError where it is not current, StepFailedError where the engine lacks it.
    """
    with disk.locked(LOCK, WAIT_S):
        state = state_files.mended()
        if state.current is None or state.current.image_id != image_id:
            raise BadInputError(
                "{} is not what this device is on ({})".format(
                    image_id, state.current.image_id if state.current else "nothing"
                )
            )
        if not state.on_trial:
            return {"changed": False, "image_id": image_id, "state": GOOD}
        if not records.there(image_id):
            raise StepFailedError(f"{image_id} is gone from the engine", "fetch it again")
        _number(image_id)
        current = state.current._replace(state=GOOD)
        state = states.noted(state, "confirm", image_id, "", current.rollout)
        state_files.write(state._replace(current=current, boots=()))
        disk.remove(disk.PENDING)
        return {"changed": True, "image_id": image_id, "state": GOOD}


def _number(image_id: str) -> None:
    """Refuse older releases from now on. Before the trial ends: a power cut repeats it."""
    record = records.read(image_id)
    if record is not None:
        trust.confirmed(image_id, record.release.number, record.release.created)


def rollback(settings: Settings, why: str, leave: str = "") -> Dict[str, Any]:
    """Go back to the previous image, without network; `leave`: only from this one.

    Raises BadInputError where there is none.
    """
    started = time.monotonic()
    with disk.locked(LOCK, WAIT_S):
        state = state_files.mended()
        if leave and (state.current is None or state.current.image_id != leave):
            on = state.current.image_id if state.current else ""
            return {"changed": False, "image_id": on}
        if state.previous is None:
            raise BadInputError("there is no previous image to go back to")
        back = went_back(state, why)
        if back is None:
            raise StepFailedError(
                f"the previous image {state.previous.image_id} is gone", "fetch it again"
            )
        disk.write(disk.PENDING, "rollback\n")
        state = back
        state_files.write(state)
        holders.follow(state)
        image_id = state.current.image_id if state.current else ""
        problem = _start(image_id, settings, force=True)
    problem = problem or _ill(image_id, settings)
    if problem:
        raise UnhealthyError(f"went back to {image_id}, which is {problem}")
    _settled(image_id)
    return {
        "changed": True, "image_id": image_id, "state": GOOD,
        "seconds": round(time.monotonic() - started, 2),
    }  # fmt: skip


def _ill(image_id: str, settings: Settings, limit_s: Optional[float] = None) -> str:
    """Wait until the service is healthy; return why it is not, or an empty string."""
    limit = settings.healthy_limit_s if limit_s is None else limit_s
    try:
        service.wait_healthy(image_id, settings, limit)
    except StepFailedError as error:
        return error.message
    return ""


def went_back(state: State, why: str) -> Optional[State]:
    """Return the state after going back; from a good image one can go forth again.

    From a trial one goes back to the newest image before it that the engine still has. None: it has
    none of them, and what runs is better than nothing.
    """
    left, previous, older = state.current, state.previous, state.older
    ways = [(previous, older), (older, None)] if state.on_trial else [(previous, older)]
    for target, rest in ways:
        if target is None or not records.there(target.image_id):
            continue
        rollout = left.rollout if left else ""
        back = target._replace(state=GOOD, since=disk.now(), why=why, rollout=rollout)
        if state.on_trial or left is None or not records.there(left.image_id):
            before = State(current=back, previous=rest)
        else:
            before = State(current=back, previous=left, older=rest)
        result = before._replace(history=state.history)
        return states.noted(result, "rollback", left.image_id if left else "", why, rollout)
    return None


def give_up(image_id: str, why: str, settings: Settings) -> str:
    """Leave a trial that failed; return in words where to. Whoever came first is right."""
    with disk.locked(LOCK, WAIT_S):
        state = state_files.mended()
        if not state.on_trial or state.current is None or state.current.image_id != image_id:
            return "it was left before"
        back = went_back(state, why)
        if back is None and state.previous is not None:
            return _stay(state, image_id, why)
        disk.write(disk.PENDING, "rollback\n")
        if back is None:
            back = states.noted(
                State(history=state.history), "rollback", image_id, why, state.current.rollout
            )
        state_files.write(back)
        if back.current is None:
            service.stop(settings)
            disk.remove(service.ENV)
            disk.remove(disk.PENDING)
            return "there was none before it, so the service is stopped"
        target = back.current.image_id
        problem = _start(target, settings, force=True)
        holders.follow(back)
    problem = problem or _ill(target, settings)
    if problem:
        return f"went back to {target}, which is {problem}"
    _settled(target)
    return f"went back to {target}"


def _stay(state: State, image_id: str, why: str) -> str:
    """Leave a trial as it is, since nothing before it is there; that is noted once."""
    if not state.history or state.history[-1]["event"] != STAYS:
        rollout = state.current.rollout if state.current else ""
        state_files.write(states.noted(state, STAYS, image_id, why, rollout))
    return STAYED


def _settled(image_id: str) -> None:
    """Nothing is unfinished any more, if nothing came between."""
    with disk.locked(LOCK, WAIT_S):
        state = state_files.mended()
        if not state.on_trial and state.current and state.current.image_id == image_id:
            disk.remove(disk.PENDING)


def _start(image_id: str, settings: Settings, *, force: bool) -> str:
    """Make the service run an image; return what is wrong, in words, or nothing."""
    try:
        service.write_env(image_id, settings)
        if force or service.look(settings, probe=False).image_id != image_id:
            service.restart(settings)
    except ImageError as error:
        return error.message
    return ""
