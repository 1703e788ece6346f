"""Four old programs, of the kinds that are the most; test_examples_long.py has the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.solutions.examples import BY_NAME, Runner, compare

SHORT = ("drowsiness", "finger_counter", "squat_counter", "drawing_only")

pytestmark = pytest.mark.vision


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory, model_folder: Path) -> Runner:
    """Return what runs the programs."""
    return Runner(tmp_path_factory.mktemp("examples"), model_folder)


@pytest.mark.parametrize("name", SHORT)
def test_an_old_program_does_the_same_under_the_kit(runner: Runner, name: str) -> None:
    compare(BY_NAME[name], *runner.both(BY_NAME[name]))
