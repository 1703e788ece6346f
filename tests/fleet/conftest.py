"""One virtual device for all tests of the device's half, provisioned by the roles."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from jetson_kit.fleet import ansible, signing
from jetson_kit.progress import Progress
from tests.fleet.board import Board

SITE = Path(__file__).with_name("site.yml")
# Short, so that the trials of the tests are.
SETTINGS = {"service_healthy_limit_s": 12}


@pytest.fixture(scope="session")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Board]:
    """A device that is up and provisioned."""
    for tool in ("rsync", "busybox"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    crew = pytest.importorskip("jetson_kit.devices.crew")
    inventory = pytest.importorskip("jetson_kit.devices.inventory")
    ssh = pytest.importorskip("jetson_kit.devices.ssh")
    wanted = pytest.importorskip("jetson_kit.devices.wanted")
    before = os.environ.get("KIT_STATE")
    state = tempfile.mkdtemp(prefix="kit-")
    os.environ["KIT_STATE"] = state
    folder = tmp_path_factory.mktemp("board")
    key = folder / "key"
    signing.make_key(key, "test", passphrase=False)
    try:
        asked = wanted.check(kind="container", count=1, arch="", module="", l4t="", prefix="image")
        record = crew.up(asked, Progress())[0]
        made = Board(ssh.command(record.device), key, folder, inventory.path())
        outcome = provision(made)
        assert not outcome.failed, outcome
        yield made
    finally:
        crew.down([], Progress())
        shutil.rmtree(state, ignore_errors=True)
        if before is None:
            del os.environ["KIT_STATE"]
        else:
            os.environ["KIT_STATE"] = before


def provision(board: Board, *, check: bool = False) -> ansible.Outcome:
    """Run the roles on the device."""
    signers = signing.signers([board.key.with_name("key.pub")])
    variables = {"image_allowed_signers": signers, **SETTINGS}
    return ansible.run(
        ansible.Job(str(SITE), board.inventory, variables=variables, check=check, diff=check)
    )
