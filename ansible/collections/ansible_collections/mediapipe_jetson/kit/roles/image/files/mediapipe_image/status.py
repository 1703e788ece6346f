"""What this device is on, by its own word and by what runs."""

from typing import Any, Dict

from mediapipe_image import (
    change,
    disk,
    ending,
    engine,
    pace,
    records,
    service,
    state_files,
    trust,
    version,
)
from mediapipe_image import state as states
from mediapipe_image.errors import ImageError
from mediapipe_image.settings import Settings
from mediapipe_image.target import device_l4t

STARTING, HEALTHY = "starting", "healthy"


def status(settings: Settings, *, probe: bool = False) -> Dict[str, Any]:
    """Return the state with what is observed; a part that can't be observed says why.

    `probe`: while docker still waits, run the image's own check in its place.
    """
    mended = _mended()
    result = state_files.look()
    state = result.state or states.State()
    body = states.as_json(state)
    body.update(version.version(), state_problems=list(result.problems), mended=mended)
    body["pending"] = disk.PENDING.exists()
    body["held"] = change.held()
    body["boot_id"] = disk.boot_id()
    body["l4t"] = device_l4t()
    body["free"] = disk.free(disk.LIB)
    body["trust"] = None
    try:
        body["trust"] = trust.summary()
        seen = service.look(settings, probe=False)
        if probe and seen.health == STARTING:
            seen = service.look(settings)
            if seen.healthy:
                seen = seen._replace(health=HEALTHY)
        body["ended"] = _ended(state, seen)
        body["pace"] = pace.of_health(engine.health_words(settings.container))
        rows = records.all_records()
        there = {image.engine_id for image in engine.images([row.engine_id for row in rows])}
        body["running"] = {
            "image_id": seen.image_id,
            "unit": seen.unit,
            "container": seen.running,
            "health": seen.health,
        }
        body["images"] = [
            {
                "image_id": row.release.image_id,
                "name": row.release.name,
                "state": row.state,
                "at": row.at,
                "way": row.way,
                "there": row.engine_id in there,
            }
            for row in rows
        ]
        image_id = state.current.image_id if state.current else ""
        body["settled"] = seen.image_id == image_id and not body["pending"]
        body["problem"] = ""
    except ImageError as error:
        body.update(
            running=None, images=[], ended="", pace=None, settled=False, problem=error.message
        )
    return body


def _ended(state: states.State, seen: service.Look) -> str:
    """Return how the current image's container ended last; "" where it runs and is healthy."""
    well = seen.running and seen.health in ("", HEALTHY)
    return "" if well or state.current is None else ending.words(state.current.image_id)


def _mended() -> bool:
    """Mend damaged files of the state, as far as that can be now; tell whether any was.

    Where there is none of them, what runs or is held says whether they are lost.
    """
    found = state_files.look()
    if found.state is not None and not found.problems:
        return False
    try:
        with disk.locked(change.LOCK):
            state_files.mended()
    except (ImageError, OSError):
        return False
    return bool(found.problems) or state_files.look().state is not None


def lines(body: Dict[str, Any]) -> str:
    """Return the status for people."""
    rows = []
    for name in ("current", "previous"):
        entry = body[name]
        message = "none"
        if entry:
            message = "{reference} {short} {state} since {since} {why}".format(
                short=entry["image_id"][7:19], **entry
            )
        rows.append(f"{name:<9} {message.strip()}")
    running = body["running"]
    if running:
        rows.append(
            "{:<9} {} unit {unit} {health}".format(
                "running", running["image_id"][7:19] or "nothing", **running
            )
        )
    if body["pace"]:
        text = "pace      {fps:.1f} frames/s, p95 {latency_p95_ms:.1f} ms"
        rows.append(text.format(**body["pace"]))
    for name in ("held", "problem", "ended"):
        if body[name]:
            rows.append(f"{name:<9} {body[name]}")
    rows += [f"damaged   {text}" for text in body["state_problems"]]
    if body["pending"]:
        rows.append("pending   a change is not finished; the device sees to it")
    return "\n".join(rows)
