"""The state where its files are lost: by what the service was started with, and the engine."""

import os
from typing import List, Optional, Tuple

from mediapipe_image import disk, engine, holders, records
from mediapipe_image.errors import ImageError
from mediapipe_image.records import Record
from mediapipe_image.state import GOOD, TRIAL, Entry, State

WHY = "the state was lost and made anew"
# Of the service's container; its unit says so.
UNIT = "io.mediapipe-jetson.unit"


def state(*, lost: bool) -> Optional[State]:
    """Return the state that what is there points to; None for a device that had none.

    `lost`: there were files of it. Raises ToolMissingError where the engine does not answer.
    """
    from mediapipe_image import service

    started = service.engine_ids_of_env()
    lost = lost or os.path.lexists(str(service.ENV))
    try:
        running, held = _running(), list(holders.held())
    except ImageError:
        if lost:
            raise
        return None
    if not (lost or running or held):
        return None
    every = {row.engine_id: row for row in records.all_records() if row.engine_id}
    held.sort(key=lambda name: every[name].at if name in every else "", reverse=True)
    # What ran or is held may have lost its record, too; what is only half here has one.
    names = [
        name for name in dict.fromkeys([*(started or running), *held])
        if name not in every or every[name].state == "ready"
    ]  # fmt: skip
    there = {image.engine_id for image in engine.images(names)}
    order = [name for name in names if name in there]
    if not order:
        return State()
    current, *others = [_entry(name, every.get(name)) for name in order[:2]]
    previous = others[0] if others else None
    # Unfinished and with a way back: nobody knows whether it was confirmed.
    on_trial = previous is not None and disk.PENDING.exists()
    current = current._replace(state=TRIAL if on_trial else GOOD)
    boots: Tuple[str, ...] = (disk.boot_id(),) if on_trial else ()
    return State(current=current, previous=previous, boots=boots)


def _running() -> List[str]:
    """Return the images of the service's containers, by the engine's ids; one that runs first."""
    rows = sorted(engine.labelled(UNIT), key=lambda row: row[2] != "running")
    found = [engine.container(row[0]) for row in rows]
    return [item.engine_id for item in found if item is not None]


def _entry(name: str, row: Optional[Record]) -> Entry:
    """Return an image by its record; without one the engine's id has to do."""
    if row is None:
        return Entry(name, name, "unknown", disk.now(), WHY, "", GOOD, name)
    release = row.release
    return Entry(
        release.image_id,
        release.manifest_digest,
        release.name,
        disk.now(),
        WHY,
        "",
        GOOD,
        row.engine_id,
    )
