"""Virtual devices trust the user's release key without anyone pasting it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from jetson_kit.core.paths import STATE
from jetson_kit.fleet.release import signing, virtual


def test_the_key_goes_beside_the_inventory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(STATE, str(tmp_path))
    path = tmp_path / "group_vars" / "emulated.yml"
    virtual.trust(tmp_path / "inventory.yml", "emulated")
    assert not list(tmp_path.iterdir())  # looking for a key makes no folder for one
    public = signing.make_key(signing.default_key(), "me", passphrase=False)
    virtual.trust(tmp_path / "inventory.yml", "emulated")
    body = yaml.safe_load(path.read_text())
    assert body == {"image_allowed_signers": signing.signers([public])}


def test_variables_of_the_users_own_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(STATE, str(tmp_path))
    signing.make_key(signing.default_key(), "me", passphrase=False)
    path = tmp_path / "group_vars" / "emulated.yml"
    path.parent.mkdir()
    path.write_text("a: 1\n")
    virtual.trust(tmp_path / "inventory.yml", "emulated")
    assert path.read_text() == "a: 1\n"


def test_what_was_written_goes_with_the_last_device(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(STATE, str(tmp_path / "state"))
    signing.make_key(signing.default_key(), "me", passphrase=False)
    inventory, folder = tmp_path / "inventory.yml", tmp_path / "group_vars"
    virtual.forget(inventory, "emulated")
    virtual.trust(inventory, "emulated")
    assert [path.name for path in folder.iterdir()] == ["emulated.yml"]
    virtual.forget(inventory, "emulated")
    assert not folder.exists()
    virtual.trust(inventory, "emulated")
    (folder / "all.yml").write_text("a: 1\n")
    virtual.forget(inventory, "emulated")
    assert [path.name for path in folder.iterdir()] == ["all.yml"]
    (folder / "emulated.yml").write_text("mine: 1\n")
    virtual.forget(inventory, "emulated")
    assert (folder / "emulated.yml").read_text() == "mine: 1\n"
