"""The processes of a node: up means that the one we started runs, and is the one that listens."""

from __future__ import annotations

import fcntl
import os
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jetson_kit.core.errors import StepFailedError
from jetson_kit.fleet.sites import node
from jetson_kit.fleet.sites.node import Process

LISTEN = """
import socket, sys, time
if sys.argv[2]:
    unix = socket.socket(socket.AF_UNIX)
    unix.bind(sys.argv[2])
    unix.listen()
server = socket.create_server(("127.0.0.1", int(sys.argv[1]))) if sys.argv[1] != "0" else None
time.sleep(600)
"""
# As a process of many threads that is ended: the first is gone, another still holds a lock.
HALF_ENDED = """
import ctypes, fcntl, signal, sys, threading, time
if sys.argv[2] == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
lock = open(sys.argv[1], "w")
fcntl.flock(lock, fcntl.LOCK_EX)
threading.Thread(target=time.sleep, args=(600,)).start()
print("locked", flush=True)
if sys.argv[2] == "half":
    ctypes.CDLL(None).pthread_exit(None)
time.sleep(600)
"""


@pytest.fixture
def stranger() -> Iterator[int]:
    """Return a port that another program (this one) listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def started(tmp_path: Path) -> Iterator[list[Process]]:
    result: list[Process] = []
    yield result
    for process in result:
        process.stop()


def free() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def listener(folder: Path, port: int, unix: str = "", name: str = "server") -> Process:
    return Process(name, folder, (sys.executable, "-c", LISTEN, str(port), unix))


def settings(folder: Path, port: int) -> None:
    (folder / "receptor.yml").write_text(
        f"- node: {{id: c}}\n- tcp-listener: {{bindaddr: 127.0.0.1, port: {port}}}\n"
    )


def test_a_process_that_listens_is_up(tmp_path: Path, started: list[Process]) -> None:
    port = free()
    started.append(server := listener(tmp_path, port))
    server.wait(lambda: server.listens(port), server.start(), port)
    assert server.pid()


def test_a_stranger_on_the_port_is_not_taken_for_ours(
    tmp_path: Path, started: list[Process], stranger: int
) -> None:
    started.append(server := listener(tmp_path, stranger))
    since = server.start()
    with pytest.raises(StepFailedError, match=f"another program holds port {stranger}") as caught:
        server.wait(lambda: server.listens(stranger), since, stranger)
    assert caught.value.exit_code == 7
    assert "\n" not in caught.value.line()


def test_a_process_that_runs_and_does_not_listen_is_not_up(
    tmp_path: Path, started: list[Process], stranger: int
) -> None:
    started.append(server := listener(tmp_path, 0))
    server.start()
    assert server.pid()
    assert not server.listens(stranger)


def test_the_words_of_an_earlier_start_are_not_this_ones(tmp_path: Path) -> None:
    silent = Process("server", tmp_path, (sys.executable, "-c", ""))
    silent.log.write_text("bind: address already in use\n")
    since = silent.start()
    with pytest.raises(StepFailedError, match="it says nothing"):
        silent.wait(lambda: False, since, 1)


def test_receptor_is_up_when_it_listens_where_its_settings_say(
    tmp_path: Path, started: list[Process]
) -> None:
    settings(tmp_path, port := free())
    started.append(process := listener(tmp_path, port, str(tmp_path / "socket"), "receptor"))
    node.restart(process)
    assert process.listens(port)


def test_receptor_that_dies_of_a_held_port_is_not_up(
    tmp_path: Path, started: list[Process], stranger: int
) -> None:
    settings(tmp_path, stranger)
    started.append(process := listener(tmp_path, stranger, str(tmp_path / "socket"), "receptor"))
    with pytest.raises(StepFailedError, match=f"another program holds port {stranger}"):
        node.restart(process)


def test_a_port_that_is_needed_later(stranger: int) -> None:
    node.check_free("receptor", "127.0.0.1", free())
    with pytest.raises(StepFailedError, match=f"holds port {stranger}"):
        node.check_free("receptor", "0.0.0.0", stranger)  # noqa: S104
    with pytest.raises(StepFailedError, match="can't listen on 203"):
        node.check_free("receptor", "203.0.113.7", free())


@pytest.mark.parametrize("how", ["half", "deaf"])
def test_a_process_is_stopped_when_its_locks_are_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(node, "STOP_S", 1.0)
    lock = tmp_path / "lock"
    process = Process("receptor", tmp_path, (sys.executable, "-c", HALF_ENDED, str(lock), how))
    process.wait(lambda: process.last_words() == "locked", process.start(), 0)
    if how == "half":
        stat = Path(f"/proc/{process.pid()}/stat")
        while stat.read_text().rpartition(")")[2].split()[0] != "Z":
            time.sleep(0.01)
    process.stop()
    with lock.open() as stream:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)


def as_systemd_reads(path: Path) -> list[str]:
    """Return the arguments of a unit's command."""
    lines = path.read_text().splitlines()
    line = next(line for line in lines if line.startswith("ExecStart="))
    arguments = shlex.split(line.partition("=")[2].replace("\\n", "\n"))
    return [word.replace("%%", "%").replace("$$", "$") for word in arguments]


SHOW = "import os, sys; print([os.environ.get(n) for n in ('A', 'B', 'C', 'D', 'E')], sys.argv[1:])"
HARD = ["two words", "$HOME", "100%", 'a "quote"', "it's"]


@pytest.mark.parametrize("folder", ["plain", "with space and $HOME and 100%"])
def test_a_unit_takes_the_users_variables_as_the_user(tmp_path: Path, folder: str) -> None:
    place = tmp_path / folder
    place.mkdir()
    process = Process("node", place, (sys.executable, "-c", SHOW, *HARD))
    unit = node.write_unit(process, "a node", "me")
    # systemd's first process reads no file that is the user's.
    assert "EnvironmentFile" not in unit.read_text()
    (place / "environment").write_text(
        "# A=no\nA=one two $HOME `id`\nB=\"quoted\"\n1=x\nno line\nx y=z\nC='it'\n\nD=a=b\nE=last"
    )
    done = subprocess.run(as_systemd_reads(unit), capture_output=True, text=True, check=True)
    assert done.stdout == f"{['one two $HOME `id`', 'quoted', 'it', 'a=b', 'last']} {HARD}\n"


def nothing(path: Path) -> None:
    del path


@pytest.mark.parametrize(
    "make",
    [nothing, os.mkfifo, Path.mkdir, lambda path: path.symlink_to("/dev/zero"),
     lambda path: path.symlink_to(path.name), lambda path: path.write_bytes(os.urandom(5000))],
)  # fmt: skip
def test_what_is_no_file_of_variables_holds_no_unit_up(
    tmp_path: Path, make: Callable[[Path], object]
) -> None:
    unit = node.write_unit(Process("node", tmp_path, (sys.executable, "-c", SHOW)), "x", "me")
    make(tmp_path / "environment")
    done = subprocess.run(
        as_systemd_reads(unit), capture_output=True, text=True, check=False, timeout=60,
        env={"PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert done.stdout == "[None, None, None, None, None] []\n"
