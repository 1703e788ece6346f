"""An Ansible inventory as Ansible itself reads it: its hosts, and how ssh reaches each."""

from __future__ import annotations

import fnmatch
import json
import os
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jetson_kit.errors import BadInputError, StepFailedError
from jetson_kit.paths import ROOT
from jetson_kit.run import run

TIMEOUT_S = 120.0
GRAPH = "check it: ansible-inventory --graph -i FILE"
# What ssh alone can reach; containers and the like are not machines with a kernel of their own.
SSH = ("ssh", "smart", "ansible.builtin.ssh")
# Names of environment variables that hold what no argument and no log may hold.
VAULT_SECRET = "KIT_VAULT_PASSWORD"  # noqa: S105 # a name
BECOME_SECRET = "KIT_BECOME_PASSWORD"  # noqa: S105 # a name
SECRETS = {
    VAULT_SECRET: ("ANSIBLE_VAULT_PASSWORD_FILE", ROOT / "ansible" / "secret-vault"),
    BECOME_SECRET: ("ANSIBLE_BECOME_PASSWORD_FILE", ROOT / "ansible" / "secret-become"),
}


@dataclass(frozen=True)
class Host:
    """A host of an inventory and its variables, groups' merged in."""

    name: str
    variables: Mapping[str, Any]

    @property
    def address(self) -> str:
        """Return user@host as ssh takes it."""
        user = self.variables.get("ansible_user") or self.variables.get("ansible_ssh_user")
        host = str(self.variables.get("ansible_host", self.name))
        return f"{user}@{host}" if user else host

    def ssh_options(self) -> tuple[str, ...]:
        """Return what stands between `ssh` and the host. Raises BadInputError."""
        connection = self.variables.get("ansible_connection", "ssh")
        if connection not in SSH:
            raise BadInputError(
                f"{self.name} has the connection {connection!r}", "hosts are reached by ssh alone"
            )
        words: list[str] = []
        # As Ansible puts them: the general ones first.
        for name in ("ansible_ssh_common_args", "ansible_ssh_extra_args"):
            words += shlex.split(str(self.variables.get(name, "")))
        port = self.variables.get("ansible_port") or self.variables.get("ansible_ssh_port")
        if port:
            words += ["-p", str(port)]
        key = self.variables.get("ansible_ssh_private_key_file") or self.variables.get(
            "ansible_private_key_file"
        )
        if key:
            words += ["-i", str(Path(str(key)).expanduser())]
        return tuple(words)


def environment() -> dict[str, str]:
    """Return the environment in which Ansible's programs, of our own environment, are found."""
    here = str(Path(sys.executable).parent)
    # testinfra starts `ansible-inventory` by its name; a warning on stdout would break its JSON.
    return {
        **os.environ,
        "PATH": os.pathsep.join([here, os.environ.get("PATH", os.defpath)]),
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_HOST_KEY_CHECKING": "true",
        **secrets(),
    }


def secrets() -> dict[str, str]:
    """Return the options by which Ansible gets its passwords out of the environment, if there."""
    return {
        option: str(program) for name, (option, program) in SECRETS.items() if os.environ.get(name)
    }


def load(path: Path, limit: str = "") -> tuple[Host, ...]:
    """Return the hosts of an inventory (file or folder), in its order.

    `limit` keeps those that it names: hosts, groups or patterns, by commas. Raises BadInputError
    where Ansible can't read it or nothing is left.
    """
    if not path.exists():
        raise BadInputError(f"there is no inventory {path}", "see ansible/inventories/example/")
    program = Path(sys.executable).with_name("ansible-inventory")
    try:
        raw = run(
            # An unparsed source is an error, not an empty inventory.
            [program if program.exists() else program.name, "--list", "-i", path],
            what="reading the inventory",
            env={**environment(), "ANSIBLE_INVENTORY_UNPARSED_IS_FAILED": "1",
                 "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "1"},
            timeout_s=TIMEOUT_S,
        )  # fmt: skip
        table: dict[str, Any] = json.loads(raw)
    except (StepFailedError, ValueError) as error:
        said = getattr(error, "message", None) or str(error)
        raise BadInputError(f"{path} is no inventory: {said}", GRAPH) from error
    variables = table.get("_meta", {}).get("hostvars", {})
    hosts = tuple(Host(name, variables.get(name, {})) for name in _members(table, "all"))
    if not hosts:
        raise BadInputError(f"{path} has no hosts", "see ansible/inventories/example/")
    return _limited(table, hosts, limit)


def _members(table: Mapping[str, Any], group: str) -> list[str]:
    own = table.get(group, {})
    names = list(own.get("hosts", []))
    for child in own.get("children", []):
        names += _members(table, child)
    return list(dict.fromkeys(names))


def _limited(table: Mapping[str, Any], hosts: tuple[Host, ...], limit: str) -> tuple[Host, ...]:
    if not limit:
        return hosts
    wanted: set[str] = set()
    for pattern in filter(None, (word.strip() for word in limit.split(","))):
        known = {host.name for host in hosts if fnmatch.fnmatch(host.name, pattern)}
        groups = [name for name in table if fnmatch.fnmatch(name, pattern) and name != "_meta"]
        for group in groups:
            known |= set(_members(table, group))
        if not known:
            raise BadInputError(f"--limit {pattern} names no host and no group", GRAPH)
        wanted |= known
    return tuple(host for host in hosts if host.name in wanted)
