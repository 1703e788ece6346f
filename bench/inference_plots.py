"""Pictures of what bench.inference measured, as SVG: a bar for each backend, a row for each stage.

Plain shapes and texts, readable on a light and a dark page.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench import svg

ROW, HEAD, NAME, UNIT = 22.0, 60.0, 210.0, 120.0
COLOURS = {
    "mediapipe-cpu": "#8a8f98",
    "mediapipe-gpu": "#5b8c2a",
    "tensorrt": "#3f7f1f",
    "litert": "#2f6fb2",
    "onnx": "#b2762f",
    "capture": "#2f6fb2",
    "preprocess": "#5f9fd2",
    "detect": "#b2762f",
    "draw": "#5b8c2a",
    "sink": "#8a8f98",
    "encode": "#8a8f98",
}
OTHER = "#777777"


@dataclass(frozen=True)
class Bar:
    """A row: from `start` to `end`, a line on to `most`; all in milliseconds."""

    label: str
    colour: str
    start: float
    end: float
    most: float
    note: str


def draw(result: Mapping[str, Any]) -> dict[str, str]:
    """Return SVG by kind of picture: `backends`, and `pipeline` where it was measured."""
    width, height = result["summary_size"]
    title = f"ms a frame of {width}x{height}: median, and p99 as a line"
    pictures = {"backends": _picture(title, _where(result), list(_backends(result)))}
    if result["pipeline"]:
        pipeline = result["pipeline"]
        title = (
            f"{pipeline['video']}: {pipeline['pipeline']['fps']:.0f} frames a second pipelined, "
            f"{pipeline['loop']['fps']:.0f} in a loop"
        )
        pictures["pipeline"] = _picture(title, _where(result), list(_stages(pipeline)))
    return pictures


def _where(result: Mapping[str, Any]) -> str:
    """Return on what was measured, and what else that was doing."""
    busy = "" if result["quiet"] else f", busy with other work (load {result['load_at_start']:.1f})"
    if result["priority"] != "normal":
        busy += f", at {result['priority']} priority"
    return f"{result['device']['model'] or result['device']['name']}, {result['cores']} cores{busy}"


def _backends(result: Mapping[str, Any]) -> Iterator[tuple[str, list[Bar]]]:
    tasks = dict.fromkeys(row["task"] for row in result["trials"])
    for task in tasks:
        rows = [
            row
            for row in result["trials"]
            if row["task"] == task and row["ok"] and row["size"] == result["summary_size"]
        ]
        yield (
            task,
            [
                Bar(
                    _label(row["backend"], row["threads"]),
                    COLOURS.get(row["backend"], OTHER),
                    0.0,
                    row["median_ms"],
                    row["p99_ms"],
                    f"{row['median_ms']:.1f} / {row['p99_ms']:.1f}",
                )
                for row in sorted(rows, key=lambda row: float(row["median_ms"]))
            ],
        )


def _label(backend: str, threads: int) -> str:
    return backend if not threads else f"{backend}, {threads} thread{'s'[: threads - 1]}"


def _stages(pipeline: Mapping[str, Any]) -> Iterator[tuple[str, list[Bar]]]:
    """Lay a loop's stages one after the other, and a pipeline's one below the other."""
    at, bars = 0.0, []
    for name, took in pipeline["loop"]["stages_ms"].items():
        bars.append(Bar(name, COLOURS.get(name, OTHER), at, at + took, at + took, f"{took:.1f}"))
        at += took
    yield f"MediaPipe in a loop: {at:.1f} ms a frame", bars
    every = 1e3 / pipeline["pipeline"]["fps"]
    yield (
        f"pipelined on {pipeline['backend']}: {every:.1f} ms a frame",
        [
            Bar(
                stage["name"],
                COLOURS.get(stage["name"], OTHER),
                0.0,
                stage["mean_ms"],
                stage["mean_ms"],
                f"{stage['mean_ms']:.1f}",
            )
            for stage in pipeline["pipeline"]["best_turn"]["stages"]
        ],
    )


def _picture(title: str, where: str, groups: Sequence[tuple[str, list[Bar]]]) -> str:
    most = max((bar.most for _, bars in groups for bar in bars), default=1.0) or 1.0
    scale = (svg.WIDTH - NAME - UNIT) / most
    parts, y = [], HEAD
    for name, bars in groups:
        parts.append(svg.text(10, y + 15, name, "head"))
        y += ROW + 4
        for bar in bars:
            left, right = NAME + bar.start * scale, NAME + bar.end * scale
            end = NAME + bar.most * scale
            parts.append(svg.text(24, y + 15, bar.label))
            parts.append(
                f'<rect x="{left:.1f}" y="{y + 3:.1f}" width="{max(1.0, right - left):.1f}" '
                f'height="{ROW - 7:.0f}" rx="2" fill="{bar.colour}"/>'
            )
            if end > right:
                parts.append(
                    f'<path d="M{right:.1f} {y + 10.5:.1f}H{end:.1f}M{end:.1f} {y + 6:.1f}v9" '
                    f'stroke="{bar.colour}" stroke-width="2" fill="none"/>'
                )
            parts.append(svg.text(end + 8, y + 15, bar.note))
            y += ROW
        y += 8
    return svg.frame(title, where, parts, y)
