"""What a release says besides its image: its number, how long it is valid, and for which boards."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jetson_kit.core.errors import BadInputError
from jetson_kit.core.text import counted

VALID_DAYS = 180
FORMAT = "%Y-%m-%dT%H:%M:%SZ"
# The greatest number that the device's program takes.
NEWEST = 2**53


@dataclass(frozen=True)
class Terms:
    """What a release says besides its image."""

    number: int = 0
    """0: by the time, and more than the release before it."""
    valid_days: int = 0
    """0: VALID_DAYS."""
    modules: tuple[str, ...] = ()
    """The only modules that it is for, as targets name them; empty: all of its SoCs."""
    signers: int = 0
    """Version of the newest list of signers."""

    def __post_init__(self) -> None:
        """Check it. Raises BadInputError."""
        if not 0 <= self.number < NEWEST:
            raise BadInputError(f"{self.number} is no number of a release", "write 1 or more")
        if not 0 <= self.valid_days <= 3650:
            raise BadInputError(
                f"a release can't be valid for {counted(self.valid_days, 'day')}", "write 1 to 3650"
            )


def numbered(body: dict[str, Any], there: dict[str, Any], terms: Terms) -> dict[str, Any]:
    """Return number and times of a document: those `there` already, unless they must be others."""
    own: dict[str, Any] = {name: there.get(name) for name in ("number", "created", "expires")}
    now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    if {**body, **own} == there and not terms.number and not terms.valid_days:
        begun, end = parse_time(own["created"]), parse_time(own["expires"])
        if begun <= now <= end - (end - begun) / 10:
            return own
    last = own["number"] if isinstance(own["number"], int) else 0
    end = now + datetime.timedelta(days=terms.valid_days or VALID_DAYS)
    return {
        "number": terms.number or max(last + 1, int(now.strftime("%Y%m%d%H%M%S"))),
        "created": now.strftime(FORMAT),
        "expires": end.strftime(FORMAT),
    }


def parse_time(text: str) -> datetime.datetime:
    """Return a time as releases have it. Raises ValueError."""
    return datetime.datetime.strptime(text, FORMAT).replace(tzinfo=datetime.UTC)


def parts(target: Mapping[str, Any], modules: Sequence[str]) -> list[str]:
    """Return the part numbers of modules, by which a board knows itself. Raises BadInputError."""
    known = {row["id"]: row for row in target.get("modules", [])}
    unknown = [name for name in modules if name not in known]
    if unknown:
        raise BadInputError(
            f"the image is for no module {unknown[0]}",
            f"name some of {', '.join(known)}" if known else "it is for this machine",
        )
    rows = [known[name] for name in modules]
    return sorted(part for row in rows for part in (*row["part_numbers"], *row["boards"]))
