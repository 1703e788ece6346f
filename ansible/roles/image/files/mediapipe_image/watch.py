"""What systemd calls: before each start of the service, and while something is unfinished."""

import time
from typing import Any, Dict

from mediapipe_image import change, disk, service
from mediapipe_image import state as states
from mediapipe_image.errors import BadInputError, BusyError
from mediapipe_image.settings import Settings

# In /run: a new boot gives a trial its full time again.
EACH_S = 2.0
SEEN = disk.RUN / "watch.json"


def settle(settings: Settings) -> Dict[str, Any]:
    """Before the service starts: make current.env follow state.json, and count a trial's boots.

    Raises BadInputError where no image was chosen.
    """
    try:
        # Held where a switch or a rollback restarts the service: it has seen to the state.
        with disk.locked(change.LOCK):
            state = states.read()
            if state.on_trial and disk.boot_id() not in state.boots:
                state = state._replace(boots=(*state.boots, disk.boot_id()))
                if len(state.boots) > settings.trial_boots and state.previous is not None:
                    state = change.went_back(state, "the device restarted too often on trial")
                states.write(state)
    except BusyError:
        state = states.read()
    if state.current is None:
        raise BadInputError("no image was chosen", "run: mediapipe-image switch IMAGE_ID")
    service.write_env(state.current.image_id, settings)
    return {"changed": False, "image_id": state.current.image_id}


def watch(settings: Settings) -> Dict[str, Any]:
    """One look, while a change is unfinished: finish it, or leave a trial that is not healthy."""
    try:
        with disk.locked(change.LOCK):
            if not disk.PENDING.exists():
                return {"changed": False, "pending": False}
            disk.sweep(disk.LIB)
            state = states.read()
            if state.current is None:
                disk.remove(disk.PENDING)
                return {"changed": False, "pending": False}
            image_id = state.current.image_id
            seen = service.look(settings)
            # No container at all is a start that is under way, unless the unit says otherwise.
            behind = seen.image_id not in ("", image_id) or seen.unit in ("inactive", "failed")
            if behind:
                service.write_env(image_id, settings)
                service.restart(settings)
            elif seen.healthy and not state.on_trial:
                disk.remove(disk.PENDING)
                return {"changed": True, "pending": False, "image_id": image_id}
            overdue = state.on_trial and _overdue(state, seen, settings)
    except BusyError:
        return {"changed": False, "pending": True}
    if overdue:
        back = change.give_up(image_id, "not healthy on trial for too long", settings)
        return {"changed": True, "pending": False, "image_id": image_id, "back": back}
    return {"changed": behind, "pending": True, "image_id": image_id}


def follow(settings: Settings) -> Dict[str, Any]:
    """Look again and again until nothing is unfinished."""
    while True:
        found = watch(settings)
        if not found["pending"]:
            return found
        time.sleep(EACH_S)


def _overdue(state: states.State, seen: service.Look, settings: Settings) -> bool:
    """Tell whether the trial had its time; counted in time since boot, as clocks may be wrong."""
    if state.current is None:
        return False
    key = [state.current.image_id, state.current.since]
    kept = disk.read_json(SEEN)
    if kept is None or kept.get("key") != key or seen.healthy:
        disk.write_json(SEEN, {"key": key, "good_at": disk.uptime()})
        return False
    return bool(disk.uptime() - float(kept["good_at"]) > settings.healthy_limit_s)
