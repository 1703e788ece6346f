"""The matrix of machines: its rows, what is compared, and its page."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bench.machines import command, container, guest, host, page, rows, trial
from bench.machines.machine import CommandResult, Machine
from bench.machines.rows import Row
from bench.machines.trial import Bytes, Result
from jetson_kit.core.errors import BadInputError, StepFailedError
from jetson_kit.virtual_devices.spec import Device

BYTES = Bytes("sha256:c0", ("sha256:1", "sha256:2"), "a0", "p0")


def result(
    row: str, image_bytes: Bytes | None = BYTES, fault: str = "", commit: str = "abc"
) -> Result:
    return Result(
        row, "Debian", "3.11.2", "20.10", "", "classic (overlay2)", "2.6", 45.4, 0,
        "output dist", fault, image_bytes, "sha256:c0", commit,
    )  # fmt: skip


def test_rows_cover_systems_users_and_stores() -> None:
    with_image = [row for row in rows.load() if row.image]
    assert {row.suite for row in with_image} == {"bookworm", "trixie", "sid"}
    assert {row.user for row in with_image} == {"root", "sudo", "plain"}
    assert any(row.daemon for row in with_image)
    assert any("gcc-aarch64-linux-gnu" in row.packages for row in with_image)
    assert {row.guest for row in with_image} == {"", "arm64", "amd64"}
    assert any(row.reboot and row.user == "sudo" for row in with_image)
    assert {row.podman for row in with_image if row.rootless} == {True, False}
    assert any("userns-remap" in row.daemon for row in with_image)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ('suite = "sid"\nuser = "root"\nfast = true', "has the unknown fast"),
        ('suite = "sid"\nuser = "king"', "its name or user is wrong"),
        ('suite = "sid"\nuser = "root"\nguest = "riscv64"', "its guest is wrong"),
        ('suite = "sid"\nuser = "root"\nguest = "arm64"\nnetwork = false', "has no network"),
        ('suite = "sid"\nuser = "root"\nmemory = 2048', "only a guest has memory of its own"),
        ('suite = "sid"\nuser = "root"\nreboot = true', "only a guest"),
        ('suite = "sid"\nuser = "root"\nrootless = true', "without root is a user's"),
        ('suite = "sid"\nuser = "sudo"\nguest = "amd64"\nrootless = true', "and in no guest"),
        ('suite = "sid"\nuser = "root"\n[[row]]\nname = "a"\nsuite = "x"\nuser = "root"', "two"),
    ],
)
def test_a_wrong_row_is_named(tmp_path: Path, facts: str, expected: str) -> None:
    table = tmp_path / "rows.toml"
    table.write_text(f'[[row]]\nname = "a"\n{facts}\n')
    with pytest.raises(BadInputError, match=expected):
        rows.load(table)


def test_an_unknown_machine_is_bad_input() -> None:
    with pytest.raises(BadInputError, match="no machine windows"):
        rows.named(["windows"])


@pytest.mark.parametrize("part", [field.name for field in dataclasses.fields(Bytes)])
def test_one_other_byte_is_found(part: str) -> None:
    change: dict[str, Any] = {part: ("x",) if part == "layers" else "x"}
    other = dataclasses.replace(BYTES, **change)
    same = [result("a"), result("b"), result("c", None)]
    assert trial.compare(same) == []
    assert trial.compare([*same, result("d", other)]) == [f"d: its {part} is not that of a"]


def test_a_row_that_ended_otherwise_is_a_fault() -> None:
    assert trial.compare([result("a", None, "exit code 1")]) == ["a: exit code 1"]


def test_a_result_is_read_back_as_it_was_written() -> None:
    for item in (result("a"), result("b", None)):
        assert trial.from_json(json.loads(json.dumps(item.as_json()))) == item


def test_the_page_says_whether_the_bytes_are_the_same() -> None:
    other = dataclasses.replace(BYTES, archive="b1")
    document = {"rows": [result("debian-12").as_json(), result("sid").as_json()]}
    table = page.table(document)
    assert "All 2 images are the same bytes: config c0, 2 layers, archive sha256 a0." in table
    assert "Not run: " in table
    document["rows"] = [result("debian-12").as_json(), result("sid", other).as_json()]
    assert "bytes differ" in page.table(document)
    assert "several commits" not in page.table(document)
    document["rows"][1] = result("sid", commit="abd").as_json()
    assert "The same archive at several commits, a0: debian-12, sid." in page.table(document)
    older = result("sid", other, commit="abd")
    document["rows"] = [result("debian-12").as_json(), older.as_json()]
    assert "bytes differ" not in page.table(document)
    assert trial.compare([result("debian-12"), older]) == []


def test_docs_show_what_was_measured() -> None:
    document = json.loads(command.OUT.read_text(encoding="utf-8"))
    text = page.PAGE.read_text(encoding="utf-8")
    assert f"{page.START}\n{page.table(document)}\n{page.END}" in text


def test_what_is_peculiar_is_shown() -> None:
    row = Row("a", "sid", "sudo", ("clang",), umask="077", folder="my kit", network=False)
    assert row.peculiar() == ["with clang", "umask 077", "folder 'my kit'", "no network"]
    assert row.checkout == "/home/dev/my kit"
    behind = Row("a", "sid", "sudo", proxy=True)
    assert behind.peculiar() == ["only through a proxy with a password"]


def test_whose_engine_it_is_and_what_follows_is_shown() -> None:
    own = Row("a", "sid", "plain", podman=True, rootless=True)
    assert own.peculiar()[1:] == ["the engine is the user's own, without root"]
    remapped = Row("a", "sid", "root", daemon={"userns-remap": "default"})
    assert remapped.peculiar() == ['daemon.json {"userns-remap": "default"}']
    assert own.numbered and remapped.numbered and not Row("a", "sid", "root").numbered
    row = next(row for row in rows.load() if row.then)
    assert f"; then `{row.then}` |" in page.table({"rows": [result(row.name).as_json()]})


class Here:
    """A transport to this very machine; keeps with which variables."""

    def __init__(self) -> None:
        self.variables: list[Mapping[str, str]] = []

    def command(self, script: str, user: str, variables: Mapping[str, str]) -> list[str]:
        """Return the command that runs it here."""
        del user
        self.variables.append(variables)
        return ["sh", "-c", script]

    def reboot(self) -> None:
        """Do nothing."""

    def cut_off(self) -> None:
        """Do nothing."""


def test_only_who_has_an_engine_of_his_own_has_its_folder() -> None:
    here = Here()
    machine = Machine(Row("a", "sid", "plain", rootless=True), here)
    machine.shell("true")
    machine.shell("true", user="dev")
    Machine(Row("a", "sid", "plain"), here).shell("true", user="dev")
    folders = [variables.get("XDG_RUNTIME_DIR") for variables in here.variables]
    assert folders == [None, "/run/user/1000", None]


def test_what_is_typed_afterwards_and_whose_files_are_left_decide(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Row, "home", str(tmp_path))
    monkeypatch.setattr(Row, "login", Path(tmp_path).owner())
    (tmp_path / "kit").mkdir()
    (tmp_path / "kit/inv").write_text("#!/bin/sh\necho output dist\n")
    (tmp_path / "kit/inv").chmod(0o755)

    def fault(then: str) -> str:
        machine = Machine(Row("a", "sid", "plain", then=then), Here())
        monkeypatch.setattr(trial, "started", lambda row: contextlib.nullcontext(machine))
        return trial.run(machine.row, []).fault

    assert fault("") == fault("test -e inv") == ""
    assert fault("echo no such thing; exit 3") == (
        "echo no such thing; exit 3: exit code 3: no such thing"
    )
    monkeypatch.setattr(Row, "login", "nobody")
    assert fault("") == f"it is not nobody's: {tmp_path}/kit"


def test_a_guest_says_what_it_is() -> None:
    row = Row("a", "sid", "sudo", guest="arm64", memory=2048, reboot=True)
    assert row.peculiar() == [
        "guest of QEMU with systemd (arm64, 2048 MiB)",
        "rebooted, and typed again",
    ]


def device(folder: Path) -> Device:
    return Device(
        "a", "vm", "arm64", "", "", "cortex-a76", folder, "127.0.0.1", 22345, "root",
        folder / "key", folder / "known_hosts",
    )  # fmt: skip


def test_a_script_in_a_guest_runs_in_a_login_of_its_user(tmp_path: Path) -> None:
    with subprocess.Popen(["true"]) as process:
        machine = guest.Guest(device(tmp_path), process)
    arguments = machine.command("echo 'a b'", "dev", {"TZ": "Asia/Kathmandu"})
    assert arguments[0] == "ssh" and arguments[-2] == "dev@127.0.0.1"
    # The far shell takes the one word apart again.
    assert shlex.split(arguments[-1]) == ["env", "TZ=Asia/Kathmandu", "sh", "-c", "echo 'a b'"]
    done = subprocess.run(["sh", "-c", arguments[-1]], capture_output=True, check=True)
    assert done.stdout == b"a b\n"


def test_a_guest_has_a_key_a_network_and_a_folder_for_device_nodes(tmp_path: Path) -> None:
    files = {file.path: file for file in guest.files(device(tmp_path))}
    assert {"/root/.ssh/authorized_keys", "/etc/resolv.conf"} <= files.keys()
    assert any(path.startswith("/dev/") for path in files)
    assert b"DHCP=ipv4" in files["/etc/systemd/network/50-wired.network"].content


def test_no_machine_does_what_its_kind_cannot(tmp_path: Path) -> None:
    with pytest.raises(StepFailedError, match="can't be rebooted"):
        container.Container("a").reboot()
    with subprocess.Popen(["true"]) as process, pytest.raises(StepFailedError, match="network"):
        guest.Guest(device(tmp_path), process).cut_off()


def test_a_row_that_reboots_is_judged_by_what_it_does_afterwards(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[str] = []
    results = iter(
        [CommandResult(0, "output dist", 1.0), CommandResult(3, "error: no engine", 1.0)]
    )

    class Transport:
        def command(self, script: str, user: str, variables: Mapping[str, str]) -> list[str]:
            del user, variables
            return ["true", script]

        def reboot(self) -> None:
            seen.append("reboot")

        def cut_off(self) -> None:
            seen.append("cut off")

    row = Row("a", "sid", "sudo", guest="amd64", reboot=True, image=True)
    machine = Machine(row, Transport())
    monkeypatch.setattr(trial, "started", lambda row: contextlib.nullcontext(machine))
    monkeypatch.setattr(trial, "typed", lambda machine, arguments: next(results))
    log: list[str] = []
    result = trial.run(row, log)
    assert seen == ["reboot"]
    assert result.fault == "after a reboot: exit code 3, not 0: error: no engine"
    assert log == ["output dist", "--- after a reboot", "error: no engine"]


def test_variables_of_this_machine_go_on_to_bare_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "https_proxy": "http://proxy.invalid:3128",
        "PIP_INDEX_URL": "https://index.invalid/simple",
        "SSL_CERT_FILE": "/somewhere/of/mine.pem",
        "AWS_SECRET_ACCESS_KEY": "secret",
    }.items():
        monkeypatch.setenv(name, value)
    environment = host.environment()
    assert environment["https_proxy"] == "http://proxy.invalid:3128"
    assert environment["PIP_INDEX_URL"] == "https://index.invalid/simple"
    assert environment["SSL_CERT_FILE"] == host.BUNDLE
    assert "AWS_SECRET_ACCESS_KEY" not in environment


def test_mounts_of_a_command_that_fails_go_with_it(tmp_path: Path) -> None:
    """mmdebstrap as root mounts /proc and more below the root that it makes."""
    script = 'mount -t tmpfs none "$1" && touch "$1/seen" && exit 3'
    # Another user needs to be root in a namespace of users for it to mount at all.
    prefix = host.apart() or ("unshare", "--map-root-user", "--mount")
    done = subprocess.run([*prefix, "sh", "-c", script, "-", tmp_path], check=False)
    assert done.returncode == 3
    assert str(tmp_path) not in Path("/proc/self/mountinfo").read_text()
    assert list(tmp_path.iterdir()) == []
