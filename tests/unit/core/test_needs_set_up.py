"""What a command lacks: listed, installed by set-up, looked for again; what set-up's end means."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from jetson_kit.core import needs, stopping
from jetson_kit.core.errors import KitError, ToolMissingError
from jetson_kit.core.paths import ROOT


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
    ("program", "arguments", "code", "package"),
    [
        ("rsync", ("fleet.rollout", "x", "-i", EXAMPLE), 3, "rsync"),
        ("ssh", ("fleet.status", "-i", EXAMPLE), 3, "openssh-client"),
        ("ssh", ("verify", "-i", EXAMPLE), 3, "openssh-client"),
    ],
)
def test_a_task_that_lacks_a_program_lists_it_and_stops(
    without: Callable[[str], dict[str, str]],
    program: str,
    arguments: tuple[str, ...],
    code: int,
    package: str,
) -> None:
    done = subprocess.run(
        [ROOT / "inv", *arguments],
        env=without(program),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    first, last = done.stderr.splitlines()
    assert first == f"Missing packages for ./inv {arguments[0]}: {package}"
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
    script = f"for one in dockerd docker; do install -m 755 /bin/true {tmp_path}/bin/$one; done"
    set_up_by(monkeypatch, tmp_path, script)
    begun: list[list[str]] = []
    monkeypatch.setattr(needs, "_answers", lambda *_: False)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(os, "execvp", lambda _, command: begun.append(command))
    monkeypatch.setattr(sys, "argv", ["tasks.py", "build", "--jetson"])
    needs.require(("dockerd", "docker"), "./inv build")
    assert begun == [["sh", str(ROOT / "inv"), "build", "--jetson"]]


def test_the_package_of_a_program() -> None:
    assert needs.package_of("debugfs") == "e2fsprogs"
    assert needs.package_of("fdtput") == "device-tree-compiler"
    assert needs.package_of("no-such-program") == ""
