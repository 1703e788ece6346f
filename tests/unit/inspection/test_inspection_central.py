"""The inspection of sites at once: each ends with its result, or the whole with an error."""

from __future__ import annotations

from pathlib import Path

import pytest

from jetson_kit.core.errors import BadInputError
from jetson_kit.fleet.sites import members
from jetson_kit.fleet.sites.members import Member
from jetson_kit.fleet.sites.mesh import Mesh, NodeDownError
from jetson_kit.inspection import central
from jetson_kit.inspection.central import Request, SiteResult

SITES = """
[controller]
address = "198.51.100.1"

[[site]]
name = "berlin"
inventory = "berlin.yml"
"""
BOARDS = "all:\n  hosts:\n    b1: {}\n"


@pytest.fixture
def sites(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KIT_STATE", str(tmp_path / "state"))
    (tmp_path / "berlin.yml").write_text(BOARDS)
    path = tmp_path / "sites.toml"
    path.write_text(SITES)
    monkeypatch.setattr(Mesh, "check", lambda mesh, path: None)
    return path


def test_before_sites_up_there_is_nothing_to_look_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIT_STATE", str(tmp_path / "state"))
    (tmp_path / "berlin.yml").write_text(BOARDS)
    path = tmp_path / "sites.toml"
    path.write_text(SITES)
    with pytest.raises(NodeDownError, match="not running") as caught:
        next(central.run(Request("status", path)))
    assert caught.value.exit_code == 3
    assert caught.value.cure == f"start it: ./inv sites.up -i {path}"
    assert not (tmp_path / "state").exists()


def test_a_site_that_has_not_joined_is_a_result(sites: Path) -> None:
    *_, last = central.run(Request("status", sites))
    assert isinstance(last, SiteResult)
    assert last.problem == "berlin has not joined; ./inv sites.join berlin makes its archive"


def test_a_fault_in_a_site_s_thread_ends_the_reader(
    sites: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*facts: object) -> object:
        raise BadInputError("the thread's own fault")

    monkeypatch.setattr(central, "_AtSite", broken)
    with pytest.raises(BadInputError, match="own fault"):
        list(central.run(Request("status", sites)))


def test_a_time_without_a_zone_is_a_result_and_no_wait(
    sites: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    naive = {"berlin": Member("x", "", "2028-01-01T00:00:00")}
    monkeypatch.setattr(members, "load", lambda folder: naive)
    *_, last = central.run(Request("status", sites))
    assert isinstance(last, SiteResult)
    assert "TypeError" in last.problem
