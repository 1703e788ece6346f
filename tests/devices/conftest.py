"""Devices of a module's tests, in a state folder of their own, gone after them."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from tests.devices.front import Front
from tests.devices.guest import RUNNING


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show console and journal of the machine that a failed test was about."""
    report = yield
    if report.failed:
        for guest in RUNNING:
            with contextlib.suppress(subprocess.TimeoutExpired):
                report.sections.append(("console and journal of the guest", guest.evidence()))
    return report


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Front]:
    """Return the tasks on an empty state folder."""
    result = Front(tmp_path / "state")
    yield result
    result.must("devices.down")
    assert result.left() == []


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """Return the tasks with two containers up: jetson-1, jetson-2."""
    result = Front(tmp_path_factory.mktemp("devices") / "state")
    done = result("devices.up", "--count", "2")
    if done.returncode == 0:
        yield result
    result.must("devices.down")
    assert done.returncode == 0, done.stderr
    assert result.left() == []
