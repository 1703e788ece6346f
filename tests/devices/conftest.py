"""Devices of a module's tests, in a state folder of their own, gone after them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.devices.front import Front


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Front]:
    """Return the tasks on an empty state folder."""
    made = Front(tmp_path / "state")
    yield made
    made.must("devices.down")
    assert made.left() == []


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """Return the tasks with two containers up: jetson-1, jetson-2."""
    made = Front(tmp_path_factory.mktemp("devices") / "state")
    done = made("devices.up", "--count", "2")
    if done.returncode == 0:
        yield made
    made.must("devices.down")
    assert done.returncode == 0, done.stderr
    assert made.left() == []
