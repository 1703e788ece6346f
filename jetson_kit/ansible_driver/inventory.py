"""An Ansible inventory as Ansible itself reads it: its hosts, and how ssh reaches each."""

from __future__ import annotations

import fnmatch
import json
import os
import re
import shlex
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jetson_kit.ansible_driver import inventory_tree
from jetson_kit.ansible_driver.inventory_refusals import GRAPH, refused
from jetson_kit.ansible_driver.program_environment import environment
from jetson_kit.core.errors import BadInputError, KitError, StepFailedError
from jetson_kit.core.paths import ANSIBLE, COLLECTION
from jetson_kit.core.run import failure, run

PLAYBOOKS = COLLECTION / "playbooks"
READER = Path(__file__).with_name("inventory_reader.py")
READING = "reading the inventory"
# For each one, and for the program to load Ansible.
TIMEOUT_S = 120
# What ssh alone can reach; containers and the like are not machines with a kernel of their own.
SSH = ("ssh", "smart", "ansible.builtin.ssh")
# Names of variables that hold passwords: Ansible's, of connections and of every way to become root,
# and those of the kit's roles.
SECRET_NAME = re.compile(
    r"^(?:ansible_(?:\w+_)?(?:pass|password|passphrase|passwd|private_key)|image_registry_password)$"
)
# As the ssh plugin has them: where several are given, the last of these counts.
ALIASES = {
    "ansible_host": ("ansible_host", "ansible_ssh_host"),
    "ansible_port": ("ansible_port", "ansible_ssh_port"),
    "ansible_user": ("ansible_user", "ansible_ssh_user"),
    "ansible_ssh_private_key_file": ("ansible_private_key_file", "ansible_ssh_private_key_file"),
}
ARGUMENTS = ("ansible_ssh_args", "ansible_ssh_common_args", "ansible_ssh_extra_args")
# These and what only copying files takes.
SSH_ARGUMENTS = (*ARGUMENTS, "ansible_sftp_extra_args", "ansible_scp_extra_args")
# What must be known before a host can be reached.
REACH = ("ansible_connection", *ARGUMENTS, *(name for names in ALIASES.values() for name in names))


@dataclass(frozen=True)
class Host:
    """A host of an inventory and its variables, groups' merged in."""

    name: str
    variables: Mapping[str, Any]
    """As Ansible renders them; what it can't render yet stands as it is written."""
    written: Mapping[str, Any] = field(default_factory=dict)
    """The templates among them, as they are written."""
    errors: Mapping[str, str] = field(default_factory=dict)
    """Why a variable can't be rendered, by its name."""
    late: tuple[str, ...] = ()
    """Variables that depend on what is known only during a play, such as facts."""
    origins: Mapping[str, str] = field(default_factory=dict)
    """FILE:LINE of each variable that may hold a password, "" where it comes from no file."""

    def variable(self, name: str) -> Any:  # noqa: ANN401 # whatever an inventory holds
        """Return a variable of the connection by its newest name; None where there is none."""
        values = [self.variables.get(alias) for alias in ALIASES[name]]
        return next((value for value in reversed(values) if value is not None), None)

    @property
    def host(self) -> str:
        """Return the address without the user."""
        return str(self.variable("ansible_host") or self.name)

    @property
    def address(self) -> str:
        """Return user@host as ssh takes it."""
        user = self.variable("ansible_user")
        return f"{user}@{self.host}" if user else self.host

    def ssh_options(self) -> tuple[str, ...]:
        """Return the arguments between `ssh` and the host. Raises BadInputError."""
        connection = self.variables.get("ansible_connection", "ssh")
        if connection not in SSH:
            raise BadInputError(
                f"{self.name} has the connection {connection!r}",
                "hosts are reached by ssh alone; --limit leaves one out",
            )
        options: list[str] = []
        # As Ansible puts them: the general ones first.
        for name in ARGUMENTS:
            options += self._ssh_arguments(name)
        port, key = self.variable("ansible_port"), self.variable("ansible_ssh_private_key_file")
        if port:
            options += ["-p", str(port)]
        if key:
            options += ["-i", str(Path(str(key)).expanduser())]
        return tuple(options)

    def _ssh_arguments(self, name: str) -> list[str]:
        value = self.variables.get(name) or ""
        try:
            # Of INI -4 is a number; a boolean is one to Python alone.
            if isinstance(value, str | int | float) and not isinstance(value, bool):
                return shlex.split(str(value))
            problem = "no text"
        except ValueError as error:
            problem = str(error).lower()
        raise BadInputError(
            f"{self.name}: {name} is no list of words: {problem}", "write it as a shell takes it"
        )

    def unreachable(self) -> BadInputError | None:
        """Return what keeps the host from being reached: a variable that can't be rendered."""
        name = next((name for name in REACH if name in self.errors), None)
        if name is None:
            return None
        return BadInputError(
            f"{self.name}: {name} can't be rendered: {self.errors[name]}",
            f"correct it; it is {self.variables[name]!r}",
        )


