"""Each role of the collection alone on a virtual board: its scenario, a folder of playbooks.

`converge.yml` applies the role, and applied again changes nothing; `verify.yml` looks at the board
by other ways than the role's, and fails once the role is taken back. `prepare.yml` and
`cleanup.yml` bring and remove what the role works on.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from bench.faults import small_release
from jetson_kit.core.paths import COLLECTION, COLLECTION_NAME
from jetson_kit.fleet.release import signing
from jetson_kit.wheels.device_wheel import PACKAGE
from tests.fleet.boards import Boards, changed, up
from tests.support.here import skip_without
from tests.unit.engines import engine_files

pytestmark = [pytest.mark.docker, pytest.mark.slow]
SCENARIOS = Path(__file__).with_name("scenarios")
ROLES = sorted(path.parent.parent.name for path in COLLECTION.glob("roles/*/tasks/main.yml"))
# By engine, what a scenario knows of its board. JetPack 4 is what ansible-core 2.16 drives.
BOARDS = {
    "28-containerd": {"scenario_module": "orin-nano-8gb", "scenario_mode": "MAXN_SUPER"},
    "20.10": {"scenario_module": "nano", "scenario_mode": "5W"},
}
# They look at a board and leave it as it is.
READERS = ("jetson_facts", "verify")
UNINSTALL = """\
- name: Take the role back
  hosts: all
  become: true
  gather_facts: false
  tasks:
    - name: Read what this machine is
      ansible.builtin.include_role:
        name: {collection}.jetson_facts
        tasks_from: install

    - name: Take the role back
      ansible.builtin.include_role:
        name: "{collection}.{{{{ item }}}}"
        tasks_from: uninstall
      loop: {roles}
"""


@pytest.fixture(scope="module", params=BOARDS)
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def board(engine: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Boards]:
    skip_without("rsync", "busybox")
    with up(tmp_path_factory.mktemp("s"), 1, engine) as result:
        yield result


@pytest.fixture(scope="module")
def given(engine: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return what of the controller the scenarios take, by variable."""
    folder = tmp_path_factory.mktemp("given")
    onnx = engine_files.onnx(folder / "onnx")
    engine_files.folder_of(folder / "onnx", onnx=(onnx,))
    (folder / "brought").mkdir()
    public = signing.make_key(folder / "key", "test", passphrase=False)
    return {
        **BOARDS[engine],
        "scenario_signers": signing.signers([public]),
        "scenario_shell": str(small_release.busybox()),
        "scenario_program": str(PACKAGE),
        "scenario_sources": str(folder / "onnx"),
        "scenario_jobs": [onnx.file],
        "scenario_brought": str(folder / "brought"),
    }


def test_each_role_has_a_scenario() -> None:
    assert sorted(path.name for path in SCENARIOS.iterdir()) == ROLES
    for role in ROLES:
        (play,) = yaml.safe_load((SCENARIOS / role / "converge.yml").read_text())
        assert play["roles"][-1]["role"] == f"{COLLECTION_NAME}.{role}"
        assert (SCENARIOS / role / "verify.yml").exists()


@pytest.mark.parametrize("role", ROLES)
def test_scenario(role: str, board: Boards, given: dict[str, Any], tmp_path: Path) -> None:
    def play(book: Path, *, fails: bool = False, **more: Any) -> list[tuple[str, str]]:
        variables = {**given, **more.pop("variables", {})}
        outcome, seen = board.play(str(book), tmp_path / "log", variables=variables, **more)
        assert bool(outcome.failed) == fails, (book.name, outcome, seen[-1:])
        return changed(seen)

    folder = SCENARIOS / role
    (converge,) = yaml.safe_load((folder / "converge.yml").read_text())
    used = [row["role"].removeprefix(f"{COLLECTION_NAME}.") for row in converge["roles"]]
    back = [name for name in reversed(used) if name != "jetson_facts"]
    uninstall = tmp_path / "uninstall.yml"
    uninstall.write_text(UNINSTALL.format(collection=COLLECTION_NAME, roles=back))
    play(uninstall)
    if (folder / "prepare.yml").exists():
        play(folder / "prepare.yml")
    try:
        assert bool(play(folder / "converge.yml")) == (role not in READERS)
        assert play(folder / "converge.yml") == []
        assert play(folder / "verify.yml") == []
        if not back:
            wrong = {"jetson_facts_module": "xavier-nx"}
            play(folder / "verify.yml", fails=True, variables=wrong)
            return
        assert play(uninstall)
        assert play(uninstall) == []
        play(folder / "verify.yml", fails=True)
    finally:
        if (folder / "cleanup.yml").exists():
            play(folder / "cleanup.yml")
