"""Remove images that are not needed any more; never those that the device is or was just on."""

from typing import Any, Dict, List, Sequence

from mediapipe_image import change, disk, engine, holders, load, records, state_files
from mediapipe_image.errors import BadInputError


def prune(keep: int) -> Dict[str, Any]:
    """Keep the `keep` newest images in all, and whatever current, previous and older need."""
    if keep < 1:
        raise BadInputError("--keep must be 1 or more")
    removed: List[str] = []
    in_use: List[str] = []
    with disk.locked("receive"), disk.locked(change.LOCK, change.WAIT_S):
        state = state_files.mended()
        needed = state.image_ids()
        rows = records.all_records()
        # `older` is the first to go where little is kept.
        own = needed[:2] if keep <= 2 else needed
        holders.follow(state, only=own)
        kept = set(own)
        for row in rows:
            if len(kept) < keep and row.state == "ready":
                kept.add(row.release.image_id)
        for row in rows:
            image_id = row.release.image_id
            if image_id in kept:
                continue
            if row.suspect:
                load.purge(row)
            # First the record: what is half removed must not count as whole.
            elif row.state == "ready":
                records.write(row.release, "going", row.had, row.way, row.engine_id)
            if load.remove(row):
                disk.remove(records.path(image_id))
                removed.append(image_id)
            else:
                in_use.append(image_id)
        removed += _without_records(own)
        disk.sweep(disk.RELEASES)
        disk.sweep(disk.LIB)
    return {"changed": bool(removed), "removed": removed, "in_use": in_use}


def _without_records(own: Sequence[str]) -> List[str]:
    """Remove damaged records, and their images where those are not the device's `own`."""
    lost = records.damaged()
    images = engine.images() if lost else []
    gone = []
    for image_id in lost:
        # The name that it was given when it came.
        end = "-" + image_id[7:19]
        result = [image for image in images if any(tag.endswith(end) for tag in image.tags)]
        if image_id not in own and all(engine.drop(item.engine_id) for item in result):
            gone.append(image_id)
        disk.remove(records.path(image_id))
    return gone
