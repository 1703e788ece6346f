"""Inventories with passwords in the clear are refused by whatever would connect to their boards."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from jetson_kit.ansible_driver.inventory_files import InventoryError
from jetson_kit.core import ssh
from jetson_kit.doctor import fleet as doctor_fleet
from jetson_kit.verify import fleet as verify_fleet

INI = "[jetsons]\nb1 ansible_host=192.0.2.31 {name}=secret-word\n"
YAML = "jetsons:\n  hosts:\n    b1:\n      ansible_host: 192.0.2.31\n      {name}: secret-word\n"
ASKS: dict[str, Callable[[Path], object]] = {
    "doctor": doctor_fleet.run,
    "verify": lambda path: verify_fleet.run(path, verify_fleet.Options()),
}


@pytest.mark.parametrize("name", ["ansible_password", "ansible_become_password"])
@pytest.mark.parametrize(("file", "text"), [("hosts.ini", INI), ("hosts.yml", YAML)])
@pytest.mark.parametrize("folder", [False, True])
@pytest.mark.parametrize("command", ASKS)
def test_a_password_in_the_clear(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    folder: bool,
    file: str,
    text: str,
    name: str,
) -> None:
    monkeypatch.setattr(ssh, "run", lambda *_: pytest.fail("a board was asked"))
    path = tmp_path / "inventory" / file
    path.parent.mkdir()
    path.write_text(text.format(name=name), encoding="utf-8")
    with pytest.raises(InventoryError) as caught:
        ASKS[command](path.parent if folder else path)
    lines = "\n".join(caught.value.lines())
    assert name in lines
    assert "secret-word" not in lines
