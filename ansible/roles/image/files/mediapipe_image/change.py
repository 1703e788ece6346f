"""Switch, confirm, go back: each is one atomic write of state.json, then the service follows."""

import time
from typing import Any, Dict, Optional

from mediapipe_image import disk, engine, records, service, trust
from mediapipe_image import state as states
from mediapipe_image.errors import (
    BadInputError,
    HeldError,
    ImageError,
    StepFailedError,
    UnhealthyError,
)
from mediapipe_image.settings import Settings
from mediapipe_image.state import GOOD, TRIAL, Entry, State

LOCK = "state"
WAIT_S = 30.0
HOLD_TEXT = 200


def held() -> str:
    """Return why the application wants no update now, or an empty string."""
    if not disk.HOLD.exists() and not disk.HOLD.is_symlink():
        return ""
    try:
        # Others than root may write there: no link is followed, little is read.
        if disk.HOLD.is_symlink() or not disk.HOLD.is_file():
            return "held"
        with disk.HOLD.open("rb") as stream:
            text = stream.read(HOLD_TEXT).decode("utf-8", "replace")
    except OSError:
        return "held"
    return "".join(one if one.isprintable() else " " for one in text).strip() or "held"


def switch(
    image_id: str, settings: Settings, *, rollout: str, why: str, limit_s: Optional[float]
) -> Dict[str, Any]:
    """Put the device on an image, on trial; wait for it to be healthy, else go back.

    Raises HeldError, StepFailedError where the image is not whole, UnhealthyError after going back.
    """
    started = time.monotonic()
    with disk.locked(LOCK, WAIT_S):
        state = states.read()
        record = records.read(image_id)
        if record is None or not records.whole(image_id):
            raise StepFailedError(f"{image_id} is not on this device", "fetch it first")
        changed = state.current is None or state.current.image_id != image_id
        if changed:
            reason = held()
            if reason:
                raise HeldError(f'the application says "not now": {reason}')
            entry = Entry(
                image_id, record.release.manifest_digest, record.release.name,
                disk.now(), why, rollout, TRIAL,
            )  # fmt: skip
            # From a trial one goes back to what was good before it.
            previous = state.previous if state.on_trial else state.current
            older = state.older if state.on_trial else state.previous
            disk.write(disk.PENDING, "switch\n")
            state = states.noted(state, "switch", image_id, why, rollout)
            state = state._replace(
                current=entry, previous=previous, older=older, boots=(disk.boot_id(),)
            )
            states.write(state)
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


def confirm(image_id: str) -> Dict[str, Any]:
    """End the trial of an image: it is good. Raises BadInputError where it is not current."""
    with disk.locked(LOCK, WAIT_S):
        state = states.read()
        if state.current is None or state.current.image_id != image_id:
            raise BadInputError(
                "{} is not what this device is on ({})".format(
                    image_id, state.current.image_id if state.current else "nothing"
                )
            )
        if not state.on_trial:
            return {"changed": False, "image_id": image_id, "state": GOOD}
        _number(image_id)
        current = state.current._replace(state=GOOD)
        state = states.noted(state, "confirm", image_id, "", current.rollout)
        states.write(state._replace(current=current, boots=()))
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
        state = states.read()
        if leave and (state.current is None or state.current.image_id != leave):
            on = state.current.image_id if state.current else ""
            return {"changed": False, "image_id": on}
        if state.previous is None:
            raise BadInputError("there is no previous image to go back to")
        if engine.image(records.engine_id(state.previous.image_id)) is None:
            raise StepFailedError(
                f"the previous image {state.previous.image_id} is gone", "fetch it again"
            )
        disk.write(disk.PENDING, "rollback\n")
        state = went_back(state, why)
        states.write(state)
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


def went_back(state: State, why: str) -> State:
    """Return the state after going back; from a good image one can go forth again."""
    left, target = state.current, state.previous
    rollout = left.rollout if left else ""
    if target is not None:
        target = target._replace(state=GOOD, since=disk.now(), why=why, rollout=rollout)
    previous, older = (state.older, None) if state.on_trial else (left, state.older)
    made = state._replace(current=target, previous=previous, older=older, boots=())
    return states.noted(made, "rollback", left.image_id if left else "", why, rollout)


def give_up(image_id: str, why: str, settings: Settings) -> str:
    """Leave a trial that failed; return in words where to. Whoever came first is right."""
    with disk.locked(LOCK, WAIT_S):
        state = states.read()
        if not state.on_trial or state.current is None or state.current.image_id != image_id:
            return "it was left before"
        disk.write(disk.PENDING, "rollback\n")
        state = went_back(state, why)
        states.write(state)
        if state.current is None:
            service.stop(settings)
            disk.remove(service.ENV)
            disk.remove(disk.PENDING)
            return "there was none before it, so the service is stopped"
        target = state.current.image_id
        problem = _start(target, settings, force=True)
    problem = problem or _ill(target, settings)
    if problem:
        return f"went back to {target}, which is {problem}"
    _settled(target)
    return f"went back to {target}"


def _settled(image_id: str) -> None:
    """Nothing is unfinished any more, if nothing came between."""
    with disk.locked(LOCK, WAIT_S):
        state = states.read()
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
