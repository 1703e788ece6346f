"""Odd inputs, messages, drawings and constants of old programs: as under MediaPipe 0.10.21."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.solutions.conftest import Program

pytestmark = pytest.mark.vision


@pytest.fixture(scope="module")
def legacy(under_legacy: Program, picture: str) -> Any:
    """Return what MediaPipe 0.10.21 does."""
    return under_legacy("inputs.py", picture)


@pytest.fixture(scope="module")
def kit(under_kit: Program, picture: str) -> Any:
    """Return what the kit does."""
    return under_kit("inputs.py", picture)


@pytest.mark.parametrize(
    "part",
    ["texts", "bytes", "again", "equal", "fields", "has", "reads", "slices", "refused", "pickled"],
)
def test_messages(legacy: Any, kit: Any, part: str) -> None:
    assert kit["messages"][part] == legacy["messages"][part]


def test_inputs(legacy: Any, kit: Any) -> None:
    assert kit["inputs"] == legacy["inputs"]


def test_arguments(legacy: Any, kit: Any) -> None:
    assert kit["arguments"] == legacy["arguments"]


def test_drawings_have_the_same_pixels(legacy: Any, kit: Any) -> None:
    assert list(kit["pictures"]) == list(legacy["pictures"])
    blank = kit["pictures"]["points"]
    for name, expected in legacy["pictures"].items():
        assert np.array_equal(kit["pictures"][name], expected), name
        assert name == "points" or not np.array_equal(expected, blank), name


@pytest.mark.parametrize("part", ["sets", "enums", "styles", "pixels", "numbers", "same"])
def test_constants(legacy: Any, kit: Any, part: str) -> None:
    assert kit["constants"][part] == legacy["constants"][part]


def test_pickles_of_old_programs_can_be_read(
    legacy: Any, under_kit: Program, tmp_path: Path
) -> None:
    path = tmp_path / "old.pickle"
    path.write_bytes(pickle.dumps(legacy["messages"]["pickled"]))
    assert under_kit("unpickle.py", str(path)) == legacy["messages"]["texts"]
