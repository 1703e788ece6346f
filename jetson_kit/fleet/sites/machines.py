"""Which boards of several sites are one machine, by what each says of itself in its journal."""

from __future__ import annotations

from collections.abc import Sequence

from jetson_kit.core.text import plain
from jetson_kit.fleet.rollout.journal import Record

CURE = "keep it at one site, and begin a new rollout"
"""To go on would find the same."""
TWICE = f"{{}} and {{}} are the same machine; {CURE}"


class Machines:
    """The machines that sites told of so far. Of two sites, the later one of the plan is wrong."""

    def __init__(self, order: Sequence[str]) -> None:
        """Prepare it for sites in the plan's order."""
        self._order = {name: number for number, name in enumerate(order)}
        self._owners: dict[str, dict[str, str]] = {}
        self._whole: set[str] = set()
        self.wrong: dict[str, str] = {}
        """Why a site has a board of an earlier one."""

    def put(self, site: str, record: Record) -> None:
        """Take in what a site's boards said; they say it before the first batch begins."""
        if site in self._whole:
            return
        if record.waves_begun:
            self._whole.add(site)
        for host in record.hosts.values():
            # The site may be stolen: its lines are measured only once it has ended.
            if not isinstance(host.machine, str) or not host.machine:
                continue
            boards = self._owners.setdefault(host.machine, {})
            if site not in boards:
                boards[site] = host.name
                self._judge(boards)

    def _judge(self, boards: dict[str, str]) -> None:
        first, *others = sorted(boards, key=self._order.__getitem__)
        for site in others:
            named = (f"{plain(f'{name}/{boards[name]}', 160)}" for name in (site, first))
            self.wrong.setdefault(site, TWICE.format(*named))
