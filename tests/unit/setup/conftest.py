"""A machine on which the kit's scripts run for real, while its programs note their arguments."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.bare_machine import Machine


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A bare Debian 12 on x86_64, root's."""
    return Machine(tmp_path / "machine")
