"""ci/needs.table: both its readers agree, and what the code calls stands in it."""

from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import tasks
from jetson_kit.checks import stages as checks
from jetson_kit.core import needs, stopping
from jetson_kit.core.errors import KitError, ToolMissingError
from jetson_kit.core.paths import ROOT
from jetson_kit.tasks import edge
from tests.unit.bare_machine import Machine

TABLE = needs.table()
# Debian's essential packages bring these, and what is asked of other machines is no matter here.
ESSENTIAL = {
    *(
        "bash",
        "cat",
        "chmod",
        "cp",
        "dpkg",
        "dpkg-query",
        "env",
        "kill",
        "ldd",
        "login",
        "mount",
        "nohup",
        "nsenter",
    ),
    *("setpriv", "sh", "sleep", "tar", "true", "umount", "unshare"),
}
# By path or by pip: hadolint and uv stand in .venv, runc comes with dockerd; the rest are optional.
ELSEWHERE = {"hadolint", "uv", "runc", "tegrastats", "trtexec"}
RUNNERS = {"run", "run_program", "Popen", "child", "check_call", "check_output"}


def programs(path: Path) -> Iterator[str]:
    """Yield the programs that a file names where it looks for them or runs them."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        called = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        called = node.func.id if isinstance(node.func, ast.Name) else called
        first = node.args[0]
        if called in RUNNERS and isinstance(first, ast.List | ast.Tuple) and first.elts:
            # *host.apart() stands before a program.
            elements = [item for item in first.elts if ast.unparse(item) != "*host.apart()"]
            first = elements[0]
            # *("ssh", "-F") is how a long line begins.
            if isinstance(first, ast.Starred) and isinstance(first.value, ast.Tuple):
                first = first.value.elts[0]
        elif called != "which":
            continue
        if isinstance(first, ast.Constant) and isinstance(first.value, str):
            yield first.value


def test_programs_are_seen_in_code() -> None:
    assert {"docker-registry", "skopeo"} <= set(
        programs(ROOT / "jetson_kit" / "fleet" / "release" / "registry.py")
    ) | set(programs(ROOT / "jetson_kit" / "fleet" / "release" / "registry_push.py"))
    assert "losetup" in set(programs(ROOT / "jetson_kit" / "virtual_devices" / "loops.py"))
    assert "mmdebstrap" in set(programs(ROOT / "bench" / "build" / "rival.py"))


@pytest.mark.parametrize("folder", ["jetson_kit", "tests"])
def test_each_program_that_the_code_names_is_in_the_table(folder: str) -> None:
    signs = {sign for part in TABLE.parts.values() for sign in part.signs}
    files = [path for path in (ROOT / folder).rglob("*.py") if path.name not in OWN_FAKES]
    named = {(name, path.name) for path in files for name in programs(path)}
    known = signs | ESSENTIAL | ELSEWHERE
    assert {item for item in named if item[0] not in known and "/" not in item[0]} == set()


# They name programs on purpose that are nowhere.
OWN_FAKES = {
    "bare_machine.py",
    "test_doctor_run.py",
    "test_litert_gpu.py",
    "test_targets_task.py",
    "test_run.py",
    "test_setup.py",
    "test_setup_environment.py",
    "test_translate_bench.py",
}


def test_each_task_in_the_table_is_one_with_these_options() -> None:
    for row in TABLE.tasks:
        assert row.task in edge.NAMES.values()
        known = tasks.ns[row.task].argspec(tasks.ns[row.task].body).parameters
        assert {name for name, _ in row.conditions} <= set(known), row


def test_each_stage_is_in_the_table() -> None:
    # Linters come out of wheels; roles are linted with the collection that git has.
    named = {stage.name for stage in checks.stages()} - {"lint"}
    assert set(TABLE.stages) == named


def test_each_part_that_is_named_is_there_and_each_that_is_there_is_named() -> None:
    used = {part for row in TABLE.tasks for part in row.parts}
    used |= {part for parts in TABLE.stages.values() for part in parts}
    assert used | {"python"} == set(TABLE.parts)


@pytest.mark.parametrize(
    ("task", "options", "has", "lacks"),
    [
        ("fleet.rollout", {"plan": False}, {"rsync", "ssh-client", "ssh-keygen"}, {"dockerd"}),
        ("build", {"jetson": True, "plan": False}, {"dockerd", "qemu-user"}, {"rsync"}),
        ("build", {"jetson": True, "plan": True}, set(), {"dockerd"}),
        ("devices.up", {"kind": "vm", "arch": ""}, {"qemu-arm", "fdtput"}, {"qemu-x86"}),
        ("devices.up", {"kind": "vm", "arch": "amd64"}, {"qemu-x86"}, {"qemu-arm"}),
        ("devices.up", {"kind": "", "arch": ""}, {"dockerd", "losetup"}, {"qemu-img"}),
        ("fleet.registry", {"up": False, "push": "r36.4.4"}, {"skopeo"}, {"registry"}),
        ("verify", {"i": "", "image": "x"}, {"dockerd"}, {"ssh-client", "gles"}),
        ("verify", {"i": "", "image": ""}, {"gles"}, {"ssh-client", "dockerd"}),
        ("verify", {"i": "hosts.yml"}, {"ssh-client"}, {"gles", "dockerd"}),
        ("build", {"base": ""}, {"dockerd"}, {"buildx"}),
        ("build", {"base": "ngc"}, {"dockerd", "buildx"}, set()),
        ("bench.build", {"no_rival": False}, {"mmdebstrap", "arch-test", "buildx"}, set()),
        ("bench.build", {"no_rival": True}, {"dockerd"}, {"buildx", "mmdebstrap"}),
        ("report.html", {}, set(), {"ssh-client"}),
    ],
)
def test_options_decide(
    task: str, options: dict[str, object], has: set[str], lacks: set[str]
) -> None:
    result = set(TABLE.of_task(task, options))
    assert has <= result
    assert not lacks & result


def shell(script: str, **environment: str) -> list[str]:
    """Run an sh script that has sourced needs.sh; return the words that it prints."""
    done = subprocess.run(
        ["sh", "-euc", f'. "$root/ci/say.sh"; . "$root/ci/needs.sh"; {script}', "sh"],
        env={"PATH": "/usr/bin:/bin", "root": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


@pytest.mark.parametrize("task", sorted({row.task for row in TABLE.tasks}))
def test_the_shell_reads_the_same_for_a_task_without_options(task: str) -> None:
    # What has options besides those that are not given is Python's to judge.
    plain = [
        row for row in TABLE.tasks
        if row.task == task and all(value == "" for _, value in row.conditions)
    ]  # fmt: skip
    expected = dict.fromkeys(part for row in plain for part in row.parts)
    assert shell(f"parts_of task {task} {task}") == list(expected)


@pytest.mark.parametrize("stage", sorted(TABLE.stages))
def test_the_shell_reads_the_same_for_a_stage(stage: str) -> None:
    assert shell(f"parts_of stage {stage}") == list(TABLE.stages[stage])


@pytest.mark.parametrize(
    ("words", "size", "stage"),
    [
        ("test", "default", ""),
        ("test --quick", "quick", ""),
        ("test -q", "quick", ""),
        ("test --all", "all", ""),
        ("test --stage page", "default", "page"),
        ("test -s page", "default", "page"),
        ("test --stage=rollouts", "default", "rollouts"),
    ],
)
def test_the_shell_knows_the_stages_of_a_size(words: str, size: str, stage: str) -> None:
    every = checks.stages()
    chosen = [item.name for item in every if (item.name == stage if stage else item.at(size))]
    assert shell(f"stages_of {words}") == chosen
    parts = dict.fromkeys(shell(f"parts_for {words}"))
    assert list(parts) == ["python", *TABLE.of_stages(chosen)]


@pytest.mark.parametrize(
    ("system", "package", "name"),
    [
        (("debian", "12"), "docker", ["docker.io"]),
        (("debian", "sid"), "docker", ["docker-cli"]),
        (("debian", "sid"), "qemu-user", ["qemu-user", "qemu-user-binfmt"]),
        (("debian", "12"), "binfmt-support", ["-"]),
        (("ubuntu", "22.04"), "binfmt-support", ["binfmt-support"]),
        (("ubuntu", "24.04"), "chromium", ["-"]),
        (("debian", "13"), "chromium", ["chromium-headless-shell"]),
        (("ubuntu", "26.04"), "docker", ["docker.io"]),
        (("ubuntu", "26.04"), "qemu-user", ["qemu-user", "qemu-user-binfmt"]),
        (("pop", "22.04", "UBUNTU_CODENAME=jammy"), "binfmt-support", ["binfmt-support"]),
        (("linuxmint", "22.3", 'UBUNTU_CODENAME="noble"'), "chromium", ["-"]),
        (("linuxmint", "7", "DEBIAN_CODENAME=trixie"), "docker", ["docker-cli"]),
        (("linuxmint", "7", "DEBIAN_CODENAME=trixie"), "chromium", ["chromium-headless-shell"]),
        (("raspbian", "12", "DEBIAN_CODENAME=unheard-of"), "docker", ["docker.io"]),
        # Its own word counts, not that of an archive: Debian's testing has no number.
        (("debian", "12", "DEBIAN_CODENAME=trixie"), "docker", ["docker.io"]),
        (("fedora", "41"), "docker", ["docker.io"]),
    ],
)
def test_packages_by_system(
    tmp_path: Path, system: tuple[str, ...], package: str, name: list[str]
) -> None:
    machine = Machine(tmp_path / "machine")
    distribution, version, *codename = system
    machine.is_a(distribution, version, codename="".join(codename))
    words = " ".join(TABLE.parts[package].packages)
    assert shell(f"own_names {words}", KIT_SYSTEM_ROOT=str(machine.system)) == name
    own = needs.own_names(TABLE.parts[package], machine.system)
    assert list(own or ("-",)) == name


@pytest.mark.parametrize(
    ("system", "known"),
    [
        (("debian", "12"), "yes"),
        (("debian", "sid"), "yes"),
        (("debian", "11"), "no"),
        (("ubuntu", "26.04"), "yes"),
        (("ubuntu", "20.04"), "no"),
        (("linuxmint", "22.3", "UBUNTU_CODENAME=noble"), "yes"),
        (("linuxmint", "20.3", "UBUNTU_CODENAME=focal"), "no"),
        (("linuxmint", "7", "DEBIAN_CODENAME=trixie"), "yes"),
        (("kali", "2026.3"), "no"),
        (("fedora", "44"), "no"),
    ],
)
def test_known_systems(tmp_path: Path, system: tuple[str, ...], known: str) -> None:
    machine = Machine(tmp_path / "machine")
    distribution, version, *codename = system
    machine.is_a(distribution, version, codename="".join(codename))
    assert shell('echo "$known"', KIT_SYSTEM_ROOT=str(machine.system)) == [known]


@pytest.fixture
def without(tmp_path: Path) -> Callable[[str], dict[str, str]]:
    """Return a function that gives the environment of a machine on which a program is missing."""

    def make(missing: str) -> dict[str, str]:
        folder = tmp_path / "bin"
        folder.mkdir()
        for program in Path("/usr/bin").iterdir():
            if program.name != missing:
                (folder / program.name).symlink_to(program)
        return {"PATH": str(folder), "HOME": str(tmp_path), "INV_NO_INSTALL": "1"}

    return make


EXAMPLE = str(ROOT / "ansible" / "inventories" / "example")


@pytest.mark.parametrize(
    ("program", "words", "code", "package"),
    [
        ("rsync", ("fleet.rollout", "x", "-i", EXAMPLE), 3, "rsync"),
        ("ssh", ("fleet.status", "-i", EXAMPLE), 3, "openssh-client"),
        ("ssh", ("verify", "-i", EXAMPLE), 3, "openssh-client"),
    ],
)
def test_a_task_that_lacks_a_program_lists_it_and_stops(
    without: Callable[[str], dict[str, str]],
    program: str,
    words: tuple[str, ...],
    code: int,
    package: str,
) -> None:
    done = subprocess.run(
        [ROOT / "inv", *words], env=without(program), capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stderr
    first, last = done.stderr.splitlines()
    assert first == f"Missing packages for ./inv {words[0]}: {package}"
    assert last.startswith("error: this machine is not set up for ./inv ")


def set_up_by(monkeypatch: pytest.MonkeyPatch, folder: Path, script: str) -> Path:
    """Have `script` in the place of ci/setup.sh, and programs looked for in one folder alone."""
    setup = folder / "setup.sh"
    setup.write_text(f'#!/bin/sh\necho "$@" >{folder}/said\n{script}\n')
    setup.chmod(0o755)
    monkeypatch.setattr(needs, "SETUP", setup)
    monkeypatch.setattr(needs, "SEARCH", str(folder / "bin"))
    (folder / "bin").mkdir()
    return folder / "bin"


def test_what_is_missing_is_installed_and_then_looked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    set_up_by(monkeypatch, tmp_path, f"install -m 755 /bin/true {tmp_path}/bin/rsync")
    needs.require(("rsync",), "./inv fleet.rollout")
    assert (tmp_path / "said").read_text() == "--for ./inv fleet.rollout rsync\n"
    (tmp_path / "said").unlink()
    needs.require(("rsync",), "./inv fleet.rollout")
    assert not (tmp_path / "said").exists()


@pytest.mark.parametrize(
    ("script", "code", "line"),
    [
        ('. {ci}/say.sh; fail "$NETWORK" no answer', 4, "error: no answer"),
        (
            '. {ci}/say.sh; fail "$NETWORK" "$(printf "no caf\\351, \\303\\274ber")"',
            4,
            "error: no caf\N{REPLACEMENT CHARACTER}, über",
        ),
        ('. {ci}/say.sh; fail "$DISK_FULL" all is full', 6, "error: all is full"),
        ("exit 2", 7, "error: setting up ended with exit code 2"),
    ],
)
def test_set_up_that_fails_ends_the_command_by_its_own_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str, code: int, line: str,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Said by who catches it: a signal may come first, and is then the one that is said."""
    set_up_by(monkeypatch, tmp_path, script.format(ci=needs.SETUP.parent))
    with pytest.raises(KitError) as ended:
        needs.require(("rsync",), "./inv fleet.rollout")
    assert (ended.value.exit_code, ended.value.line()) == (code, line)
    assert capfd.readouterr().err == ""


