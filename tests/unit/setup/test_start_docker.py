"""ci/start-docker.sh with a dockerd of our own making."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.bare_machine import Machine

SCRIPT = "ci/start-docker.sh"
COMES_UP = 'touch "$FILES/engine"; exec sleep 2\n'


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A Debian 12 with Docker whose engine does not run."""
    result = Machine(tmp_path / "machine")
    result.set_up()
    (result.files / "engine").unlink()
    for folder in ("var/log", "var/run/docker/containerd", "proc"):
        (result.system / folder).mkdir(parents=True, exist_ok=True)
    (result.system / "proc" / "mounts").write_text("cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n")
    result.program("dockerd", COMES_UP)
    return result


def starts(machine: Machine) -> list[str]:
    """Return how dockerd was called."""
    return [line.strip() for line in machine.calls if line.startswith("dockerd")]


def test_starts_it_once(machine: Machine) -> None:
    assert machine.run(script=SCRIPT) == (0, "", "")
    assert machine.run(script=SCRIPT) == (0, "", "")
    assert starts(machine) == ["dockerd"]
    assert not [line for line in machine.calls if line.startswith("mount")]


@pytest.mark.parametrize(("context", "config", "begun"), [
    ("", "", True), ("default", '{"currentContext": "far"}', True), ("", "{}", True),
    ("", '{"currentContext": ""}', True), ("far", "", False),
    ("", '{"currentContext": "far"}', False), ("", '{\n\t"currentContext": "rootless"\n}', False),
])  # fmt: skip
def test_none_is_started_where_docker_speaks_to_another(
    machine: Machine, context: str, config: str, begun: bool
) -> None:
    if config:
        (machine.home / ".docker").mkdir()
        (machine.home / ".docker" / "config.json").write_text(config)
    machine.run("build", DOCKER_CONTEXT=context)
    assert bool(starts(machine)) is begun


@pytest.mark.parametrize(("user", "runs", "begun"), [
    ("ann", True, False), ("ann", False, True), ("root", True, True),
])  # fmt: skip
@pytest.mark.parametrize("folder", ["mine", "system/run/user/1000"])
def test_none_is_started_beside_one_without_root(
    machine: Machine, folder: str, user: str, runs: bool, begun: bool
) -> None:
    machine.user(user)
    place = machine.home / folder
    place.mkdir(parents=True)
    if runs:
        (place / "docker.sock").touch()
    machine.run("build", XDG_RUNTIME_DIR=str(place) if folder == "mine" else "")
    tried = any("start-docker.sh" in line for line in machine.calls) or starts(machine)
    assert bool(tried) is begun


def test_two_at_once_start_one(machine: Machine) -> None:
    both = [machine.start(script=SCRIPT) for _ in range(2)]
    assert [process.wait(timeout=60) for process in both] == [0, 0]
    for process in both:
        process.communicate()
    assert starts(machine) == ["dockerd"]


@pytest.mark.parametrize(
    ("program", "remains"),
    [
        ("/usr/bin/containerd", True),
        ("/usr/bin/containerd (deleted)", True),
        ("/usr/bin/bash", False),
        ("", False),  # a zombie, or nobody
    ],
)
def test_stale_pid_files_are_forgotten_and_live_ones_kept(
    machine: Machine, program: str, remains: bool
) -> None:
    pid_file = machine.system / "var" / "run" / "docker" / "containerd" / "containerd.pid"
    pid_file.write_text("71")
    (machine.system / "proc" / "71").mkdir()
    if program:
        (machine.system / "proc" / "71" / "exe").symlink_to(program)
    assert machine.run(script=SCRIPT)[0] == 0
    assert pid_file.exists() == remains


def test_mounts_control_groups_where_nothing_did(machine: Machine) -> None:
    (machine.system / "proc" / "mounts").write_text("proc /proc proc rw 0 0\n")
    assert machine.run(script=SCRIPT)[0] == 0
    assert [line for line in machine.calls if line.startswith("mount -t cgroup2")]


def test_without_a_network_where_the_kernel_refuses_one(machine: Machine) -> None:
    says = 'echo "failed: iptables: no chain" >&2; exit 1'
    machine.program("dockerd", f'case "$*" in *bridge=none*) ;; *) {says} ;; esac\n{COMES_UP}')
    code, _, err = machine.run(script=SCRIPT)
    assert code == 0
    assert starts(machine)[1:] == ["dockerd --iptables=false --ip6tables=false --bridge=none"]
    assert err.startswith("warning: this kernel refuses Docker's network (failed: iptables")


def test_says_its_last_words(machine: Machine) -> None:
    machine.program("dockerd", 'echo "starting"; echo "error: no such driver: zfs" >&2; exit 1\n')
    code, out, err = machine.run(script=SCRIPT)
    assert (code, out) == (3, "")
    log = machine.system / "var" / "log" / "dockerd.log"
    assert err == f"error: dockerd does not come up: error: no such driver: zfs; see {log}\n"
    assert len(starts(machine)) == 1


@pytest.mark.parametrize(
    ("user", "host", "expected"),
    [
        ("ann", "", "only root may start dockerd"),
        ("root", "tcp://board:1", "no Docker Engine answers at DOCKER_HOST (tcp://board:1)"),
    ],
)
def test_when_it_may_not(machine: Machine, user: str, host: str, expected: str) -> None:
    machine.user(user)
    code, _, err = machine.run(script=SCRIPT, DOCKER_HOST=host)
    assert (code, starts(machine)) == (3, [])
    assert err.startswith(f"error: {expected}")


def test_no_daemon_is_told_whose_set_up_started_it(machine: Machine) -> None:
    see = 'env >"$FILES/seen by ${0##*/}"\n'
    machine.program("dockerd", see + COMES_UP)
    (machine.bin / "qemu-aarch64-static").unlink()
    code, _, err = machine.run("build", APT_DOES=see)
    assert code == 0, err
    seen = list(machine.files.glob("seen by *"))
    assert {path.name for path in seen} == {"seen by dockerd", "seen by apt-get"}
    assert [path for path in seen if "KIT_ERROR_TO" in path.read_text()] == []


def test_set_up_passes_on_why_it_does_not_start(machine: Machine) -> None:
    (machine.system / "run" / "systemd" / "system").mkdir(parents=True)
    code, _, err = machine.run("build")
    reason = "systemd can't start docker; see: journalctl -u docker; builds need an engine"
    assert (code, err.splitlines()[0]) == (0, f"warning: {reason}")


def test_systemd_does_it_where_it_runs(machine: Machine) -> None:
    (machine.system / "run" / "systemd" / "system").mkdir(parents=True)
    machine.program("systemctl", 'touch "$FILES/engine"\n')
    assert machine.run(script=SCRIPT) == (0, "", "")
    assert machine.calls == ["systemctl start docker"]
