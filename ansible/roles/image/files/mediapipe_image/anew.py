"""The state where its files are lost: by what the service was started with, and the engine."""

from typing import Optional, Tuple

from mediapipe_image import disk, engine, holders, records
from mediapipe_image.records import Record
from mediapipe_image.state import GOOD, TRIAL, Entry, State

WHY = "the state was lost and made anew"


def state(*, lost: bool) -> Optional[State]:
    """Return the state that what is there points to; None for a device that had none.

    `lost`: there were files of it. Raises ToolMissingError where the engine does not answer.
    """
    from mediapipe_image import service

    started = service.engine_ids_of_env()
    if not started and not lost:
        return None
    known = {row.engine_id: row for row in records.all_records() if row.state == "ready"}
    there = {one.engine_id for one in engine.images(list(known))}
    rows = {name: row for name, row in known.items() if name in there}
    held = sorted(
        (name for name in holders.held() if name in rows),
        key=lambda name: rows[name].at,
        reverse=True,
    )
    order = [name for name in dict.fromkeys([*started, *held]) if name in rows]
    if not order:
        # Without its record, too: what the service was started with goes on.
        found = engine.image(started[0]) if started else None
        return State(current=_unknown(started[0])) if found else State()
    chosen, others = order[0], order[1:]
    previous = _entry(rows[others[0]]) if others else None
    # Unfinished and with a way back: nobody knows whether it was confirmed.
    on_trial = previous is not None and disk.PENDING.exists()
    current = _entry(rows[chosen])._replace(state=TRIAL if on_trial else GOOD)
    boots: Tuple[str, ...] = (disk.boot_id(),) if on_trial else ()
    return State(current=current, previous=previous, boots=boots)


def _unknown(engine_id: str) -> Entry:
    return Entry(engine_id, engine_id, "unknown", disk.now(), WHY, "", GOOD, engine_id)


def _entry(row: Record) -> Entry:
    made = row.release
    return Entry(
        made.image_id, made.manifest_digest, made.name, disk.now(), WHY, "", GOOD, row.engine_id
    )
