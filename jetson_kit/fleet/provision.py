"""Provisions hosts, or takes that back: every role, on all at once, each host judged by itself."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jetson_kit.ansible_driver import ansible
from jetson_kit.ansible_driver.events import Event
from jetson_kit.ansible_driver.inventory import Host
from jetson_kit.core.errors import BadInputError, CheckFailedError
from jetson_kit.core.log import LOG
from jetson_kit.core.text import counted
from jetson_kit.fleet import check, controller, diffs
from jetson_kit.fleet.release import trust
from jetson_kit.fleet.role_progress import RoleProgress
from jetson_kit.fleet.rollout import bounds

PROVISION, UNINSTALL = "provision", "uninstall"
# The role that writes who may sign.
ROLE = "image"


@dataclass(frozen=True)
class ProvisionRequest:
    """What the user asks for."""

    inventory: Path
    limit: str = ""
    check: bool = False
    """Change nothing: tell what would be changed, with the differences."""
    tags: tuple[str, ...] = ()
    forks: int = 50
    playbook: str = PROVISION


def run(request: ProvisionRequest) -> ansible.Outcome:
    """Provision the hosts of an inventory, or take it back.

    Raises InventoryError before any host is touched, CheckFailedError where one failed.
    """
    hosts = check.check(request.inventory, request.limit)
    if request.playbook == PROVISION and (not request.tags or ROLE in request.tags):
        _signers(hosts)
    folder = controller.state_dir()
    number = controller.new_id()
    log = folder / "provision" / f"{number}.jsonl"
    with controller.lock(folder, f"{request.playbook} {number}") as hold:
        bounds.trim(folder)
        job = ansible.Job(
            request.playbook,
            request.inventory,
            hosts=tuple(host.name for host in hosts),
            releases=ansible.releases_of(hosts),
            tags=request.tags,
            check=request.check,
            diff=request.check,
            forks=request.forks,
            log=log,
        )
        progress = RoleProgress(len(hosts), lambda text: LOG.info("%s", text))

        def listen(event: Event) -> None:
            progress.event(event)
            _log_event(event)

        outcome = ansible.run(job, listen, (hold,))
    for name, host in outcome.hosts.items():
        what = "would change" if request.check else "changed"
        print(f"{name}: {host.status} ({host.counts.get('changed', 0)} {what})")
    if outcome.failed:
        first = outcome.hosts[outcome.failed[0]]
        message = first.messages[-1] if first.messages else first.status
        raise CheckFailedError(
            f"{request.playbook} failed on {len(outcome.failed)} of {counted(len(hosts), 'host')}: "
            f"{', '.join(outcome.failed)}: {message}",
            f"the log is {log}",
        )
    return outcome


def _signers(hosts: Sequence[Host]) -> None:
    """Refuse hosts for which nobody may sign: they would refuse every release."""
    without = [
        host.name for host in hosts if not str(host.variables.get(trust.SIGNERS) or "").strip()
    ]
    if without:
        raise BadInputError(
            f"no key may sign releases for {', '.join(without[:5])}"
            + (f" and {len(without) - 5} more" if len(without) > 5 else ""),
            f"set {trust.SIGNERS} to what ./inv fleet.key prints (--show, if you have a key)",
        )


def _log_event(event: Event) -> None:
    if event.status in ("changed", "failed", "unreachable"):
        message = f": {event.message}" if event.message else ""
        text = [f"{event.host}: {event.status}: {event.task}{message}", *diffs.lines(event.result)]
        level = logging.INFO if event.status == "changed" else logging.WARNING
        LOG.log(level, "%s", "\n".join(text))
