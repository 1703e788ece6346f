"""What a page draws: curves, landmarks on their photographs, colours."""

from __future__ import annotations

import re

import pytest

from jetson_kit.report import curves, pictures, render, rows
from tests.unit.report import samples as sample


def test_a_curve_is_true_to_its_samples() -> None:
    points = [(at / 25, 90.0 if 2 <= at / 25 < 4 else 1.0) for at in range(250)]
    curve = curves.curve(
        points, title="", labels=("s", "%"), series="run", top=100.0, shades=[(2, 4)]
    )
    drawn = [tuple(map(float, part.split())) for part in curve.path[1:].split("L")]
    assert len(drawn) == 250
    left, top, right, bottom = curve.box
    (shade,) = curve.shades
    for (at, value), (x, y) in zip(points, drawn, strict=True):
        assert x == pytest.approx(left + at / points[-1][0] * (right - left), abs=0.06)
        assert y == pytest.approx(bottom - value / 100 * (bottom - top), abs=0.06)
        assert (value > 50) == (shade[0] - 0.06 <= x < shade[0] + shade[1] - 0.06)
    assert [label for _, label in curve.y_ticks] == ["0", "20", "40", "60", "80", "100"]
    assert [label for _, label in curve.x_ticks] == ["0", "2", "4", "6", "8"]
    # A lone peak among many samples stays.
    many = [(float(at), 100.0 if at == 77_777 else 0.0) for at in range(100_000)]
    assert (77_777.0, 100.0) in curves.thinned(many)
    assert len(curves.thinned(many)) <= curves.MOST_POINTS + 2


def test_landmarks_lie_on_their_photograph() -> None:
    run = sample.real("software")["observations"]["tasks"]["HandLandmarker"]["run"]
    result = pictures.drawing(run, None)
    assert result is not None
    assert result.photograph is not None
    assert (result.photograph.width, result.photograph.height) == (640, 480)
    (layer,) = result.layers
    dots = re.findall(r"M([\d.]+) ([\d.]+)h0", layer.dots)
    assert len(dots) == 21
    first = run["result"]["points"][0]
    assert [float(item) for item in dots[0]] == [
        pytest.approx(first[0] * 640, abs=0.06), pytest.approx(first[1] * 480, abs=0.06),
    ]  # fmt: skip
    x, y, width, height = result.box
    assert all(
        x < float(across) < x + width and y < float(down) < y + height for across, down in dots
    )
    other = {**run, "picture": {"name": "other.jpg", "sha256": "0" * 64}}
    unknown = pictures.drawing(other, None)
    assert unknown is not None
    assert unknown.photograph is None


def test_colours_can_be_read() -> None:
    """Texts have at least 4.5 to 1, in the light and in the dark."""
    css = (render.HERE / "templates" / "page.css").read_text()
    light, dark = (
        dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block))
        for block in re.findall(r":root \{(.*?)\}", css, re.DOTALL)[:2]
    )
    for theme in (light, dark):
        for verdict in rows.VERDICTS:
            assert contrast(theme[verdict], theme[f"{verdict}-bg"]) >= 4.5, verdict
        for ink in ("ink", "soft", "broken"):
            for ground in ("page", "card", "hover"):
                assert contrast(theme[ink], theme[ground]) >= 4.5, (ink, ground)
        for line in ("run", "base"):
            for ground in ("card", "on"):
                assert contrast(theme[line], theme[ground]) >= 3, (line, ground)


def contrast(first: str, second: str) -> float:
    """Return WCAG's contrast ratio of two colours."""

    def light(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [
            part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
        ]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((light(first), light(second)))
    return (high + 0.05) / (low + 0.05)
