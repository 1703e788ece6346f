"""The same three virtual devices for all tests of a fleet, provisioned when one needs it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from jetson_kit.devices import ssh, store
from tests.fleet.board import Board
from tests.fleet.boards import Boards, up
from tests.fleet.site import Site
from tests.support.here import skip_without

COUNT = 3


@pytest.fixture(scope="session")
def boards(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Boards]:
    """Devices that are up, out of the box or provisioned."""
    # A state folder's path is limited: sockets lie in it.
    with up(tmp_path_factory.mktemp("s"), COUNT) as found:
        yield found


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
