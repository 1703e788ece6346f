"""The transport by ssh itself, against a real sshd whose answers are fixed."""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import json
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from jetson_kit.ansible_driver import board_program
from jetson_kit.ansible_driver.events import Event
from jetson_kit.ansible_driver.inventory import Host
from jetson_kit.core import stopping
from jetson_kit.fleet.rollout import by_ssh, processes
from jetson_kit.fleet.rollout.by_ansible import Site
from jetson_kit.fleet.rollout.by_ssh import Ssh
from jetson_kit.fleet.rollout.plan import Plan
from jetson_kit.fleet.rollout.transport import (
    DONE,
    FAILED,
    HELD,
    REFUSED,
    TIMED_OUT,
    UNPROVISIONED,
    UNREACHABLE,
    Reply,
)
from tests.loopback_sshd import Sshd, make_key, serving

pytestmark = pytest.mark.slow
ID = "sha256:" + "a" * 64
RUNNING = {"image_id": ID, "unit": "active", "container": True, "health": "healthy"}
STATUS = json.dumps(
    {
        "current": {"image_id": ID, "state": "good"},
        "previous": None,
        "settled": True,
        "running": RUNNING,
        "held": "",
        "problem": "",
        "history": [],
    }
)
VERSION = json.dumps({"program": board_program.digest()})
# By the word after the program's name, what the board says and how it ends.
ANSWERS = f"""\
set -- $SSH_ORIGINAL_COMMAND
test "$1" = sudo && shift 2
case "$2" in
  version) echo '{VERSION}' ;;
  status) echo '{STATUS}' ;;
  switch) echo 'error: the application says "not now"' >&2; exit 8 ;;
  confirm) echo 'error: is not what this device is on' >&2; exit 2 ;;
  rollback) sleep 20 ;;
esac
"""


def transport(folder: Path, server: Sshd, plan: Plan | None = None, **more: Any) -> Ssh:
    facts = {
        "ansible_host": "127.0.0.1",
        "ansible_port": server.port,
        "ansible_user": server.user,
        "ansible_ssh_private_key_file": str(server.key),
        "ansible_ssh_common_args": shlex.join(server.common),
        **more,
    }
    inventory = folder / "hosts.yml"
    inventory.write_text(yaml.safe_dump({"all": {"hosts": {"a": facts}}}))
    seen: list[Event] = []
    site = Site(inventory, folder / "log.jsonl", folder / "reports", listener=seen.append)
    ssh = Ssh(site, plan or Plan(), rollout="r1")
    ssh.seen = seen  # type: ignore[attr-defined]
    return ssh


@pytest.fixture
def server(tmp_path: Path) -> Any:
    with serving(tmp_path, ANSWERS) as sshd:
        yield sshd


def test_each_answer_is_what_the_program_said(tmp_path: Path, server: Sshd) -> None:
    ssh = transport(tmp_path, server)
    device = ssh.look(["a"])["a"].device
    assert device is not None
    assert (device.image_id, device.healthy) == (ID, True)
    assert ssh.switch(["a"])["a"] == Reply(HELD, 'the application says "not now"')
    assert ssh.confirm(["a"])["a"] == Reply(REFUSED, "is not what this device is on")
    statuses = [item.status for item in ssh.seen]  # type: ignore[attr-defined]
    # A switch asks first whether the program is this controller's.
    assert statuses == ["ok", "ok", "failed", "failed"]
    assert len((tmp_path / "log.jsonl").read_text().splitlines()) == len(statuses)


def test_a_switch_says_what_was_seen_before(tmp_path: Path) -> None:
    """By it the board refuses where another controller came between."""
    echo = ANSWERS.replace("  switch)", '  switch) echo "error: $*" >&2; exit 2 ;;\n  never)')
    with serving(tmp_path, echo) as server:
        ssh = transport(tmp_path, server)
        assert "--seen" not in ssh.switch(["a"])["a"].message
        ssh.look(["a"])
        assert f"--seen={ID}" in ssh.switch(["a"])["a"].message


def test_what_is_no_answer(tmp_path: Path) -> None:
    with serving(tmp_path, "echo 'no JSON'") as server:
        reply = transport(tmp_path, server).look(["a"])["a"]
    assert reply == Reply(FAILED, "its answer can't be read")


def test_a_shell_that_greets_is_named(tmp_path: Path) -> None:
    with serving(tmp_path, "echo 'Welcome to board 7'; echo" + f" '{STATUS}'") as server:
        reply = transport(tmp_path, server).look(["a"])["a"]
    assert reply.kind == FAILED
    assert reply.message.startswith('its shell prints "Welcome to board 7" before each answer; ')


