"""The plan over sites: the canary site, then waves by their order; limits over all and for each."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from jetson_kit.core.errors import BadInputError
from jetson_kit.fleet.rollout import plan as board_plans
from jetson_kit.fleet.rollout.plan import Plan
from jetson_kit.fleet.sites.inventory import Site

SCOPES = ("wave", "rollout")
CANARY = "canary"


@dataclass(frozen=True)
class SitesPlan:
    """How a rollout over sites goes; times in seconds."""

    boards: Plan = field(default_factory=Plan)
    """The plan inside each site; its `stop_at` is the limit of each."""
    stop_at: int | str = 1
    """So many failed boards of all sites, or this percentage of those tried, stop it."""
    min_tried: int = 5
    stop_sites: int | str = 1
    """So many failed sites, or this percentage of those of the waves so far, stop it."""
    min_sites: int = 5
    """That percentage is judged only when so many sites were tried."""
    scope: str = "wave"
    """What a stop takes back: the sites of the wave that it stopped in, or all."""
    unreachable_s: float = 900.0
    """A site that gave no sign of life for so long has failed, and its boards with it."""
    deadline_s: float = 7 * 86400.0
    """A site that is not done for so long has failed, whatever signs of life it gave."""
    clock_s: float = 300.0
    """A site whose clock differs by more is refused."""

    def __post_init__(self) -> None:
        """Check it. Raises BadInputError."""
        limits = self.limits
        try:
            site_limits = self.site_limits
        except BadInputError as error:
            message = error.message.replace("stop_at", "stop_sites").replace(
                "min_tried", "min_sites"
            )
            raise BadInputError(
                message, "write a count such as 2, or a percentage such as 5%"
            ) from None
        if self.boards.way != "archive":
            raise BadInputError(
                "sites serve layers by ssh alone", "leave the plan's way at archive"
            )
        if self.scope not in SCOPES:
            raise BadInputError(f"scope is {self.scope!r}", f"write {' or '.join(SCOPES)}")
        if limits.min_tried < 1 or site_limits.min_tried < 1:
            raise BadInputError("a limit of no failure stops nothing", "write 1 or more")
        for name in ("unreachable_s", "deadline_s", "clock_s"):
            if not 0 < getattr(self, name) < math.inf:
                raise BadInputError(f"{name} is {getattr(self, name)}", "write more than 0")

    @property
    def limits(self) -> Plan:
        """Return the limit over all boards as the rollout's own code judges it."""
        return Plan(stop_at=self.stop_at, min_tried=self.min_tried)

    @property
    def site_limits(self) -> Plan:
        """Return the limit over sites, as the same code judges it."""
        return Plan(stop_at=self.stop_sites, min_tried=self.min_sites)

    def for_site(self, site: Site) -> Plan:
        """Return the plan inside a site: its window is its own."""
        window = site.window or self.boards.window
        return dataclasses.replace(self.boards, window=window)

    def as_json(self) -> dict[str, Any]:
        """Return it as a document, for parse."""
        return {**vars(self), "boards": self.boards.as_json()}


@dataclass(frozen=True)
class SiteWave:
    """Sites that are worked on together; any failure in a canary stops the rollout."""

    name: str
    sites: tuple[str, ...]

    @property
    def canary(self) -> bool:
        """Tell whether any failure in it stops the rollout."""
        return self.name == CANARY


def parse(body: Mapping[str, Any]) -> SitesPlan:
    """Return what as_json gave. Raises BadInputError."""
    return SitesPlan(**{**body, "boards": board_plans.parse(body["boards"])})


def waves(sites: Sequence[Site]) -> tuple[SiteWave, ...]:
    """Return who comes when: canary sites, then a wave for each `order`, smallest first.

    Without a canary among them the first site of the smallest order is it.
    """
    canaries = [site for site in sites if site.canary]
    ordered = sorted(sites, key=lambda site: site.order)
    first = canaries or ordered[:1]
    site_waves = [SiteWave(CANARY, tuple(site.name for site in first))]
    rest = [site for site in ordered if site not in first]
    for order in sorted({site.order for site in rest}):
        names = tuple(site.name for site in rest if site.order == order)
        site_waves.append(SiteWave(f"wave {len(site_waves)}", names))
    return tuple(site_waves)
