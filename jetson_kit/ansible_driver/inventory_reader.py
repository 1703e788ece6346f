"""Prints inventories as JSON: each variable as it stands there, and as Ansible renders it.

ansible-inventory prints templates as they are written. This prints both, so that whoever connects
without Ansible connects to the same place, and so that another ansible-core gets the result.
A program of its own that jetson_kit.ansible_driver.inventory runs; its arguments are the seconds
that an inventory may take, and options of ansible-inventory. The inventories' paths come on its
standard input. Each is read in a process of its own that finds Ansible loaded; as that ends, a line
has the inventory's number, exit code, output and errors.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import re
import signal
import sys
import tempfile
from collections.abc import Mapping
from typing import IO, Any

from ansible.cli.inventory import InventoryCLI
from ansible.config.manager import cleanup_tmp_file
from ansible.errors import AnsibleError
from ansible.parsing.vault import VaultHelper
from ansible.template import Templar
from ansible.vars.hostvars import HostVars
from jinja2 import Environment, TemplateError, meta

from ansible import context

VAULT = "__ansible_vault"
SCALARS = (str, int, float, bool, type(None))
# Of the names of all variables that may hold a secret.
SECRET = re.compile("pass|private_key")
# As Ansible describes where the answer of a program comes from.
PROGRAM = re.compile(r"<inventory script output from '(/[^']*)'>")


class Reader(InventoryCLI):  # type: ignore[misc] # Ansible has no types
    """ansible-inventory --list with rendered variables, of many inventories."""

    seconds = 0

    def _play_prereqs(self) -> Any:  # noqa: ANN401 # has no types
        """Go on in a process for each inventory: up to here all have the same."""
        # Half of what an inventory of a few boards costs.
        importlib.import_module("ansible_collections.ansible.builtin")
        # Else each process copies all that is loaded as it looks for garbage; none lives for long.
        gc.freeze()
        gc.disable()
        _in_processes([os.fsdecode(raw) for raw in sys.stdin.buffer.read().split(b"\0")[:-1]])
        return super()._play_prereqs()

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
        origins = {name: _origin(raw[name]) for name in raw if SECRET.search(name)}
        for name in names:
            try:
                value = templar.template(raw[name])
                rendered[name] = plain(value)
                if name in origins:
                    # A value that was only passed on stands elsewhere; of one that is made by a
                    # filter or a lookup no place is known.
                    place = _origin(value)
                    origins[name] = "" if place == origins[name] else place
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
            "origins": origins,
        }


def _in_processes(paths: list[str]) -> None:
    """Return in a process for each path, for which alone it is then; the first one ends here."""
    at_work: dict[int, tuple[int, IO[bytes], IO[bytes]]] = {}
    for number, path in enumerate(paths):
        if len(at_work) >= (os.cpu_count() or 1):
            _say_next(at_work)
        out, err = (tempfile.TemporaryFile() for _ in range(2))  # noqa: SIM115 # _say_next closes it
        if not (child := os.fork()):
            # The folder for temporary files is the first one's, and goes when that ends.
            atexit.unregister(cleanup_tmp_file)
            signal.alarm(Reader.seconds)
            for stream, place in ((out, 1), (err, 2)):
                os.dup2(stream.fileno(), place)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            context.CLIARGS = context.CLIARGS.union({"inventory": (path,)})
            return
        at_work[child] = number, out, err
    while at_work:
        _say_next(at_work)
    sys.exit(0)


def _say_next(at_work: dict[int, tuple[int, IO[bytes], IO[bytes]]]) -> None:
    """Wait for the end of a process, and print its result."""
    child, status = os.wait()
    number, *streams = at_work.pop(child)
    texts = []
    for stream in streams:
        with stream:
            stream.seek(0)
            texts.append(stream.read().decode(errors="replace"))
    row = [number, os.waitstatus_to_exitcode(status), *texts]
    print(json.dumps(row), flush=True)


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
    result = {name for name, variables in uses.items() if variables - known}
    while more := {name for name, variables in uses.items() if variables & result} - result:
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
    """Return the file that has a value, as FILE:LINE; "" where none is known."""
    from ansible._internal._datatag._tags import Origin  # noqa: PLC0415 # of this core alone

    tag = Origin.get_tag(value)
    if tag and tag.path:
        return f"{tag.path}:{tag.line_num or 0}"
    program = PROGRAM.search(tag.description or "") if tag else None
    return f"{program[1]}:0" if program else ""


# What templates may call, beside variables.
_FUNCTIONS = frozenset({"lookup", "query", "q", "now", "undef", "omit", *Environment().globals})  # noqa: S701
_PARSER = Environment(extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"])  # noqa: S701 # parses only

if __name__ == "__main__":
    sys.argv[0] = "ansible-inventory"
    Reader.seconds = int(sys.argv.pop(1))
    Reader.cli_executor(sys.argv)
