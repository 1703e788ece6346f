"""The lite and heavy pose models over a stream: as near to 0.10.21 as that is to itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.solutions.conftest import Program
from tests.solutions.nearness import rows
from tests.solutions.streams import FRAMES
from tests.vision import media

pytestmark = pytest.mark.vision
DRAWS = 3


@pytest.fixture(scope="module")
def runs(
    under_legacy: Program,
    under_kit: Program,
    legacy_site: str,
    pose_models: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Any, Any, Any]:
    """Return what 0.10.21 finds, what it finds with noise, and what the kit finds."""
    path = str(tmp_path_factory.mktemp("frames") / "frames.npz")
    frames = np.stack(list(media.moving("basketball1.png", FRAMES)))
    np.savez(path, pose_lite=frames, pose_heavy=frames)
    return (
        under_legacy("landmarks.py", path, PYTHONPATH=legacy_site),
        under_legacy("landmarks.py", path, "noise", str(DRAWS), PYTHONPATH=legacy_site),
        under_kit("landmarks.py", path, MEDIAPIPE_JETSON_MODELS=pose_models),
    )


@pytest.mark.parametrize("case", ["pose_lite", "pose_heavy"])
def test_streams_are_as_near_as_the_legacy_is_to_itself(
    runs: tuple[Any, Any, Any], case: str
) -> None:
    row = rows([case], *runs)[""]
    assert row.same == FRAMES == len(row.kit)
    assert row.kit_median <= row.legacy_median
    assert row.kit_worst <= row.legacy_worst
