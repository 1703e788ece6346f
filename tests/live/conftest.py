"""These tests run in an environment with OpenTelemetry and aiortc: ./inv test --stage live."""

from __future__ import annotations

import importlib.util

HERE = importlib.util.find_spec("aiortc") is not None
if not HERE:
    collect_ignore_glob = ["test_*.py"]


def pytest_report_header() -> str:
    """Say why nothing of this folder is collected elsewhere."""
    return "" if HERE else "tests/live run in their own environment: ./inv test --stage live"
