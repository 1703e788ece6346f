"""What ./join checks before anything is written: join.json, the folder, the archive, this machine.

It stands in the archive beside join_program.py and needs Python's standard library alone (3.8 or
later).
"""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import re
import shutil
import ssl
import sys
import tarfile
from pathlib import Path
from typing import Any, Callable, Dict  # noqa: UP035 # for Python 3.8

PROGRAMS = ("ssh", "ssh-keygen", "rsync")
# A Unix socket's path may have no more bytes; Linux, unix(7).
LONGEST_SOCKET = 107
# An estimate: the unpacked kit, its wheels, and the environment that is made of them.
ROOM = 3
# What a site's folder may have before its first kit is whole.
BEGUN = {"kits", "node", "state", "cache", ".current"}
# Of jetson_kit/core/errors.py, which is not here yet.
BAD_INPUT, MISSING, INTEGRITY, DISK_FULL, STEP_FAILED, BUSY, INTERNAL = 2, 3, 5, 6, 7, 9, 70
SHA256 = "[0-9a-f]{64}"


class JoinError(Exception):
    """What is wrong with what to do, and the exit code; `line` "" where a child has told it.

    Faults of one file come together, a line each.
    """

    def __init__(self, line: str, code: int) -> None:
        super().__init__(line)
        self.line = line
        self.code = code

    def text(self) -> str:
        """Return what the user sees."""
        return "".join(f"error: {line}\n" for line in self.line.splitlines())


def _is_text(pattern: str) -> "Callable[[Any], bool]":  # noqa: UP037 # for Python 3.8
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None


def _is_port(value: Any) -> bool:  # noqa: ANN401 # as JSON has it
    return type(value) is int and 0 < value < 65536


def _is_time(value: Any) -> bool:  # noqa: ANN401
    try:
        return datetime.datetime.fromisoformat(value).tzinfo is not None
    except (TypeError, ValueError):
        return False


def _is_authority(value: Any) -> bool:  # noqa: ANN401
    try:
        return bool(value) and bool(ssl.create_default_context(cadata=value).get_ca_certs())
    except (TypeError, ValueError, OSError):
        return False


FACTS = {
    "site": _is_text("[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"),
    "token": _is_text("[A-Za-z0-9_-]{20,200}"),
    "made": _is_time,
    "expires": _is_time,
    "address": _is_text(r"[A-Za-z0-9][A-Za-z0-9.-]{0,252}|[0-9A-Fa-f:]{2,45}"),
    "port": _is_port,
    "authority": _is_authority,
    "receptor": _is_text(SHA256),
    "kit": _is_text(SHA256),
}


def read_facts(archive: Path) -> Dict[str, Any]:  # noqa: UP006 # for Python 3.8
    """Return join.json. Raises JoinError."""
    path = archive / "join.json"
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise JoinError(f"there is no {path}; unpack the whole archive again", INTEGRITY) from error
    except OSError as error:
        raise JoinError(*cannot(path, "read", error)) from error
    except (ValueError, RecursionError) as error:
        raise JoinError(f"{path} is damaged; unpack the archive again", INTEGRITY) from error
    if not isinstance(facts, dict) or not facts:
        raise JoinError(f"{path} is damaged; unpack the archive again", INTEGRITY)
    wrong = [name for name, good in FACTS.items() if not good(facts.get(name))]
    if wrong:
        lines = (f"{path} is damaged: {_fault(facts, name)}; unpack the archive again"
                 for name in wrong)  # fmt: skip
        raise JoinError("\n".join(lines), INTEGRITY)
    return facts


def _fault(facts: "Dict[str, Any]", name: str) -> str:  # noqa: UP006, UP037
    """Return what is wrong with a value; the token is a secret."""
    if name not in facts:
        return f"{name} is missing"
    shown = "no such" if name == "token" else ascii(facts[name])[:60]
    return f"{name} is {shown}"


