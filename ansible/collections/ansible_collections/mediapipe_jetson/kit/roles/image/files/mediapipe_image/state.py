"""Which image this device is on, which it came from, and why."""

from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from mediapipe_image import disk
from mediapipe_image.errors import IntegrityError
from mediapipe_image.strict import DIGEST

SCHEMA = "mediapipe-jetson/device/1"
TRIAL, GOOD = "trial", "good"
HISTORY = 50
LONGEST = 500
ENTRIES = ("current", "previous", "older")


class Entry(NamedTuple):
    """An image that the device is or was on."""

    image_id: str
    manifest_digest: str
    reference: str
    since: str
    why: str
    rollout: str
    state: str
    # What the engine calls it; empty in states of older programs.
    engine_id: str = ""


class State(NamedTuple):
    """All of it; `older` is what `previous` would go back to."""

    current: Optional[Entry] = None
    previous: Optional[Entry] = None
    older: Optional[Entry] = None
    # The boots in which the current trial was started.
    boots: Tuple[str, ...] = ()
    history: Tuple[Dict[str, str], ...] = ()
    # Seconds that the current trial may take in all (0: as the settings say), and has taken.
    limit_s: float = 0.0
    spent_s: float = 0.0

    @property
    def on_trial(self) -> bool:
        """Tell whether the current image has not been confirmed."""
        return self.current is not None and self.current.state == TRIAL

    def entries(self) -> List[Entry]:
        """Return the images that are needed, the current one first."""
        return [item for item in (self.current, self.previous, self.older) if item]

    def image_ids(self) -> List[str]:
        """Return their ids."""
        return [entry.image_id for entry in self.entries()]


def parse(body: Dict[str, Any], what: str) -> State:
    """Return the state that a document holds. Raises IntegrityError."""
    try:
        if body["schema"] != SCHEMA:
            raise IntegrityError("{} is of schema {}".format(what, body["schema"]))
        names = body.get("engine_ids", {})
        trial = body.get("trial", {})
        return State(
            _entry(body["current"], names),
            _entry(body["previous"], names),
            _entry(body["older"], names),
            boots=tuple(_text(boot) for boot in body["boots"]),
            history=tuple(
                {_text(name): _text(value) for name, value in row.items()}
                for row in body["history"][-HISTORY:]
            ),
            limit_s=_seconds(trial.get("limit_s", 0)),
            spent_s=_seconds(trial.get("spent_s", 0)),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise IntegrityError(f"{what} is damaged: {error!r}") from error


def as_json(state: State) -> Dict[str, Any]:
    """Return the state as its document. Older programs read it, too."""
    body: Dict[str, Any] = {
        "schema": SCHEMA,
        "boots": state.boots,
        "history": state.history,
        "engine_ids": {item.image_id: item.engine_id for item in state.entries() if item.engine_id},
        "trial": {"limit_s": state.limit_s, "spent_s": round(state.spent_s, 1)},
    }
    for name in ENTRIES:
        entry = getattr(state, name)
        body[name] = dict(entry._asdict()) if entry else None
        if entry:
            del body[name]["engine_id"]
    return body


def noted(state: State, event: str, image_id: str, why: str, rollout: str) -> State:
    """Return the state with one more row of history."""
    row = {
        "at": disk.now(), "event": event, "image_id": image_id, "why": why[:LONGEST],
        "rollout": rollout,
    }  # fmt: skip
    return state._replace(history=(*state.history, row)[-HISTORY:])


def _entry(body: Optional[Dict[str, Any]], names: Dict[str, Any]) -> Optional[Entry]:
    if body is None:
        return None
    known = {name: _text(body[name]) for name in Entry._fields if name != "engine_id"}
    result = Entry(engine_id=_text(names.get(known["image_id"], "")), **known)
    if result.state not in (TRIAL, GOOD) or not DIGEST.fullmatch(result.image_id):
        raise ValueError(f"{result.image_id} {result.state}")
    if result.engine_id and not DIGEST.fullmatch(result.engine_id):
        raise ValueError(result.engine_id)
    return result


def _seconds(value: Any) -> float:  # noqa: ANN401 # JSON
    # A text such as "inf" is none, and could not be written again.
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{value!r:.40} is no time")
    return max(0.0, float(value))


def _text(value: Any) -> str:  # noqa: ANN401 # JSON
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.40} is no text")
    return value
