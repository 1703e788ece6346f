"""Old programs after `migrate`; test_migrated_long.py has the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.solutions.migrated import NEAR, both, compare

SHORT = ("drawing_only", "finger_counter")

pytestmark = pytest.mark.vision


@pytest.mark.parametrize("name", SHORT)
def test_a_migrated_program_does_nearly_the_same(
    name: str, tmp_path: Path, model_folder: Path
) -> None:
    compare(NEAR[name], *both(name, tmp_path, model_folder))
