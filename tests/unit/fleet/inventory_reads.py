"""The inventories that Ansible read of those that a test asks for."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from jetson_kit.ansible_driver import inventory
from jetson_kit.core.errors import KitError
from jetson_kit.fleet.sites import known_boards

TEXT = 'all:\n  hosts:\n    b1: {ansible_host: 198.51.100.7, note: it\'s "one"}\n    b2: {}\n'
PUBLIC = "all:\n  hosts:\n    b1: {ansible_host: 8.8.8.8, ansible_port: 2222}\n"


class Reads(list[Path]):
    """The inventories that Ansible read."""

    def boards(self, path: Path) -> list[str]:
        """Return the names of an inventory's boards. Raises its error."""
        read = known_boards.read_each([path])[path]
        if isinstance(read, KitError):
            raise read
        return [board.name for board in read]


Reader = Callable[[Sequence[Path]], dict[Path, inventory.Inventory | KitError]]


def noting(folder: Path, monkeypatch: pytest.MonkeyPatch, read: Reader) -> Iterator[Reads]:
    """Yield a list of what is read, with a cache of its own and no settings of the user's."""
    monkeypatch.setenv("KIT_CACHE", str(folder / "cache"))
    for name in [name for name in os.environ if name.startswith("ANSIBLE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(known_boards, "PLUGINS", (str(folder / "plugins"),))
    result = Reads()

    def noted(paths: Sequence[Path]) -> dict[Path, inventory.Inventory | KitError]:
        result.extend(paths)
        return read(paths)

    monkeypatch.setattr(inventory, "read_each", noted)
    yield result
    known_boards._readers.cache_clear()


@pytest.fixture
def reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Reads]:
    yield from noting(tmp_path, monkeypatch, inventory.read_each)
