"""Keys of a run: one to log in with, and a host key for each device that is pinned beforehand."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from jetson_kit.core.paths import cache_dir
from jetson_kit.core.run import run
from jetson_kit.virtual_devices.spec import Device, File


@dataclass(frozen=True)
class Pair:
    """An ed25519 key pair as OpenSSH writes it."""

    private: str
    public: str


def pair(comment: str) -> Pair:
    """Make a key pair. Raises ToolMissingError without ssh-keygen."""
    with tempfile.TemporaryDirectory(dir=cache_dir("tmp")) as folder:
        path = Path(folder) / "key"
        run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", path],
            what="making a key (ssh-keygen, package openssh-client)",
        )
        return Pair(path.read_text(), path.with_suffix(".pub").read_text())


def install(device: Device, login: Pair) -> tuple[File, ...]:
    """Write the login key and the pinned host key to the device's folder; return its own files.

    The host's private key goes into the seed only.
    """
    host = pair(f"host-{device.name}")
    device.key.touch(mode=0o600)
    device.key.write_text(login.private)
    kind, body, *_ = host.public.split()
    device.known_hosts.write_text(f"[{device.address}]:{device.port} {kind} {body}\n")
    return (
        File("/root/.ssh/authorized_keys", 0o600, login.public.encode()),
        File("/etc/ssh/ssh_host_ed25519_key", 0o600, host.private.encode()),
        File("/etc/ssh/ssh_host_ed25519_key.pub", 0o644, host.public.encode()),
        File("/etc/hostname", 0o644, f"{device.name}\n".encode()),
        File(
            "/etc/hosts",
            0o644,
            f"127.0.0.1 localhost\n127.0.1.1 {device.name}\n::1 localhost\n".encode(),
        ),
    )
