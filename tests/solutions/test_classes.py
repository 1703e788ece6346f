"""Old programs that use messages as JSON, the classes as bases, and plots: as under 0.10.21."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.solutions.conftest import Program
from tests.solutions.test_hook import start

pytestmark = pytest.mark.vision


@pytest.fixture(scope="module")
def both(under_legacy: Program, under_kit: Program, picture: str) -> tuple[Any, Any]:
    """Return what programs/subclasses.py does under MediaPipe 0.10.21 and under the kit."""
    return under_legacy("subclasses.py", picture), under_kit("subclasses.py", picture)


@pytest.mark.parametrize("part", ["frames", "fields", "kinds", "faces", "stream", "figures"])
def test_classes_can_be_built_on(both: tuple[Any, Any], part: str) -> None:
    legacy, kit = both
    assert kit[part] == legacy[part]


def test_a_plot_has_the_same_pixels(both: tuple[Any, Any]) -> None:
    legacy, kit = both
    assert np.array_equal(kit["plot"], legacy["plot"])
    assert len(np.unique(legacy["plot"].reshape(-1, 4), axis=0)) > 2


def test_without_matplotlib_a_plot_says_what_to_install() -> None:
    done = start(
        "import sys; sys.modules['matplotlib'] = None\n"
        "from mediapipe_jetson.solutions import drawing_utils, messages\n"
        "points = messages.LandmarkList(landmark=[{'x': 1}])\n"
        "drawing_utils.plot_landmarks(points)"
    )
    assert "plot_landmarks needs matplotlib: pip install 'mediapipe-jetson[plot]'" in done.stderr


def test_messages_as_json_are_the_legacy_ones(under_legacy: Program, under_kit: Program) -> None:
    legacy, kit = under_legacy("json_messages.py"), under_kit("json_messages.py")
    assert kit == legacy
    assert "0.33333334" in legacy["NormalizedLandmarkList"]
