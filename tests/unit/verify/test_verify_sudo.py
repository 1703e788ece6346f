"""How the device tests become root where the login is somebody else: real ssh, a sudo of ours."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import testinfra

from jetson_kit.ansible_driver.inventory import Host
from jetson_kit.ansible_driver.program_environment import BECOME_SECRET
from jetson_kit.core.errors import BadInputError
from jetson_kit.verify import sudo
from jetson_kit.verify.sudo_backend import SudoSshBackend
from tests.loopback_sshd import Sshd, serving

PASSWORD = "one two"
# Those of a login that is not root, whoever runs this.
LOGIN = {"id": "echo {uid}", "docker": "exit {docker}"}
# Asks unless it is free; what it is told goes before the command, as with -S.
SUDO = """\
#!/bin/sh
while :; do
  case "$1" in
    -n) quiet=1; shift ;;
    -k | -S) shift ;;
    -p | -u) shift 2 ;;
    *) break ;;
  esac
done
if [ ! -e "{free}" ]; then
  [ -z "$quiet" ] || {{ echo "sudo: a password is required" >&2; exit 1; }}
  read -r told
  [ "$told" = "{password}" ] || {{ echo "sudo: 1 incorrect password attempt" >&2; exit 1; }}
fi
exec "$@"
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Sshd]:
    place = tmp_path / "bin"
    place.mkdir()
    (place / "sudo").write_text(SUDO.format(free=tmp_path / "free", password=PASSWORD))
    (place / "sudo").chmod(0o755)
    become(tmp_path)
    with serving(tmp_path, f'PATH={place}:$PATH; eval "$SSH_ORIGINAL_COMMAND"') as result:
        yield result


def become(folder: Path, uid: int = 1000, docker: int = 1) -> None:
    """Say who logs in, and how `docker info` ends for it."""
    for name, line in LOGIN.items():
        text = "#!/bin/sh\n" + line.format(uid=uid, docker=docker) + "\n"
        (folder / "bin" / name).write_text(text)
        (folder / "bin" / name).chmod(0o755)


def host(server: Sshd, **more: Any) -> Host:
    variables = {
        "ansible_host": "127.0.0.1",
        "ansible_port": server.port,
        "ansible_ssh_private_key_file": str(server.key),
        "ansible_ssh_common_args": shlex.join(server.common),
        **more,
    }
    return Host("a", variables, {})


def test_a_login_that_may_is_not_asked(server: Sshd, tmp_path: Path) -> None:
    (tmp_path / "free").touch()
    assert sudo.way(host(server), ()) == sudo.FREE
    assert sudo.way(host(server, ansible_become=False), ()) == sudo.OWN
    become(tmp_path, uid=0)
    assert sudo.way(host(server), ()) == sudo.OWN
    become(tmp_path, docker=0)
    assert sudo.way(host(server), ()) == sudo.OWN


@pytest.mark.parametrize(
    "script",
    [
        'echo "jetson is not in the sudoers file." >&2; exit 1',
        'echo "Sorry, user jetson may not run sudo on b." >&2; exit 1',
        "exit 127",
    ],
)
def test_a_login_without_sudo_is_left_as_it_is(
    server: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    (tmp_path / "bin" / "sudo").write_text(f"#!/bin/sh\n{script}\n")
    monkeypatch.setenv(BECOME_SECRET, PASSWORD)
    assert sudo.way(host(server), ()) == sudo.OWN


def test_a_password_is_tried_before_the_tests(
    server: Sshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(BECOME_SECRET, raising=False)
    assert sudo.way(host(server), ()) == sudo.OWN
    monkeypatch.setenv(BECOME_SECRET, PASSWORD)
    assert sudo.way(host(server), ()) == sudo.ASKED
    monkeypatch.setenv(BECOME_SECRET, "wrong")
    with pytest.raises(BadInputError, match=r"KIT_BECOME_PASSWORD: sudo: 1 incorrect password"):
        sudo.way(host(server), ())


def test_each_command_gets_the_password_and_nothing_of_it(
    server: Sshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(BECOME_SECRET, PASSWORD)
    monkeypatch.setitem(
        testinfra.backend.BACKENDS, "ssh", f"{SudoSshBackend.__module__}.{SudoSshBackend.__name__}"
    )
    seen = testinfra.get_host(
        f"ssh://127.0.0.1:{server.port}",
        sudo=True,
        ssh_identity_file=str(server.key),
        ssh_extra_args=shlex.join(server.common),
    )
    assert seen.check_output("echo %s; cat", "it's $HOME") == "it's $HOME"
    assert seen.run("exit 7").rc == 7
    monkeypatch.setenv(BECOME_SECRET, "wrong")
    refused = seen.run("true")
    assert (refused.rc, refused.stderr) == (1, "sudo: 1 incorrect password attempt\n")
