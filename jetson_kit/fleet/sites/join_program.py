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
import shutil  # noqa: E402
import subprocess  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Callable, Iterator, List  # noqa: E402, UP035 # for Python 3.8

if __package__:
    from jetson_kit.fleet.sites import join_checks as checks
    from jetson_kit.fleet.sites.tied_child import tie
else:
    # In the archive they stand beside this file.
    import join_checks as checks  # type: ignore[import-not-found,no-redef]
    from tied_child import tie  # type: ignore[import-not-found,no-redef]

USAGE = """\
usage: ./join [FOLDER]        make this machine the controller of its site, in FOLDER
                              (by default ~/mediapipe-jetson-site)
       ./join --stop FOLDER   stop the site's node; what a rollout has begun goes on
       ./join --help
"""
# How long a child may take to end.
GRACE_S = 20
MODULE = "jetson_kit.fleet.sites.joining"


class Stopped(BaseException):
    """A signal came; its number."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.code = 128 + number


def main(here: Path, arguments: List[str]) -> int:  # noqa: UP006 # for Python 3.8
    """Do what the command line says; return the exit code. Raises JoinError."""
    if arguments in (["--help"], ["-h"]):
        sys.stdout.write(USAGE)
        return 0
    if arguments[:1] == ["--stop"] and len(arguments) == 2:
        stop(_folder(arguments[1]))
        return 0
    if len(arguments) > 1 or any(
        argument.startswith("-") or not argument for argument in arguments
    ):
        raise checks.JoinError("this is no way to call it; see ./join --help", checks.BAD_INPUT)
    join(here, _folder(arguments[0] if arguments else "~/mediapipe-jetson-site"))
    return 0


def join(archive: Path, root: Path) -> None:
    """Make the site in `root`, by the unpacked archive. Raises JoinError, Stopped.

    What was made in a new folder is removed then, unless the token may have been used by it.
    """
    facts = checks.read_facts(archive)
    checks.check_folder(root)
    checks.check_machine(archive, facts, root)
    new = not root.exists() or not any(root.iterdir())
    new_folders = [path for path in (root, *root.parents) if not path.exists()]
    try:
        root.mkdir(parents=True, exist_ok=True)
        with _alone(root):
            install = [sys.executable, "-B", str(archive / "install.py"), str(archive / "kit.tar")]
            _run([*install, facts["kit"], str(root)], Path("/"))
            python = root / "current" / ".venv" / "bin" / "python"
            _run([str(python), "-m", MODULE, str(archive), str(root)], root / "current", show=True)
    except (checks.JoinError, Stopped, OSError) as error:
        handle(signal.SIG_IGN)
        busy = isinstance(error, checks.JoinError) and error.code == checks.BUSY
        used = any((root / "node" / name).exists() for name in ("request.pem", "tls.crt"))
        if new and not busy and not used:
            _remove(root, new_folders)
        if isinstance(error, OSError):
            raise checks.JoinError(*checks.cannot(root, "written", error)) from error
        raise


def stop(root: Path) -> None:
    """End the node of the site in `root`. Raises JoinError."""
    python = root / "current" / ".venv" / "bin" / "python"
    if not checks.is_site(root) or not python.exists():
        raise checks.JoinError(
            f"{root} is no site; name the folder that was given to ./join", checks.BAD_INPUT
        )
    _run([str(python), "-m", MODULE, "--stop", str(root)], root / "current", show=True)


@contextlib.contextmanager
def _alone(root: Path) -> Iterator[None]:
    holder = os.open(str(root), os.O_RDONLY)
    try:
        fcntl.flock(holder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise checks.JoinError(
            f"another ./join is at work in {root}; wait for its end", checks.BUSY
        ) from error
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
            start_new_session=True, preexec_fn=_prepared(tie()),  # noqa: PLW1509 # no threads here
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
        raise checks.JoinError(
            f"it was ended by signal {-code}; run ./join again", checks.STEP_FAILED
        )
    if code:
        raise checks.JoinError("", code)


def _end(child: subprocess.Popen) -> None:  # type: ignore[type-arg] # for Python 3.8
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(GRACE_S)


def _prepared(tied: "Callable[[], None]") -> "Callable[[], None]":  # noqa: UP037
    def prepare() -> None:
        tied()
        _unblock()

    return prepare


def _unblock() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)


def _remove(root: Path, new_folders: List[Path]) -> None:  # noqa: UP006
    """Remove what is in a folder that was new, and the folders that were made for it."""
    with contextlib.suppress(OSError):
        for path in list(root.iterdir()):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(str(path), ignore_errors=True)
            else:
                path.unlink()
        for path in new_folders:
            path.rmdir()


def _folder(word: str) -> Path:
    try:
        return Path(word).expanduser().resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise checks.JoinError(
            f"{word!r} can't be a folder; name another", checks.BAD_INPUT
        ) from error


def _stopped(number: int, _: object) -> None:
    handle(signal.SIG_IGN)
    raise Stopped(number)


if __name__ == "__main__":
    handle(_stopped)
    try:
        status = main(Path(sys.argv[1]), sys.argv[2:])
    except checks.JoinError as failed:
        sys.stderr.write(failed.text())
        status = failed.code
    except Stopped as stopped:
        sys.stderr.write("error: stopped; run ./join again\n")
        status = stopped.code
    except Exception as error:  # one line, whatever it is
        words = " ".join(f"{type(error).__name__}: {error}".split())
        sys.stderr.write(f"error: {words}; please report it\n")
        status = checks.INTERNAL
    sys.exit(status)
