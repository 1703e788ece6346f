"""Provisions hosts, or takes that back: every role, on all at once, each host judged by itself."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from jetson_kit.errors import CheckFailedError
from jetson_kit.fleet import ansible, bounds, check, controller, diffs
from jetson_kit.fleet.events import Event

PROVISION, UNINSTALL = "provision", "uninstall"


@dataclass(frozen=True)
class Asked:
    """What the user asks for."""

    inventory: Path
    limit: str = ""
    check: bool = False
    """Change nothing: tell what would be changed, with the differences."""
    tags: tuple[str, ...] = ()
    forks: int = 50
    playbook: str = PROVISION


def run(asked: Asked) -> ansible.Outcome:
    """Provision the hosts of an inventory, or take it back.

    Raises InventoryError before any host is touched, CheckFailedError where one failed.
    """
    hosts = check.check(asked.inventory, asked.limit)
    folder = controller.state_dir()
    number = controller.new_id()
    log = folder / "provision" / f"{number}.jsonl"
    with controller.lock(folder, f"{asked.playbook} {number}") as hold:
        bounds.trim(folder)
        job = ansible.Job(
            asked.playbook,
            asked.inventory,
            hosts=tuple(host.name for host in hosts),
            releases=ansible.releases_of(hosts),
            tags=asked.tags,
            check=asked.check,
            diff=asked.check,
            forks=asked.forks,
            log=log,
        )
        outcome = ansible.run(job, _tell, (hold,))
    for name, host in outcome.hosts.items():
        what = "would change" if asked.check else "changed"
        print(f"{name}: {host.status} ({host.counts.get('changed', 0)} {what})")
    if outcome.failed:
        first = outcome.hosts[outcome.failed[0]]
        said = first.messages[-1] if first.messages else first.status
        raise CheckFailedError(
            f"{asked.playbook} failed on {len(outcome.failed)} of {len(hosts)} hosts: "
            f"{', '.join(outcome.failed)}: {said}",
            f"the log is {log}",
        )
    return outcome


def _tell(event: Event) -> None:
    if event.status in ("changed", "failed", "unreachable"):
        words = f": {event.message}" if event.message else ""
        text = [f"{event.host}: {event.status}: {event.task}{words}", *diffs.lines(event.result)]
        print("\n".join(text), file=sys.stderr, flush=True)
