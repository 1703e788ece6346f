"""Running Ansible: what became of each host, secrets, time limits, two ansible-cores."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from jetson_kit.ansible_driver import (
    ansible,
    collections,
    environments,
    events,
    program_environment,
)
from jetson_kit.core.errors import BadInputError, StepFailedError, ToolMissingError

HOSTS = """\
all:
  vars: {ansible_connection: local, ansible_python_interpreter: "PYTHON"}
  hosts:
    good: {mediapipe_l4t: "36.4.4"}
    bad: {}
    gone: {ansible_connection: ssh, ansible_host: 127.0.0.1, ansible_port: 9}
"""
PLAY = """\
- hosts: all
  gather_facts: false
  tasks:
    - name: Fail
      ansible.builtin.command: sh -c 'echo oops >&2; exit 3'
      when: inventory_hostname == 'bad'
    - name: Ping
      ansible.builtin.ping:
    - name: Use
      ansible.builtin.command: sh -c 'test "$WORD" = hunter2'
      environment: {WORD: "{{ word }}"}
      no_log: true
    - name: Tell
      ansible.builtin.set_stats: {data: {answer: 42}, per_host: true}
"""
UNKNOWN = {"_event": "v2_runner_on_ok", "task": {"name": "t"}, "hosts": {"a": {"changed": True}}}


def books(folder: Path, play: str = PLAY, hosts: str = HOSTS) -> tuple[str, Path]:
    inventory, book = folder / "hosts.yml", folder / "play.yml"
    inventory.write_text(hosts.replace("PYTHON", sys.executable))
    book.write_text(play)
    return str(book), inventory


# Each made a run fail, or another result of it: of hosts that were not reached, "ok".
OF_A_PERSON = {
    "ANSIBLE_STDOUT_CALLBACK": "json", "ANSIBLE_STRATEGY": "mitogen_linear", "ANSIBLE_DEBUG": "1",
    "ANSIBLE_VERBOSITY": "4", "ANSIBLE_RUN_TAGS": "x", "ANSIBLE_SKIP_TAGS": "all",
    "ANSIBLE_ANY_ERRORS_FATAL": "1", "ANSIBLE_ENABLE_TASK_DEBUGGER": "1", "ANSIBLE_NO_LOG": "1",
    "ANSIBLE_TASK_TIMEOUT": "1", "ANSIBLE_CALLBACKS_ENABLED": "profile_tasks",
}  # fmt: skip


@pytest.mark.network
@pytest.mark.slow
@pytest.mark.parametrize("own", [{}, OF_A_PERSON], ids=["plain", "a person's variables"])
def test_each_host_is_judged(
    own: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By Ansible's own counts; and the secret, encrypted in the inventory, is in no log."""
    for name, value in own.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "group_vars").mkdir()
    monkeypatch.setenv(program_environment.VAULT_SECRET, "key-of-the-vault")
    encrypted = tmp_path / "group_vars" / "all.yml"
    encrypted.write_text("word: hunter2\n")
    vault = Path(sys.executable).with_name("ansible-vault")
    subprocess.run([vault, "encrypt", encrypted], env=ansible.environment(), check=True)
    assert "hunter2" not in encrypted.read_text()
    play, inventory = books(tmp_path)
    seen: list[events.Event] = []
    log = tmp_path / "log"
    outcome = ansible.run(ansible.Job(play, inventory, log=log), seen.append)
    states = {name: host.status for name, host in outcome.hosts.items()}
    assert states == {"good": "changed", "bad": "failed", "gone": "unreachable"}
    assert outcome.failed == ("bad", "gone")
    assert outcome.hosts["bad"].messages == ("Fail: oops",)
    assert outcome.hosts["good"].report == {"answer": 42}
    assert any(event.host == "gone" and event.status == "unreachable" for event in seen)
    text = log.read_text()
    assert "hunter2" not in text
    assert "key-of-the-vault" not in text


