"""What a backup of the controller must hold: its keys and its records, and no more."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fleet.site import Site

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.one_engine]


def test_a_controller_goes_on_from_its_backup(site: Site, tmp_path: Path) -> None:
    if not site.made:
        site.rollout(site.release())
    new = site.release()
    assert site.rollout(new)["result"] == "all"
    for name in ("config", "state"):
        shutil.copytree(site.folder / name, tmp_path / name, symlinks=True)

    # Without its records it knows the boards' images no more, and they run on.
    empty = {"XDG_STATE_HOME": str(tmp_path / "none"), "XDG_CONFIG_HOME": str(tmp_path / "none")}
    status = site.task("status", "-i", str(site.inventory), "--json", env=empty)
    assert status.count('"unknown"') >= len(site.names)
    assert site.running() == [new.image_id] * len(site.names)

    restored = {name: str(tmp_path / name.split("_")[1].lower())
                for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME")}  # fmt: skip
    other = replace(site, env={**site.env, **restored}, key=tmp_path / "config" / "key")
    other.truth()
    following = other.release()
    assert other.rollout(following)["result"] == "all"
    assert other.running() == [following.image_id] * len(site.names)
    # The one that was copied has missed that rollout: it says so, and changes nothing.
    assert site.status()["drift"]
    site.rollout(site.release())
