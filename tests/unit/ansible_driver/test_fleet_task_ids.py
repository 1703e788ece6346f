"""What decides over a host is found by its id: every task of the roles has another name here."""

from __future__ import annotations

import datetime
import json
import re
import shutil
import stat
from pathlib import Path

import pytest
import yaml

from jetson_kit.ansible_driver import ansible, board_program, environments
from jetson_kit.core.paths import ANSIBLE, COLLECTION
from jetson_kit.fleet.release.release import Release
from jetson_kit.fleet.rollout.by_ansible import Ansible, Site
from jetson_kit.fleet.rollout.plan import Plan
from jetson_kit.fleet.rollout.transport import DONE, HELD, UNPROVISIONED, Reply

IMAGE = "sha256:" + "a" * 64
IDS = {"status", "offer", "fetch", "switch", "confirm", "rollback", "verify", "engine", "version"}
STATUS: dict[str, object] = {
    "current": {"image_id": IMAGE, "state": "good"}, "previous": None, "settled": True,
    "running": None, "held": "", "problem": "", "history": [],
}  # fmt: skip
# What stands for the board's program: it answers each command, and says "not now" to a switch.
PROGRAM = f"""\
#!/bin/sh
case "$1" in
  status) echo '{json.dumps(STATUS)}' ;;
  switch) echo 'error: not now' >&2; exit 8 ;;
  version) echo '{{"program": "{board_program.digest()}", "protocol": 2}}' ;;
  *) echo '{{"changed": true, "layers": [], "seconds": 2}}' ;;
esac
"""


def tasks(path: Path) -> list[dict[str, object]]:
    rows = yaml.safe_load(path.read_text())
    result = []
    for row in rows if isinstance(rows, list) else []:
        result += [row, *row.get("block", []), *row.get("always", [])]
    return result


def test_each_id_stands_where_something_is_decided() -> None:
    result: dict[str, list[str]] = {}
    for path in (COLLECTION / "roles").glob("*/tasks/*.yml"):
        for task in tasks(path):
            variables = task.get("vars") or {}
            assert isinstance(variables, dict)
            for name, value in variables.items():
                if name == f"{path.parents[1].name}_result":
                    result.setdefault(str(value), []).append(path.name)
    assert set(result) == IDS
    # One of the two ways by which an image comes.
    assert sorted(result.pop("fetch")) == ["fetch_archive.yml", "fetch_registry.yml"]
    assert all(len(where) == 1 for where in result.values()), result


def reworded(folder: Path) -> tuple[Path, Path]:
    """Return a copy of ansible/, and its collection, whose tasks and plays have other names."""
    home = folder / "ansible"
    shutil.copytree(ANSIBLE, home, symlinks=True)
    kit = home / COLLECTION.relative_to(ANSIBLE)
    number = 0
    for path in [*kit.glob("roles/*/tasks/*.yml"), *kit.glob("playbooks/*.yml")]:

        def other(match: re.Match[str]) -> str:
            nonlocal number
            number += 1
            return f"{match[1]}Word {number}"

        text = path.read_text()
        path.write_text(re.sub(r"^( *- name: ).*$", other, text, flags=re.M))
        assert not re.search(r"^ *- name: (?!Word )", path.read_text(), re.M)
    return home, kit


@pytest.mark.slow
@pytest.mark.network
@pytest.mark.parametrize("core", [environments.LOCKED, environments.OLD])
def test_reworded_tasks_decide_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, core: str
) -> None:
    home, kit = reworded(tmp_path)
    monkeypatch.setattr(ansible, "HOME", home)
    monkeypatch.setattr(ansible, "PLAYBOOKS", kit / "playbooks")
    program = tmp_path / "program"
    program.write_text(PROGRAM)
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    variables = kit / "roles" / "image" / "vars" / "main.yml"
    text = variables.read_text().replace(board_program.PATH, str(program))
    variables.write_text(text)
    now = datetime.datetime.now(datetime.UTC)
    digest = "sha256:" + "b" * 64
    release = Release(tmp_path, "v1", IMAGE, digest, "arm64", "36.4.4", (), 1, now, now)
    release.path.write_text("{}")
    release.path.with_name("release.json.sig").write_text("x")
    l4t = "36.4.4" if core == environments.LOCKED else "32.7.6"
    inventory = tmp_path / "hosts.ini"
    inventory.write_text(
        f"a mediapipe_l4t={l4t} ansible_connection=local ansible_become=false\n[all:vars]\n"
        f"ansible_python_interpreter={environments.old_python()}\n"
    )
    site = Site(inventory, tmp_path / "log", tmp_path / "reports")
    own = Ansible(site, Plan(), release, variables={"image_layers": str(tmp_path)}, rollout="r1")
    device = own.look(["a"])["a"].device
    assert device is not None
    assert device.image_id == IMAGE
    assert own.fits(["a"])["a"].kind == DONE
    assert own.fetch(["a"])["a"].kind == DONE
    assert own.switch(["a"])["a"] == Reply(HELD, "not now")
    assert own.confirm(["a"])["a"] == Reply(seconds=2.0)
    assert own.rollback(["a"], "why")["a"] == Reply(seconds=2.0)
    program.unlink()
    reply = own.look(["a"])["a"]
    assert reply.kind == UNPROVISIONED
    assert f"it is not provisioned; ./inv fleet.provision -i {inventory} --limit a" in reply.message
