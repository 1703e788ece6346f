"""What only an inventory's own text tells: keys given twice, secrets in plain sight."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

SUFFIXES = (".yml", ".yaml", "")
# A file that ansible-vault has encrypted as a whole.
VAULT_HEAD = "$ANSIBLE_VAULT"
VAULT_TAGS = ("!vault", "!vault-encrypted")
SECRETS = (
    "ansible_password",
    "ansible_ssh_pass",
    "ansible_ssh_password",
    "ansible_become_pass",
    "ansible_become_password",
    "ansible_sudo_pass",
    "ansible_ssh_private_key_passphrase",
)


@dataclass(frozen=True)
class Fault:
    """A line of a file that is wrong."""

    where: str
    what: str
    cure: str


def files(inventory: Path) -> tuple[Path, ...]:
    """Return the YAML files that Ansible reads for an inventory: a file or a folder."""
    if inventory.is_dir():
        found = sorted(inventory.rglob("*"))
    else:
        around = [inventory.parent / name for name in ("group_vars", "host_vars")]
        found = [inventory, *(path for folder in around for path in sorted(folder.rglob("*")))]
    return tuple(
        path
        for path in found
        if path.is_file() and path.suffix in SUFFIXES and not path.name.startswith(".")
    )


def faults(inventory: Path) -> tuple[Fault, ...]:
    """Return what is wrong in the texts; one that is no YAML is left to Ansible's own reader."""
    found: list[Fault] = []
    for path in files(inventory):
        try:
            text = path.read_text(encoding="utf-8")
            if text.startswith(VAULT_HEAD):
                continue
            top = yaml.compose(text, Loader=yaml.SafeLoader)
        except (OSError, ValueError, yaml.YAMLError):
            continue
        name = path.name if path == inventory else str(path.relative_to(_base(inventory)))
        found += _walk(top, name)
    return tuple(found)


def _base(inventory: Path) -> Path:
    return inventory if inventory.is_dir() else inventory.parent


def _walk(node: yaml.Node | None, name: str) -> Iterator[Fault]:
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
        if text in SECRETS and _plain(value):
            yield Fault(
                f"{name} line {line}",
                f"{text} is in plain text",
                "encrypt it by ansible-vault, or give it by KIT_BECOME_PASSWORD",
            )
        yield from _walk(value, name)


def _plain(value: yaml.Node) -> bool:
    """Tell whether a value is neither encrypted nor taken from elsewhere by a template."""
    if not isinstance(value, yaml.ScalarNode) or value.tag in VAULT_TAGS:
        return False
    return bool(value.value) and "{{" not in value.value
