"""How many command lines are tried, from which seed on."""

from __future__ import annotations

import pytest

from tests.cli import lines


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let --lines say how many command lines a seed gives, and --seeds which seeds.

    --signalled is the share of them that are sent signals, --latest the last second of the first.
    """
    parser.addoption("--lines", type=int, default=25)
    parser.addoption("--seeds", default="1,2,3,4")
    parser.addoption("--signalled", type=float, default=lines.SIGNALLED)
    parser.addoption("--latest", type=float, default=lines.SIGNAL_LATEST_S)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make a test of each seed."""
    if "seed" in metafunc.fixturenames:
        seeds = str(metafunc.config.getoption("--seeds")).split(",")
        metafunc.parametrize("seed", [int(word) for word in seeds])
