"""Writes what became of each test to the file that $KIT_TEST_RESULTS names: ./inv test reads it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from jetson_kit.checks import stages as checks


class Results:
    """A pytest plug-in that counts."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.passed = 0
        self.failed = 0
        self.skipped: list[tuple[str, str]] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count a test by its call, or by what ended it before or after that."""
        if report.failed:
            self.failed += 1
        elif report.skipped and not hasattr(report, "wasxfail"):
            self.skipped.append((report.nodeid, _reason(report)))
        elif report.when == "call":
            self.passed += 1

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Count a file that skips all of itself."""
        if report.skipped:
            self.skipped.append((report.nodeid, _reason(report)))

    def pytest_sessionfinish(self) -> None:
        """Write the file."""
        body = {"passed": self.passed, "failed": self.failed, "skipped": self.skipped}
        self.path.write_text(json.dumps(body), encoding="utf-8")


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return text.removeprefix("Skipped: ")


def register(config: pytest.Config) -> None:
    """Add the plug-in where it is requested; workers of pytest-xdist leave it to their head."""
    path = os.environ.get(checks.RESULTS)
    if path and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Results(Path(path)), "kit-results")
