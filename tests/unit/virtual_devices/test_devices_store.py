"""The state folder: whole records, free names and ports, and processes that are not mistaken."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import socket
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest

from jetson_kit.core.errors import BadInputError
from jetson_kit.virtual_devices import keys, procs, seed, store
from jetson_kit.virtual_devices.spec import Device, File
from tests.unit.virtual_devices.test_device_request import device

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Set and return a state folder of this test's own."""
    folder = tmp_path / "state"
    monkeypatch.setenv("KIT_STATE", str(folder))
    return store.state_dir()


def add(state: Path, name: str, **facts: object) -> store.Record:
    record = dataclasses.replace(store.new(device(state, name)), **facts)  # type: ignore[arg-type]
    store.add(record)
    return record


def test_a_record_comes_back_as_it_was(state: Path) -> None:
    record = add(state, "a-1", times={"ssh": 1.25}, system="running")
    assert store.read("a-1") == record
    assert store.records() == (record,)
    assert state.stat().st_mode & 0o077 == 0


def test_a_record_of_a_kit_that_knew_one_engine_only_is_read(state: Path) -> None:
    record = add(state, "a-1")
    path = state / "a-1" / store.RECORD
    facts = json.loads(path.read_text())
    del facts["device"]["engine"]
    path.write_text(json.dumps(facts))
    assert store.read("a-1") == record


def test_order_is_by_number(state: Path) -> None:
    for name in ("a-10", "a-9", "b-1", "a-2"):
        add(state, name)
    assert [record.device.name for record in store.records()] == ["a-2", "a-9", "a-10", "b-1"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"device": {}}', "null"])
def test_a_folder_without_a_readable_record_is_none_and_is_swept(state: Path, text: str) -> None:
    add(state, "a-1")
    (state / "a-1" / store.RECORD).write_text(text)
    (state / ".a-2.part").mkdir()
    assert store.records() == ()
    store.sweep()
    assert [path.name for path in state.iterdir() if path.is_dir()] == []


def test_folders_that_were_no_devices_stay(state: Path) -> None:
    for name in ("music", ".config", "Not_Ours"):
        (state / name).mkdir()
    store.sweep()
    assert len(list(state.iterdir())) == 3


def test_removing_twice_is_once(state: Path) -> None:
    add(state, "a-1")
    store.remove("a-1")
    store.remove("a-1")
    assert list(state.glob("*a-1*")) == []


def test_what_was_removed_is_not_written_again(state: Path) -> None:
    record = add(state, "a-1")
    store.remove("a-1")
    store.write(record)
    assert store.read("a-1") is None


def test_an_unknown_device_is_told_with_those_that_there_are(state: Path) -> None:
    add(state, "a-1")
    with pytest.raises(BadInputError, match='no device "b-1"') as caught:
        store.get("b-1")
    assert "a-1" in caught.value.cure


def test_names_and_ports_that_are_taken_are_passed_over(state: Path) -> None:
    add(state, "a-2")
    assert store.free_names("a", 3) == ["a-1", "a-3", "a-4"]
    (port,) = store.free_ports(1)
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        assert port not in store.free_ports(3)
    result = dataclasses.replace(device(state, "c-1"), port=port)
    store.add(store.new(result))
    assert port not in store.free_ports(3)


def test_who_is_gone_has_left_his_device_behind(state: Path) -> None:
    gone = procs.Process(os.getpid(), "another start")
    assert add(state, "a-1", owner=gone).left
    assert not add(state, "a-2").left
    assert not add(state, "a-3", owner=gone, stage="ready").left


def test_a_process_with_another_start_is_not_ended() -> None:
    child = subprocess.Popen(SLEEP)
    process = procs.find(child.pid)
    assert process
    assert procs.alive(process)
    stranger = procs.Process(child.pid, "another start")
    assert not procs.alive(stranger)
    assert procs.end(stranger, signal.SIGKILL, 1.0)
    assert child.poll() is None
    assert procs.end(process, signal.SIGKILL, 10.0)
    assert not procs.alive(process)


def test_processes_are_found_by_the_folder_that_they_work_in(tmp_path: Path) -> None:
    inside = tmp_path / "state" / "a-1"
    child = subprocess.Popen([*SLEEP, f"{inside}/disk"])
    try:
        name = Path(sys.executable).name
        until = time.monotonic() + 10
        while not (result := procs.below(tmp_path / "state", name)):
            assert time.monotonic() < until
        assert [process.pid for process in result["a-1"]] == [child.pid]
        assert procs.below(tmp_path / "state", "qemu-system-") == {}
        assert procs.below(tmp_path / "stat", name) == {}
    finally:
        child.kill()
        child.wait()


def test_keys_are_private_and_the_host_key_is_pinned_to_its_port(tmp_path: Path) -> None:
    result: Device = device(tmp_path, "a-1")
    result.folder.mkdir()
    files = {file.path: file for file in keys.install(result, keys.pair("test"))}
    assert result.key.stat().st_mode & 0o777 == 0o600
    public = files["/etc/ssh/ssh_host_ed25519_key.pub"].content.decode().split()
    assert result.known_hosts.read_text() == f"[127.0.0.1]:22200 {public[0]} {public[1]}\n"
    assert files["/etc/ssh/ssh_host_ed25519_key"].mode == 0o600
    assert b"PRIVATE" not in files["/root/.ssh/authorized_keys"].content
    assert files["/etc/hostname"].content == b"a-1\n"


def test_a_seed_holds_files_and_links(tmp_path: Path) -> None:
    files = [File("/etc/a", 0o600, b"one"), File("/etc/b", link="a"), File("/etc/a", 0o644, b"two")]
    with tarfile.open(seed.write(files, tmp_path / "seed.tar")) as archive:
        stream = archive.extractfile("etc/a")
        assert stream
        assert stream.read() == b"one"
        assert archive.getmember("etc/a").mode == 0o600
        assert archive.getmember("etc/b").linkname == "a"
