"""The photographs that verify infers on, and results drawn on them as SVG paths."""

from __future__ import annotations

import base64
import hashlib
import struct
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jetson_kit.core.text import word
from jetson_kit.report.read import DATA
from jetson_kit.report.values import at, number, pairs, rows

MOST_POINTS = 1000
GRID = 16
LEVELS = 5


@dataclass(frozen=True)
class Photograph:
    """A photograph of the device wheel; sizes in pixels."""

    key: str
    name: str
    width: int
    height: int
    data: str


@dataclass(frozen=True)
class Layer:
    """One run's result in the photograph's pixels: dots and lines, or a mask's cells."""

    series: str
    dots: str
    lines: str
    cells: tuple[tuple[float, str], ...]
    edge: str


@dataclass(frozen=True)
class Drawing:
    """A photograph (None where the report's is not one of ours) and the results on it."""

    photograph: Photograph | None
    name: str
    layers: tuple[Layer, ...]
    box: tuple[int, int, int, int]

    @property
    def unit(self) -> float:
        """Return the photograph's pixels that are about one on the screen."""
        return self.box[2] / 400


@cache
def photographs() -> dict[str, Photograph]:
    """Return the device wheel's photographs by their sha256."""
    result = {}
    for path in sorted(DATA.glob("*.jpg")):
        content = path.read_bytes()
        width, height = jpeg_size(content)
        data = base64.b64encode(content).decode()
        digest = hashlib.sha256(content).hexdigest()
        result[digest] = Photograph(f"photo-{path.stem}", path.name, width, height, data)
    return result


def jpeg_size(content: bytes) -> tuple[int, int]:
    """Return a JPEG's width and height, which its frame header holds; raise ValueError."""
    place = 2
    while place + 9 <= len(content):
        _, marker, length = struct.unpack_from(">BBH", content, place)
        if 0xC0 <= marker <= 0xC3:
            height, width = struct.unpack_from(">HH", content, place + 5)
            return width, height
        place += 2 + length
    raise ValueError("no frame header")


@cache
def _shapes() -> dict[int, list[list[int]]]:
    table = tomllib.loads(Path(__file__).with_name("shapes.toml").read_text(encoding="utf-8"))
    return {row["points"]: row["lines"] for row in table["shape"]}


def drawing(run: Any, cpu: Any) -> Drawing | None:  # noqa: ANN401 # JSON
    """Return the results of a run and of its control on the CPU; None without any."""
    reported = at(run, "picture") or at(cpu, "picture")
    photograph = photographs().get(word(at(reported, "sha256")))
    width, height = (photograph.width, photograph.height) if photograph else (512, 512)
    # The control lies below, its dots larger: where both agree it is a ring around the run's.
    result = [
        layer(at(item, "result"), series, width, height)
        for series, item in (("cpu", cpu), ("run", run))
    ]
    layers = tuple(item for item in result if item)
    if not layers:
        return None
    points = [point for run_ in (run, cpu) for point in _points(at(run_, "result"), width, height)]
    return Drawing(photograph, word(at(reported, "name")), layers, crop(points, width, height))


def crop(
    points: Sequence[tuple[float, float]], width: int, height: int
) -> tuple[int, int, int, int]:
    """Return (x, y, width, height) of the part that holds the points, as wide in shape as all."""
    inside = [(x, y) for x, y in points if 0 <= x <= width and 0 <= y <= height]
    if not inside:
        return 0, 0, width, height
    left, right = min(x for x, _ in inside), max(x for x, _ in inside)
    upper, lower = min(y for _, y in inside), max(y for _, y in inside)
    requested = max((right - left) / width, (lower - upper) / height) * 1.7
    share = min(max(requested, 0.25), 1.0)
    across, down = share * width, share * height
    x = min(max((left + right - across) / 2, 0), width - across)
    y = min(max((upper + lower - down) / 2, 0), height - down)
    return round(x), round(y), round(across), round(down)


def _points(result: Any, width: int, height: int) -> list[tuple[float, float]]:  # noqa: ANN401
    """Return a result's landmarks in the photograph's pixels."""
    return [
        (_inside(x * width, width), _inside(y * height, height))
        for x, y in pairs(at(result, "points"))[:MOST_POINTS]
    ]


def layer(result: Any, series: str, width: int, height: int) -> Layer | None:  # noqa: ANN401
    """Return one result drawn; None where it has neither points nor a mask."""
    points = _points(result, width, height)
    dots = "".join(f"M{x:g} {y:g}h0" for x, y in points)
    joined = _shapes().get(len(points), [])
    lines = "".join(
        "M" + "L".join(f"{points[item][0]:g} {points[item][1]:g}" for item in line)
        for line in joined
    )
    mask = [number(cell) or 0.0 for cell in rows(at(result, "mask"))]
    whole = len(mask) == GRID * GRID
    if not points and not whole:
        return None
    cells, edge = (_cells(mask, width, height), _edge(mask, width, height)) if whole else ((), "")
    return Layer(series, dots, lines, cells, edge)


def _inside(value: float, size: int) -> float:
    # Landmarks may lie a little outside of the picture; far outside is as good as at the edge.
    return round(min(max(value, -size), 2.0 * size), 1)


def _cells(mask: list[float], width: int, height: int) -> tuple[tuple[float, str], ...]:
    """Return the cells of a mask as a path for each of a few levels."""
    across, down = width / GRID, height / GRID
    paths: dict[int, str] = {}
    for place, value in enumerate(mask):
        level = round(min(max(value, 0.0), 1.0) * LEVELS)
        if level:
            x, y = place % GRID * across, place // GRID * down
            box = f"M{x:g} {y:g}h{across:g}v{down:g}h-{across:g}z"
            paths[level] = paths.get(level, "") + box
    return tuple((level / LEVELS, path) for level, path in sorted(paths.items()))


def _edge(mask: list[float], width: int, height: int) -> str:
    """Return the line between the cells above and below one half."""
    across, down = width / GRID, height / GRID

    def above(x: int, y: int) -> bool:
        return 0 <= x < GRID and 0 <= y < GRID and mask[y * GRID + x] >= 0.5

    value = ""
    for y in range(GRID + 1):
        for x in range(GRID + 1):
            if above(x, y) != above(x, y - 1):
                value += f"M{x * across:g} {y * down:g}h{across:g}"
            if above(x, y) != above(x - 1, y):
                value += f"M{x * across:g} {y * down:g}v{down:g}"
    return value
