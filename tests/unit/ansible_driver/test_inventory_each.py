"""Many inventories by one program: each as if it were read alone."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest

from jetson_kit.ansible_driver import inventory, inventory_tree
from jetson_kit.ansible_driver.inventory import READER
from jetson_kit.core.errors import BadInputError, DiskFullError, KitError


def script(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def places(tmp_path: Path) -> dict[str, Path]:
    """Return inventories of all kinds; one host has the same name in all of them."""
    result = {name: tmp_path / name for name in ("yaml", "ini", "folder", "broken", "empty")}
    for path in result.values():
        path.mkdir()
    (result["yaml"] / "hosts.yml").write_text(
        "all:\n  hosts:\n    same: {own: '{{ place }} of {{ inventory_hostname }}'}\n"
        "  vars: {place: yaml}\n"
    )
    (result["ini"] / "hosts").write_text("[group]\nsame own=ini\nb[1:3]\n")
    (result["ini"] / "group_vars").mkdir()
    (result["ini"] / "group_vars" / "group.yml").write_text("of_ini: true\n")
    (result["folder"] / "a.yml").write_text("one: {hosts: {same: {own: folder}}}\n")
    (result["folder"] / "b.yml").write_text("two: {hosts: {second: {}}}\n")
    (result["broken"] / "hosts.yml").write_text("all:\n  hosts:\n    same: {a: 1\n    b: {}\n")
    (result["empty"] / "hosts.yml").write_text("all:\n  hosts: {}\n")
    script(
        tmp_path / "script",
        """echo '{"_meta": {"hostvars": {"same": {"own": "script"}}},
        "all": {"hosts": ["same"]}}'""",
    )
    script(tmp_path / "failing", "echo out of order >&2; exit 3")
    for name in ("yaml", "broken", "empty"):
        result[name] /= "hosts.yml"
    result["ini"] /= "hosts"
    names = ("script", "failing", "missing")
    return {**result, **{name: tmp_path / name for name in names}}


def alone(path: Path) -> inventory.Inventory | str:
    try:
        return inventory.read(path)
    except KitError as error:
        return error.line()


def test_each_is_what_it_is_alone(places: dict[str, Path]) -> None:
    together = inventory.read_each(list(places.values()))
    assert list(together) == list(places.values())
    seen = {
        name: read.line() if isinstance(read := together[path], KitError) else read
        for name, path in places.items()
    }
    assert seen == {name: alone(path) for name, path in places.items()}
    assert {name: read.hosts[0].variables.get("own") for name, read in seen.items()
            if not isinstance(read, str)} == {
        "yaml": "yaml of same", "ini": "ini", "folder": "folder", "script": "script"
    }  # fmt: skip
    of_ini = [name for name, read in seen.items()
              if not isinstance(read, str) and "of_ini" in read.hosts[0].variables]  # fmt: skip
    assert of_ini == ["ini"]
    assert "line 4" in str(seen["broken"])
    assert "has no hosts" in str(seen["empty"])
    assert "failing is no inventory" in str(seen["failing"])
    assert "there is no inventory" in str(seen["missing"])