@pytest.mark.network
@pytest.mark.slow
def test_what_takes_too_long_is_unfinished(tmp_path: Path) -> None:
    task = "- hosts: good\n  gather_facts: false\n  tasks:\n    - ansible.builtin.pause:\n"
    play, inventory = books(tmp_path, f"{task}        seconds: 60\n")
    outcome = ansible.run(ansible.Job(play, inventory, hosts=("good",), timeout_s=6))
    assert outcome.timed_out
    assert outcome.hosts["good"].status == "unfinished"
    assert outcome.failed == ("good",)


@pytest.mark.network
def test_a_wrong_playbook_is_one_line(tmp_path: Path) -> None:
    play, inventory = books(tmp_path, "- hosts: all\n  tasks: [nonsense\n")
    with pytest.raises(StepFailedError, match=r"ansible-playbook .*YAML parsing failed"):
        ansible.run(ansible.Job(play, inventory))
    with pytest.raises(BadInputError, match="there is no playbook"):
        ansible.run(ansible.Job("no-such", inventory))


@pytest.mark.network
def test_a_damaged_collection_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = collections.path()
    monkeypatch.setenv("KIT_CACHE", str(tmp_path))
    copy = tmp_path / "ansible" / whole.name
    shutil.copytree(whole, copy)
    changed = next(copy.rglob("docker_container.py"))
    text = changed.read_text()
    changed.write_text(text + "\n# changed\n")
    assert collections.path() == copy
    assert changed.read_text() == text
    names = {path.parent.name for path in copy.rglob("MANIFEST.json")}
    assert names == {"docker", "posix", "library_inventory_filtering_v1"}


def test_hosts_without_a_last_word_are_unfinished() -> None:
    seen = events.of("v2_runner_on_ok", UNKNOWN)
    results = events.results(None, seen, ["a", "b"])
    assert {host.status for host in results.values()} == {"unfinished"}
    assert not any(host.good for host in results.values())


def test_an_ignored_loss_is_a_loss() -> None:
    document = {"task": {"name": "t"}, "hosts": {"a": {"msg": "no route"}}}
    seen = events.of("v2_runner_on_unreachable", document)
    results = events.results({"stats": {"a": {"ok": 1, "unreachable": 0, "failures": 0}}}, seen)
    assert results["a"].status == "unreachable"


def test_jetpack_4_has_a_core_of_its_own() -> None:
    parts = environments.split({"a": "r32.7.6", "b": "36.4.4", "c": "", "d": "r35.6.5"})
    assert parts == {"2.16": ("a",), "2.19": ("b", "c", "d")}


def test_no_python_for_it_is_one_line() -> None:
    with pytest.raises(ToolMissingError, match="this machine has none of them"):
        environments.old_python(("3.99",))


def test_how_to_connect_is_the_persons_to_say(monkeypatch: pytest.MonkeyPatch) -> None:
    names = """ANSIBLE_PRIVATE_KEY_FILE ANSIBLE_REMOTE_USER ANSIBLE_SSH_ARGS ANSIBLE_BECOME_METHOD
    ANSIBLE_BECOME_PASSWORD_FILE ANSIBLE_VAULT_PASSWORD_FILE ANSIBLE_INVENTORY_IGNORE ANSIBLE_HOME
    ANSIBLE_HASHI_VAULT_TOKEN ANSIBLE_INVENTORY_PLUGINS ANSIBLE_TIMEOUT ANSIBLE_TRANSPORT
    ANSIBLE_VARS_PLUGINS ANSIBLE_VARS_ENABLED PATH""".split()
    for name in names:
        monkeypatch.setenv(name, "mine")
    for environment in (ansible.environment(), program_environment.environment()):
        assert environment.keys() >= set(names)


def test_a_program_that_cannot_be_run_is_no_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "secret-vault"
    program.write_text("#!/bin/sh\n")
    name = program_environment.VAULT_SECRET
    monkeypatch.setitem(program_environment.SECRETS, name, ("OPTION", program))
    assert "OPTION" not in program_environment.secrets()
    monkeypatch.setenv(name, "a password")
    with pytest.raises(BadInputError, match="without the modes of its files"):
        program_environment.secrets()
    program.chmod(0o755)
    assert program_environment.secrets()["OPTION"] == str(program)
