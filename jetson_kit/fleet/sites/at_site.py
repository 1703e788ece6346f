"""The one program that a site's Receptor starts: it takes a request and answers in JSON lines.

A request is a line of JSON with `verb`, then bytes that belong to it. Asked again after a cut,
each gives the same: pieces go on where the last one ended, a rollout is followed or gone on with.
"""

from __future__ import annotations

import importlib
import json
import os
import platform
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

from jetson_kit import __version__
from jetson_kit.core.errors import BadInputError, IntegrityError, InternalError, KitError
from jetson_kit.fleet.sites import install, store
from jetson_kit.fleet.sites.answers import PROTOCOL, failure
from jetson_kit.fleet.sites.here import INCOMING, Here, Request

Verb = Callable[[Here, Request, bytes], None]
# Loaded for their own requests alone: each takes a second.
WORK = "jetson_kit.fleet.sites.site_work"
INSPECTION = dict.fromkeys(("inspect", "evidence"), "jetson_kit.inspection.at_site")


def main(root: Path, stdin: IO[bytes], stdout: IO[bytes]) -> int:
    """Answer one request; an error is an answer, too."""
    raw = stdin.read()
    line, _, payload = raw.partition(b"\n")

    def emit(body: Mapping[str, Any]) -> None:
        stdout.write(json.dumps(body).encode() + b"\n")
        stdout.flush()

    try:
        request = json.loads(line)
        name = str(request.get("verb")) if isinstance(request, dict) else ""
        _verb(name)(Here(root, emit), request, payload)
    except KitError as error:
        emit(failure(error))
        return error.exit_code
    except (Exception, KeyboardInterrupt) as error:  # one line for the caller
        emit(failure(InternalError(f"{type(error).__name__}: {error}")))
        return InternalError.exit_code
    return 0


def _verb(name: str) -> Verb:
    result: Verb | None = VERBS.get(name)
    if result is None:
        result = importlib.import_module(INSPECTION.get(name, WORK)).VERBS.get(name)
    if result is None:
        raise BadInputError("the site's kit does not know this request", "bring it the kit")
    return result


def _hello(here: Here, request: Request, payload: bytes) -> None:
    """Say which kit this is, what time it is here, and how much room there is."""
    del request, payload
    here.emit({
        "kind": "hello", "protocol": PROTOCOL, "version": __version__,
        "kit": install.current(here.root), "time": time.time(),
        "free": shutil.disk_usage(here.root).free,
        "machine": os.uname().machine, "python": platform.python_version(),
    })  # fmt: skip


def _held(here: Here, request: Request, payload: bytes) -> None:
    del payload
    folder, files = here.root / INCOMING, request["files"]
    # Controllers of older kits name files without their sizes.
    sizes = files if isinstance(files, dict) else dict.fromkeys(files)
    have = {file: store.held(folder, file, size) for file, size in sizes.items()}
    here.emit({"kind": "held", "bytes": have})


def _pieces(here: Here, request: Request, payload: bytes) -> None:
    """Take pieces of files, one after the other in the payload."""
    have = store.add_all(here.root / INCOMING, request["pieces"], payload)
    here.emit({"kind": "held", "bytes": have})


def _kit(here: Here, request: Request, payload: bytes) -> None:
    """Switch to the kit that came in pieces."""
    del payload
    sha256 = store.name(str(request["sha256"]))
    if install.current(here.root) != sha256:
        try:
            install.install(here.root / INCOMING / sha256, sha256, here.root)
        except install.InstallError as error:
            kind = {2: BadInputError, 5: IntegrityError}.get(error.code, KitError)
            raise kind(error.message, error.hint) from error
        (here.root / INCOMING / sha256).unlink(missing_ok=True)
    here.emit({"kind": "kit", "kit": install.current(here.root)})


VERBS: Mapping[str, Verb] = {
    "hello": _hello,
    "held": _held,
    "pieces": _pieces,
    "kit": _kit,
}

if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.stdin.buffer, sys.stdout.buffer))
