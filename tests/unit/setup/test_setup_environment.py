"""The environment that ./inv makes: cut off, moved, made by two at once, without a network."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from jetson_kit.emulation.run import CALLERS
from tests.unit.bare_machine import Machine


@pytest.mark.parametrize(
    ("output", "code"),
    [
        ("error: failed to write: No space left on device (os error 28)", 6),
        ("error: dns error: failed to lookup address information", 4),
        ("error: Hash mismatch", 7),
    ],
)
def test_uv_fails_and_the_next_run_completes(machine: Machine, output: str, code: int) -> None:
    machine.set_up()
    does = f'case "$1" in pip) echo "{output}" >&2; exit 2 ;; esac'
    got, _, err = machine.run(UV_DOES=does)
    assert got == code
    assert err.splitlines()[-1].startswith("error: fetching the locked Python packages")
    assert not (machine.checkout / ".venv" / ".locked").exists()
    assert machine.run()[0] == 0
    assert "--reinstall" in [line for line in machine.calls if line.startswith("uv pip sync")][-1]


@pytest.mark.parametrize("text", [r"C:\new\table", r"a \c b", r"\033[31m", "-n -e", "%s", "$HOME"])
def test_what_is_quoted_is_said_as_it_is(machine: Machine, text: str) -> None:
    machine.set_up()
    (machine.files / "words").write_text(f"error: {text}\n")
    err = machine.run(UV_DOES='/bin/cat "$FILES/words"; exit 2')[2]
    prefix = "error: fetching the locked Python packages failed: error: "
    assert err.splitlines()[1:] == [prefix + text]


def test_a_set_up_that_says_nothing_has_no_empty_line(machine: Machine) -> None:
    (machine.checkout / "ci" / "setup.sh").write_text("exit 5\n")
    assert machine.run("models.list") == (5, "", "")


def test_a_folder_with_a_backslash_is_set_up_once(machine: Machine) -> None:
    machine.set_up()
    odd = machine.home / r"my\new \ckit"
    machine.checkout.rename(odd)
    for expected in ("Setting up the Python environment in .venv\n", ""):
        assert machine.run("a\\nb", script=str(odd / "inv"))[::2] == (0, expected)
    assert (odd / ".venv" / ".root").read_text() == f"{odd}\n"


RETRY = "WARNING: Retrying (Retry(total=0, connect=None)) after connection broken by "
OBJECT = "<pip._vendor.urllib3.connection.HTTPSConnection object at 0x7f85>"


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (
            f"{RETRY}'NewConnectionError('{OBJECT}: Failed to establish a new connection: [Errno "
            "111] Connection refused')': /simple/uv/",
            "(Failed to establish a new connection: Connection refused)",
        ),
        (
            f"{RETRY}'NewConnectionError('{OBJECT}: Failed to establish a new connection: [Errno "
            "-2] Name or service not known')': /simple/uv/",
            "(Failed to establish a new connection: Name or service not known)",
        ),
        (
            f"{RETRY}'ConnectTimeoutError({OBJECT}, 'Connection to h timed out. (connect "
            "timeout=15.0)')': /simple/uv/",
            "(Connection to h timed out.)",
        ),
        (
            f"{RETRY}\"ReadTimeoutError(\"HTTPSConnectionPool(host='h', port=443): Read timed "
            'out. (read timeout=15.0)")": /simple/uv/',
            "(Read timed out.",
        ),
        (
            f"{RETRY}'SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] "
            "certificate verify failed: unable to get local issuer certificate (_ssl.c:1006)'))'"
            ": /simple/uv/",
            "PIP_CERT and SSL_CERT_FILE",
        ),
    ],
)
def test_pip_meets_no_network_or_an_unknown_certificate(
    machine: Machine, tmp_path: Path, output: str, expected: str
) -> None:
    log = tmp_path / "log"
    log.write_text(f"{output}\nERROR: No matching distribution found for uv==1\n")
    does = f'case "$1 $2" in "-m pip") /bin/cat {log} >&2; exit 1 ;; esac'
    got, _, err = machine.run("build", INTERPRETER_DOES=does)
    last = err.splitlines()[-1]
    assert got == 4, err
    assert last.startswith("error: fetching uv: ")
    assert expected in last
    assert not re.search("0x|Errno|Retry|Error", last)


@pytest.mark.parametrize(
    "output",
    [
        "invalid peer certificate: UnknownIssuer",
        "error: error sending request for url (https://h/): self-signed certificate",
    ],
)
def test_uv_meets_an_unknown_certificate(machine: Machine, output: str) -> None:
    machine.set_up()
    does = f'case "$1" in pip) echo "{output}" >&2; exit 2 ;; esac'
    got, _, err = machine.run(UV_DOES=does)
    assert got == 4
    assert "SSL_CERT_FILE" in err.splitlines()[-1]


@pytest.mark.parametrize("ready", [False, True])
def test_a_folder_where_no_program_may_run(machine: Machine, ready: bool) -> None:
    """As on a file system mounted noexec, before and after set-up."""
    machine.set_up()
    if ready:
        assert machine.run()[0] == 0
        (machine.checkout / ".venv" / "bin" / "uv").chmod(0o644)
    lost = '[ ! -e "${0%/*}/uv" ] || chmod 644 "${0%/*}/uv"'
    code, out, err = machine.run(INTERPRETER_DOES=lost)
    assert (code, out) == (7, ""), err
    assert "its file system is mounted noexec" in err.splitlines()[-1]


@pytest.mark.parametrize("gone", [True, False])
def test_a_program_of_the_environment_that_is_lost_is_had_again(
    machine: Machine, gone: bool
) -> None:
    machine.set_up()
    assert machine.run()[0] == 0
    program = machine.checkout / ".venv" / "bin" / "uv"
    if gone:
        program.unlink()
    else:
        program.chmod(0o644)
    assert machine.run()[::2] == (0, "Setting up the Python environment in .venv\n")
    assert machine.run()[::2] == (0, "")


@pytest.mark.parametrize(
    ("limit", "output", "code", "expected"),
    [
        ("unlimited", "OSError: [Errno 27] File too large", 6, "ulimit -f"),
        ("unlimited", "E: Failed to fetch http://h/x  (27: File too large)", 6, "ulimit -f"),
        ("unlimited", "error: profile too large for it", 7, "error: profile too large for it"),
        ("99999", "returned non-zero exit status 1.", 7, "may be why: see ulimit -f"),
        ("unlimited", "returned non-zero exit status 1.", 7, "exit status 1."),
    ],
)
def test_a_limit_of_file_sizes(
    machine: Machine, limit: str, output: str, code: int, expected: str
) -> None:
    machine.set_up()
    machine.environment["UV_DOES"] = f'case "$1" in pip) echo "{output}" >&2; exit 2 ;; esac'
    script = machine.checkout / "limited"
    script.write_text(f'#!/bin/sh\nulimit -f {limit}\nexec "${{0%/*}}/inv"\n')
    script.chmod(0o755)
    got, _, err = machine.run(script="limited")
    assert got == code
    assert err.endswith(f"{expected}\n" if limit == "99999" or code == 7 else "again\n")
    assert ("ulimit" in err) == ("ulimit" in expected)


def test_a_half_made_environment_is_made_anew(machine: Machine) -> None:
    machine.set_up()
    (machine.checkout / ".venv" / "bin").mkdir(parents=True)
    (machine.checkout / ".venv" / "leftover").touch()
    assert machine.run()[0] == 0
    assert not (machine.checkout / ".venv" / "leftover").exists()


def test_a_moved_checkout_gets_a_new_environment(machine: Machine) -> None:
    machine.set_up()
    assert machine.run()[0] == 0
    moved = machine.checkout.rename(machine.home / "moved")
    assert machine.run(script=str(moved / "inv"))[0] == 0
    assert len([line for line in machine.calls if "-m venv" in line]) == 2
    assert (moved / ".venv" / ".root").read_text().splitlines()[0] == str(moved)


def test_two_at_once_set_up_once(machine: Machine) -> None:
    machine.set_up()
    slow = 'case "$1" in pip) sleep 0.5 ;; esac'
    both = [machine.start("x", UV_DOES=slow) for _ in range(2)]
    results = [(process.communicate(timeout=60), process.returncode) for process in both]
    assert [code for _, code in results] == [0, 0]
    assert len([line for line in machine.calls if "-m venv" in line]) == 1
    assert [err for (_, err), _ in results if "waiting for it" in err]


def test_the_lock_is_taken_as_nfs_wants_it(machine: Machine) -> None:
    """Open for writing: https://man7.org/linux/man-pages/man2/flock.2.html."""
    machine.set_up()
    mode = 'sed -n "s/^flags:.*\\(.\\)$/\\1/p" /proc/$$/fdinfo/9'
    machine.program("flock", f'[ "$({mode})" = 2 ] || {{ echo "flock: 9: Bad" >&2; exit 65; }}')
    code, _, err = machine.run("models.list")
    assert (code, err) == (0, "Setting up the Python environment in .venv\n")


