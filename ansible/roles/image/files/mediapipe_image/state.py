"""Which image this device is on, which it came from, and why: state.json."""

from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from mediapipe_image import disk
from mediapipe_image.errors import IntegrityError

SCHEMA = "mediapipe-jetson/device/1"
TRIAL, GOOD = "trial", "good"
HISTORY = 50
PATH = disk.LIB / "state.json"


class Entry(NamedTuple):
    """An image that the device is or was on."""

    image_id: str
    manifest_digest: str
    reference: str
    since: str
    why: str
    rollout: str
    state: str


class State(NamedTuple):
    """All of it; `older` is what `previous` would go back to."""

    current: Optional[Entry] = None
    previous: Optional[Entry] = None
    older: Optional[Entry] = None
    # The boots in which the current trial was started.
    boots: Tuple[str, ...] = ()
    history: Tuple[Dict[str, str], ...] = ()

    @property
    def on_trial(self) -> bool:
        """Tell whether the current image has not been confirmed."""
        return self.current is not None and self.current.state == TRIAL

    def image_ids(self) -> List[str]:
        """Return the images that are needed, the current one first."""
        return [one.image_id for one in (self.current, self.previous, self.older) if one]


def read() -> State:
    """Return the state; a device without one is on nothing. Raises IntegrityError."""
    body = disk.read_json(PATH)
    if body is None:
        return State()
    try:
        if body["schema"] != SCHEMA:
            raise IntegrityError("{} is of schema {}".format(PATH, body["schema"]))
        return State(
            _entry(body["current"]),
            _entry(body["previous"]),
            _entry(body["older"]),
            tuple(body["boots"]),
            tuple(body["history"]),
        )
    except (KeyError, TypeError) as error:
        raise IntegrityError(f"{PATH} is damaged: {error!r}") from error


def write(state: State) -> None:
    """Write the state to the disk: the one atomic step of every change."""
    disk.write_json(PATH, as_json(state))


def as_json(state: State) -> Dict[str, Any]:
    """Return the state as its document."""
    body: Dict[str, Any] = {"schema": SCHEMA, "boots": state.boots, "history": state.history}
    for name in ("current", "previous", "older"):
        entry = getattr(state, name)
        body[name] = dict(entry._asdict()) if entry else None
    return body


def noted(state: State, event: str, image_id: str, why: str, rollout: str) -> State:
    """Return the state with one more row of history."""
    row = {
        "at": disk.now(), "event": event, "image_id": image_id, "why": why, "rollout": rollout
    }  # fmt: skip
    return state._replace(history=(*state.history, row)[-HISTORY:])


def _entry(body: Optional[Dict[str, str]]) -> Optional[Entry]:
    return None if body is None else Entry(**body)
