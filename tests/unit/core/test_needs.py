"""ci/needs.table: both its readers agree, and what the code calls stands in it."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import tasks
from jetson_kit.checks import stages as checks
from jetson_kit.core import needs
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
    "test_setup_apt.py",
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
    """Run an sh script that has sourced needs.sh; return what it prints, split at blanks."""
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
    ("arguments", "size", "stage"),
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
def test_the_shell_knows_the_stages_of_a_size(arguments: str, size: str, stage: str) -> None:
    every = checks.stages()
    chosen = [item.name for item in every if (item.name == stage if stage else item.at(size))]
    assert shell(f"stages_of {arguments}") == chosen
    parts = dict.fromkeys(shell(f"parts_for {arguments}"))
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
    packages = " ".join(TABLE.parts[package].packages)
    assert shell(f"own_names {packages}", KIT_SYSTEM_ROOT=str(machine.system)) == name
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
