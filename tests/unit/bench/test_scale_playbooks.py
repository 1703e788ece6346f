"""The benchmark's playbooks: what they name is in the collection that the kit runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.scale.sides import BOARD, RIVAL
from jetson_kit.ansible_driver import ansible, environments
from jetson_kit.core.run import run

pytestmark = pytest.mark.slow  # Ansible starts


@pytest.mark.parametrize("book", [BOARD, RIVAL], ids=lambda path: path.stem)
def test_every_role_and_module_is_found(book: Path) -> None:
    program = environments.get(environments.LOCKED).program("ansible-playbook")
    command: list[str | Path] = [program, "--syntax-check", "-i", "localhost,", book]
    assert str(book) in run(command, what=book.name, env=ansible.environment())
