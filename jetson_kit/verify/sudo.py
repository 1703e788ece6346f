"""Root's rights on a host whose login is somebody else: whether sudo gives them, and how."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from jetson_kit.ansible_driver.inventory import Host
from jetson_kit.ansible_driver.program_environment import BECOME_SECRET
from jetson_kit.core import ssh
from jetson_kit.core.errors import BadInputError
from jetson_kit.core.text import plain

# How commands become root's: not by sudo, by one that does not ask, or by one that does.
OWN, FREE, ASKED = "own", "free", "asked"
LIMIT_S = 30.0
# Root, or a login that may use Docker, whosever it is.
ENOUGH = 'test "$(id -u)" = 0 || docker info >/dev/null 2>&1'
# Of sudo, for whom no password helps; and the shell's exit code where there is no sudo.
NOT_HIS = re.compile(r"not in the sudoers file|may not run sudo")
NO_PROGRAM = 127


def way(host: Host, shared: Sequence[str]) -> str:
    """Return how the commands of a connection become root's; `shared` are ssh's options for it.

    A login that needs no sudo, that has none, or whose sudo asks where no password is given, is
    left as it is. Raises BadInputError where a password was given in vain, NetworkError.
    """
    if str(host.variables.get("ansible_become", True)).lower() in ("false", "no", "0"):
        return OWN
    options = (*shared, *host.ssh_options())

    def run(command: str, stdin: bytes = b"") -> tuple[int, str]:
        done = ssh.run(host.address, command, stdin, options, LIMIT_S)
        return done.returncode, done.stderr.decode(errors="replace").strip()

    if run(ENOUGH)[0] == 0:
        return OWN
    if run("sudo -n true")[0] == 0:
        return FREE
    password = os.environ.get(BECOME_SECRET, "")
    if not password:
        return OWN
    code, message = run("env LC_ALL=C sudo -k -S -p '' true", password.encode() + b"\n")
    if code == NO_PROGRAM or (code and NOT_HIS.search(message)):
        return OWN
    if code:
        last = plain((message.splitlines() or ["no reason given"])[-1], 120)
        raise BadInputError(f"sudo refuses {BECOME_SECRET}: {last}", "give the login's own")
    return ASKED
