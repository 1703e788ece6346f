"""Virtual devices for the tests of fleets, and what the tests ask of them."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from jetson_kit.ansible_driver import ansible, inventory
from jetson_kit.ansible_driver.events import Event
from jetson_kit.ansible_driver.inventory import Host
from jetson_kit.core.paths import ROOT

INVENTORY = "KIT_TEST_INVENTORY"
"""Names devices that are up already; they are provisioned and put back."""
# JetPack 4's boards have this engine, and ansible-core 2.16 drives them.
OLD_BOARD = {"20.10": ("--module", "nano", "--l4t", "32.7.6")}


@dataclass(frozen=True)
class Boards:
    """Devices that are up."""

    inventory: Path
    hosts: tuple[Host, ...]

    def sh(self, script: str, at: int = 0) -> str:
        """Run a script as root on one of them; return what it printed."""
        host = self.hosts[at]
        done = subprocess.run(
            ["ssh", "-o", "BatchMode=yes", *host.ssh_options(), host.address, "sh", "-eu"],
            input=script,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def play(self, playbook: str, log: Path, **more: Any) -> tuple[ansible.Outcome, list[Event]]:
        """Run a playbook on them; return what became of them and each task's end."""
        seen: list[Event] = []
        variables: Mapping[str, Any] = more.pop("variables", {})
        # So that Ansible alone reads the inventory: no test moves a host to another release.
        known = ansible.releases_of(self.hosts)
        job = ansible.Job(
            playbook, self.inventory, releases=known, variables=variables, log=log, **more
        )
        return ansible.run(job, seen.append), seen


def changed(seen: list[Event]) -> list[tuple[str, str]]:
    """Return host and role of each change, in order; check mode may name a task otherwise."""
    return sorted(
        (event.host, event.task.split(" : ")[0]) for event in seen if event.status == "changed"
    )


@contextlib.contextmanager
def up(state: Path, count: int, docker: str = "") -> Iterator[Boards]:
    """Bring devices up for a test, or take those that the environment names."""
    named = os.environ.get(INVENTORY)
    if named:
        yield Boards(Path(named), inventory.load(Path(named)))
        return
    if importlib.util.find_spec("jetson_kit.virtual_devices") is None:
        pytest.skip(f"there are no virtual devices in this checkout; name some by {INVENTORY}")
    env = {**os.environ, "KIT_STATE": str(state)}
    try:
        arguments = ["--engine", docker, *OLD_BOARD.get(docker, ())] if docker else []
        message = _inv(env, "devices.up", "--kind", "container", "--count", str(count), *arguments)
        match = re.search(r"^inventory for Ansible: (.+)$", message, re.MULTILINE)
        assert match, message
        path = Path(match[1])
        yield Boards(path, inventory.load(path))
    finally:
        _inv(env, "devices.down")


def _inv(env: Mapping[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [ROOT / "inv", *arguments],
        env=dict(env),
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout
