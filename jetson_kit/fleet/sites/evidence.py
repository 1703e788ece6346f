"""What a site says of a rollout, held against its own journal: no claim counts without it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jetson_kit.core.errors import IntegrityError
from jetson_kit.core.text import plain
from jetson_kit.fleet.rollout import journal as journals
from jetson_kit.fleet.rollout.journal import Record

MOST_NAMED = 3
HINT = "look at the site itself: its boards are the truth, ./inv fleet.status there"


def record_of(
    path: Path, *, number: str, image_id: str, boards: Sequence[str], claimed: str
) -> Record:
    """Return the state that a copy of a site's journal adds up to.

    Raises IntegrityError where it is no whole journal, or not what `proven` takes.
    """
    return proven(
        journals.read(path), number=number, image_id=image_id, boards=boards, claimed=claimed
    )


def proven(
    record: Record, *, number: str, image_id: str, boards: Sequence[str], claimed: str
) -> Record:
    """Return a site's state where it bears out what the site claims.

    Raises IntegrityError where it is of another rollout, image or set of boards, or does not end
    as the site claims.
    """
    if record.id != number:
        raise IntegrityError(
            f"the journal is of rollout {plain(record.id, 40)}, not {number}", HINT
        )
    if record.image_id != image_id:
        raise IntegrityError(f"the journal is of image {plain(record.image_id[:19])}", HINT)
    if sorted(record.hosts) != sorted(boards):
        wrong = sorted(set(record.hosts) ^ set(boards))
        raise IntegrityError(
            f"the journal is of other boards: {plain(', '.join(wrong), 200)}", HINT
        )
    if claimed != record.ended:
        raise IntegrityError(
            f"the site claims {plain(claimed, 40) or 'no end'!r}, its journal ends as "
            f"{record.ended or 'not at all'!r}",
            HINT,
        )
    if claimed == journals.ALL:
        for host in record.hosts.values():
            if host.state != journals.CONFIRMED or host.image_id != image_id or host.unseen:
                raise IntegrityError(
                    f"the site claims success, and its journal has {host.name} as {host.state} "
                    f"on {plain(host.image_id[:19]) or 'nothing'}",
                    HINT,
                )
    return record


def counts(record: Record) -> tuple[int, int]:
    """Return how many boards have failed, and how many were tried."""
    failed = len(record.names(journals.FAILED, journals.ROLLED_BACK))
    untried = len(record.names(journals.PENDING, journals.FETCHED, journals.HELD))
    return failed, len(record.hosts) - untried


def failures(record: Record) -> str:
    """Return the boards that failed, each with its reason; "" where none did. The first few."""
    hosts = [host for host in record.hosts.values() if host.state == journals.FAILED]
    named = [f"{host.name}: {host.why or 'no reason given'}" for host in hosts[:MOST_NAMED]]
    more = [f"{len(hosts) - MOST_NAMED} more"] if len(hosts) > MOST_NAMED else []
    return plain("; ".join([*named, *more]))


def so_far(record: Record) -> tuple[int, int]:
    """Return how many boards of a rollout that goes on have failed, and how many there are.

    Whether a board can follow is asked of all before the first batch, and the answers are written
    one by one: a share of those alone that were asked or switched is too large at the beginning.
    """
    return len(record.names(journals.FAILED, journals.ROLLED_BACK)), len(record.hosts)


def left_on(record: Record) -> tuple[str, ...]:
    """Return the boards that may still be on the image because of this rollout."""
    return tuple(
        host.name
        for host in record.hosts.values()
        if host.unsure
        or host.state in journals.ON_TRIAL
        or (host.state == journals.CONFIRMED and host.ours)
    )
