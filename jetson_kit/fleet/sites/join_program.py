"""./join of a site's archive: checks this machine and FOLDER, then has the site made there.

It stands in the archive beside install.py and needs Python's standard library alone (3.8 or later).
Nothing is written before all checks have passed.
"""

from __future__ import annotations

import signal
import sys

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def _at_once(number: int, _: object) -> None:
    sys.stderr.write("error: stopped\n")
    sys.stderr.flush()
    os._exit(128 + number)


def handle(action: object) -> None:
    """Have signals that end a program do this; one that is ignored (nohup) stays so."""
    for number in ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, action)  # type: ignore[arg-type]


# The other modules take some time to load, and Ctrl-C may come meanwhile.
import os  # noqa: E402

if __name__ == "__main__":
    handle(_at_once)

import contextlib  # noqa: E402
import fcntl  # noqa: E402
import hashlib  # noqa: E402
import json  # noqa: E402
import re  # noqa: E402
import shutil  # noqa: E402
import subprocess  # noqa: E402
import tarfile  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any, Dict, Iterator, List  # noqa: E402, UP035 # for Python 3.8

USAGE = """\
usage: ./join [FOLDER]        make this machine the controller of its site, in FOLDER
                              (by default ~/mediapipe-jetson-site)
       ./join --stop FOLDER   stop the site's node; what a rollout has begun goes on
       ./join --help
"""
FACTS = ("site", "token", "made", "expires", "address", "port", "authority", "receptor", "kit")
PROGRAMS = ("ssh", "ssh-keygen", "rsync")
# A Unix socket's path may have no more bytes; Linux, unix(7).
LONGEST_SOCKET = 107
# An estimate: the unpacked kit, its wheels, and the environment that is made of them.
ROOM = 3
# What a site's folder may have before its first kit is whole.
BEGUN = {"kits", "node", "state", "cache"}
# Of jetson_kit/core/errors.py, which is not here yet.
BAD_INPUT, MISSING, INTEGRITY, DISK_FULL, STEP_FAILED, BUSY, INTERNAL = 2, 3, 5, 6, 7, 9, 70
# How long a child may take to end.
GRACE_S = 20
MODULE = "jetson_kit.fleet.sites.joining"


class JoinError(Exception):
    """What is wrong with what to do, and the exit code; `line` "" where a child has told it."""

    def __init__(self, line: str, code: int) -> None:
        super().__init__(line)
        self.line = line
        self.code = code


