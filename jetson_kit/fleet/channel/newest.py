"""The newest version that was published from here: an old copy of a channel is not published on.

Boards refuse what is older than what they saw; its policy, too, is that of then.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from jetson_kit.core import paths
from jetson_kit.core.errors import BadInputError, IntegrityError
from jetson_kit.core.files import disk_guard
from jetson_kit.fleet.channel.repository import Repository


def check(there: Repository) -> None:
    """Raise IntegrityError for a channel that is older than what was published from here."""
    path, version = path_of(there), there.timestamp.signed.version
    newest = version_in(path)
    if newest > version:
        raise IntegrityError(
            f"{there.folder} is version {version}, and version {newest} was published from here: "
            "it is an old copy, which boards refuse",
            f"bring the newest one back, such as the web server's; if there is none, remove {path}",
        )


def version_in(path: Path) -> int:
    """Return the version that a note has; one that is damaged, or not there, says 0."""
    # The next one is whole.
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        return int(json.loads(path.read_text(encoding="utf-8"))["timestamp"])
    return 0


def of_before(folder: Path, owner: str) -> tuple[Path, int] | None:
    """Return the note of a channel that an owner's key had in a folder, and its version, if any."""
    # Whoever has no folder for notes has none.
    with contextlib.suppress(BadInputError):
        path = path_for(folder, [owner])
        if version := version_in(path):
            return path, version
    return None


@contextlib.contextmanager
def noting(path: Path, folder: Path, version: int) -> Iterator[None]:
    """Note a version if the block publishes it; all that can fail of that comes before the block.

    Raises BadInputError, DiskFullError.
    """
    paths.make_folder(path.parent, paths.STATE, 0o700)
    text = json.dumps({"folder": str(folder), "timestamp": version}) + "\n"
    try:
        with disk_guard(path.parent):
            handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise BadInputError(
            f"nothing can be written in {path.parent}: {error.strerror}",
            f"set {paths.STATE} to a folder that can be written",
        ) from error
    aside = Path(name)
    try:
        with disk_guard(path.parent), os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
        yield
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def path_of(there: Repository) -> Path:
    """Return where the note of a channel is."""
    return path_for(there.folder, there.root.signed.roles["root"].keyids)


def path_for(folder: Path, owners: Iterable[str]) -> Path:
    """Return the note's place: of this folder, and of the channel that owners' keys have in it."""
    text = "\n".join([str(folder.absolute()), *sorted(owners)])
    digest = hashlib.sha256(text.encode()).hexdigest()
    return paths.state_home() / "channels" / f"{digest}.json"