@dataclass(frozen=True)
class Inventory:
    """All hosts of an inventory, in its order, and its groups."""

    path: Path
    hosts: tuple[Host, ...]
    groups: Mapping[str, Mapping[str, Sequence[str]]]
    """Each group's `hosts` and `children`."""

    def limited(self, limit: str) -> tuple[Host, ...]:
        """Return the hosts that `limit` names: hosts, groups or patterns, by commas; "" is all.

        A part may begin with Ansible's & or !. Raises BadInputError where one names nothing.
        """
        return _limited(self.groups, self.hosts, limit)

    def write(self, path: Path) -> None:
        """Write it for another program: one JSON file, rendered, that only the user can read.

        What is encrypted stays so; so do templates of facts, and those of passwords.
        """
        rows = {host.name: _row(host) for host in self.hosts}
        children: dict[str, Any] = {
            name: {
                "hosts": {host: {} for host in group.get("hosts", ())},
                "children": {item: {} for item in group.get("children", ())},
            }
            for name, group in self.groups.items()
            if name not in ("all", "ungrouped")
        }
        path.touch(0o600)
        path.write_text(json.dumps({"all": {"hosts": rows, "children": children}}), "utf-8")


def _row(host: Host) -> dict[str, Any]:
    """Return a host's variables as another ansible-core reads them."""
    row = {name: value for name, value in host.variables.items() if name not in host.written}
    for name, text in host.written.items():
        raw = name in host.late or name in host.errors or SECRET_NAME.search(name)
        row[name] = text if raw else _literal(host.variables[name])
    for name, names in ALIASES.items():
        value = host.variable(name)
        if value is not None:
            row = {key: item for key, item in row.items() if key not in names} | {name: value}
    return row


def encrypted(value: object) -> bool:
    """Tell whether a variable is encrypted by ansible-vault; it stays so here."""
    return isinstance(value, Mapping) and "__ansible_vault" in value