@pytest.mark.parametrize("fails", ["echo 'flock: 9: No locks' >&2; exit 71", "exit 127"])
def test_where_nothing_can_be_locked_it_is_said_and_done(machine: Machine, fails: str) -> None:
    machine.set_up()
    machine.program("flock", fails)
    code, _, err = machine.run("models.list")
    warning, usual = err.splitlines()
    assert (code, usual) == (0, "Setting up the Python environment in .venv")
    assert warning.startswith(f"warning: {machine.checkout}/ci/setup.sh can't be locked here; ")


def test_from_another_folder_through_a_link(machine: Machine, tmp_path: Path) -> None:
    machine.set_up()
    other = tmp_path / "other"
    other.mkdir()
    link = other / "link"
    link.symlink_to(machine.checkout / "inv")
    code, out, _ = machine.run("wheels.audit", "it's a wheel", script=str(link), cwd=other)
    assert code == 0
    assert out.splitlines() == [
        str(other),
        f"<{machine.checkout}/tasks.py>",
        "<wheels.audit>",
        "<it's a wheel>",
    ]


def test_a_new_member_of_the_group_docker_gets_it_at_once(machine: Machine) -> None:
    machine.set_up()
    machine.user("ann")
    (machine.system / "etc" / "group").write_text("adm:x:4:\ndocker:x:105:bob,ann\n")
    socket = machine.system / "var" / "run" / "docker.sock"
    socket.parent.mkdir(parents=True)
    socket.touch(0o000)
    machine.program("sg", 'shift 2; sh -c "$1"\n')
    code, out, err = machine.run("targets", "it's *", "a b")
    assert code == 0, err
    assert out.splitlines()[-3:] == ["<targets>", "<it's *>", "<a b>"]
    if os.geteuid() != 0:  # root may write to any socket
        assert [line for line in machine.calls if line.startswith("sg docker -c")]


