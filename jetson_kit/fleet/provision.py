"""Provisions hosts: every role, on all of them at once, each judged by itself."""

from __future__ import annotations

import sys
from pathlib import Path

from jetson_kit.errors import CheckFailedError
from jetson_kit.fleet import ansible, check, controller
from jetson_kit.fleet.events import Event


def run(
    inventory: Path,
    limit: str = "",
    *,
    check_only: bool = False,
    tags: tuple[str, ...] = (),
    forks: int = 50,
) -> ansible.Outcome:
    """Provision the hosts of an inventory; `check_only` tells what would be changed.

    Raises InventoryError before any host is touched, CheckFailedError where one failed.
    """
    hosts = check.check(inventory, limit)
    folder = controller.state_dir()
    number = controller.new_id()
    log = folder / "provision" / f"{number}.jsonl"
    with controller.lock(folder, f"provision {number}") as hold:
        job = ansible.Job(
            "provision",
            inventory,
            hosts=tuple(host.name for host in hosts),
            tags=tags,
            check=check_only,
            diff=check_only,
            forks=forks,
            log=log,
        )
        outcome = ansible.run(job, _tell, (hold,))
    for name, host in outcome.hosts.items():
        what = "would change" if check_only else "changed"
        print(f"{name}: {host.status} ({host.counts.get('changed', 0)} {what})")
    if outcome.failed:
        first = outcome.hosts[outcome.failed[0]]
        said = first.messages[-1] if first.messages else first.status
        raise CheckFailedError(
            f"{len(outcome.failed)} of {len(hosts)} hosts were not provisioned: "
            f"{', '.join(outcome.failed)}: {said}",
            f"the log is {log}",
        )
    return outcome


def _tell(event: Event) -> None:
    if event.status in ("changed", "failed", "unreachable"):
        words = f": {event.message}" if event.message else ""
        print(f"{event.host}: {event.status}: {event.task}{words}", file=sys.stderr, flush=True)
