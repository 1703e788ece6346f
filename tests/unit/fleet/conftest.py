"""A site's archive, as a controller that has an authority writes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from jetson_kit.fleet.sites import authority
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
    made = Archive(tmp_path / "a", tmp_path / "s", certificate)
    made.place.mkdir()
    made.write()
    return made
