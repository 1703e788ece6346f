"""The same three virtual devices for all tests of a fleet, provisioned when one needs it."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from jetson_kit.virtual_devices import engines, ssh, store
from tests.fleet.board import Board
from tests.fleet.boards import INVENTORY, Boards, up
from tests.fleet.site import Site
from tests.support.here import skip_without

COUNT = 3
# Both stores of images: the oldest engine, and the newest that is to be had.
ENGINES = ("20.10", "28-containerd")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let --docker-engines name those of the devices, with commas between; `all` is all."""
    parser.addoption("--docker-engines", default=",".join(ENGINES))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what asks for devices on each engine."""
    if "docker_engine" in metafunc.fixturenames:
        requested = metafunc.config.getoption("--docker-engines", ",".join(ENGINES))
        names = engines.names() if requested == "all" else requested.split(",")
        # What does not depend on the engine runs on one.
        if metafunc.definition.get_closest_marker("one_engine"):
            names = names[:1]
        if metafunc.definition.get_closest_marker("newest_board"):
            names = names[-1:]
        if metafunc.definition.get_closest_marker("containerd"):
            names = [name for name in names if "containerd" in name]
        # Devices that are there already have the engine that they have.
        names = [""] if INVENTORY in os.environ else names
        metafunc.parametrize("docker_engine", names, indirect=True, scope="session")


@pytest.fixture(scope="session")
def docker_engine(request: pytest.FixtureRequest) -> str:
    """The devices' Docker Engine, as `devices.up --engine` has it."""
    return str(request.param)


@pytest.fixture(scope="session")
def boards(docker_engine: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Boards]:
    """Devices that are up, out of the box or provisioned."""
    # A state folder's path is limited: sockets lie in it.
    with up(tmp_path_factory.mktemp("s"), COUNT, docker_engine) as result:
        yield result


@pytest.fixture(scope="session")
def controller(boards: Boards, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A controller with records of its own."""
    return Site.begin(boards, tmp_path_factory.mktemp("site"))


@pytest.fixture
def site(controller: Site) -> Site:
    """The controller, its devices able to take images."""
    skip_without("rsync", "busybox")
    controller.provision()
    return controller


@pytest.fixture
def board(site: Site, monkeypatch: pytest.MonkeyPatch) -> Board:
    """The last of the devices."""
    if not site.board:
        name = site.names[-1]
        monkeypatch.setenv("KIT_STATE", str(site.boards.inventory.parent))
        login = ssh.command(store.get(name).device)
        site.board = Board(name, login, site.key, site.folder / "board", site.boards.inventory)
    return site.board
