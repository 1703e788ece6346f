"""The old programs that test_migrated.py leaves out, after `migrate`."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.solutions.examples import BY_NAME, FOLDER
from tests.solutions.migrated import NEAR, REFUSED, both, bundle, compare, migrate
from tests.solutions.test_migrated import SHORT

pytestmark = pytest.mark.vision


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder for films and programs."""
    return tmp_path_factory.mktemp("migrated")


@pytest.fixture(scope="module")
def models(scratch: Path, model_folder: Path) -> Path:
    """Return a folder with the models of Tasks."""
    return bundle(scratch / "models", model_folder)


@pytest.mark.parametrize("name", [name for name in NEAR if name not in SHORT])
def test_a_migrated_program_does_nearly_the_same(name: str, scratch: Path, models: Path) -> None:
    compare(NEAR[name], *both(name, scratch, models))


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_is_named(name: str, tmp_path: Path) -> None:
    program = tmp_path / f"{name}.py"
    shutil.copyfile(FOLDER / program.name, program)
    with pytest.raises(AssertionError):
        migrate(program)
    assert program.read_bytes() == (FOLDER / program.name).read_bytes()


def test_each_program_is_migrated_or_refused() -> None:
    assert {*NEAR, *REFUSED} == set(BY_NAME)
