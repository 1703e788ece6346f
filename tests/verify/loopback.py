"""This machine as a device: an sshd on loopback with keys of its own, and an inventory for it."""

from __future__ import annotations

import contextlib
import getpass
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.test_device_facts import SSHD, make_key, privilege_folder, wait_for


@dataclass(frozen=True)
class Loopback:
    """A running sshd, with the variables by which Ansible reaches it."""

    variables: Mapping[str, Any]
    folder: Path

    def inventory(self, path: Path, hosts: Mapping[str, Mapping[str, Any]], **group: Any) -> Path:
        """Write an inventory whose group `emulated` has these hosts, each with its variables."""
        rows = {name: {**self.variables, **own} for name, own in hosts.items()}
        shared = {"mediapipe_expect": "software", "mediapipe_tasks": ["FaceLandmarker"], **group}
        emulated = {"hosts": rows, "vars": shared}
        path.write_text(yaml.safe_dump({"all": {"children": {"emulated": emulated}}}))
        return path


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[Loopback]:
    """Serve ssh on loopback to one key; its host key is pinned."""
    if not SSHD or not shutil.which("ssh"):
        pytest.skip("sshd is not installed (openssh-server)")
    host_key, key = make_key(folder / "host"), make_key(folder / "user")
    shutil.copy(key.with_suffix(".pub"), folder / "authorized")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    (folder / "config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {host_key}\nPidFile none\nUsePAM no\n"
        f"AuthorizedKeysFile {folder}/authorized\nStrictModes no\nPermitRootLogin yes\n"
        "PasswordAuthentication no\nKbdInteractiveAuthentication no\n"
        # A host's tests run many commands at a time over one connection.
        "MaxStartups 100\nMaxSessions 100\n"
    )
    known = folder / "known_hosts"
    public = " ".join(host_key.with_suffix(".pub").read_text().split()[:2])
    known.write_text(f"[127.0.0.1]:{port} {public}\n")
    common = f"-F none -o UserKnownHostsFile={known} -o GlobalKnownHostsFile=none"
    variables = {
        "ansible_host": "127.0.0.1",
        "ansible_port": port,
        "ansible_user": getpass.getuser(),
        "ansible_ssh_private_key_file": str(key),
        "ansible_ssh_common_args": f"{common} -o IdentitiesOnly=yes -o StrictHostKeyChecking=yes",
    }
    with privilege_folder(), (folder / "log").open("w") as log:
        daemon = subprocess.Popen([SSHD, "-D", "-e", "-f", folder / "config"], stderr=log)
        try:
            wait_for(port, daemon, folder / "log")
            yield Loopback(variables, folder)
        finally:
            daemon.terminate()
            daemon.wait(10)
