"""The frame of a benchmark's plot: an SVG with a title, readable on light and dark pages."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

WIDTH = 720.0


def frame(title: str, about: str, parts: Sequence[str], bottom: float) -> str:
    """Return a whole SVG of `parts` below its head; they end at `bottom`, in pixels."""
    height = bottom + 6
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH:.0f} {height:.0f}" '
            f'width="{WIDTH:.0f}" height="{height:.0f}" role="img">',
            "<style>text{font:13px system-ui,sans-serif;fill:#222}.head{font-weight:600}"
            "svg{background:#fff}@media(prefers-color-scheme:dark)"
            "{svg{background:#16181c}text{fill:#ddd}}</style>",
            f"<title>{escape(title)}</title>",
            text(10, 24, title, "head"),
            text(10, 44, about),
            *parts,
            "</svg>\n",
        ]
    )


def text(x: float, y: float, content: str, kind: str = "") -> str:
    """Return a line of text that begins at a point, in pixels."""
    mark = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{mark}>{escape(content)}</text>'