def test_one_program_reads_them_all(
    places: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    started = []
    run = inventory.run  # type: ignore[attr-defined]

    def counted(*arguments: Any, **how: Any) -> str:
        started.append(arguments)
        return run(*arguments, **how)

    monkeypatch.setattr(inventory, "run", counted)
    paths = [places[name] for name in ("yaml", "ini", "yaml", "folder")]
    assert len(inventory.read_each(paths)) == 3
    assert len(started) == 1
    assert inventory.read_each([]) == {}
    assert inventory.read_each([places["missing"]]).keys() == {places["missing"]}
    assert len(started) == 1


def test_one_that_does_not_end_keeps_no_other(
    places: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inventory, "TIMEOUT_S", 5)
    slow = script(tmp_path / "slow", "exec sleep 60")
    read = inventory.read_each([slow, places["yaml"]])
    assert isinstance(read[slow], BadInputError)
    assert "no answer within 5 s" in str(read[slow])
    assert isinstance(read[places["yaml"]], inventory.Inventory)


@pytest.mark.parametrize("at", ["start", "end"])
def test_the_program_itself_has_an_end(
    places: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    """Whatever keeps it: what it loads, its own clean-up."""
    if at == "start":
        text = "import time\ntime.sleep(600)\n"
    else:
        text = READER.read_text(encoding="utf-8").replace(
            "if __name__", "atexit.register(lambda: __import__('time').sleep(600))\nif __name__"
        )
    stuck = tmp_path / "stuck.py"
    stuck.write_text(text)
    monkeypatch.setattr(inventory, "READER", stuck)
    monkeypatch.setattr(inventory, "TIMEOUT_S", 4)
    read = inventory.read_each([places["yaml"], places["ini"]])
    for path, result in read.items():
        assert isinstance(result, BadInputError)
        # Once for Ansible, once for each.
        assert f"{path} is no inventory: reading the inventory: no answer within 12 s" in str(
            result
        )


def test_each_inventory_in_turn_has_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inventory, "TIMEOUT_S", 6)
    # One more than are read at once.
    numbers = range((os.cpu_count() or 1) + 1)
    slow = [script(tmp_path / f"slow{number}", "exec sleep 60") for number in numbers]
    for result in inventory.read_each(slow).values():
        assert "no answer within 6 s" in str(result)


def test_a_full_disk_is_no_fault_of_an_inventory(tmp_path: Path) -> None:
    full = script(tmp_path / "full", "echo No space left on device >&2; exit 1")
    with pytest.raises(DiskFullError):
        inventory.read(full)


def test_more_than_there_are_cores(tmp_path: Path) -> None:
    paths: list[Path] = []
    for number in range(30):
        paths.append(tmp_path / f"{number}.yml")
        paths[-1].write_text(f"all: {{hosts: {{b{number}: {{}}}}}}\n")
    read = inventory.read_each(paths)
    names = [host.name for path in paths for host in inventory_of(read[path]).hosts]
    assert names == [f"b{number}" for number in range(30)]


def inventory_of(read: inventory.Inventory | KitError) -> inventory.Inventory:
    assert isinstance(read, inventory.Inventory)
    return read


@pytest.mark.parametrize("place", ["hosts.yml", "hosts/b.yml", "group_vars/all.yml", "host_vars/a"])
@pytest.mark.parametrize("kind", ["pipe", "device", "large"])
def test_what_has_no_end_is_named_and_the_others_are_read(
    tmp_path: Path, place: str, kind: str
) -> None:
    text = "all: {hosts: {a: {ansible_host: 192.0.2.1}}}\n"
    wrong, good = tmp_path / "wrong" / place, tmp_path / "good.yml"
    wrong.parent.mkdir(parents=True)
    inventory_path = tmp_path / "wrong" / ("hosts" if "hosts/" in place else "hosts.yml")
    if inventory_path != wrong:
        (inventory_path / "a.yml" if inventory_path.is_dir() else inventory_path).write_text(text)
    good.write_text(text)
    if kind == "pipe":
        os.mkfifo(wrong)
    elif kind == "device":
        wrong.symlink_to("/dev/zero")
    else:
        with wrong.open("wb") as out:
            out.truncate(17 << 20)
    read = inventory.read_each([inventory_path, good])
    assert isinstance(read[good], inventory.Inventory)
    fault = read[inventory_path]
    assert isinstance(fault, BadInputError)
    assert str(wrong) in fault.message
    assert ("larger than 16 MiB" if kind == "large" else "no regular file") in fault.message


FOLDER = "all: {hosts: {a: {ansible_host: 192.0.2.1}}}\n"
LEFT_OUT = [
    ".git/objects/pack/p.pack",
    ".git",
    "sub/.venv/lib/x",
    "backup.orig",
    "sub/backup.orig",
    "backup~",
    "notes.md/x",
    "old.retry",
    "group_vars/.x.swp",
    "group_vars/all/backup.orig",
    "group_vars/all/x~",
    "group_vars/all/old.d/x.yml",
    "vars_plugins/x",
    "sub/host_vars/x",
]


def folder_with(tmp_path: Path, name: str, kind: str) -> tuple[Path, Path]:
    """Return a folder that is an inventory, and a file in it that could not be read."""
    folder = tmp_path / "inventory"
    wrong = folder / name
    wrong.parent.mkdir(parents=True)
    (folder / "hosts.yml").write_text(FOLDER)
    if name.startswith("sub/"):
        (folder / "sub" / "hosts.yml").write_text(FOLDER)  # Ansible refuses a folder without one
    if kind == "socket":
        os.mknod(wrong, stat.S_IFSOCK | 0o600)
    elif kind == "pipe":
        os.mkfifo(wrong)
    else:
        with wrong.open("wb") as out:
            out.truncate(20 << 20)
    return folder, wrong


@pytest.mark.parametrize("kind", ["large", "socket", "pipe"])
@pytest.mark.parametrize("name", LEFT_OUT)
def test_what_ansible_leaves_out_of_a_folder_is_not_looked_at(
    tmp_path: Path, name: str, kind: str
) -> None:
    inventory_tree.check(folder_with(tmp_path, name, kind)[0])


def test_a_folder_is_read_beside_all_that_ansible_leaves_out(tmp_path: Path) -> None:
    for name in set(LEFT_OUT) - {".git"}:
        folder_with(tmp_path / name.replace("/", "-"), name, "pipe")
    folders = [path / "inventory" for path in tmp_path.iterdir()]
    for read in inventory.read_each(folders).values():
        assert [host.name for host in inventory_of(read).hosts] == ["a"]


@pytest.mark.parametrize(
    "name",
    ["x.ini", "orig", "sub/x", "group_vars/all/x", "group_vars/all/d/x.json", "host_vars/a.orig"],
)
def test_what_ansible_reads_of_a_folder_is_looked_at(tmp_path: Path, name: str) -> None:
    folder, wrong = folder_with(tmp_path, name, "pipe")
    with pytest.raises(BadInputError, match=f"{wrong} is no regular file"):
        inventory_tree.check(folder)


def test_variables_behind_a_link_are_looked_at(tmp_path: Path) -> None:
    folder, wrong = folder_with(tmp_path, "shared.md/all.yml", "pipe")
    (folder / "group_vars").symlink_to(wrong.parent)
    with pytest.raises(BadInputError, match="no regular file"):
        inventory_tree.check(folder)


def test_many_files_count_only_where_ansible_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inventory_tree, "ENTRIES", 5)
    folder, _ = folder_with(tmp_path, ".git/x", "large")
    for number in range(10):
        (folder / ".git" / str(number)).touch()
        (folder / f"{number}.txt").touch()
    inventory_tree.check(folder)
    for number in range(10):
        (folder / str(number)).touch()
    with pytest.raises(BadInputError, match="more than 5 files"):
        inventory_tree.check(folder)


def test_users_say_what_ansible_leaves_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, _ = folder_with(tmp_path, "x.orig", "pipe")
    monkeypatch.setenv("ANSIBLE_INVENTORY_IGNORE", ".old, .older")
    with pytest.raises(BadInputError, match="no regular file"):
        inventory_tree.check(folder)
    monkeypatch.setenv("ANSIBLE_INVENTORY_IGNORE", ".old,.orig")
    inventory_tree.check(folder)
    monkeypatch.setenv("ANSIBLE_INVENTORY_IGNORE", ".old")
    monkeypatch.setenv("ANSIBLE_INVENTORY_IGNORE_REGEX", "(, ^x[.]")
    inventory_tree.check(folder)


def test_the_ends_of_names_are_those_of_the_locked_ansible() -> None:
    from ansible import constants

    assert inventory_tree.TABLE["ignored"] == constants.INVENTORY_IGNORE_EXTS
    assert inventory_tree.TABLE["variables"] == constants.YAML_FILENAME_EXTENSIONS
