"""How long a trial has taken: in time that the device ran, over all its boots.

The clock on the wall counts for nothing: boards without a battery begin in the past, and jump.
"""

from typing import Tuple

from mediapipe_image import disk, state_files
from mediapipe_image.settings import Settings
from mediapipe_image.state import State

# In /run: until when this boot's time is in the state already.
MARK = disk.RUN / "trial.json"
# What a power cut can lose of it each time; a short trial is written down more often.
EACH_S = 30.0
PARTS = 10


def limit(state: State, settings: Settings) -> float:
    """Return the seconds that the current trial may take in all."""
    return state.limit_s or settings.trial_limit_s


def counted(state: State, settings: Settings) -> Tuple[State, bool]:
    """Return the state with the trial's time until now, written down when it is time to.

    The second tells whether the trial is over its limit. Only for the holder of the state's lock.
    """
    key, now = _key(state), disk.uptime()
    until = _until(state, key)
    result = state._replace(spent_s=state.spent_s + max(0.0, now - until))
    most = limit(state, settings)
    over = result.spent_s >= most
    if over or now - until >= min(EACH_S, most / PARTS):
        state_files.write(result)
        disk.write_json(MARK, {"key": key, "until": now})
    return result, over


def _until(state: State, key: str) -> float:
    """Return the uptime until which `spent_s` counts."""
    mark = disk.marked(MARK, key, "until")
    if mark is not None:
        return mark
    # A boot in which it was on trial from the start counts from the start.
    until = disk.uptime() if disk.boot_id() in state.boots[:1] else 0.0
    disk.write_json(MARK, {"key": key, "until": until})
    return until


def _key(state: State) -> str:
    return f"{state.current.image_id} {state.current.since}" if state.current else ""
