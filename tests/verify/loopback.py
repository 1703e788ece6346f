"""This machine as a device: an sshd on loopback with keys of its own, and an inventory for it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests import loopback_sshd


@dataclass(frozen=True)
class Loopback:
    """A running sshd, with the variables by which Ansible reaches it."""

    variables: Mapping[str, Any]
    folder: Path

    def inventory(self, path: Path, hosts: Mapping[str, Mapping[str, Any]], **group: Any) -> Path:
        """Write an inventory whose group `emulated` has these hosts, each with its variables."""
        # Address and port are templates, as inventories of many boards have them.
        reached = {"ansible_host": "{{ loopback.host }}", "ansible_port": "{{ loopback.port }}"}
        where = {name: self.variables[f"ansible_{name}"] for name in ("host", "port")}
        rows = {name: {**self.variables, **reached, **own} for name, own in hosts.items()}
        shared = {"mediapipe_expect": "software", "mediapipe_tasks": ["FaceLandmarker"],
                  "loopback": where, **group}  # fmt: skip
        emulated = {"hosts": rows, "vars": shared}
        path.write_text(yaml.safe_dump({"all": {"children": {"emulated": emulated}}}))
        return path


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[Loopback]:
    """Serve ssh on loopback to one key; its host key is pinned."""
    # A host's tests run many commands at a time over one connection.
    with loopback_sshd.serving(folder, more="MaxStartups 100\nMaxSessions 100\n") as sshd:
        variables = {
            "ansible_host": "127.0.0.1",
            "ansible_port": sshd.port,
            "ansible_user": sshd.user,
            "ansible_ssh_private_key_file": str(sshd.key),
            "ansible_ssh_common_args": f"{' '.join(sshd.common)} -o StrictHostKeyChecking=yes",
        }
        yield Loopback(variables, folder)
