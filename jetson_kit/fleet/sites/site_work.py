"""What a site does with its boards on request: inventory, release, and the rollouts."""

from __future__ import annotations

import contextlib
import fcntl
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from jetson_kit.core.errors import BadInputError
from jetson_kit.core.files import disk_guard, write_text
from jetson_kit.fleet import check, controller
from jetson_kit.fleet.release import release as releases
from jetson_kit.fleet.release import trust
from jetson_kit.fleet.release.release import Release
from jetson_kit.fleet.sites import store
from jetson_kit.fleet.sites.answers import OUTCOME
from jetson_kit.fleet.sites.here import INCOMING, Here, Request

RELEASES, REQUESTS, INVENTORY = "releases", "requests", "inventory"
BEAT_S = 5.0
EACH_S = 0.2
ID = re.compile(r"[0-9]{8}-[0-9]{6}-[0-9a-f]{6}")
NAMES = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,100}")
LARGEST_INVENTORY = 64 << 20


def _release(here: Here, request: Request, payload: bytes) -> None:
    """Take inventory, a release's documents, and pieces of its layers, whatever of it comes.

    Say which layers are lacking, and what is here of each; or check the release whole.
    """
    inventory, size = named(request["inventory"]), int(request["inventory_bytes"])
    if size:
        _take_inventory(here, inventory, payload[:size])
    incoming = here.root / INCOMING
    store.add_all(incoming, request["pieces"], payload[size:])
    name = named(request["name"])
    folder = here.root / RELEASES / name
    for file, text in request["files"].items():
        write_text(folder / named(file), str(text))
    release = releases.load(folder)
    if not (lacking := _lacking(incoming, release) or _rotted(incoming, release)):
        releases.forget_old(releases.place(release))
        boards = check.check(here.root / INVENTORY / inventory, release=check.needs(release))
        trust.trusted(release, [board.variables for board in boards])
    here.emit({"kind": "release", "folder": str(folder), "lacking": lacking,
               "free": shutil.disk_usage(here.root).free})  # fmt: skip


def _lacking(incoming: Path, release: Release) -> list[dict[str, Any]]:
    """Take the layers that are whole; return the others. Sizes alone are looked at."""
    lacking = []
    for layer in release.layers:
        path, sha256 = releases.place(release) / layer.file, layer.digest.partition(":")[2]
        if path.is_file() and path.stat().st_size == layer.size:
            continue
        held = store.held(incoming, sha256, layer.size)
        if not (store.take(incoming, sha256, path) or _of_another(path)):
            lacking.append({"sha256": sha256, "held": held})
    return lacking


def _rotted(incoming: Path, release: Release) -> list[dict[str, Any]]:
    """Check each layer by its hash; return those that rotted, and must come again.

    No copy of such a layer stays that is not whole: it would be taken for the layer once more.
    """
    lacking = []
    for layer in releases.damaged(release):
        path, sha256 = releases.place(release) / layer.file, layer.digest.partition(":")[2]
        for copy in path.parent.parent.glob(f"*/{path.name}"):
            if not releases.whole(copy, layer):
                copy.unlink(missing_ok=True)
        if not (path.is_file() or _of_another(path)):
            store.drop(incoming, sha256)
            lacking.append({"sha256": sha256, "held": 0})
    return lacking


def _of_another(path: Path) -> bool:
    """Take a layer that another release has already brought here."""
    for other in path.parent.parent.glob(f"*/{path.name}"):
        with contextlib.suppress(OSError):
            os.link(other, path)
            return True
    return False


def _inventory(here: Here, request: Request, payload: bytes) -> None:
    place = _take_inventory(here, named(request["name"]), payload)
    here.emit({"kind": "inventory", "path": str(place)})


def _take_inventory(here: Here, name: str, payload: bytes) -> Path:
    """Take the boards' inventory: a file or a folder, as a tar; the same name each time."""
    place = here.root / INVENTORY / name
    if len(payload) > LARGEST_INVENTORY:
        raise BadInputError("the inventory is too large", "64 MiB is the most")
    with disk_guard(place.parent), tarfile.open(fileobj=io.BytesIO(payload)) as tar:
        members = tar.getmembers()
        paths = [member.name.split("/") for member in members]
        plain = all(member.isfile() or member.isdir() for member in members)
        if not plain or any(path[0] != name or ".." in path for path in paths):
            raise BadInputError("the inventory is no plain file or folder", "correct it")
        aside = place.parent / f".{name}.{os.getpid()}"
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        try:
            for member in members:  # whatever the tar has: only who runs the site reads them
                member.mode = 0o700 if member.isdir() else 0o600
            tar.extractall(aside, members, numeric_owner=False)  # noqa: S202 # plain names below it
            if place.is_dir():
                place.replace(aside / "before")
            (aside / name).replace(place)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    return place