class Stopped(BaseException):
    """A signal came; its number."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.code = 128 + number


def main(here: Path, words: List[str]) -> int:  # noqa: UP006 # for Python 3.8
    """Do what the command line says; return the exit code. Raises JoinError."""
    if words in (["--help"], ["-h"]):
        sys.stdout.write(USAGE)
        return 0
    if words[:1] == ["--stop"] and len(words) == 2:
        stop(_folder(words[1]))
        return 0
    if len(words) > 1 or any(word.startswith("-") or not word for word in words):
        raise JoinError("this is no way to call it; see ./join --help", BAD_INPUT)
    join(here, _folder(words[0] if words else "~/mediapipe-jetson-site"))
    return 0


def join(archive: Path, root: Path) -> None:
    """Make the site in `root`, by the unpacked archive. Raises JoinError, Stopped.

    What was made in a new folder is removed then, unless the token may have been used by it.
    """
    facts = read_facts(archive)
    check_folder(root)
    check_machine(archive, facts, root)
    new = not root.exists() or not any(root.iterdir())
    made = [path for path in (root, *root.parents) if not path.exists()]
    try:
        root.mkdir(parents=True, exist_ok=True)
        with _alone(root):
            install = [sys.executable, str(archive / "install.py"), str(archive / "kit.tar")]
            _run([*install, facts["kit"], str(root)], Path("/"))
            python = root / "current" / ".venv" / "bin" / "python"
            _run([str(python), "-m", MODULE, str(archive), str(root)], root / "current", show=True)
    except (JoinError, Stopped, OSError) as error:
        handle(signal.SIG_IGN)
        busy = isinstance(error, JoinError) and error.code == BUSY
        used = any((root / "node" / name).exists() for name in ("request.pem", "tls.crt"))
        if new and not busy and not used:
            _remove(root, made)
        if isinstance(error, OSError):
            raise JoinError(*_cannot(root, "written", error)) from error
        raise


def stop(root: Path) -> None:
    """End the node of the site in `root`. Raises JoinError."""
    python = root / "current" / ".venv" / "bin" / "python"
    if not is_site(root) or not python.exists():
        raise JoinError(f"{root} is no site; name the folder that was given to ./join", BAD_INPUT)
    _run([str(python), "-m", MODULE, "--stop", str(root)], root / "current", show=True)


def read_facts(archive: Path) -> Dict[str, Any]:  # noqa: UP006 # for Python 3.8
    """Return join.json. Raises JoinError."""
    path = archive / "join.json"
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise JoinError(f"there is no {path}; unpack the whole archive again", INTEGRITY) from error
    except OSError as error:
        raise JoinError(*_cannot(path, "read", error)) from error
    except (ValueError, RecursionError) as error:
        raise JoinError(f"{path} is damaged; unpack the archive again", INTEGRITY) from error
    kinds = {name: int if name == "port" else str for name in FACTS}
    if not isinstance(facts, dict) or not all(
        isinstance(facts.get(name), kind) for name, kind in kinds.items()
    ):
        raise JoinError(f"{path} is damaged; unpack the archive again", INTEGRITY)
    return facts


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
        raise JoinError(*_cannot(root, "read", error)) from error
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
            whole = _sha256(archive / name) == sha256
        except FileNotFoundError:
            whole = False
        except OSError as error:
            raise JoinError(*_cannot(archive / name, "read", error)) from error
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


@contextlib.contextmanager
def _alone(root: Path) -> Iterator[None]:
    holder = os.open(str(root), os.O_RDONLY)
    try:
        fcntl.flock(holder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise JoinError(f"another ./join is at work in {root}; wait for its end", BUSY) from error
    finally:
        os.close(holder)


def _run(command: List[str], where: Path, show: bool = False) -> None:  # noqa: UP006
    """Run a child in a session of its own; where a signal comes, all of it is ended."""
    output = None if show else subprocess.DEVNULL
    child = None
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    try:
        # A signal waits until it is known which child to end.
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, cwd=str(where),
            start_new_session=True, preexec_fn=_unblock,  # noqa: PLW1509 # no threads here
        )  # fmt: skip
        _unblock()
        code = child.wait()
    except BaseException:
        handle(signal.SIG_IGN)
        _unblock()
        if child is not None:
            _end(child)
        raise
    if code < 0:
        raise JoinError(f"it was ended by signal {-code}; run ./join again", STEP_FAILED)
    if code:
        raise JoinError("", code)


def _end(child: subprocess.Popen) -> None:  # type: ignore[type-arg] # for Python 3.8
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(GRACE_S)


def _unblock() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)


def _remove(root: Path, made: List[Path]) -> None:  # noqa: UP006
    """Remove what is in a folder that was new, and the folders that were made for it."""
    with contextlib.suppress(OSError):
        for path in list(root.iterdir()):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(str(path), ignore_errors=True)
            else:
                path.unlink()
        for path in made:
            path.rmdir()


def _cannot(path: Path, what: str, error: OSError) -> "tuple[str, int]":  # noqa: UP037
    code = DISK_FULL if error.errno in (28, 122) else BAD_INPUT
    return f"{path} can't be {what}: {error.strerror}", code


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        for piece in iter(lambda: stream.read(1 << 20), b""):
            digest.update(piece)
    return digest.hexdigest()


def _folder(word: str) -> Path:
    try:
        return Path(word).expanduser().resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise JoinError(f"{word!r} can't be a folder; name another", BAD_INPUT) from error


def _stopped(number: int, _: object) -> None:
    handle(signal.SIG_IGN)
    raise Stopped(number)


if __name__ == "__main__":
    handle(_stopped)
    try:
        status = main(Path(sys.argv[1]), sys.argv[2:])
    except JoinError as failed:
        if failed.line:
            sys.stderr.write(f"error: {failed.line}\n")
        status = failed.code
    except Stopped as stopped:
        sys.stderr.write("error: stopped; run ./join again\n")
        status = stopped.code
    except Exception as error:  # one line, whatever it is
        words = " ".join(f"{type(error).__name__}: {error}".split())
        sys.stderr.write(f"error: {words}; please report it\n")
        status = INTERNAL
    sys.exit(status)
