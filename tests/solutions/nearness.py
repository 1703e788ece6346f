"""How far results are from MediaPipe 0.10.21's, and how far it is from itself in noise."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

# As parts of the object's longer side, for whole and clear objects.
TOLERANCE = {"face": 0.002, "hands": 0.002, "pose": 0.005, "detection": 0.0001}
# What landmarks.py gives for a frame, by the first word of a case.
PARTS = {"holistic": (("pose", (0,)), ("face", (1,)), ("hands", (2, 3)))}
Found = Any
Runs = Mapping[str, Sequence[Found]]


@dataclass(frozen=True)
class Seen:
    """What a frame shows: points (n, 2 or more) of each object by part, labels and a mask.

    What is missing is None where the solution has a fixed number of objects.
    """

    parts: dict[str, list[Any]]
    labels: tuple[str, ...] = ()
    mask: Any = None

    @property
    def pattern(self) -> tuple[Any, ...]:
        """Return what has to be the same: which objects are there, and their labels."""
        there = [[item is not None for item in items] for items in self.parts.values()]
        return (there, self.labels, self.mask is None)


def seen(solution: str, output: Found) -> Seen:
    """Return what landmarks.py found in a frame."""
    kind = solution.partition("_")[0]
    if kind in PARTS:
        return Seen({name: [output[at] for at in places] for name, places in PARTS[kind]})
    if kind == "hands":
        return Seen({"": [hand[0] for hand in output]}, tuple(hand[2] for hand in output))
    if kind == "pose":
        return Seen({"": [output[0]]}, mask=output[1])
    if kind == "detection":
        return Seen({"": [np.array([*_corners(box), *keys]) for _, box, keys in output]})
    return Seen({}, mask=output) if kind == "selfie" else Seen({"": list(output)})


def _corners(box: tuple[float, float, float, float]) -> list[tuple[float, float]]:
    left, top, width, height = box
    return [(left, top), (left + width, top + height)]


def apart(first: Any, second: Any) -> float:
    """Return how far the worst landmark is, as a part of the longer side."""
    extent = (first[:, :2].max(axis=0) - first[:, :2].min(axis=0)).max()
    return float(np.abs(first[:, :2] - second[:, :2]).max() / extent)


def objects(output: Found) -> list[Any]:
    """Return the landmark arrays of one frame's result, None for what is missing."""
    if isinstance(output, tuple):
        output = [output[0]]
    return [item[0] if isinstance(item, tuple) else item for item in output]


def pairs(first: Sequence[Found], second: Sequence[Found]) -> Iterator[tuple[Any, Any]]:
    """Yield the objects of two runs that both found, frame by frame."""
    for item, other in zip(first, second, strict=True):
        for mine, theirs in zip(objects(item), objects(other), strict=False):
            if mine is not None and theirs is not None:
                yield mine, theirs


def counts(frames: Sequence[Found]) -> list[int]:
    """Return how many objects each frame has."""
    return [sum(item is not None for item in objects(frame)) for frame in frames]


def distances(first: Seen, second: Seen, part: str) -> list[float]:
    """Return how far the objects of a part are apart that both frames have."""
    return [
        apart(mine, theirs)
        for mine, theirs in zip(first.parts[part], second.parts[part], strict=False)
        if mine is not None and theirs is not None
    ]


@dataclass
class Row:
    """How near some frames are; distances are parts of the object's longer side."""

    frames: int = 0
    same: int = 0
    """Frames with the same objects and labels."""
    kit: list[float] = field(default_factory=list)
    legacy: list[list[float]] = field(default_factory=list)
    """Of MediaPipe 0.10.21 from itself, for each draw of the noise."""

    @property
    def kit_worst(self) -> float:
        """Return the worst."""
        return max(self.kit, default=0.0)

    @property
    def kit_median(self) -> float:
        """Return the median."""
        return median(self.kit)

    @property
    def legacy_worst(self) -> float:
        """Return the worst of all draws."""
        return max((max(draw, default=0.0) for draw in self.legacy), default=0.0)

    @property
    def legacy_median(self) -> float:
        """Return the median of all draws."""
        return median([item for draw in self.legacy for item in draw])


def median(values: Sequence[float]) -> float:
    """Return the median, 0 of nothing."""
    return float(np.median(values)) if values else 0.0


def rows(cases: Iterable[str], legacy: Runs, noisy: Runs, kit: Runs) -> dict[str, Row]:
    """Return the rows of cases, by part; "" is of solutions with one.

    `noisy` has the frames of a case as often as there are draws.
    """
    result: dict[str, Row] = defaultdict(Row)
    for case in cases:
        solution = case.partition("@")[0]
        plain, ours, draws = (
            [seen(solution, output) for output in run[case]] for run in (legacy, kit, noisy)
        )
        for part in plain[0].parts:
            row = result[part]
            row.frames += len(plain)
            row.same += sum(a.pattern == b.pattern for a, b in zip(plain, ours, strict=True))
            row.kit += _all(plain, ours, part)
            count = len(plain)
            for number, start in enumerate(range(0, len(draws), count)):
                if number == len(row.legacy):
                    row.legacy.append([])
                row.legacy[number] += _all(plain, draws[start : start + count], part)
    return dict(result)


def _all(first: Sequence[Seen], second: Sequence[Seen], part: str) -> list[float]:
    return [item for a, b in zip(first, second, strict=True) for item in distances(a, b, part)]


def masks(cases: Iterable[str], legacy: Runs, kit: Runs) -> list[float]:
    """Return the mean difference of each mask that both have."""
    pairs = (
        (seen(case.partition("@")[0], a).mask, seen(case.partition("@")[0], b).mask)
        for case in cases
        for a, b in zip(legacy[case], kit[case], strict=True)
    )
    return [float(np.abs(a - b).mean()) for a, b in pairs if a is not None and b is not None]
