"""What old programs reach behind the documented names: as under MediaPipe 0.10.21."""

from __future__ import annotations

from typing import Any

import pytest

from tests.solutions.conftest import Program

pytestmark = pytest.mark.vision


@pytest.fixture(scope="module")
def both(under_legacy: Program, under_kit: Program, picture: str) -> tuple[Any, Any]:
    """Return what programs/names.py does under MediaPipe 0.10.21 and under the kit."""
    return under_legacy("names.py", picture), under_kit("names.py", picture)


@pytest.mark.parametrize(
    "part", ["tables", "landmarks", "numbers", "defaults", "copied", "changed", "color"]
)
def test_styles_can_be_read_and_changed(both: tuple[Any, Any], part: str) -> None:
    legacy, kit = both
    assert kit["styles"][part] == legacy["styles"][part]


def test_enumerations_and_descriptors(both: tuple[Any, Any]) -> None:
    legacy, kit = both
    assert kit["enumerations"] == legacy["enumerations"]


def test_numbers_of_any_type_are_taken(both: tuple[Any, Any]) -> None:
    legacy, kit = both
    assert kit["arguments"] == legacy["arguments"]
    assert legacy["arguments"]["single"] is None
    assert legacy["arguments"]["text"] == "TypeError"
