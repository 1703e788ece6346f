"""The plan of a rollout as data: who comes when, what stops it, how the image travels."""

from __future__ import annotations

import dataclasses
import datetime
import difflib
import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jetson_kit.core.errors import BadInputError
from jetson_kit.core.reasons import why
from jetson_kit.core.text import counted

WAYS = ("archive", "registry")
SCOPES = ("batch", "rollout")
LEVELS = ("quick", "full", "none")
PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%")
CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
CURE = "see ./inv --help fleet.rollout"
DAY_S = 86400.0
# int() takes only so many.
COUNT_DIGITS = 18
EXACT: Mapping[type, str] = {str: "write it as text", bool: "write true or false"}
LONGEST_TRIAL_S = 30 * 86400
"""The most that a board takes."""


@dataclass(frozen=True)
class Plan:
    """How a rollout goes; times in seconds. Each field is a key of the plan's TOML file."""

    canary: int | str | tuple[str, ...] = 1
    """Who goes first: hosts by name, a count, or a percentage; 0 is nobody."""
    batches: tuple[int | str, ...] = ("10%", "25%")
    """Sizes in counts or in percents of all hosts; the last one is repeated until all are done."""
    soak_s: float = 60.0
    """How long a new image is watched before it is confirmed."""
    poll_s: float = 10.0
    stop_at: int | str = 1
    """The rollout stops once so many hosts, or this percentage of those tried, have failed."""
    min_tried: int = 5
    """A percentage is judged only when so many were tried."""
    scope: str = "batch"
    """What a stop rolls back: what this rollout changed in the batch that it stopped in, or all."""
    concurrency: int = 50
    """How many hosts are worked on at a time."""
    window: str = ""
    """Local time in which images are switched, as 22:00-05:00; empty: any time."""
    verify: str = "quick"
    """Level of the verification after the switch; none leaves it at the service's health."""
    latency_factor: float = 1.5
    """A task may become slower by this factor than with the image before; 0 judges no latency."""
    latency_slack_ms: float = 2.0
    """Milliseconds that are no matter whatever the factor."""
    way: str = "archive"
    rate_kib: int = 0
    """Most KiB a second for one device; 0 is no limit."""
    jitter_s: int = 0
    """Devices begin to fetch at random within this time."""
    allow_downgrade: bool = False
    """Boards take a release that is older than what they confirmed."""
    tries: int = 3
    """How often what is lost on the way is tried."""
    retry_s: float = 5.0
    """Pause before the second try; it doubles, and up to half of it is added at random."""
    held_tries: int = 3
    """How often hosts that said "not now" are asked again, after all others."""
    held_wait_s: float = 60.0
    fetch_limit_s: float = 7200.0
    step_limit_s: float = 900.0
    """Limit for every other step; a host that is not done by then has failed."""

    @property
    def trial_s(self) -> int:
        """Seconds after which a board that nobody confirms goes back by itself.

        Before that come the switch, the verification, the soak, a last look and the confirmation.
        """
        return math.ceil(self.soak_s + 4 * self.step_limit_s)

    def __post_init__(self) -> None:
        """Check everything. Raises BadInputError."""
        for name, allowed in (("way", WAYS), ("scope", SCOPES), ("verify", LEVELS)):
            if getattr(self, name) not in allowed:
                raise _wrong(name, getattr(self, name), f"write one of {', '.join(allowed)}")
        if not isinstance(self.canary, tuple):
            size(self.canary, 100, "canary")
        if not self.batches or any(size(batch, 1000, "batches") < 1 for batch in self.batches):
            raise _wrong("batches", self.batches, 'write sizes such as [5, "25%"], none of them 0')
        if size(self.stop_at, 1000, "stop_at") < 1:
            raise _wrong("stop_at", self.stop_at, "1 stops at the first host that fails")
        for name in ("concurrency", "tries", "min_tried"):
            if getattr(self, name) < 1:
                raise _wrong(name, getattr(self, name), "write 1 or more")
        for name in ("poll_s", "fetch_limit_s", "step_limit_s"):
            if not 0 < getattr(self, name) < math.inf:
                raise _wrong(name, getattr(self, name), "write seconds, more than 0")
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(value, int | float) and not 0 <= value < math.inf:
                raise _wrong(field.name, value, "write 0 or more")
        self._check_trial()
        if self.latency_factor and self.latency_factor < 1:
            raise _wrong("latency_factor", self.latency_factor, "write 1 or more, or 0 for none")
        _window(self.window)

    def _check_trial(self) -> None:
        if self.trial_s > LONGEST_TRIAL_S:
            days = LONGEST_TRIAL_S // int(DAY_S)
            cure = f"with four times step_limit_s at most {days} days: then a board goes back"
            raise _wrong("soak_s", self.soak_s, cure)

    def as_json(self) -> dict[str, Any]:
        """Return it as a document, for parse."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in dataclasses.asdict(self).items()
        }

    def shut_s(self, now: datetime.datetime) -> float:
        """Return the seconds until the window opens; 0 while it is open."""
        times = _window(self.window)
        if times is None:
            return 0.0
        first, last = times
        second = now.hour * 3600 + now.minute * 60 + now.second
        within = first <= second < last if first < last else second >= first or second < last
        return 0.0 if within else (first - second) % DAY_S

    def verdict(self, failed: int, tried: int, waiting: int = 0, whole: int | None = None) -> str:
        """Return why the rollout stops, "" if it goes on.

        `waiting` are boards that can follow and were not tried yet: a share is one of them, too.
        Where the `whole` is smaller than `min_tried`, its first failures count.
        """
        if not failed:
            return ""
        if isinstance(self.stop_at, int):
            if failed >= self.stop_at:
                return f"{failed} failed, the limit is {self.stop_at}"
            return ""
        percent = _percent(self.stop_at, "stop_at")
        least = self.min_tried if whole is None or whole >= self.min_tried else 1
        if tried >= least and failed * 100 >= percent * (tried + waiting):
            return f"{failed} of {tried + waiting} failed, the limit is {self.stop_at}"
        return ""


@dataclass(frozen=True)
class Wave:
    """Hosts that are switched together; the first is called canary where there is one."""

    name: str
    hosts: tuple[str, ...]

    @property
    def canary(self) -> bool:
        """Tell whether any failure in it stops the rollout."""
        return self.name == "canary"


def load(path: Path | None, overrides: Mapping[str, Any]) -> Plan:
    """Return the plan of a TOML file, or the default one; `overrides` are above it.

    Raises BadInputError.
    """
    body: dict[str, Any] = {}
    if path is not None:
        try:
            body = tomllib.loads(path.read_text(encoding="utf-8-sig"))
        except (OSError, ValueError) as error:
            raise BadInputError(f"{path} is no plan: {why(error)}", CURE) from error
    return parse({**body, **overrides})


def parse(body: Mapping[str, Any]) -> Plan:
    """Return the plan that a document is. Raises BadInputError for names and types."""
    defaults = {field.name: field.default for field in dataclasses.fields(Plan)}
    result: dict[str, Any] = {}
    for name, value in body.items():
        if name not in defaults:
            near = difflib.get_close_matches(name, defaults, n=1) or sorted(defaults)
            raise BadInputError(f"a plan has no {name}", f"write one of {', '.join(near)}")
        result[name] = _typed(name, value, defaults[name])
    return Plan(**result)


def waves(plan: Plan, hosts: Sequence[str]) -> tuple[Wave, ...]:
    """Return who comes when; each host once, in the inventory's order.

    Raises BadInputError where a canary is none of the hosts.
    """
    left = list(dict.fromkeys(hosts))
    total = len(left)
    result: list[Wave] = []
    if isinstance(plan.canary, tuple):
        unknown = [name for name in plan.canary if name not in left]
        if unknown:
            raise BadInputError(
                f"the canary {unknown[0]} is none of the {counted(total, 'host')}",
                "correct it or --limit",
            )
        first = [name for name in left if name in plan.canary]
    else:
        first = left[: size(plan.canary, total, "canary")]
    if first:
        result.append(Wave("canary", tuple(first)))
        gone = set(first)
        left = [name for name in left if name not in gone]
    number = 0
    while left:
        count = size(plan.batches[min(number, len(plan.batches) - 1)], total, "batches")
        number += 1
        result.append(Wave(f"batch {number}", tuple(left[:count])))
        left = left[count:]
    return tuple(result)


def size(share: int | str, total: int, name: str) -> int:
    """Return how many of `total` a count or a percentage is; percentages are rounded up."""
    if isinstance(share, int):
        if share < 0:
            raise _wrong(name, share, "write 0 or more")
        return min(share, total)
    return min(total, math.ceil(round(_percent(share, name) * total / 100, 9)))


def _percent(text: str, name: str) -> float:
    match = PERCENT.fullmatch(text.strip())
    if not match or float(match[1]) > 100:
        raise _wrong(name, text, "write a count such as 5, or a percentage such as 25%")
    return float(match[1])


def share(name: str, value: Any) -> int | str:  # noqa: ANN401
    """Return a limit as it was written: a count, or a percentage that is judged later."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str):
        text = value.strip()
        digits = text.isascii() and text.isdecimal() and len(text) <= COUNT_DIGITS
        return int(text) if digits else text
    raise _wrong(name, value, "write a count such as 5, or a percentage such as 25%")


