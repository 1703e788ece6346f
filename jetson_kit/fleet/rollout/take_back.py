"""Takes back all that one rollout changed, on someone's word, in that rollout's own journal."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from jetson_kit.fleet import check, controller
from jetson_kit.fleet.rollout import command, live, page, results, undo
from jetson_kit.fleet.rollout import journal as journals
from jetson_kit.fleet.rollout import plan as rollout_plan
from jetson_kit.fleet.rollout.by_ansible import Site
from jetson_kit.fleet.rollout.by_ssh import Ssh
from jetson_kit.fleet.rollout.clock import RealClock
from jetson_kit.fleet.rollout.journal import Journal, Record
from jetson_kit.fleet.rollout.rollout import Rollout


def take_back(number: str, why: str, *, quiet: bool = False) -> Record:
    """Stop a rollout for `why` and put back each board that it changed; run again, it goes on.

    Raises as command.resume.
    """
    folder = controller.state_dir()
    path = controller.find(folder, number)
    with controller.lock(folder, f"rollout {path.stem}") as hold:
        record = journals.read(path)
        inventory = Path(record.header["inventory"])
        plan = dataclasses.replace(rollout_plan.parse(record.header["plan"]), scope="rollout")
        boards = check.check(inventory, ",".join(record.hosts))
        journal = Journal.open(path)
        place = command.folder_of(path)
        with live.View(place / "log", quiet=quiet) as view:
            clock = RealClock(view)
            journal.listener = view.line
            site = Site(inventory, place / "ansible.jsonl", place / "reports", (hold,), view.event)
            try:
                with clock.interrupts():
                    record = undo_all(Rollout(journal, plan, Ssh(site, plan), clock), why)
            finally:
                results.write(journal.record, place)
                page.write(journal.record, place, boards, view)
                journal.close()
    return record


def undo_all(rollout: Rollout, why: str) -> Record:
    """Stop a rollout that was read from its journal and put back all of it that is not yet."""
    journal = rollout.steps.journal
    record = journal.record
    if record.stop is not None and record.ended and not undo.scope(rollout.steps):
        return record
    journal.append("resume", by=controller.me())
    if record.stop is None:
        journal.append("stop", wave=len(record.waves), why=why[:200])
    return rollout.run()
