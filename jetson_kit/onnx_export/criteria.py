"""criteria.toml: on what each sub-model is judged."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

TABLE = Path(__file__).with_name("criteria.toml")


@dataclass(frozen=True)
class Crop:
    """A part of a picture: left, top, right, bottom in pixels."""

    name: str
    picture: str
    box: tuple[int, int, int, int]


@dataclass(frozen=True)
class Landmarks:
    """The first output is this many points of so many values, x and y first."""

    count: int
    values: int


@dataclass(frozen=True)
class Mask:
    """An output that says for each pixel how likely it is a person, maybe before the sigmoid."""

    output: int
    logits: bool


@dataclass(frozen=True)
class Criteria:
    """A sub-model's pixel range, and its crops or what other sub-models feed it.

    `name` is what the table calls it; it is empty for a model that the table doesn't know.
    """

    name: str = ""
    sha256: tuple[str, ...] = ()
    range: tuple[float, float] = (0.0, 1.0)
    crops: tuple[Crop, ...] = ()
    feed: str = ""
    landmarks: Landmarks | None = None
    mask: Mask | None = None


@cache
def table() -> dict[str, Criteria]:
    """Return every sub-model of criteria.toml by its name there."""
    data = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    crops = {
        row["name"]: Crop(row["name"], row["picture"], tuple(row["box"])) for row in data["crop"]
    }
    return {
        row["name"]: Criteria(
            row["name"],
            tuple(row["sha256"]),
            tuple(row["range"]),
            tuple(crops[name] for name in row.get("crops", ())),
            row.get("feed", ""),
            Landmarks(**row["landmarks"]) if "landmarks" in row else None,
            Mask(**row["mask"]) if "mask" in row else None,
        )
        for row in data["sub_model"]
    }


@cache
def _by_content() -> dict[str, Criteria]:
    return {digest: criteria for criteria in table().values() for digest in criteria.sha256}


def of(sha256: str) -> Criteria:
    """Return what judges the model of these bytes; an unknown one gets no photographs."""
    return _by_content().get(sha256, Criteria())
