"""Containers that hold images: no prune of the engine removes an image that a container uses.

A stopped one holds against `docker image prune --all`; against `docker system prune`, which removes
stopped ones first, a running one does. So each sleeps, in the image that it holds, with no rights.
"""

import sys
from typing import Dict, List, NamedTuple, Optional, Sequence

from mediapipe_image import command, engine
from mediapipe_image.errors import ImageError
from mediapipe_image.records import engine_id
from mediapipe_image.state import Entry, State

LABEL = "io.mediapipe-jetson.holds"
OPTIONS = (
    "--network=none", "--user=65534:65534", "--read-only", "--cap-drop=ALL",
    "--security-opt=no-new-privileges", "--memory=32m", "--pids-limit=8", "--log-driver=none",
    "--restart=no", "--no-healthcheck", "--runtime=runc", "--pull=never",
)  # fmt: skip


class Holder(NamedTuple):
    """A container and the image, by the engine's id, that it holds."""

    container_id: str
    engine_id: str
    running: bool


def held() -> Dict[str, Holder]:
    """Return the holders by the image that each holds."""
    rows = engine.labelled(LABEL)
    return {row[1]: Holder(row[0], row[1], row[2] == "running") for row in rows}


def needed(state: State) -> List[Entry]:
    """Return what must not go; `older` is a way back only while there is a trial."""
    return state.entries() if state.on_trial else state.entries()[:2]


def follow(state: State, *more: Entry, only: Optional[Sequence[str]] = None) -> None:
    """Hold what a state needs and `more`, of it `only` these; nothing else is held any more.

    A failure is a warning alone.
    """
    entries = [item for item in (*more, *needed(state)) if only is None or item.image_id in only]
    try:
        hold([entry.engine_id or engine_id(entry.image_id) for entry in entries])
    except ImageError as error:
        sys.stderr.write(f"warning: images can be pruned: {error.message}\n")


def hold(engine_ids: Sequence[str]) -> None:
    """Hold images, as far as they are there, and let go of all others."""
    result = held()
    gone = [item.container_id for name, item in result.items() if name not in engine_ids]
    if gone:
        command.run(["docker", "container", "rm", "--force", "--volumes", *gone])
    lacking = [name for name in dict.fromkeys(engine_ids) if name not in result]
    there = {image.engine_id for image in engine.images(lacking)} if lacking else set()
    made = [_create(name) for name in lacking if name in there]
    idle = [item.container_id for name, item in result.items()
            if name in engine_ids and not item.running]  # fmt: skip
    if made or idle:
        # One whose image has no `sleep` stays stopped, and holds all the same.
        command.ask(["docker", "container", "start", *made, *idle])


def _create(engine_id: str) -> str:
    words = ["docker", "container", "create", "--name", f"mediapipe-holds-{engine_id[7:19]}"]
    words += [f"--label={LABEL}={engine_id}", *OPTIONS, "--entrypoint=sleep", engine_id, "infinity"]
    return command.run(words).strip()
