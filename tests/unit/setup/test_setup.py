"""What ./inv decides to do on which machine: the scripts are real, the machine is not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.unit.bare_machine import Machine

BASE = "ca-certificates debian-archive-keyring"


ON_NGC = ("build", "--base", "ngc")


def asked(machine: Machine) -> list[str]:
    """Return the packages that apt-get was called to install."""
    calls = [line for line in machine.calls if line.startswith("apt-get") and " install " in line]
    assert len(calls) == 1
    assert "--no-remove" in calls[0]
    assert "--no-install-recommends" in calls[0]
    return [word for word in calls[0].split(" install ")[1].split() if not word.startswith("-")]


@pytest.mark.parametrize(
    ("distribution", "version", "arch", "packages"),
    [
        ("debian", "12", "x86_64", f"python3 python3-venv {BASE} docker.io qemu-user-static"),
        ("debian", "12", "aarch64", f"python3 python3-venv {BASE} docker.io"),
        (
            "debian",
            "13",
            "x86_64",
            f"python3 python3-venv {BASE} docker.io docker-cli docker-buildx qemu-user-static",
        ),
        (
            "debian",
            "13",
            "aarch64",
            f"python3 python3-venv {BASE} docker.io docker-cli docker-buildx",
        ),
        (
            "debian",
            "sid",
            "x86_64",
            f"python3 python3-venv {BASE} docker.io docker-cli docker-buildx"
            " qemu-user qemu-user-binfmt",
        ),
        (
            "ubuntu",
            "22.04",
            "x86_64",
            f"python3.11 python3.11-venv {BASE} debootstrap docker.io docker-buildx"
            " qemu-user-static binfmt-support",
        ),
        (
            "ubuntu",
            "22.04",
            "aarch64",
            f"python3.11 python3.11-venv {BASE} debootstrap docker.io docker-buildx",
        ),
        (
            "ubuntu",
            "24.04",
            "x86_64",
            f"python3 python3-venv {BASE} debootstrap docker.io docker-buildx qemu-user-static",
        ),
        (
            "ubuntu",
            "24.04",
            "aarch64",
            f"python3 python3-venv {BASE} debootstrap docker.io docker-buildx",
        ),
    ],
)
def test_installs_what_is_missing(
    machine: Machine, distribution: str, version: str, arch: str, packages: str
) -> None:
    machine.is_a(distribution, version, arch)
    (machine.bin / "update-binfmts").unlink()
    code, out, err = machine.run(*ON_NGC)
    assert (code, asked(machine)) == (0, packages.split()), err
    assert out.splitlines()[-3:] == ["<build>", "<--base>", "<ngc>"]
    first = err.splitlines()[0].replace(" docker-buildx", "")
    listed = packages.replace(" docker-buildx", "")
    assert first == f"Installing for ./inv build (some minutes): {listed}"
    from_next_suite = [line for line in machine.calls if "download docker-buildx" in line]
    assert bool(from_next_suite) == (f"{distribution} {version}" == "debian 12")


def test_the_kits_own_base_needs_no_buildx(machine: Machine) -> None:
    assert machine.run("build", "--jetson")[0] == 0
    assert not [line for line in machine.calls if "docker-buildx" in line]


def test_what_takes_a_new_group_is_installed_where_the_system_lacks_it(machine: Machine) -> None:
    machine.is_a("debian", "sid")
    (machine.bin / "sg").unlink()
    code, _, err = machine.run("build")
    assert code == 0, err
    assert "util-linux-extra" in asked(machine)


def test_buildx_alone_comes_from_the_next_suite(machine: Machine) -> None:
    assert machine.run(*ON_NGC)[0] == 0
    assert [line for line in machine.calls if line.startswith("dpkg -i")]
    text = "\n".join(machine.calls)
    assert 'Dir::Etc::sourceparts "/dev/null"' in text
    lists = re.search(r'sourcelist "([^"]+)"', text)
    assert lists is not None
    assert Path(lists[1]).is_relative_to(machine.home)
    assert not Path(lists[1]).exists()


@pytest.mark.parametrize(
    ("distribution", "version", "arch"),
    [
        ("fedora", "41", "x86_64"),
        ("debian", "11", "x86_64"),
        ("debian", "", "x86_64"),
        ("debian", "sid", "riscv64"),
        ("linuxmint", "22", "x86_64"),
        ("debian", "12", "riscv64"),
    ],
)
def test_elsewhere_it_lists_and_stops(
    machine: Machine, distribution: str, version: str, arch: str
) -> None:
    machine.is_a(distribution, version, arch)
    before = machine.tree()
    code, out, err = machine.run(*ON_NGC)
    assert (code, out, machine.calls, machine.tree()) == (3, "", [], before)
    listed, error = err.splitlines()
    assert {"docker.io", "docker-buildx", "ca-certificates", "python3"} <= set(listed.split())
    assert error.startswith(f"error: {distribution} {version} on {arch} is not set up by itself")


def test_elsewhere_it_works_where_nothing_is_missing(machine: Machine) -> None:
    machine.is_a("fedora", "41")
    machine.set_up()
    debootstrap = machine.system / "usr" / "sbin" / "debootstrap"
    debootstrap.parent.mkdir(parents=True)
    debootstrap.touch(0o755)
    assert machine.run("build")[0] == 0
    assert not [line for line in machine.calls if line.startswith("apt-get")]


def test_no_install_lists_and_touches_nothing(machine: Machine) -> None:
    before = machine.tree()
    code, out, err = machine.run(*ON_NGC, INV_NO_INSTALL="1")
    assert (code, out, machine.calls, machine.tree()) == (3, "", [], before)
    assert "docker-buildx" in err
    assert ".venv" in err
    assert len(re.findall("^error: ", err, re.MULTILINE)) == 1


def test_no_install_works_on_a_machine_that_is_set_up(machine: Machine) -> None:
    machine.set_up()
    assert machine.run("build")[0] == 0
    assert machine.run("build", INV_NO_INSTALL="1")[0] == 0


def test_nothing_missing_then_nothing_done(machine: Machine) -> None:
    machine.set_up()
    code, _, err = machine.run("build")
    assert (code, err) == (0, "Setting up the Python environment in .venv\n")
    first = [line for line in machine.calls if "tasks.py" not in line]
    assert [line.split()[0] for line in first] == [
        *("python3.11", "python", "python", "python", "uv", "chown")
    ]
    assert machine.run()[2] == ""
    assert [line for line in machine.calls if "tasks.py" not in line] == first


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--list",),
        ("-l",),
        ("--list", "fleet"),
        ("--help",),
        ("--version",),
        ("build", "--help"),
        ("--help", "build"),
    ],
)
def test_what_only_shows_installs_no_package(machine: Machine, arguments: tuple[str, ...]) -> None:
    before = machine.tree()
    code, out, err = machine.run(*arguments)
    assert (code, out, machine.calls, machine.tree()) == (3, "", [], before)
    assert err.startswith("error: missing packages: python3 python3-venv; ")
    machine.has("python3.11")
    code, _, err = machine.run(*arguments)
    assert (code, err) == (0, "Setting up the Python environment in .venv\n")
    assert not [line for line in machine.calls if line.startswith(("apt-get", "dpkg -"))]


def test_a_word_for_the_task_is_no_word_for_inv(machine: Machine) -> None:
    assert machine.run("devices.ssh", "jetson-1", "-l", "--", "--help")[0] == 0
    assert asked(machine)[0] == "python3"


def test_a_task_installs_what_it_needs_and_no_more(machine: Machine) -> None:
    assert machine.run("fleet.rollout", "r36.4.4", "--plan")[0] == 0
    assert asked(machine) == ["python3", "python3-venv", "openssh-client", "rsync"]


def test_options_that_change_what_is_needed_wait_for_python(machine: Machine) -> None:
    assert machine.run("build", "--jetson", "--plan")[0] == 0
    assert asked(machine) == ["python3", "python3-venv"]


def test_parts_by_name_as_a_task_asks_for_them(machine: Machine) -> None:
    machine.set_up()
    assert machine.run("targets")[0] == 0
    seen = len(machine.calls)
    command = ("--for", "./inv fleet.rollout", "rsync", "ssh-client", "ssh-keygen", "docker")
    code, _, err = machine.run(*command, script="ci/setup.sh")
    assert code == 0, err
    assert err == "Installing for ./inv fleet.rollout (some minutes): openssh-client rsync\n"
    assert asked(machine) == ["openssh-client", "rsync"]
    # The environment that called it is left alone.
    assert [line for line in machine.calls[seen:] if line.startswith(("uv", "python"))] == []


def test_docker_of_docker_inc_gets_its_own_plugin(machine: Machine) -> None:
    machine.set_up()
    (machine.files / "buildx").unlink()
    machine.is_a("ubuntu", "24.04")
    machine.program("dpkg-query", '[ "$4" = docker-ce-cli ] && echo installed\n')
    assert machine.run(*ON_NGC)[0] == 0
    assert asked(machine) == ["debootstrap", "docker-buildx-plugin"]


def test_a_user_without_sudo(machine: Machine) -> None:
    machine.user("ann")
    (machine.bin / "sudo").unlink()
    code, out, err = machine.run("build")
    assert (code, out, machine.calls) == (3, "", [])
    assert err.startswith("error: ann is not root and sudo is missing or refuses; as root, install")
    assert err.count("\n") == 1


@pytest.mark.parametrize(("has", "hinted"), [("podman", True), ("docker", False), ("", False)])
def test_a_user_without_sudo_is_told_that_podman_does(
    machine: Machine, has: str, hinted: bool
) -> None:
    machine.user("ann")
    (machine.bin / "sudo").unlink()
    if has == "podman":
        machine.program("podman")
    if has == "docker":
        machine.has("docker")
    _, _, err = machine.run("build")
    assert ("Podman does as well, with podman-docker and catatonit" in err) is hinted
    assert err.count("\n") == 1


def test_what_root_has_to_do_for_arm64_is_said_once(machine: Machine) -> None:
    machine.set_up()
    entry = machine.system / "proc/sys/fs/binfmt_misc/qemu-aarch64"
    entry.unlink()
    machine.user("ann")
    (machine.bin / "sudo").unlink()
    code, _, err = machine.run("build")
    assert code == 0
    assert err.count("root has run") == 1
    own = f"{machine.system}/usr/lib/binfmt.d/qemu-aarch64.conf"
    command = f"cat {own} >{entry.parent}/register"
    assert f"can't be started until root has run: {command}\n" in err
    assert "Registering" not in err
    # What ./inv set up first is not set up by its Python again.
    result = machine.run("--for", "x", "binfmt", script="ci/setup.sh", INV_SET_UP="python binfmt")
    assert result == (0, "", "")
    result = machine.run("--for", "x", "binfmt", script="ci/setup.sh", INV_SET_UP="python")
    assert command in result[2]


def test_a_user_with_sudo_joins_the_group_docker(machine: Machine) -> None:
    machine.user("ann")
    code, _, err = machine.run("build")
    assert code == 0, err
    assert err.startswith("Installing for ./inv build (some minutes): python3 ")
    assert "Adding ann to the group docker" in err
    for call in machine.calls:
        if re.match(r"apt-get .* install |dpkg -i|usermod", call):
            before = machine.calls[machine.calls.index(call) - 1]
            assert before.startswith("sudo -- "), call
    assert "usermod -aG docker ann" in machine.calls


def test_a_user_who_has_docker_stays_out_of_its_group(machine: Machine) -> None:
    machine.set_up()
    machine.user("ann")
    assert machine.run("build")[0] == 0
    assert not [line for line in machine.calls if line.startswith(("usermod", "sudo"))]
