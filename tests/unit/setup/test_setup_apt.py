"""What set-up does with apt: lists, an end it can't explain, one that was cut off, the proxy."""

from __future__ import annotations

import re
import shutil
from typing import Any

import pytest

from tests.unit.bare_machine import Machine


def test_lists_read_a_moment_ago_are_not_read_again(machine: Machine) -> None:
    lists = machine.system / "var" / "lib" / "apt" / "lists"
    lists.mkdir(parents=True)
    assert machine.run("targets")[0] == 0
    assert not [line for line in machine.calls if line.endswith(" update")]


def test_new_but_empty_lists_are_read_and_it_is_tried_again(machine: Machine) -> None:
    (machine.system / "var" / "lib" / "apt" / "lists").mkdir(parents=True)
    does = """case "$*" in
      *update) touch "$FILES/read" ;;
      *install*) [ -e "$FILES/read" ] || { echo "E: Unable to locate package" >&2; exit 100; } ;;
    esac"""
    code, _, err = machine.run("targets", APT_DOES=does)
    assert code == 0, err
    assert len([line for line in machine.calls if " install " in line and "apt" in line]) == 2


def test_an_end_that_nothing_explains_is_told(machine: Machine) -> None:
    machine.set_up()
    machine.program("mv", "exit 127\n")
    code, out, err = machine.run("targets")
    assert (code, out) == (7, "")
    assert err.splitlines()[-1].startswith("error: making .venv ended with exit code 127")
    assert len(re.findall("^error: ", err, re.MULTILINE)) == 1
    (machine.bin / "mv").unlink()
    (machine.bin / "mv").symlink_to(str(shutil.which("mv")))
    assert machine.run("targets")[0] == 0


@pytest.mark.parametrize(
    ("output", "code", "expected"),
    [
        ("E: Failed to fetch x  Temporary failure resolving 'h'", 4, "the network does not answer"),
        ("E: You don't have enough free space in /var/cache/apt/archives/.", 6, "no space left"),
        ("E: Unable to locate package x", 7, "E: Unable to locate package x"),
    ],
)
def test_apt_fails(machine: Machine, output: str, code: int, expected: str) -> None:
    does = f'case "$*" in *install*) echo "{output}" >&2; exit 100 ;; esac'
    got, out, err = machine.run("build", APT_DOES=does)
    assert (got, out) == (code, "")
    assert expected in err.splitlines()[-1]
    assert len(re.findall("^error: ", err, re.MULTILINE)) == 1
    assert not (machine.checkout / ".venv").exists()


def test_an_interrupted_apt_is_finished_first(machine: Machine) -> None:
    machine.set_up()
    does = 'case "$1" in --audit) echo "docker.io is half configured" ;; esac'
    assert machine.run(DPKG_DOES=does)[0] == 0
    calls = [line for line in machine.calls if line.startswith(("dpkg", "apt-get"))]
    assert "--configure -a" in calls[0]
    assert "--fix-broken" in calls[1]


def test_an_installation_that_was_cut_off_is_finished_by_the_next_command(machine: Machine) -> None:
    machine.set_up()
    assert machine.run("targets")[0] == 0
    command = ("--for", "./inv fleet.rollout", "rsync")
    # The program is there, its package half done.
    machine.has("rsync")
    (machine.bin / "rsync").rename(machine.files / "later")
    cut = 'case "$*" in *install*) cp "$FILES/later" "$BIN/rsync"; kill -9 "$PPID" ;; esac'
    assert machine.run(*command, script="ci/setup.sh", APT_DOES=cut)[0] != 0
    assert (machine.bin / "rsync").exists()
    does = 'case "$1" in --audit) echo "rsync is half configured" ;; esac'
    code, _, err = machine.run("targets", DPKG_DOES=does)
    assert code == 0, err
    assert "Finishing an interrupted installation" in err
    assert [line for line in machine.calls if "--configure -a" in line]
    assert machine.run("targets", DPKG_DOES=does)[2] == ""


@pytest.mark.parametrize("names", [("http_proxy", "https_proxy"), ("HTTP_PROXY", "HTTPS_PROXY")])
def test_apt_finds_the_proxy_by_sudo_too_and_its_password_is_in_no_command(
    machine: Machine, names: tuple[str, str]
) -> None:
    machine.user("dev")
    machine.program(
        "sudo",
        'while :; do case "$1" in -n|-v|--) shift ;; *) break ;; esac; done\n'
        f'env -u {names[0]} -u {names[1]} -u no_proxy -u NO_PROXY "$@"\n',
    )
    variables: dict[str, Any] = {
        names[0]: "http://me:pass%40word@proxy:3128",
        names[1]: "http://other:8",
        "NO_PROXY": "mine.example",
        "APT_DOES": 'cat "$APT_CONFIG" >"$CALLS.apt"; echo "$no_proxy" >>"$CALLS.apt"',
    }
    code, _, err = machine.run("build", **variables)
    assert code == 0, err
    text = next(machine.home.rglob("*.apt")).read_text()
    assert text.splitlines() == [
        'Acquire::http::Proxy "http://me:pass%40word@proxy:3128";',
        'Acquire::https::Proxy "http://other:8";',
        "mine.example",
    ]
    assert "pass%40word" not in "\n".join(machine.calls)


def test_the_next_suites_apt_has_the_proxy_in_a_file_of_the_users_own(machine: Machine) -> None:
    code, _, err = machine.run(
        *("build", "--base", "ngc"),
        HTTP_PROXY="http://me:pass%40word@proxy:3128",
        APT_DOES='case "$*" in *download*) /usr/bin/stat -c %a "$APT_CONFIG" >>"$CALLS" ;; esac',
    )
    assert code == 0, err
    text = "\n".join(machine.calls)
    assert 'Acquire::http::Proxy "http://me:pass%40word@proxy:3128";' in text
    assert "600" in machine.calls
