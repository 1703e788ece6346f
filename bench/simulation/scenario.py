"""What is simulated, as data: distributions, releases, images and plans of scenario.toml."""

from __future__ import annotations

import hashlib
import json
import math
import random
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jetson_kit.core.errors import BadInputError
from jetson_kit.core.reasons import why
from jetson_kit.fleet.rollout import plan as board_plans
from jetson_kit.fleet.sites.plan import SitesPlan

FILE = Path(__file__).with_name("scenario.toml")
KINDS = ({"value"}, {"choices"}, {"median", "sigma"}, {"mean"})


@dataclass(frozen=True)
class Distribution:
    """Where a number is from."""

    name: str
    body: Mapping[str, Any]

    def __post_init__(self) -> None:
        """Check it. Raises BadInputError."""
        if self.body.keys() - {"reason"} not in KINDS or not self.body.get("reason"):
            raise BadInputError(f"{self.name} is no distribution with a reason", f"see {FILE.name}")

    def draw(self, by: random.Random) -> float:
        """Return a number."""
        body = self.body
        if "value" in body:
            return float(body["value"])
        if "choices" in body:
            shares, values = zip(*body["choices"], strict=True)
            return float(by.choices(values, shares)[0])
        if "mean" in body:
            return by.expovariate(1 / body["mean"])
        return by.lognormvariate(math.log(body["median"]), body["sigma"])


@dataclass(frozen=True)
class Image:
    """What is rolled out: its bytes, on whom it is bad, and after how many seconds that shows."""

    name: str
    size: int
    share: float = 0.0
    by: str = "board"
    after_s: float = 0.0


@dataclass(frozen=True)
class Scenario:
    """All of scenario.toml."""

    body: Mapping[str, Any]

    @property
    def digest(self) -> str:
        """Return a hash of all of it."""
        return hashlib.sha256(json.dumps(self.body, sort_keys=True).encode()).hexdigest()

    def draw(self, name: str, by: random.Random) -> float:
        """Return a number of a distribution, as "links.rate"."""
        return self.distribution(name).draw(by)

    def distribution(self, name: str) -> Distribution:
        """Return a distribution by its name. Raises BadInputError."""
        section, _, key = name.partition(".")
        try:
            return Distribution(name, self.body[section][key])
        except KeyError:
            raise BadInputError(f"the scenario has no {name}", f"see {FILE.name}") from None

    def image(self, name: str, release: str) -> Image:
        """Return an image by its name, with a release's size."""
        row = _named(self.body["image"], name)
        size = int(_named(self.body["release"], release)["bytes"])
        return Image(name, size, row["share"], row["by"], row["after_s"])

    def plan(self, name: str) -> Mapping[str, Any]:
        """Return a plan by its name."""
        return _named(self.body["plan"], name)


def load(path: Path = FILE) -> Scenario:
    """Return the scenario of a file. Raises BadInputError."""
    try:
        result = Scenario(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise BadInputError(f"{path} is no scenario: {why(error)}") from error
    for section in ("links", "sites", "boards", "traffic"):
        for name in result.body[section]:
            result.distribution(f"{section}.{name}")
    return result


def sites_plan(row: Mapping[str, Any]) -> SitesPlan:
    """Return a plan over sites. Raises BadInputError."""
    names = ("stop_at", "min_tried", "stop_sites", "min_sites", "scope", "unreachable_s")
    facts = {name: row[name] for name in names if name in row}
    return SitesPlan(board_plans.parse(row["boards"]), **facts)


def _named(rows: Any, name: str) -> Mapping[str, Any]:  # noqa: ANN401
    for row in rows:
        if row["name"] == name:
            result: Mapping[str, Any] = row
            return result
    names = ", ".join(str(row["name"]) for row in rows)
    raise BadInputError(f"the scenario has no {name!r}", f"choose from {names}")