def _typed(name: str, value: Any, default: Any) -> Any:  # noqa: ANN401
    """Return a value as the field takes it; numbers may come as text, from flags."""
    if name == "canary":
        return _canary(value)
    if name == "stop_at":
        return share(name, value)
    if name == "batches":
        listed = value.split(",") if isinstance(value, str) else value
        return tuple(
            share(name, item) for item in (listed if isinstance(listed, list | tuple) else [listed])
        )
    kind = type(default)
    if kind in EXACT:
        if not isinstance(value, kind):
            raise _wrong(name, value, EXACT[kind])
        return value
    try:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise TypeError  # noqa: TRY301 # told below with all others
        return kind(value) if isinstance(value, str) or kind is float else _whole(value)
    except (TypeError, ValueError, OverflowError):
        requested = "a whole number" if kind is int else "a number"
        raise _wrong(name, value, f"write {requested}") from None


def _canary(value: Any) -> int | str | tuple[str, ...]:  # noqa: ANN401
    """Return a count, a percentage, or the hosts that are named."""
    if isinstance(value, list | tuple):
        return tuple(map(str, value))
    first = share("canary", value)
    if isinstance(first, int) or first.endswith("%"):
        return first
    names = tuple(filter(None, map(str.strip, first.split(","))))
    if not names:
        raise _wrong("canary", value, "name hosts, or write 0 for no canary")
    return names


def _whole(value: float) -> int:
    if value != int(value):
        raise ValueError
    return int(value)


def _window(text: str) -> tuple[int, int] | None:
    """Return the seconds of the day at which a window opens and shuts."""
    if not text.strip():
        return None
    matches = [CLOCK.fullmatch(part.strip()) for part in text.split("-")]
    if len(matches) != 2 or not (matches[0] and matches[1]) or matches[0][0] == matches[1][0]:
        raise _wrong("window", text, "write it as 22:00-05:00, in local time")
    first, last = (int(match[1]) * 3600 + int(match[2]) * 60 for match in matches if match)
    return first, last


def _wrong(name: str, value: object, cure: str) -> BadInputError:
    return BadInputError(f"{name} is {value!r}", cure)