def test_files_without_their_modes_do(machine: Machine) -> None:
    machine.set_up()
    (machine.files / "engine").unlink()
    for script in (machine.checkout / "inv", *(machine.checkout / "ci").glob("*.sh")):
        script.chmod(0o644)
    machine.program("again", f'sh "{machine.checkout}/inv" "$@"\n')
    code, out, err = machine.run("build", script="../bin/again")
    assert (code, out.splitlines()[-1]) == (0, "<build>"), err
    assert "denied" not in err
    assert (machine.checkout / ".venv" / ".locked").exists()


def test_no_other_environment_is_changed(machine: Machine) -> None:
    machine.set_up()
    assert machine.run()[0] == 0
    own = f"{machine.checkout}/.venv/bin"
    inside = "python -P -m jetson_kit.core.uv_environment "
    through = [line.removeprefix(inside) for line in machine.calls if line.startswith(inside)]
    assert [line.split(" install ")[0].split(" sync ")[0] for line in through] == [
        f"env PIP_USER=0 PIP_TARGET= PIP_PREFIX= {own}/python -m pip --disable-pip-version-check",
        f"{own}/uv pip",
    ]
    assert f" --python {own}/python " in through[1]


# As ROS, conda, a hook of git's or a person's shell export them.
STRANGERS = """PYTHON_GIL PYTHON_CPU_COUNT
PYTHONHOME PYTHONPATH PYTHONSAFEPATH PYTHONOPTIMIZE PYTHONINSPECT PYTHONWARNINGS
PYTHONHASHSEED PYTHONMALLOC PYTHONUTF8 PYTHONPLATLIBDIR PYTEST_ADDOPTS PYTEST_PLUGINS
PYTEST_DISABLE_PLUGIN_AUTOLOAD GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_OBJECT_DIRECTORY""".split()


def test_what_others_export_for_python_and_git_reaches_neither(machine: Machine) -> None:
    machine.set_up()
    mine = {"PYTHON_TOKEN": "mine", "GIT_SSH_COMMAND": "mine", "TEXT": "two\nPYTHONS=lines"}
    machine.environment |= {**mine, **dict.fromkeys(STRANGERS, "/nonexistent")}
    code, _, err = machine.run(INTERPRETER_DOES='env >"$FILES/seen"')
    assert (code, err.splitlines()[1:]) == (0, [])
    seen = (machine.files / "seen").read_text()
    names = set(re.findall(r"^(\w+)=", seen, re.M))
    assert not names & set(STRANGERS)
    assert names >= mine.keys()
    assert "two\nPYTHONS=lines\n" in seen
    assert {name for name in names if name.startswith(CALLERS)} == {
        f"{CALLERS}{name}" for name in STRANGERS
    }


def test_a_variable_of_the_caller_keeps_its_value(machine: Machine) -> None:
    machine.set_up()
    odd = "a 'b' \"c\" $(id) `id` \\\ntwo;"
    code, _, err = machine.run(INTERPRETER_DOES='printenv KIT_CALLERS_PYTHONX >"$FILES/seen"',
                               PYTHONX=odd)  # fmt: skip
    assert code == 0, err
    assert (machine.files / "seen").read_text() == f"{odd}\n"