@pytest.mark.parametrize(
    ("answers", "kind"),
    [
        ("echo '{}'; exit 127", UNPROVISIONED),
        (
            "echo 'sudo: /usr/local/sbin/mediapipe-image: command not found' >&2; exit 1",
            UNPROVISIONED,
        ),
        ('test "$1" = test || exit 1', FAILED),
        ('test "$1" = test || exit 127', FAILED),
    ],
)
def test_a_board_that_was_never_provisioned(tmp_path: Path, answers: str, kind: str) -> None:
    missing = f"set -- $SSH_ORIGINAL_COMMAND\n{answers}"
    if kind == UNPROVISIONED:
        missing = f'set -- $SSH_ORIGINAL_COMMAND\ntest "$1" = test && exit 1\n{answers}'
    with serving(tmp_path, missing) as server:
        ssh = transport(tmp_path, server)
        for reply in (ssh.look(["a"])["a"], ssh.rollback(["a"], "why")["a"]):
            assert reply.kind == kind
            if kind == UNPROVISIONED:
                assert "not provisioned; ./inv fleet.provision -i" in reply.message
                assert reply.message.endswith("--limit a")


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (f"echo '{json.dumps({'program': board_program.digest()})}'", DONE),
        (f"echo '{json.dumps({'program': '0' * 64, 'protocol': 2})}'", FAILED),
        ("echo 'error: invalid choice' >&2; exit 2", REFUSED),
    ],
)
def test_another_program_is_told_apart(tmp_path: Path, answer: str, kind: str) -> None:
    with serving(tmp_path, answer) as server:
        assert transport(tmp_path, server).versions(["a"])["a"].kind == kind


def test_old_images_that_stay_are_no_failure(tmp_path: Path) -> None:
    message = json.dumps({"changed": True, "old_stay": "another run is at work"})
    with serving(tmp_path, f"echo '{message}'") as server:
        reply = transport(tmp_path, server).confirm(["a"])["a"]
    assert reply == Reply(message="old images stay: another run is at work")


def test_a_step_has_an_end(tmp_path: Path, server: Sshd) -> None:
    plan = dataclasses.replace(Plan(), step_limit_s=1.5)
    assert transport(tmp_path, server, plan).rollback(["a"], "why")["a"].kind == TIMED_OUT


def test_a_wrong_host_key_is_no_answer(tmp_path: Path, server: Sshd) -> None:
    other = make_key(tmp_path / "other").with_suffix(".pub").read_text().split()[:2]
    server.known_hosts.write_text(f"[127.0.0.1]:{server.port} {' '.join(other)}\n")
    reply = transport(tmp_path, server).look(["a"])["a"]
    assert reply.kind == UNREACHABLE
    assert "its host key has changed" in reply.message


def test_nobody_there(tmp_path: Path, server: Sshd) -> None:
    assert transport(tmp_path, server, ansible_port=1).look(["a"])["a"].kind == UNREACHABLE


@pytest.mark.parametrize(
    ("variables", "plain"),
    [
        ({}, True),
        ({"ansible_become_password": "{{ vault_become }}"}, False),
        ({"ansible_become_method": "su"}, False),
        ({"ansible_connection": "local"}, False),
        ({"image_keep": 5}, True),
    ],
)
def test_what_ssh_alone_can_not_do_is_ansibles(variables: dict[str, Any], plain: bool) -> None:
    assert by_ssh._plain(Host("a", {"ansible_host": "a.example", **variables})) is plain


@pytest.mark.parametrize("name", ["image_keep", "ansible_user", "ansible_ssh_common_args"])
def test_what_can_not_be_rendered_yet_is_ansibles(name: str) -> None:
    host = Host("a", {name: "{{ later }}"}, errors={name: "'later' is undefined"})
    assert not by_ssh._plain(host)


@pytest.mark.parametrize("ended", [0, 1, 2])
def test_a_server_s_end_takes_nothing_from_those_beside_it(tmp_path: Path, ended: int) -> None:
    """As tests in other processes end: the folder that all sshd share as root stays."""
    folders = [tmp_path / name for name in "abc"]
    stacks = [contextlib.ExitStack() for _ in folders]
    with contextlib.ExitStack() as whole:
        for folder, stack in zip(folders, stacks, strict=True):
            folder.mkdir()
            whole.enter_context(stack)
        servers = [
            stack.enter_context(serving(folder, ANSWERS))
            for folder, stack in zip(folders, stacks, strict=True)
        ]
        stacks[ended].close()
        for number, server in enumerate(servers):
            reply = transport(folders[number], server).look(["a"])["a"]
            assert reply.kind == (UNREACHABLE if number == ended else DONE), reply


def test_a_signal_in_the_middle_of_a_step_is_no_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is raised wherever the main thread is: in the task of a board."""
    rows = {name: {"ansible_host": "192.0.2.1"} for name in "abc"}
    path = tmp_path / "hosts.yml"
    path.write_text(yaml.safe_dump({"all": {"hosts": rows}}))
    ssh = Ssh(Site(path, tmp_path / "log.jsonl", tmp_path), Plan())

    async def run(*_: object) -> None:
        raise stopping.StoppedError(2)

    monkeypatch.setattr(processes, "run", run)
    with pytest.raises(stopping.StoppedError):
        ssh.look(list(rows))
    gc.collect()
    assert not [record.getMessage() for record in caplog.records]
