"""Hosts that would run an image's application, and have the role's default command in its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from jetson_kit.ansible_driver.inventory import Host, encrypted
from jetson_kit.ansible_driver.inventory_files import Fault
from jetson_kit.app.service import FILE, GROUP, PLACE
from jetson_kit.service import contract

VARIABLE = "service_container"
MOST_NAMED = 5


def faults(hosts: Sequence[Host], name: str, build: Path, inventory: Path) -> Iterator[Fault]:
    """Yield what keeps an application from being run, and where its variables belong.

    `name` is the application's, "" for none; `build` is the folder of its build.
    """
    if not name:
        return
    names = [host.name for host in hosts if _idle(host)]
    if not names:
        return
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    yield Fault(
        ", ".join(names[:MOST_NAMED]) + more,
        f"would run {' '.join(contract.load().command)}, the default of {VARIABLE}, "
        f"and not the application {name}",
        f"{_cure(build, inventory)}, then ./inv fleet.provision",
    )


def _idle(host: Host) -> bool:
    """Tell whether a host has the default command; what is known only on the board counts not."""
    if VARIABLE in host.errors or VARIABLE in host.late:
        return False
    value = host.variables.get(VARIABLE)
    if value is None:
        return True
    if not isinstance(value, Mapping) or encrypted(value):
        return False
    return value.get("command") == list(contract.load().command)


def _cure(build: Path, inventory: Path) -> str:
    """Say which file to copy where, by what Ansible reads beside this inventory."""
    folder = inventory if inventory.is_dir() else inventory.parent
    beside = f"in {inventory}" if inventory.is_dir() else f"beside {inventory}"
    source = build / FILE
    named = str(source) if source.is_file() else f"{FILE} of its build"
    hint = f"copy {named} to {PLACE} {beside} (for one group: {GROUP})"
    for suffix in (".yml", ".yaml", ".json"):
        if (folder / "group_vars" / f"all{suffix}").is_file():
            return f"move group_vars/all{suffix} into the folder group_vars/all, {hint}"
    return hint
