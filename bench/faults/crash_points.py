"""After which of its writes a drive loses power, and which of the last ones it has not kept."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from bench.faults.block_log import Entry, last_flush
from bench.faults.device import spread

# How many of the writes since the last flush arrive: a drive may be at the beginning or near the
# end of its queue.
SHARES = (0.1, 0.5, 0.9)
# Of those that do not arrive: one in so many is torn between two of its sectors.
TORN = 4
# A drive that ignores flushes has not kept some of so many of its last writes.
CACHE = 32


@dataclass(frozen=True)
class Mark:
    """When something began, as a number of entries of the log."""

    name: str
    not_before: int
    """It was not yet so when the log had that many entries."""
    by: int
    """It was so when the log had that many."""


@dataclass(frozen=True)
class Point:
    """A moment at which the power goes."""

    end: int
    """So many entries were sent to the drive."""
    whole: tuple[Entry, ...]
    """Those of the open ones that arrived; all before `base` did."""
    torn: frozenset[Entry]
    """Those of `whole` that arrived in part."""
    base: int
    """So many entries arrived for sure."""
    lost: int
    """How many did not arrive, or in part."""


def choose(
    entries: Sequence[Entry],
    bounds: tuple[int, int],
    number: int,
    count: int,
    rand: random.Random,
    *,
    lying: bool = False,
) -> Point:
    """Return point `number` of `count`, each in a part of its own between two numbers of entries.

    By turns the parts are of all writes, most of which are data, and of all flushes, between which
    states change. By turns all writes arrive, or some of the open ones. A `lying` drive has not
    kept some of its last writes, though it said so.
    """
    first, last = bounds
    part = (spread(number, count) + rand.random()) / count
    end = first + round(part * (last - first))
    flushes = [at for at in range(first, last) if entries[at].flushes]
    if number % 2 and flushes:
        chosen = flushes[min(int(part * len(flushes)), len(flushes) - 1)]
        end = rand.randint(max(last_flush(entries, chosen), first), chosen)
    base = max(end - CACHE, 0) if lying else last_flush(entries, end)
    queue = [entry for entry in entries[base:end] if entry.size]
    if not lying and number // 2 % 2 == 0:
        return Point(end, tuple(queue), frozenset(), base, 0)
    share = rand.choice(SHARES)
    whole, torn = [], set()
    for entry in queue:
        arrives = rand.random() < share or (entry.durable and not lying)
        if arrives or rand.randrange(TORN) == 0:
            whole.append(entry)
            if not arrives:
                torn.add(entry)
    return Point(end, tuple(whole), frozenset(torn), base, len(queue) - len(whole) + len(torn))
