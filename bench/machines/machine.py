"""A bare machine, a container or a guest of QEMU: what its owner did, and shells of its users."""

from __future__ import annotations

import contextlib
import json
import shlex
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from bench.machines import container, guest, host, proxy
from bench.machines.rows import Row
from jetson_kit.core.errors import NetworkError, StepFailedError
from jetson_kit.core.paths import ROOT

BUNDLE = "/kit.bundle"
# A guest whose processor is emulated needs minutes for a package.
PREPARE_S = 1200.0
# The row's user comes in by root's key.
LOGIN = (
    "install -d -m 700 -o dev -g dev /home/dev/.ssh && "
    "install -m 600 -o dev -g dev /root/.ssh/authorized_keys /home/dev/.ssh/"
)
# As systemd would on a machine that has it.
SERVICE = """
setsid podman system service --time 0 "unix://$socket" >/dev/null 2>&1 </dev/null &
for turn in 1 2 3 4 5 6 7 8 9; do test -S "$socket" && exit; sleep 1; done; exit 1
"""
# Its store needs a real file system, as Docker's does.
PODMAN = f"""
mkdir -p /etc/containers /run/podman
printf '[storage]\\ndriver = "overlay"\\nrunroot = "/run/containers/storage"\\n%s\\n' \\
  'graphroot = "/var/lib/docker/podman"' >/etc/containers/storage.conf
touch /etc/containers/nodocker; socket=/run/podman/podman.sock
{SERVICE}
"""
# As logind, udev and a login give a user; who starts an engine types this.
RUNTIME = "/run/user/1000"
LOGIND = f"""
mkdir -p /dev/net && mknod /dev/fuse c 10 229 && mknod /dev/net/tun c 10 200
chmod 666 /dev/fuse /dev/net/tun && install -d -m 700 -o dev -g dev {RUNTIME}
"""
ROOTLESS_PODMAN = f"mkdir {RUNTIME}/podman; socket={RUNTIME}/podman/podman.sock\n{SERVICE}"
# What dockerd-rootless-setuptool.sh does where there is no systemd, and the context that it makes.
ROOTLESS_DOCKER = f"""
docker context create rootless --docker host=unix://{RUNTIME}/docker.sock >/dev/null
docker context use rootless >/dev/null
PATH=$PATH:/usr/sbin:/sbin setsid /usr/share/docker.io/contrib/dockerd-rootless.sh \
  >/tmp/dockerd-rootless.log 2>&1 </dev/null &
for turn in $(seq 60); do docker version >/dev/null 2>&1 && exit; sleep 1; done
tail -n 1 /tmp/dockerd-rootless.log; exit 1
"""
SUDO = "dev ALL=(ALL) NOPASSWD:ALL\n"


@dataclass(frozen=True)
class CommandResult:
    """How a command ended: its exit code, what it printed (both streams), seconds of wall time."""

    code: int
    text: str
    seconds: float

    @property
    def last(self) -> str:
        """The last line that is not empty."""
        lines = [line for line in self.text.splitlines() if line.strip()]
        return lines[-1].strip() if lines else ""


class Transport(Protocol):
    """How a machine is reached: container.py, guest.py."""

    def command(self, script: str, user: str, variables: Mapping[str, str]) -> list[str]:
        """Return the words that run a script there as `user`."""

    def reboot(self) -> None:
        """Restart the machine, and wait until it is up. Raises StepFailedError."""

    def cut_off(self) -> None:
        """Take its network away. Raises StepFailedError."""


