"""The controller's own: where its records are, and the lock by which there is only one."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from jetson_kit.core import paths
from jetson_kit.core.errors import BadInputError, StepFailedError
from jetson_kit.core.files import check_regular, disk_guard

LOCK = "lock"
# A killed controller's Ansible ends a moment after it, and holds the lock until then.
WAIT_S = 30.0
ROLLBACK = "-rollback"
"""What the ids of rollbacks by hand end in."""


def state_dir() -> Path:
    """Return (and make) the folder of the fleet's records, which only the user can look into."""
    folder = paths.state_home() / "fleet"
    with disk_guard(folder):
        return paths.make_folder(folder, paths.STATE, 0o700)


def new_id() -> str:
    """Return an id for a rollout; ids sort by the time of their beginning."""
    return f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(3)}"


def me() -> dict[str, Any]:
    """Return who this controller is."""
    return {"host": socket.gethostname(), "pid": os.getpid(), "uid": os.getuid()}


@contextlib.contextmanager
def lock(folder: Path, what: str, wait_s: float = WAIT_S) -> Iterator[int]:
    """Hold the controller's lock; yield its file descriptor, for programs that must hold it too.

    A second controller shows `what`. Raises StepFailedError with who holds it.
    """
    place = folder / LOCK
    check_regular(place, "remove it: it is the lock of this controller")
    with place.open("a+", encoding="utf-8") as stream:
        _take(stream, wait_s)
        stream.seek(0)
        stream.truncate()
        stream.write(json.dumps({**me(), "what": what, "since": time.strftime("%F %T")}))
        stream.flush()
        # Not unlocked by us: it is free when the last holder of the descriptor has ended.
        yield stream.fileno()


def _take(stream: IO[str], wait_s: float) -> None:
    end = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _holder(stream)
            if _alive(holder) or time.monotonic() > end:
                raise _refused(holder) from None
            time.sleep(0.2)
        else:
            return


def _holder(stream: IO[str]) -> dict[str, Any]:
    stream.seek(0)
    try:
        document = json.loads(stream.read())
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _alive(holder: dict[str, Any]) -> bool:
    """Tell whether the holder lives; one on another machine (a shared folder) is taken to."""
    if holder.get("host") != socket.gethostname():
        return bool(holder)
    try:
        os.kill(int(holder["pid"]), 0)
    except (ProcessLookupError, KeyError, OverflowError, TypeError, ValueError):
        return False
    except PermissionError:
        return True
    return True


def _refused(holder: dict[str, Any]) -> StepFailedError:
    who = "{what}, process {pid} on {host} since {since}".format_map(
        {"what": "?", "pid": "?", "host": "?", "since": "?", **holder}
    )
    return StepFailedError(
        f"another controller is at work: {who}", "wait for it, or stop it by Ctrl-C there"
    )


def rollouts(folder: Path) -> Path:
    """Return (and make) the folder of the journals."""
    place = folder / "rollouts"
    place.mkdir(exist_ok=True)
    return place


def find(folder: Path, requested: str) -> Path:
    """Return a journal by its id or the beginning of it; "" or "last" is the newest rollout's.

    Raises BadInputError.
    """
    known = sorted(
        path for path in rollouts(folder).glob("*.jsonl") if not path.stem.endswith(ROLLBACK)
    )
    if requested in ("", "last"):
        known = known[-1:]
    else:
        known = [path for path in known if path.stem.startswith(requested)]
    if len(known) != 1:
        message = (
            f"no rollout {requested}".rstrip() if not known else f"several rollouts {requested}"
        )
        raise BadInputError(f"there is {message}", f"see {rollouts(folder)}")
    return known[0]
