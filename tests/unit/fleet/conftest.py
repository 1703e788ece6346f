"""A site's archive, as a controller that has an authority writes it; boards that report."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from jetson_kit.fleet.collector import server
from jetson_kit.fleet.sites import authority
from tests.unit.fleet.reporting_boards import Fleet, collector, two_boards
from tests.unit.fleet.site_archive import Archive


@pytest.fixture(autouse=True)
def _own_state(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what commands note out of the user's own state."""
    monkeypatch.setenv("KIT_STATE", str(tmp_path_factory.mktemp("state")))


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A controller's authority."""
    return authority.ensure(tmp_path_factory.mktemp("authority")).certificate.read_text()


@pytest.fixture
def archive(tmp_path: Path, certificate: str) -> Archive:
    """The archive, written, for a node of a site."""
    result = Archive(tmp_path / "a", tmp_path / "s", certificate)
    result.place.mkdir()
    result.write()
    return result


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fleet:
    """Return two boards that report to a collector."""
    return two_boards(tmp_path, monkeypatch)


@pytest.fixture
def at(fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[server.Server]:
    """Yield the collector that they report to."""
    with collector(fleet, tmp_path, monkeypatch) as serving_one:
        yield serving_one
