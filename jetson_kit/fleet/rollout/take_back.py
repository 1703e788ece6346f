"""Takes back all that one rollout changed, on someone's word, in that rollout's own journal."""

from __future__ import annotations

from jetson_kit.fleet import controller
from jetson_kit.fleet.rollout import command, undo
from jetson_kit.fleet.rollout.journal import Record
from jetson_kit.fleet.rollout.rollout import Rollout


def take_back(number: str, why: str, *, quiet: bool = False) -> Record:
    """Stop a rollout for `why` and put back each board that it changed; run again, it goes on.

    Raises as command.resume.
    """
    folder = controller.state_dir()
    path = controller.find(folder, number)
    with (
        controller.lock(folder, f"rollout {path.stem}") as hold,
        command.reopened(path, hold, quiet=quiet, scope="rollout") as rollout,
    ):
        return undo_all(rollout, why)


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
