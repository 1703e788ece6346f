"""A real sshd on loopback: keys of its own, a pinned host key, no setting of the user's."""

from __future__ import annotations

import contextlib
import fcntl
import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.here import skip_without

SSHD = shutil.which("sshd")
PRIVILEGE = Path("/run/sshd")
# Held by each that needs the folder; it has a line while that is one of tests.
LOCK = Path("/run/mediapipe-jetson-kit-tests-sshd.lock")


@dataclass(frozen=True)
class Sshd:
    """A running server, and how it is reached."""

    port: int
    user: str
    key: Path
    known_hosts: Path

    @property
    def host(self) -> str:
        """Return what ssh calls it."""
        return f"{self.user}@127.0.0.1"

    @property
    def common(self) -> tuple[str, ...]:
        """Return the options of ssh besides port and key."""
        return (
            *("-F", "none", "-o", f"UserKnownHostsFile={self.known_hosts}"),
            *("-o", "GlobalKnownHostsFile=none", "-o", "IdentitiesOnly=yes"),
        )

    @property
    def options(self) -> tuple[str, ...]:
        """Return all options that a login needs."""
        return (*self.common, "-p", str(self.port), "-i", str(self.key))


@contextlib.contextmanager
def serving(folder: Path, forced: str = "", more: str = "") -> Iterator[Sshd]:
    """Serve one key; it runs the script `forced` in place of the requested command, if any.

    `more` are further lines of its settings.
    """
    skip_without("sshd", "ssh-client", "ssh-keygen")
    assert SSHD
    host_key, key = make_key(folder / "host"), make_key(folder / "user")
    rights = ""
    if forced:
        script = folder / "forced.sh"
        script.write_text(f"{forced}\n")
        rights = f'restrict,command="sh {script}" '
    (folder / "authorized").write_text(rights + key.with_suffix(".pub").read_text())
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    (folder / "config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {host_key}\nPidFile none\nUsePAM no\n"
        f"AuthorizedKeysFile {folder}/authorized\nStrictModes no\nPermitRootLogin yes\n"
        f"PasswordAuthentication no\nKbdInteractiveAuthentication no\n{more}"
    )
    known = folder / "known_hosts"
    public = " ".join(host_key.with_suffix(".pub").read_text().split()[:2])
    known.write_text(f"[127.0.0.1]:{port} {public}\n")
    with _privilege_folder(), (folder / "log").open("w") as log:
        daemon = subprocess.Popen([SSHD, "-D", "-e", "-f", folder / "config"], stderr=log)
        try:
            _wait_for(port, daemon, folder / "log")
            yield Sshd(port, getpass.getuser(), key, known)
        finally:
            daemon.terminate()
            daemon.wait(10)


def make_key(path: Path) -> Path:
    """Make a key pair without a passphrase."""
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", str(path)], check=True
    )
    return path


@contextlib.contextmanager
def _privilege_folder() -> Iterator[None]:
    """Have the empty folder that an sshd started as root asks for, at each connection anew.

    Tests beside this one share it: the last one removes it, if a test has made it.
    """
    if os.geteuid():
        yield
        return
    with LOCK.open("a+") as lock_file:
        fcntl.flock(lock_file, fcntl.LOCK_SH)
        with contextlib.suppress(FileExistsError):
            PRIVILEGE.mkdir(mode=0o755)
            print("made by a test", file=lock_file, flush=True)
        try:
            yield
        finally:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.fstat(lock_file.fileno()).st_size:
                    with contextlib.suppress(OSError):
                        PRIVILEGE.rmdir()
                    lock_file.truncate(0)


def _wait_for(port: int, daemon: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(100):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        if daemon.poll() is not None:
            break
        time.sleep(0.05)
    pytest.fail(f"sshd did not start: {log.read_text()}")
