"""What a simulated rollout came to, by the boards themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from bench.simulation.board import NEW
from bench.simulation.fleet import Fleet

SHARES = (50, 90, 98)
UPDATE, FIRST, GOOD = "update", "first image", "good"


@dataclass(frozen=True)
class Outcome:
    """Counts of boards and sites, bytes, and seconds from the beginning."""

    plan: str
    image: str
    release: str
    seed: int
    sites: int
    boards: int
    result: str
    why: str
    ended_s: float
    """When the rollout ended."""
    reached_s: Mapping[str, float | None]
    """When a share of all boards, in percent, was confirmed on the new image; None: never."""
    on_new: int
    ran: int
    """Boards that ever ran the new image."""
    ran_bad: int
    """Those of them on which it is bad."""
    left_bad: int
    """Those that are on it in the end."""
    top_bytes: int
    top_bytes_per_board: float
    worst_site_bytes: int
    site_states: Mapping[str, int] = field(default_factory=dict)
    decisions: Sequence[Any] = ()
    """What was decided, in order."""
    polls: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return it as a document, without the decisions."""
        body = asdict(self)
        del body["decisions"]
        return body


def of(
    fleet: Fleet,
    *,
    plan: str,
    release: str,
    result: str,
    why: str,
    ended_s: float,
    decisions: Sequence[Any],
    site_states: Mapping[str, int],
    polls: int = 0,
) -> Outcome:
    """Return the outcome of a fleet as it is now."""
    boards = fleet.everyone()
    times = sorted(board.confirmed_at for board in boards if board.confirmed_at >= 0)
    reached: dict[str, float | None] = {}
    for share in SHARES:
        place = -(-share * len(boards) // 100) - 1
        reached[str(share)] = round(times[place], 1) if place < len(times) else None
    return Outcome(
        plan, fleet.image.name, release, fleet.seed, len(fleet.links), len(boards), result,
        why[:300], round(ended_s, 1), reached,
        sum(board.image == NEW for board in boards),
        sum(board.ran for board in boards),
        sum(board.ran and board.bad for board in boards),
        sum(board.image == NEW and board.bad for board in boards),
        fleet.uplink.sent, round(fleet.uplink.sent / len(boards), 1),
        max(link.moved for link in fleet.links.values()),
        dict(site_states), decisions, polls,
    )  # fmt: skip
