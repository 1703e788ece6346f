"""A bare machine that is a container: of the host's engine, with namespaces of its own.

It shares the kernel, and with it the registration of QEMU in binfmt_misc; all else is its own.
"""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.machines import roots
from bench.machines.rows import Row
from jetson_kit.core.errors import StepFailedError
from jetson_kit.core.run import run
from jetson_kit.virtual_devices import limits

LABEL = "io.mediapipe-jetson.bare-machine"
INIT = Path(__file__).with_name("init.sh")
# In a namespace of users the engine mounts /proc, which the kernel refuses where a part of it is
# hidden; the files of a user's own are at home, and need a real file system below them.
NUMBERED = ("--security-opt", "systempaths=unconfined", "--volume", "/home")
READY_S = 30.0
CALL_S = 60.0


@dataclass(frozen=True)
class Container:
    """A running machine of a row; a transport of machine.py."""

    name: str

    def command(self, script: str, user: str, variables: Mapping[str, str]) -> list[str]:
        """Return the words that run a script there as `user`."""
        given = [part for item in variables.items() for part in ("-e", "=".join(item))]
        return ["docker", "exec", "-i", "--user", user, *given, self.name, "sh", "-c", script]

    def reboot(self) -> None:
        """Refuse: it has no kernel to start. Raises StepFailedError."""
        raise StepFailedError(f"{self.name}: a container can't be rebooted")

    def cut_off(self) -> None:
        """Take its network away. Raises StepFailedError."""
        run(["docker", "network", "disconnect", "bridge", self.name], what="cutting it off")


def name_of(row: Row) -> str:
    """Return the name of a row's container."""
    return f"mediapipe-jetson-bare-{row.name}"


@contextlib.contextmanager
def started(row: Row) -> Iterator[Container]:
    """Yield the row's machine; it is gone afterwards.

    Raises ToolMissingError, NetworkError, StepFailedError.
    """
    name = name_of(row)
    run(["docker", "rm", "--force", "--volumes", name], what="removing an old machine")
    capabilities = limits.of("container")["capabilities"]
    run(
        [
            *("docker", "run", "--detach", "--name", name, "--hostname", row.name),
            *("--label", f"{LABEL}={row.name}", "--cgroupns", "private"),
            *(f"--cap-add={capability}" for capability in capabilities),
            *(NUMBERED if row.numbered else ()),
            "--device-cgroup-rule=a *:* rwm",  # its containers may have devices
            *("--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined"),
            # The engine's files need a real file system below them: an overlay takes no overlay.
            *("--tmpfs", "/run:exec", "--volume", "/var/lib/docker"),
            *("--volume", "/var/lib/containerd", "--volume", f"{INIT}:/bare-init:ro"),
            *(image(row.suite), "/bin/sh", "/bare-init"),
        ],
        what=f"starting the bare machine {row.name}",
    )
    try:
        machine = Container(name)
        _wait(machine)
        yield machine
    finally:
        run(["docker", "rm", "--force", "--volumes", name], what="removing the machine")


def image(suite: str) -> str:
    """Return the tag of a bare root in the host's engine, imported once."""
    tar = roots.tar(suite)
    state = tar.stat()
    tag = f"mediapipe-jetson-bare:{tar.stem}-{state.st_mtime_ns}"
    if not run(["docker", "images", "--quiet", tag], what="looking for a bare root").strip():
        run(
            ["docker", "import", "--change", f"LABEL {LABEL}=", tar, tag],
            what=f"importing the bare root of {suite}",
        )
    return tag


def _wait(machine: Container) -> None:
    until = time.monotonic() + READY_S
    command = machine.command("test -e /run/ready", "root", {})
    while subprocess.run(command, capture_output=True, timeout=CALL_S, check=False).returncode:
        if time.monotonic() > until:
            raise StepFailedError(f"{machine.name} did not come up within {READY_S:.0f} s")
        time.sleep(0.2)
