"""What systemd calls: before each start of the service, and while something is unfinished."""

import contextlib
import sys
import time
from typing import Any, Dict, Optional, Tuple

from mediapipe_image import change, disk, ending, holders, records, service, state_files, trial
from mediapipe_image.errors import (
    BadInputError,
    BusyError,
    ImageError,
    StepFailedError,
)
from mediapipe_image.settings import Settings, load
from mediapipe_image.state import State

EACH_S = 2.0
# Where nothing is left to go back to, until someone brings it.
STUCK_S = 60.0
BOOTS = 50
# In /run: a new boot gives an unhealthy trial its full time again.
SEEN = disk.RUN / "watch.json"


def settle() -> Dict[str, Any]:
    """Before the service starts: make current.env follow the state, and count a trial's boots.

    Raises BadInputError where no image was chosen, StepFailedError where it is gone and no other
    is there.
    """
    settings = _settings()
    _pause()
    try:
        # Held where a switch or a rollback restarts the service: it has seen to the state.
        with disk.locked(change.LOCK):
            state = _before_start(state_files.mended(), settings or Settings())
    except BusyError:
        state = state_files.read()
    if state.current is None:
        # The unit tries again after this, and not every two seconds for ever.
        time.sleep(ending.LONGEST_PAUSE_S)
        raise BadInputError("no image was chosen", "run: mediapipe-image switch IMAGE_ID")
    service.write_env(state.current.image_id, settings)
    return {"changed": False, "image_id": state.current.image_id}


def _pause() -> None:
    """Wait a little longer each time that the image ended at once; a restart on request cuts it."""
    with contextlib.suppress(ImageError):
        current = state_files.read().current
        if current is not None:
            time.sleep(ending.pause(current.image_id))


def _settings() -> Optional[Settings]:
    """Return the settings, None where they are damaged: what ran goes on as it ran."""
    try:
        return load()
    except ImageError as error:
        sys.stderr.write(
            f"warning: {error.message}; the options of the last start hold; "
            "write it anew: ./inv fleet.provision\n"
        )
        return None


def _before_start(state: State, settings: Settings) -> State:
    """Return the state with which the service may start: what it names is there."""
    back = None
    if state.current is not None and not records.there(state.current.image_id):
        back = change.went_back(state, "the image is gone")
        if back is None:
            raise StepFailedError(
                f"{state.current.image_id} is gone from the engine, and so is what was before it",
                "roll a release out again",
            )
    elif state.on_trial and disk.boot_id() not in state.boots:
        boots = (*state.boots, disk.boot_id())[-BOOTS:]
        state = state._replace(boots=boots)
        state_files.write(state)
        if len(boots) > settings.trial_boots:
            back = change.went_back(state, "the device restarted too often on trial")
    if back is not None:
        state_files.write(back)
        state = back
    if state.on_trial and not disk.PENDING.is_file():
        disk.write(disk.PENDING, "trial\n")
    return state


def watch(settings: Settings) -> Dict[str, Any]:
    """One look, while a change is unfinished: finish it, or leave a trial that is over.

    It is over where it was not healthy, or not confirmed, for too long.
    """
    try:
        with disk.locked(change.LOCK):
            state = state_files.mended()
            if state.current is None or not (state.on_trial or disk.PENDING.exists()):
                disk.remove(disk.PENDING)
                return {"changed": False, "pending": False}
            if not disk.PENDING.is_file():
                disk.write(disk.PENDING, "trial\n")
            disk.sweep(disk.LIB)
            image_id = state.current.image_id
            why = ""
            if state.on_trial:
                state, over = trial.counted(state, settings)
                if over:
                    why = f"not confirmed within {trial.limit(state, settings):.0f} s"
            if not why:
                done, behind, why = _look(state, settings)
                if done:
                    disk.remove(disk.PENDING)
                    return {"changed": True, "pending": False, "image_id": image_id}
    except BusyError:
        return {"changed": False, "pending": True}
    if why:
        back = change.give_up(image_id, why, settings)
        stays = back == change.STAYED
        return {"changed": not stays, "pending": stays, "image_id": image_id, "back": back}
    return {"changed": behind, "pending": True, "image_id": image_id}


def _look(state: State, settings: Settings) -> Tuple[bool, bool, str]:
    """Return whether the change is finished, whether the service had to follow, and what is over.

    Only for the holder of the lock, with a state that has an image.
    """
    image_id = state.image_ids()[0]
    seen = service.look(settings)
    # No container at all is a start that is under way, unless the unit says otherwise.
    behind = seen.image_id not in ("", image_id) or seen.unit in ("inactive", "failed")
    if behind:
        service.write_env(image_id, settings)
        service.restart(settings)
    elif seen.healthy and not state.on_trial:
        return True, False, ""
    overdue = state.on_trial and _overdue(state, seen, settings)
    if not overdue:
        return False, behind, ""
    why = ending.words(image_id) or ending.of_container(settings)
    return False, behind, f"not healthy on trial for too long; {why}"


def follow(settings: Settings) -> Dict[str, Any]:
    """Look again and again until nothing is unfinished; see that what is needed is held."""
    with contextlib.suppress(BusyError), disk.locked(change.LOCK):
        holders.follow(state_files.mended())
    while True:
        result = watch(settings)
        if "back" in result:
            sys.stderr.write("{image_id}: {back}\n".format(**result))
        if not result["pending"]:
            return result
        time.sleep(STUCK_S if "back" in result else EACH_S)


def _overdue(state: State, seen: service.Look, settings: Settings) -> bool:
    """Tell whether the trial had its time; counted in time since boot, as clocks may be wrong."""
    if state.current is None:
        return False
    key = [state.current.image_id, state.current.since]
    good_at = disk.marked(SEEN, key, "good_at")
    if good_at is None or seen.healthy:
        disk.write_json(SEEN, {"key": key, "good_at": disk.uptime()})
        return False
    return bool(disk.uptime() - good_at > settings.healthy_limit_s)
