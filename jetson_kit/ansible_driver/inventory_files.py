"""What only an inventory's own text tells: keys given twice, secrets in plain sight."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from jetson_kit.ansible_driver.inventory import SECRET_NAME, SSH_ARGUMENTS, Host, encrypted
from jetson_kit.core.errors import BadInputError
from jetson_kit.core.text import counted

SUFFIXES = (".yml", ".yaml", "")
# The endings of a file in group_vars or host_vars, which a folder of the same name comes before.
READ = (".yml", ".yaml", ".json")
# A file that ansible-vault has encrypted as a whole.
VAULT_HEAD = "$ANSIBLE_VAULT"
VAULT_TAGS = ("!vault", "!vault-encrypted")
NULL = "tag:yaml.org,2002:null"
# The section of inventory plugins in which values are expressions, without the braces of templates.
COMPOSE = "compose"
CURE = "encrypt it by ansible-vault, or give it by KIT_BECOME_PASSWORD"
# On a command line every user of this machine sees it.
PASSWORD_ARGUMENT = re.compile(
    r"""sshpass\s+(?:-v\s+|-P\s*(?:\\?"[^"]*"|'[^']*'|\S+)\s+)*-v*p"""
    # Neither a variable of the shell, nor empty.
    r"""|SSHPASS=(?!"?\$[\w{(]|(?:""|'')?(?:\s|$))"""
)
CURE_OF_ARGUMENT = "log in there by a key"


@dataclass(frozen=True)
class Fault:
    """A line of a file that is wrong."""

    where: str
    what: str
    cure: str


class InventoryError(BadInputError):
    """An inventory with faults; it prints one line for each."""

    def __init__(self, path: Path, faults: Sequence[Fault]) -> None:
        super().__init__(f"{path} has {counted(len(faults), 'fault')}; no host was touched")
        self.faults = tuple(faults)

    def lines(self) -> tuple[str, ...]:
        """Return a line for each fault, then how many there are."""
        faults = (f"error: {fault.where}: {fault.what}; {fault.cure}" for fault in self.faults)
        return (*faults, self.line())


def files(inventory: Path) -> tuple[Path, ...]:
    """Return the YAML files that Ansible reads for an inventory: a file or a folder."""
    if inventory.is_dir():
        paths = sorted(inventory.rglob("*"))
    else:
        around = [inventory.parent / name for name in ("group_vars", "host_vars")]
        paths = [inventory, *(path for folder in around for path in sorted(folder.rglob("*")))]
    return tuple(
        path
        for path in paths
        if path.is_file() and path.suffix in SUFFIXES and not path.name.startswith(".")
    )


def faults(inventory: Path) -> tuple[Fault, ...]:
    """Return what is wrong in the texts; one that is no YAML is left to Ansible's own reader."""
    result = list(_hidden(inventory))
    for path in files(inventory):
        try:
            text = path.read_text(encoding="utf-8")
            if text.startswith(VAULT_HEAD):
                continue
            top = yaml.compose(text, Loader=yaml.SafeLoader)
        except (OSError, ValueError, yaml.YAMLError):
            continue
        result += _walk(top, _name(inventory, path))
    return tuple(result)


def _hidden(inventory: Path) -> Iterator[Fault]:
    """Yield files of variables that Ansible does not read: a folder of the same name hides them."""
    for kind in ("group_vars", "host_vars"):
        around = _base(inventory) / kind
        for path in sorted(around.glob("*")):
            if path.suffix not in READ or not path.is_file():
                continue
            if (folder := path.with_suffix("")).is_dir():
                yield Fault(
                    _name(inventory, path),
                    f"Ansible does not read it: the folder {kind}/{folder.name} is beside it",
                    "move it into that folder",
                )


def secrets(inventory: Path, hosts: Iterable[Host]) -> Iterator[Fault]:
    """Yield the hosts' passwords in plain text, whatever the form of the file they stand in.

    What a program answers, or a file that is encrypted as a whole, is no plain text. A template
    is as plain as the value that it passes on.
    """
    for host in hosts:
        for name, value in host.variables.items():
            if name in SSH_ARGUMENTS and PASSWORD_ARGUMENT.search(str(value)):
                yield Fault(host.name, f"{name} holds a password", CURE_OF_ARGUMENT)
            if not SECRET_NAME.search(name) or name in {*host.errors, *host.late}:
                continue
            if value not in (None, "") and not encrypted(value):
                where = _where(inventory, host, name)
                if where:
                    yield Fault(where, f"{name} is in plain text", CURE)


def _where(inventory: Path, host: Host, variable: str) -> str:
    """Return where a plain value stands, "" where that place may hold it."""
    file, _, line = host.origins.get(variable, "").rpartition(":")
    if not file:
        # What a template makes may come from anywhere.
        return "" if variable in host.written else host.name
    path = Path(file)
    try:
        with path.open("rb") as stream:
            encrypted = stream.read(len(VAULT_HEAD)) == VAULT_HEAD.encode()
    except OSError:
        return host.name
    if encrypted or _program(path):
        return ""
    # Of a file that was read whole no line is known.
    return _name(inventory, path) + (f" line {line}" if line != "0" else "")


def _program(path: Path) -> bool:
    """Tell whether Ansible runs a file as an inventory: it can be run and says by what."""
    with path.open("rb") as stream:
        return os.access(path, os.X_OK) and stream.read(2) == b"#!"


def _name(inventory: Path, path: Path) -> str:
    base = _base(inventory).absolute()
    whole = path.absolute()
    return str(whole.relative_to(base)) if whole.is_relative_to(base) else str(path)


def _base(inventory: Path) -> Path:
    return inventory if inventory.is_dir() else inventory.parent


def _walk(node: yaml.Node | None, name: str, *, expressions: bool = False) -> Iterator[Fault]:
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _walk(item, name)
    if not isinstance(node, yaml.MappingNode):
        return
    seen: dict[str, int] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        text = str(key.value)
        if text in seen:
            yield Fault(
                f"{name} line {line}",
                f"{text} stands there a second time (first in line {seen[text]})",
                "keep one: Ansible silently takes the last",
            )
        seen.setdefault(text, line)
        if SECRET_NAME.search(text) and _plain(value, expression=expressions):
            where = f"{name} line {value.start_mark.line + 1}"
            yield Fault(where, f"{text} is in plain text", CURE)
        yield from _walk(value, name, expressions=text == COMPOSE)


def _plain(value: yaml.Node, *, expression: bool) -> bool:
    """Tell whether a value is neither encrypted nor taken from elsewhere by a template."""
    if not isinstance(value, yaml.ScalarNode) or value.tag in (*VAULT_TAGS, NULL):
        return False
    if expression:
        return _constant(str(value.value))
    return bool(value.value) and "{{" not in value.value


def _constant(expression: str) -> bool:
    try:
        ast.literal_eval(expression.strip())
    except (ValueError, SyntaxError):
        return False
    return True
