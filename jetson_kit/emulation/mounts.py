"""What of this machine a command in an image has mounted: as Docker takes it, and readable."""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Iterable
from pathlib import Path

from docker.errors import NotFound

from jetson_kit.containers import engine, users
from jetson_kit.core.errors import BadInputError


def volume(text: str) -> str:
    """Return SOURCE:TARGET[:ro], its folder absolute. Raises BadInputError if it is not there."""
    source, colon, target = text.partition(":")
    if not colon or not target.startswith("/"):
        raise BadInputError(f"--volume {text!r}?", "write SOURCE:/TARGET or SOURCE:/TARGET:ro")
    if "/" in source or source.startswith((".", "~")):
        path = Path(source).expanduser().absolute()
        if not path.exists():
            raise BadInputError(f"--volume {text}: {path} is not there", "name what is there")
        source = str(path)
    return f"{source}:{target}"


def unreadable(mounted: str, user: str, numbering: str = "") -> str:
    """Return why a container's user, UID:GID, can't read what is mounted; "" where it can.

    `numbering` is the engine's, of users.py: where it is not this machine's, only what is this
    process's own is judged.
    """
    path = Path(mounted.partition(":")[0])
    uid, _, gid = (user or "0").partition(":")
    if not path.is_absolute() or not uid.isdecimal():
        return ""
    if int(uid) == 0 and numbering != users.REMAPPED:
        return ""
    facts = path.stat()
    if numbering:
        if facts.st_uid != os.geteuid():
            return ""
        shift = 0
    else:
        mine = facts.st_gid == int(gid or 0)
        shift = 6 if facts.st_uid == int(uid) else 3 if mine else 0
    needed = stat.S_IROTH | (stat.S_IXOTH if stat.S_ISDIR(facts.st_mode) else 0)
    if facts.st_mode >> shift & needed == needed:
        return ""
    return (
        f"user {uid} of the image can't read {path}; let it: chmod -R o+rX {shlex.quote(str(path))}"
    )


def folders(volumes: Iterable[str]) -> tuple[Path, ...]:
    """Return the files and folders of this machine that volumes name."""
    sources = (volume(text).partition(":")[0] for text in volumes)
    return tuple(Path(source) for source in sources if "/" in source)


def known(mounted: str) -> str:
    """Return it if what it names is there: the engine would make a volume. Raises BadInputError."""
    source = mounted.partition(":")[0]
    if "/" not in source:
        try:
            engine.client().volumes.get(source)
        except NotFound as error:
            raise BadInputError(
                f"--volume {mounted}: there is no volume {source}", f"a folder is ./{source}"
            ) from error
    return mounted