def test_set_up_that_was_stopped_alone_stops_the_command(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    set_up_by(monkeypatch, tmp_path, "kill -TERM $$; sleep 9")
    with pytest.raises(stopping.StoppedError) as ended:
        needs.require(("rsync",), "./inv fleet.rollout")
    assert ended.value.number == signal.SIGTERM


def test_what_has_no_package_here_ends_a_command_and_no_test(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    set_up_by(monkeypatch, tmp_path, "exit 0")
    with pytest.raises(ToolMissingError, match="needs chromedriver, of which"):
        needs.require(("chromedriver",), "./inv x")
    needs.require(("chromedriver",), "./inv test", strict=False)


def test_a_new_member_of_the_group_docker_begins_anew(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made = f"for one in dockerd docker; do install -m 755 /bin/true {tmp_path}/bin/$one; done"
    set_up_by(monkeypatch, tmp_path, made)
    begun: list[list[str]] = []
    monkeypatch.setattr(needs, "_answers", lambda *_: False)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(os, "execvp", lambda _, words: begun.append(words))
    monkeypatch.setattr(sys, "argv", ["tasks.py", "build", "--jetson"])
    needs.require(("dockerd", "docker"), "./inv build")
    assert begun == [["sh", str(ROOT / "inv"), "build", "--jetson"]]


def test_a_path_with_a_star_is_looked_for(tmp_path: Path) -> None:
    assert [part.name for part in needs.missing(("gles",), tmp_path)] == ["gles"]
    library = tmp_path / "usr/lib/x86_64-linux-gnu/libGLESv2.so.2"
    library.parent.mkdir(parents=True)
    library.touch()
    assert needs.missing(("gles",), tmp_path) == ()
    result = shell(
        f'there "{TABLE.parts["gles"].signs[0]}" && echo yes', KIT_SYSTEM_ROOT=str(tmp_path)
    )
    assert result == ["yes"]


def test_the_package_of_a_program() -> None:
    assert needs.package_of("debugfs") == "e2fsprogs"
    assert needs.package_of("fdtput") == "device-tree-compiler"
    assert needs.package_of("no-such-program") == ""