def _work(here: Here, request: Request, payload: bytes) -> None:
    """Roll out or take back: start it, or follow who is at it, and pass the journal on."""
    del payload
    number = str(request["id"])
    if not ID.fullmatch(number):
        raise BadInputError(f"{number[:80]!r} is no id of a rollout")
    place = here.root / REQUESTS / f"{number}-{request['verb']}.json"
    body = {**request, "inventory": str(here.root / INVENTORY / named(request["inventory"]))}
    with disk_guard(place.parent):
        place.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(place.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    if request["verb"] == "back":
        _settle(here, request, place.with_name(f"{number}-rollout.lock"))
    if _free(lock):
        place.with_suffix(OUTCOME).unlink(missing_ok=True)
        write_text(place, json.dumps(body))
        _start(place, lock)
    os.close(lock)
    journal = controller.rollouts(controller.state_dir()) / f"{number}.jsonl"
    for line in _followed(journal, place.with_suffix(".lock")):
        here.emit(line)
    here.emit(_outcome(place.with_suffix(OUTCOME)))


def _settle(here: Here, request: Request, lock: Path) -> None:
    """Wait for the end of a rollout that is to be taken back, having asked it to stop."""
    requested = False
    while lock.is_file():
        with lock.open("rb") as stream:
            if _free(stream.fileno()):
                return
        if not requested:
            _stop(str(request["id"]))
            requested = True
        here.emit({"kind": "beat", "time": time.time()})
        time.sleep(1)


def _start(place: Path, lock: int) -> None:
    """Start the worker in a session of its own; it inherits the lock, and holds it as it lives."""
    with place.with_suffix(".log").open("ab") as log:
        subprocess.Popen(
            [sys.executable, "-m", "jetson_kit.fleet.sites.worker", place],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            pass_fds=(lock,),
        )  # fmt: skip


def _free(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _followed(journal: Path, lock: Path) -> Iterator[dict[str, Any]]:
    """Yield the journal's whole lines as they come, and signs of life, while a worker lives."""
    at, beat, pending = 0, 0.0, b""
    while True:
        with lock.open("rb") as stream:
            ended = _free(stream.fileno())
        if journal.is_file():
            with journal.open("rb") as stream:
                stream.seek(at)
                block = stream.read()
            at += len(block)
            *lines, pending = (pending + block).split(b"\n")
            for line in lines:
                yield {"kind": "line", "text": line.decode(errors="replace")}
        if ended:
            return
        if time.monotonic() - beat > BEAT_S:
            beat = time.monotonic()
            yield {"kind": "beat", "time": time.time()}
        time.sleep(EACH_S)


def _outcome(path: Path) -> dict[str, Any]:
    try:
        body: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {"kind": "lost"}
    return body


def _halt(here: Here, request: Request, payload: bytes) -> None:
    """Ask the worker of a rollout to stop after its step."""
    del payload
    _stop(str(request["id"]))
    here.emit({"kind": "halt"})


def _stop(number: str) -> None:
    with contextlib.suppress(OSError, ValueError, KeyError):
        lock = controller.state_dir() / controller.LOCK
        holder = json.loads(lock.read_text(encoding="utf-8"))
        if holder["what"] == f"rollout {number}":
            os.kill(int(holder["pid"]), signal.SIGTERM)


def named(name: object) -> str:
    """Return a plain file name. Raises BadInputError."""
    if not isinstance(name, str) or not NAMES.fullmatch(name):
        raise BadInputError(f"{str(name)[:80]!r} is no name of a file")
    return name


VERBS: Mapping[str, Callable[[Here, Request, bytes], None]] = {
    "inventory": _inventory,
    "release": _release,
    "rollout": _work,
    "back": _work,
    "halt": _halt,
}
