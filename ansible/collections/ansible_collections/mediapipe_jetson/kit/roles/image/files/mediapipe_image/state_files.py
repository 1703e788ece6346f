"""state.json and its copy: the state survives whatever becomes of one of them.

A change is one atomic write of state.json; the copy follows. Where both are lost, the state is made
anew from what the service was started with and what the engine has.
"""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from mediapipe_image import disk
from mediapipe_image.errors import IntegrityError
from mediapipe_image.state import State, as_json, noted, parse

PATH = disk.LIB / "state.json"
COPY = disk.LIB / "state.copy.json"
DAMAGED = ".damaged"


class Found(NamedTuple):
    """The state by its files; None where none of them tells it."""

    state: Optional[State]
    problems: Tuple[str, ...]


def look() -> Found:
    """Return what the files say, and what is wrong with them."""
    problems: List[str] = []
    states: List[Optional[State]] = []
    for path in (PATH, COPY):
        try:
            body = disk.read_json(path)
            states.append(None if body is None else _checked(body, path))
            if body is None:
                problems.append(f"{path} is missing")
        except (IntegrityError, OSError) as error:
            states.append(None)
            problems.append(error.message if isinstance(error, IntegrityError) else str(error))
    if len(problems) == 2 and all(text.endswith("is missing") for text in problems):
        return Found(None, ())
    state = states[0] or states[1]
    return Found(state, tuple(problems))


def read() -> State:
    """Return the state without a change of anything; a device that has none is on nothing."""
    return look().state or State()


def write(state: State) -> None:
    """Write the state to the disk: with the first file it is so, the second is its copy."""
    body = as_json(state)
    body["sha256"] = _sum(body)
    disk.write_json(PATH, body)
    disk.write_json(COPY, body)


def mended() -> State:
    """Return the state, its files whole again. Only for the holder of its lock.

    What had to be mended is told on stderr and in the history.
    """
    from mediapipe_image import anew

    result = look()
    state, source = result.state, "the other file"
    if state is None:
        state = anew.state(lost=bool(result.problems))
        source = "the service's settings and the engine"
        if state is None:
            return State()
        result = result._replace(problems=result.problems or (f"{PATH} is missing",))
    if result.problems:
        why = f"{'; '.join(result.problems)}; taken from {source}"
        if any(str(PATH) in text for text in result.problems) and PATH.exists():
            disk.remove(_aside(PATH))
            PATH.replace(_aside(PATH))
        on = state.current.image_id if state.current else ""
        state = noted(state, "mended", on, why, "")
        write(state)
        sys.stderr.write(f"warning: {why}\n")
    return state


def _aside(path: Path) -> Path:
    return path.with_name(path.name + DAMAGED)


def _checked(body: Dict[str, Any], path: Path) -> State:
    # Older programs wrote no sum.
    if body.get("sha256", "") not in ("", _sum(body)):
        raise IntegrityError(f"{path} is damaged: its sum is another")
    return parse(body, str(path))


def _sum(body: Dict[str, Any]) -> str:
    rest = {name: value for name, value in body.items() if name != "sha256"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode("utf-8")).hexdigest()
