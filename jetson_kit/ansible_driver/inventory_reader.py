"""Prints an inventory as JSON: each variable as it stands there, and as Ansible renders it.

ansible-inventory prints templates as they are written. This prints both, so that whoever connects
without Ansible connects to the same place, and so that another ansible-core gets the result.
A program of its own that jetson_kit.ansible_driver.inventory runs, with the options of
ansible-inventory.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

from ansible.cli.inventory import InventoryCLI
from ansible.errors import AnsibleError
from ansible.parsing.vault import VaultHelper
from ansible.template import Templar
from ansible.vars.hostvars import HostVars
from jinja2 import Environment, TemplateError, meta

VAULT = "__ansible_vault"
SCALARS = (str, int, float, bool, type(None))


class Reader(InventoryCLI):  # type: ignore[misc] # Ansible has no types
    """ansible-inventory --list with rendered variables."""

    def dump(self, stuff: Mapping[str, Any]) -> str:
        """Return the document, of the groups that ansible-inventory found."""
        groups = {name: row for name, row in stuff.items() if name != "_meta"}
        # As a play does: variables find those of other hosts in it.
        self.vm.set_inventory(self.inventory)
        HostVars(inventory=self.inventory, variable_manager=self.vm, loader=self.loader)
        hosts = {host.name: self._host(host) for host in self.inventory.get_hosts("all")}
        return json.dumps({"groups": groups, "hosts": hosts})

    def _host(self, host: Any) -> dict[str, Any]:  # noqa: ANN401 # has no types
        known = self.vm.get_vars(host=host)
        raw = self._get_host_variables(host)
        # Ansible's own, and always empty here.
        raw.pop("ansible_local", None)
        templar = Templar(loader=self.loader, variables=known)
        names = {name for name, value in raw.items() if _templated(templar, value)}
        rendered, errors = {}, {}
        for name in names:
            try:
                rendered[name] = plain(templar.template(raw[name]))
            except (AnsibleError, TemplateError, TypeError, ValueError) as error:
                errors[name] = " ".join(str(error).split())
        return {
            "variables": {name: plain(value) for name, value in raw.items()},
            "templates": sorted(names),
            "rendered": rendered,
            "errors": errors,
            "late": sorted(
                late({name: raw[name] for name in names}, set(known) - {"ansible_facts"})
            ),
            "origins": {name: _origin(raw[name]) for name in raw if "pass" in name},
        }


def _templated(templar: Any, value: object) -> bool:  # noqa: ANN401
    """Tell whether a value is a template, or holds one; an encrypted one is none."""
    if isinstance(value, Mapping):
        return any(_templated(templar, item) for item in value.values())
    if isinstance(value, list | tuple):
        return any(_templated(templar, item) for item in value)
    return isinstance(value, str) and not _secret(value) and bool(templar.is_template(value))


def late(templates: Mapping[str, Any], known: set[str]) -> set[str]:
    """Return those templates that use what is known only once a play has begun, such as facts."""
    uses = {name: set().union(*map(_used, _texts(value))) for name, value in templates.items()}
    result = {name for name, words in uses.items() if words - known}
    while more := {name for name, words in uses.items() if words & result} - result:
        result |= more
    return result


def _used(text: str) -> set[str]:
    try:
        return meta.find_undeclared_variables(_PARSER.parse(text)) - _FUNCTIONS
    except TemplateError:
        return set()


def _texts(value: object) -> list[str]:
    if isinstance(value, Mapping):
        return [text for item in value.values() for text in _texts(item)]
    if isinstance(value, list | tuple):
        return [text for item in value for text in _texts(item)]
    return [str(value)] if isinstance(value, str) and not _secret(value) else []


def plain(value: object) -> object:
    """Return a value as JSON has it; what is encrypted stays so."""
    if _secret(value):
        return {VAULT: VaultHelper.get_ciphertext(value, with_tags=False)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set):
        return [plain(item) for item in value]
    if isinstance(value, bool):
        return bool(value)
    return value if isinstance(value, SCALARS) else str(value)


def _secret(value: object) -> bool:
    return VaultHelper.get_ciphertext(value, with_tags=False) is not None


def _origin(value: object) -> str:
    """Return the file that a value stands in, as FILE:LINE; "" where none is known."""
    from ansible._internal._datatag._tags import Origin  # noqa: PLC0415 # of this core alone

    tag = Origin.get_tag(value)
    return f"{tag.path}:{tag.line_num or 0}" if tag and tag.path else ""


# What templates may call, beside variables.
_FUNCTIONS = frozenset({"lookup", "query", "q", "now", "undef", "omit", *Environment().globals})  # noqa: S701
_PARSER = Environment(extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"])  # noqa: S701 # parses only

if __name__ == "__main__":
    sys.argv[0] = "ansible-inventory"
    Reader.cli_executor(sys.argv)
