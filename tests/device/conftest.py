"""The suite's hosts come from an inventory: --hosts=ansible://all --ansible-inventory=FILE."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from jetson_kit.core.errors import BadInputError
from jetson_kit.service import expectation
from jetson_kit.verify import sudo_backend
from jetson_kit.verify.host_results import STEP
from tests.device.board import Board, Host, fail

NO_HOSTS = "no hosts: ./inv verify -i INVENTORY, or --hosts=ansible://all --ansible-inventory=FILE"
NUMBERED = re.compile(r"test_\d_(\w+)\.py")
_boards: dict[str, Board] = {}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add what ./inv verify hands over."""
    group = parser.getgroup("device")
    group.addoption("--reports", type=Path, help="folder that takes HOST.json, each host's report")
    group.addoption("--verify-task", action="append", help="in place of mediapipe_tasks")
    group.addoption("--verify-level", help="in place of mediapipe_level")
    group.addoption("--sudo-asks", action="store_true", help="for a password, KIT_BECOME_PASSWORD")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip all of this where no hosts are named: this machine is no device."""
    if config.getoption("hosts"):
        return
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.skip(reason=NO_HOSTS))


class Steps:
    """Prints a line when the tests come to the next file."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._file = ""

    def pytest_runtest_logstart(self, location: tuple[str, int | None, str]) -> None:
        """Print it before a file's first test."""
        match = NUMBERED.fullmatch(Path(location[0]).name)
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        if match and reporter and location[0] != self._file:
            self._file = location[0]
            # The line before may be dots that go on.
            reporter.write_line(f"\n{STEP}{match[1]}", flush=True)


def pytest_configure(config: pytest.Config) -> None:
    """Have the parts told where hosts are named."""
    if config.getoption("--sudo-asks", default=False):
        sudo_backend.take_over()
    if config.getoption("hosts", default=None):
        config.pluginmanager.register(Steps(config))


@pytest.fixture(scope="module")
def board(host: Host, request: pytest.FixtureRequest) -> Board:
    """Return the host with its expectations; observations last for the whole session."""
    name = str(host.backend.host)
    if name not in _boards:
        try:
            expected = expectation.parse(name, host.ansible.get_variables())
        except BadInputError as error:
            fail(error.line())
        config = request.config
        if tasks := config.getoption("--verify-task", default=None):
            expected = replace(expected, tasks=tuple(tasks))
        if level := config.getoption("--verify-level", default=None):
            expected = replace(expected, level=level)
        _boards[name] = Board(host, expected)
    result = _boards[name]
    if result.unreachable:
        fail(result.unreachable, remedy="check the name, the network, the key and that sshd runs")
    return result


@pytest.fixture(scope="module")
def reports(request: pytest.FixtureRequest) -> Path | None:
    """Return the folder that keeps the hosts' reports, if one was named."""
    path: Path | None = request.config.getoption("--reports", default=None)
    return path
