"""Old programs that test_examples.py leaves out, and ten thousand frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.solutions.conftest import Program
from tests.solutions.examples import BY_NAME, FOLDER, Runner, compare
from tests.solutions.test_examples import SHORT
from tests.vision import media

pytestmark = pytest.mark.vision
# What an allocator may keep, in megabytes.
GROWTH = 8.0


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory, model_folder: Path) -> Runner:
    """Return what runs the programs."""
    return Runner(tmp_path_factory.mktemp("examples"), model_folder)


@pytest.mark.parametrize("name", [name for name in BY_NAME if name not in SHORT])
def test_an_old_program_does_the_same_under_the_kit(runner: Runner, name: str) -> None:
    compare(BY_NAME[name], *runner.both(BY_NAME[name]))


def test_each_program_is_compared() -> None:
    assert {path.stem for path in FOLDER.glob("*.py")} == set(BY_NAME)


def test_ten_thousand_frames_and_two_hundred_solutions_do_not_grow(
    under_kit: Program, tmp_path: Path
) -> None:
    path = tmp_path / "picture.npz"
    np.savez(path, picture=media.rgb("astronaut.jpg"))
    resident = under_kit("robust.py", str(path), "growth")["growth"]
    assert resident["frames"][-1] - resident["frames"][0] < GROWTH, resident
    assert resident["solutions"][-1] - resident["frames"][-1] < GROWTH, resident
