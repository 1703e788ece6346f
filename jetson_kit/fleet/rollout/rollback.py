"""`fleet.rollback`: hosts back to their previous image, all at once, by the user's own word."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from jetson_kit.core.errors import CheckFailedError
from jetson_kit.core.text import short_digests
from jetson_kit.fleet import check, controller
from jetson_kit.fleet.rollout import answers, bounds, live, results
from jetson_kit.fleet.rollout import command as rollout_command
from jetson_kit.fleet.rollout import journal as journals
from jetson_kit.fleet.rollout.by_ansible import Ansible, Site
from jetson_kit.fleet.rollout.by_ssh import Ssh
from jetson_kit.fleet.rollout.journal import Journal, Record
from jetson_kit.fleet.rollout.plan import Plan
from jetson_kit.fleet.rollout.transport import DONE, Reply, Transport

ASK_S = 30.0


def run(
    inventory: Path, limit: str = "", *, why: str = "by hand", quiet: bool = False
) -> tuple[Record, float]:
    """Put hosts back to their previous image, without network; return the seconds, too."""
    folder = controller.state_dir()
    number = controller.new_id() + controller.ROLLBACK
    with controller.lock(folder, number) as hold:
        bounds.trim(folder)
        hosts = [host.name for host in check.check(inventory, limit)]
        journal = Journal.new(
            controller.rollouts(folder) / f"{number}.jsonl",
            kind="rollback",
            by=controller.me(),
            inventory=str(inventory.absolute()),
            release={"image_id": ""},
            plan={},
            waves=(),
            hosts=hosts,
        )
        place = rollout_command.folder_of(journal.path)
        with live.View(place / "log", quiet=quiet) as view:
            journal.listener = view.line
            site = Site(inventory, place / "ansible.jsonl", place / "reports", (hold,), view.event)
            try:
                # A short limit: a host that does not answer soon delays no other.
                twice = one_each(Ssh(site, Plan(step_limit_s=ASK_S)), hosts)
                took = go_back(journal, Ssh(site, Plan()), hosts, why, twice)
            finally:
                results.write(journal.record, place)
                journal.close()
    return journal.record, took


def judge(record: Record) -> None:
    """Raise CheckFailedError where a host did not go back."""
    failed = record.names(journals.FAILED)
    if failed:
        raise CheckFailedError(
            f"{len(failed)} of {len(record.hosts)} did not go back: {', '.join(failed)}: "
            f"{short_digests(record.hosts[failed[0]].why)}",
            f"see what they are on: {journals.status_command(record)}",
        )


def one_each(transport: Ansible, hosts: Sequence[str]) -> dict[str, Reply]:
    """Return a refusal for each host that is one machine with another: it would go back twice."""
    if len(hosts) < 2:
        return {}
    versions = transport.versions(hosts)
    replies = answers.one_each(versions)
    return {name: reply for name, reply in replies.items() if reply is not versions[name]}


def go_back(
    journal: Journal,
    transport: Transport,
    hosts: Sequence[str],
    why: str,
    refused: Mapping[str, Reply] = MappingProxyType({}),
) -> float:
    """Roll hosts back, journalled; return the seconds of the step itself."""
    journal.append("doing", step="rollback", hosts=list(hosts))
    begun = time.monotonic()
    todo = [name for name in hosts if name not in refused]
    done = transport.rollback(todo, f"rollback {journal.record.id}: {why}") if todo else {}
    rollback = {**done, **refused}
    took = time.monotonic() - begun
    seen = transport.look(hosts)
    for name in hosts:
        device = seen[name].device
        good = rollback[name].kind == DONE and device is not None and device.healthy is not False
        ended = f": {device.ended}" if device and device.ended else ""
        problem = (
            ""
            if good
            else rollback[name].message or seen[name].message or f"it is not healthy{ended}"
        )
        facts = {"image_id": device.image_id} if device else {}
        state = journals.ROLLED_BACK if good else journals.FAILED
        journal.append(
            "host",
            host=name,
            state=state,
            why=problem or why,
            seconds=rollback[name].seconds,
            **facts,
        )
    journal.append("end", result=journals.ALL if not journal.record.names("failed") else "some")
    return took