def check_folder(root: Path) -> None:
    """Raise JoinError for a folder that a site can't be in."""
    if not str(root).isprintable():
        raise JoinError("the folder's name has characters that can't be shown; choose another",
                        BAD_INPUT)  # fmt: skip
    if len(os.fsencode(root / "node" / "socket")) > LONGEST_SOCKET:
        most = LONGEST_SOCKET - len("/node/socket")
        raise JoinError(f"the path of {root} is too long for a socket in it; choose one of at most "
                        f"{most} bytes", BAD_INPUT)  # fmt: skip
    try:
        there = next(path for path in (root, *root.parents) if os.path.lexists(path))
        if not there.is_dir():
            raise JoinError(f"{there} is no folder; name one that is empty or not there", BAD_INPUT)
        if root.exists() and any(root.iterdir()) and not is_site(root):
            raise JoinError(f"{root} holds something else than a site; "
                            "name a folder that is empty or not there", BAD_INPUT)  # fmt: skip
    except OSError as error:
        raise JoinError(*cannot(root, "read", error)) from error
    if not os.access(there, os.W_OK | os.X_OK):
        raise JoinError(f"{there} can't be written to; choose another folder", BAD_INPUT)


def is_site(root: Path) -> bool:
    """Return whether a folder is a site, or one that was begun."""
    kits, current, node = root / "kits", root / "current", root / "node"
    if kits.is_symlink() or node.is_symlink() or not kits.is_dir():
        return False
    if current.is_symlink():
        return re.fullmatch(r"kits/[^/.][^/]*", os.readlink(current)) is not None  # noqa: PTH115
    if not all(re.fullmatch("[0-9a-f]{16}", path.name) for path in kits.iterdir()):
        return False
    return not current.exists() and {path.name for path in root.iterdir()} <= BEGUN


def check_machine(archive: Path, facts: Dict[str, Any], root: Path) -> None:  # noqa: UP006
    """Raise JoinError where the archive is not whole, or this machine lacks something."""
    for name, sha256 in (("kit.tar", facts["kit"]), ("receptor", facts["receptor"])):
        try:
            whole = sha256_of(archive / name) == sha256
        except FileNotFoundError:
            whole = False
        except OSError as error:
            raise JoinError(*cannot(archive / name, "read", error)) from error
        if not whole:
            raise JoinError(f"{archive / name} is damaged; unpack the archive again", INTEGRITY)
    try:
        with tarfile.open(archive / "kit.tar") as tar:
            kit = json.loads(tar.extractfile("kit.json").read())  # type: ignore[union-attr]
        needed = (str(kit["python"]), str(kit["machine"]))
    except (tarfile.TarError, OSError, ValueError, LookupError, AttributeError, TypeError) as error:
        line = f"{archive / 'kit.tar'} is no kit; have a new archive made"
        raise JoinError(line, INTEGRITY) from error
    own = ("{}.{}".format(*sys.version_info), os.uname().machine)
    if needed != own:
        raise JoinError(f"the kit is for Python {needed[0]} on {needed[1]}, this is {own[0]} on "
                        f"{own[1]}; correct arch and python of the site, and have a new archive "
                        "made: ./inv sites.join", BAD_INPUT)  # fmt: skip
    lacking = [name for name in PROGRAMS if shutil.which(name) is None]
    if lacking:
        raise JoinError(f"not installed here: {', '.join(lacking)}; "
                        "install openssh-client and rsync", MISSING)  # fmt: skip
    there = next(path for path in (root, *root.parents) if path.exists())
    free, size = shutil.disk_usage(str(there)).free, (archive / "kit.tar").stat().st_size
    if free < ROOM * size and not (root / "kits" / facts["kit"][:16] / ".complete").exists():
        raise JoinError(f"{root} needs {ROOM * size // 2**20 + 1} MiB, and {free // 2**20} MiB are "
                        "free there; free some space", DISK_FULL)  # fmt: skip


def cannot(path: Path, what: str, error: OSError) -> "tuple[str, int]":  # noqa: UP037
    """Return the line and the exit code of a file that the system refuses."""
    code = DISK_FULL if error.errno in (28, 122) else BAD_INPUT
    return f"{path} can't be {what}: {error.strerror}", code


def sha256_of(path: Path) -> str:
    """Return a file's sha256 in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        for piece in iter(lambda: stream.read(1 << 20), b""):
            digest.update(piece)
    return digest.hexdigest()
