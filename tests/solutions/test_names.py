"""What old programs reach behind the documented names: as under MediaPipe 0.10.21."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.solutions.conftest import Program
from tests.vision import media

pytestmark = pytest.mark.vision


@pytest.fixture(scope="module")
def both(
    under_legacy: Program, under_kit: Program, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Any, Any]:
    """Return what programs/names.py does under MediaPipe 0.10.21 and under the kit."""
    path = tmp_path_factory.mktemp("picture") / "picture.npz"
    np.savez(path, picture=media.rgb("astronaut.jpg"))
    return under_legacy("names.py", str(path)), under_kit("names.py", str(path))


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