def _literal(value: object) -> object:
    """Return a rendered value, marked so that no template is seen in it."""
    if isinstance(value, Mapping):
        return {key: _literal(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_literal(item) for item in value]
    if isinstance(value, str) and ("{{" in value or "{%" in value or "{#" in value):
        return {"__ansible_unsafe": value}
    return value


def load(path: Path, limit: str = "") -> tuple[Host, ...]:
    """Return the hosts of an inventory (file or folder), in its order.

    `limit` keeps those that it names: hosts, groups or patterns, by commas. Raises BadInputError
    where Ansible can't read it, nothing is left, or a host's address can't be rendered.
    """
    hosts = read(path).limited(limit)
    for error in filter(None, (host.unreachable() for host in hosts)):
        raise error
    return hosts


def read(path: Path) -> Inventory:
    """Read an inventory by the kit's newest ansible-core. Raises BadInputError."""
    result = read_each([path])[path]
    if isinstance(result, KitError):
        raise result
    return result


def read_each(paths: Sequence[Path]) -> dict[Path, Inventory | KitError]:
    """Read inventories by one program that loads Ansible once; or return why one can't be read."""
    result: dict[Path, Inventory | KitError] = {
        path: BadInputError(f"there is no inventory {path}", "see ansible/inventories/example/")
        for path in paths
    }
    there = []
    for path in filter(Path.exists, dict.fromkeys(paths)):
        try:
            inventory_tree.check(path)
            there.append(path)
        except BadInputError as error:
            result[path] = error
    try:
        read = _read(there) if there else []
    except StepFailedError as error:
        read = [refused(path, error) for path in there]
    return result | dict(zip(there, read, strict=True))


def _read(paths: Sequence[Path]) -> list[Inventory | KitError]:
    output = run(
        [sys.executable, "-P", READER, str(TIMEOUT_S),
         "--list", "--playbook-dir", PLAYBOOKS],
        what=READING,
        env={**environment(), "ANSIBLE_CONFIG": str(ANSIBLE / "ansible.cfg"),
             # An unparsed source is an error, not an empty inventory.
             "ANSIBLE_INVENTORY_UNPARSED_IS_FAILED": "1",
             "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "1"},
        timeout_s=TIMEOUT_S * (1 + len(paths)),
        stdin=b"".join(os.fsencode(path.absolute()) + b"\0" for path in paths),
    )  # fmt: skip
    rows = {number: row for number, *row in map(json.loads, output.splitlines())}
    return [_inventory(path, *rows[number]) for number, path in enumerate(paths)]


def _inventory(path: Path, code: int, output: str, errors: str) -> Inventory | KitError:
    """Return what Ansible read, or why it could not."""
    if code == -signal.SIGALRM:
        return refused(path, StepFailedError(f"{READING}: no answer within {TIMEOUT_S} s"))
    if code:
        error = failure(READING, code, errors)
        return refused(path, error, errors) if isinstance(error, StepFailedError) else error
    try:
        table: dict[str, Any] = json.loads(output)
    except ValueError as error:
        return refused(path, error)
    rows, groups = table["hosts"], table["groups"]
    hosts = tuple(
        Host(
            name=name,
            variables={**rows[name]["variables"], **rows[name]["rendered"]},
            written={
                template: rows[name]["variables"][template] for template in rows[name]["templates"]
            },
            errors=rows[name]["errors"],
            late=tuple(rows[name]["late"]),
            origins=rows[name]["origins"],
        )
        for name in _members(groups, "all")
    )
    if not hosts:
        return BadInputError(f"{path} has no hosts", "see ansible/inventories/example/")
    return Inventory(path, hosts, groups)


def _members(table: Mapping[str, Any], group: str) -> list[str]:
    own = table.get(group, {})
    names = list(own.get("hosts", []))
    for child in own.get("children", []):
        names += _members(table, child)
    return list(dict.fromkeys(names))


def _limited(table: Mapping[str, Any], hosts: tuple[Host, ...], limit: str) -> tuple[Host, ...]:
    if not limit:
        return hosts
    patterns = [word for word in map(str.strip, limit.split(",")) if word]
    if not patterns:
        raise BadInputError(f"--limit {limit!r} names no host and no group", GRAPH)
    # As Ansible has it: first who is named, then who is in these groups, too (&), and not in those.
    kinds: dict[str, list[set[str]]] = {"": [], "&": [], "!": []}
    for pattern in patterns:
        mark = pattern[0] if pattern[0] in "&!" and pattern[1:] else ""
        name = pattern.removeprefix(mark)
        known = {host.name for host in hosts if fnmatch.fnmatch(host.name, name)}
        for group in (group for group in table if fnmatch.fnmatch(group, name)):
            known |= set(_members(table, group))
        if not known:
            raise BadInputError(f"--limit {pattern} names no host and no group", GRAPH)
        kinds[mark].append(known)
    result = set().union(*kinds[""]) if kinds[""] else {host.name for host in hosts}
    result = result.intersection(*kinds["&"]).difference(*kinds["!"])
    if not result:
        raise BadInputError(f"--limit {limit} leaves no host", GRAPH)
    return tuple(host for host in hosts if host.name in result)
