"""Old programs that test_examples.py leaves out."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.solutions.examples import BY_NAME, FOLDER, Runner, compare
from tests.solutions.test_examples import SHORT

pytestmark = pytest.mark.vision


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory, model_folder: Path) -> Runner:
    """Return what runs the programs."""
    return Runner(tmp_path_factory.mktemp("examples"), model_folder)


@pytest.mark.parametrize("name", [name for name in BY_NAME if name not in SHORT])
def test_an_old_program_does_the_same_under_the_kit(runner: Runner, name: str) -> None:
    compare(BY_NAME[name], *runner.both(BY_NAME[name]))


def test_each_program_is_compared() -> None:
    assert {path.stem for path in FOLDER.glob("*.py")} == set(BY_NAME)
