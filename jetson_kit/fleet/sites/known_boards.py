"""The boards of sites' inventories: as Ansible reads each, or read it when it was the same.

To load Ansible and read an inventory takes some 0.4 s of a processor. What it made of one is kept
where nothing but the inventory's own text can change it: there is no program, plugin, template,
link or encrypted file in it, and no setting of the user's. Kept are names and public addresses.
"""

from __future__ import annotations

import contextlib
import hashlib
import ipaddress
import json
import os
import re
import stat
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jetson_kit import __version__
from jetson_kit.ansible_driver import inventory, program_environment
from jetson_kit.ansible_driver.inventory_tree import BESIDE, ENTRIES, MOST
from jetson_kit.ansible_driver.program_environment import settings_of_user
from jetson_kit.core.errors import KitError
from jetson_kit.core.files import open_regular, sweep, write_text
from jetson_kit.core.paths import ANSIBLE, ROOT, cache_dir

# What reads an inventory: of another kit, or another Ansible, nothing that was kept counts.
READERS = (
    Path(__file__),
    *sorted(inventory.READER.parent.glob("inventory*.*")),
    Path(program_environment.__file__),
    ANSIBLE / "ansible.cfg",
    ROOT / "requirements" / "host.txt",
)
# Where Ansible finds plugins beside its own.
PLUGINS = ("~/.ansible/plugins", "/usr/share/ansible/plugins")
# In a text that says not all itself. A backslash may stand for any letter. A template's two letters
# may stand in two quoted texts that Ansible joins, with prefixes and brackets between them; in data
# a colon or a brace is between two braces.
MOVING = re.compile(rb"plugin|#jinja2:|\{[^:{}%#]*[{%#]|\\|\A(?:#!|\$ANSIBLE_VAULT)")


@dataclass(frozen=True)
class Board:
    """A board of an inventory; `known_by`: what no board of another site may have."""

    name: str
    known_by: tuple[str, ...]


Boards = tuple[Board, ...]


def read_each(paths: Sequence[Path]) -> dict[Path, Boards | KitError]:
    """Return the boards of each inventory; or why it can't be read."""
    keys = {path: _key(path) for path in paths}
    result: dict[Path, Boards | KitError] = {
        path: boards for path, key in keys.items() if (boards := _load(path, key))
    }
    for path, read in inventory.read_each([path for path in keys if path not in result]).items():
        if isinstance(read, KitError):
            result[path] = read
            continue
        result[path] = boards = tuple(
            Board(host.name, tuple(_identities(host))) for host in read.hosts
        )
        if keys[path] and keys[path] == _key(path):
            _store(path, keys[path], boards)
    return result


def _identities(host: inventory.Host) -> Iterator[str]:
    """Yield by what a board is known: its name, and an address that is one in all networks."""
    yield f"the board {host.name}"
    try:
        address = ipaddress.ip_address(host.host)
    except ValueError:
        return
    address = getattr(address, "ipv4_mapped", None) or address  # one of several spellings
    if address.is_global:
        yield f"the address {address}, port {host.variable('ansible_port') or 22}"


def _key(path: Path) -> str:
    """Return what changes with anything that the boards depend on; "" where that is not known."""
    # These never raise, for a user without a home either.
    plugins = (os.path.isdir(os.path.expanduser(folder)) for folder in PLUGINS)  # noqa: PTH111, PTH112
    if settings_of_user() or any(plugins):
        return ""
    whole = hashlib.sha256()
    try:
        whole.update(_readers())
        for count, place in enumerate(_places(path)):
            status, raw = place.lstat(), b""
            if not stat.S_ISDIR(status.st_mode):
                plain = stat.S_ISREG(status.st_mode) and not status.st_mode & 0o111
                if not plain or status.st_size > MOST:
                    return ""
                raw = place.read_bytes()
            if count >= ENTRIES or MOVING.search(raw):
                return ""
            whole.update(b"%s\0%o\0" % (os.fsencode(place.absolute()), status.st_mode))
            whole.update(hashlib.sha256(raw).digest())
    except (OSError, ValueError):  # of a path that no file can have
        return ""
    return whole.hexdigest()


@cache
def _readers() -> bytes:
    """Return the hash of what reads as this process has it, though files may change as it runs."""
    whole = hashlib.sha256(f"{__version__}\0{sys.version}".encode())
    for place in READERS:
        whole.update(hashlib.sha256(place.read_bytes()).digest())
    return whole.digest()


def _places(path: Path) -> Iterator[Path]:
    """Yield all that Ansible may read for an inventory, and what it passes over by its name.

    Raises OSError for a folder that is there and can't be looked into.
    """
    yield path
    around = [path] if path.is_dir() else [path.parent / name for name in BESIDE]
    for top in (*around, *(inventory.PLAYBOOKS / name for name in BESIDE)):
        for folder, folders, files in os.walk(top, onerror=_unless_absent):
            folders.sort()
            yield from (Path(folder, name) for name in sorted((*folders, *files)))


def _unless_absent(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error


def _place(path: Path) -> Path:
    name = hashlib.sha256(os.fsencode(path.absolute())).hexdigest()[:16]
    return cache_dir("sites") / f"boards-{name}.json"


def _load(path: Path, key: str) -> Boards:
    """Return the boards that were kept by this key; none of a file that _store has not written."""
    with contextlib.suppress(OSError, KitError, ValueError, RecursionError):
        with open_regular(_place(path), "") as stream:
            status = os.fstat(stream.fileno())
            ours = status.st_uid == os.geteuid() and not status.st_mode & 0o022
            body = json.loads(stream.read()) if key and ours else None
        match body:
            case {"key": str(by), "boards": [*rows]} if by == key and all(map(_of_board, rows)):
                return tuple(Board(name, tuple(known_by)) for name, known_by in rows)
    return ()


def _of_board(row: object) -> bool:
    """Tell whether a row of what was kept is a board's."""
    match row:
        case [str(name), [first, *more]]:
            texts = all(isinstance(text, str) and text.isprintable() for text in (name, *more))
            return texts and bool(name) and first == f"the board {name}"
    return False


def _store(path: Path, key: str, boards: Boards) -> None:
    rows = [[board.name, board.known_by] for board in boards]
    with contextlib.suppress(OSError, KitError):  # the next command reads it anew
        place = _place(path)
        write_text(place, json.dumps({"key": key, "boards": rows}), 0o600)
        sweep(place.parent, "*boards-*")  # of inventories that are gone, too
