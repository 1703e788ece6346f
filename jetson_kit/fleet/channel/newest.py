"""The newest version that was published from here: an old copy of a channel is not published on.

Boards refuse what is older than what they saw; its policy, too, is that of then.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from pathlib import Path

from jetson_kit.core import paths
from jetson_kit.core.errors import IntegrityError
from jetson_kit.core.files import disk_guard, write_text
from jetson_kit.fleet.channel.repository import Repository


def check(there: Repository) -> None:
    """Raise IntegrityError for a channel that is older than what was published from here."""
    path, version = _path(there), there.timestamp.signed.version
    newest = 0
    # A note that is damaged says nothing; the next one is whole.
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        newest = int(json.loads(path.read_text(encoding="utf-8"))["timestamp"])
    if newest > version:
        raise IntegrityError(
            f"{there.folder} is version {version}, and version {newest} was published from here: "
            "it is an old copy, which boards refuse",
            f"bring the newest one back, such as the web server's; if there is none, remove {path}",
        )


def note(there: Repository, version: int) -> None:
    """Note what was published. Raises BadInputError, DiskFullError."""
    path = _path(there)
    paths.made(path.parent, paths.STATE, 0o700)
    with disk_guard(path.parent):
        write_text(path, json.dumps({"folder": str(there.folder), "timestamp": version}) + "\n")


def _path(there: Repository) -> Path:
    """Return the note's place: of this folder, and of the channel that is in it."""
    keys = sorted(there.root.signed.roles["root"].keyids)
    text = "\n".join([str(there.folder.absolute()), *keys])
    digest = hashlib.sha256(text.encode()).hexdigest()
    return paths.state_home() / "channels" / f"{digest}.json"