@dataclass(frozen=True)
class Machine:
    """A running bare machine, made for a row."""

    row: Row
    transport: Transport
    variables: Mapping[str, str] = field(default_factory=dict)
    """By which programs find the network, beside those of this host."""

    def shell(
        self,
        script: str,
        *,
        user: str = "root",
        env: Mapping[str, str] | None = None,
        timeout_s: float = PREPARE_S,
    ) -> CommandResult:
        """Run a script in a shell of `user`; the caller judges how it ended.

        One that does not end in time has code 124, and a last line that says so.
        """
        # A normal user's PATH lacks the folders of system programs, as Debian has it.
        sbin = "/usr/local/sbin:/usr/sbin:/sbin:" if user == "root" else ""
        path = {"PATH": f"{sbin}/usr/local/bin:/usr/bin:/bin", "USER": user}
        if self.row.rootless and user != "root":
            path["XDG_RUNTIME_DIR"] = RUNTIME
        variables = {**path, **host.environment(), **self.variables, **(env or {})}
        command = self.transport.command(script, user, variables)
        started = time.monotonic()
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=timeout_s,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            printed = (error.stdout or b"").decode(errors="replace")
            return CommandResult(124, f"{printed}\nno end within {timeout_s:.0f} s", timeout_s)
        text = done.stdout.decode(errors="replace")
        return CommandResult(done.returncode, text, round(time.monotonic() - started, 1))

    def must(self, script: str, *, user: str = "root") -> str:
        """Run a script that has to succeed; return what it printed. Raises StepFailedError."""
        ended = self.shell(script, user=user)
        if ended.code:
            raise StepFailedError(f"{self.row.name}: preparing it failed: {ended.last}")
        return ended.text


@contextlib.contextmanager
def started(row: Row) -> Iterator[Machine]:
    """Yield the row's machine, with a clean clone of HEAD in it; it is gone afterwards.

    Raises ToolMissingError, NetworkError, DiskFullError, StepFailedError.
    """
    with guest.started(row) if row.guest else container.started(row) as transport:
        machine = Machine(row, transport)
        _prepare(machine)
        if not row.proxy:
            yield machine
            return
        label = f"{container.LABEL}={row.name}"
        image, variables = container.image(row.suite), host.environment()
        with proxy.beside(container.name_of(row), image, label, variables) as given:
            yield replace(machine, variables=given)


def _prepare(machine: Machine) -> None:
    """Do what the machine's owner had done before the kit came: users, packages, settings."""
    row = machine.row
    packages = [*row.packages, *(["sudo"] if row.user == "sudo" else [])]
    if packages:
        install = "apt-get -qq install -y --no-install-recommends"
        # Who may not be root reads the lists that there are.
        clean = "true" if row.user == "plain" else "rm -rf /var/lib/apt/lists/*"
        ended = machine.shell(
            "export DEBIAN_FRONTEND=noninteractive; "
            f"apt-get -qq update && {install} {shlex.join(packages)} && {clean} && apt-get clean"
        )
        if ended.code:
            raise NetworkError(f"{row.name}: {shlex.join(packages)}: {ended.last}")
    if row.user != "root":
        machine.must("useradd --create-home --shell /bin/bash dev")
        if row.guest:
            machine.must(LOGIN)
    if row.user == "sudo":
        machine.must(f"printf %s {shlex.quote(SUDO)} >/etc/sudoers.d/dev")
    if row.locale:
        language, _, charset = row.locale.partition(".")
        machine.must(f"localedef -i {language} -f {charset} {row.locale}")
    if row.daemon:
        text = shlex.quote(json.dumps(row.daemon))
        machine.must(f"mkdir -p /etc/docker && printf %s {text} >/etc/docker/daemon.json")
    if row.rootless:
        machine.must(LOGIND)
        machine.must(ROOTLESS_PODMAN if row.podman else ROOTLESS_DOCKER, user=row.login)
    elif row.podman:
        machine.must(PODMAN)
    if row.before:
        machine.must(f"set -e\n{row.before}")
    if folder := row.environment.get("TMPDIR"):
        machine.must(f"mkdir -p {shlex.quote(folder)} && chmod 1777 {shlex.quote(folder)}")
    _clone(machine)
    if not row.network:
        machine.transport.cut_off()


def _clone(machine: Machine) -> None:
    """Put a clean clone of HEAD where the row wants it, by the user and umask of the row."""
    row = machine.row
    bundle = subprocess.run(
        ["git", "bundle", "create", "--quiet", "-", "HEAD"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    subprocess.run(
        machine.transport.command(f"cat >{BUNDLE}", "root", {}),
        input=bundle.stdout,
        check=True,
    )
    parent, checkout = shlex.quote(str(Path(row.checkout).parent)), shlex.quote(row.checkout)
    machine.must(
        f"umask {row.umask} && mkdir -p {parent} && git clone --quiet {BUNDLE} {checkout}",
        user=row.login,
    )
