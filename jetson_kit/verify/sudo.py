"""Root's rights on a host whose login is somebody else: whether sudo gives them, and how."""

from __future__ import annotations

import os
from collections.abc import Sequence

from jetson_kit.ansible_driver.inventory import Host
from jetson_kit.ansible_driver.program_environment import BECOME_SECRET
from jetson_kit.core import ssh
from jetson_kit.core.errors import BadInputError
from jetson_kit.core.text import plain

# How commands become root's: not by sudo, by one that does not ask, or by one that does.
OWN, FREE, ASKED = "own", "free", "asked"
LIMIT_S = 30.0


def way(host: Host, shared: Sequence[str]) -> str:
    """Return how the commands of a connection become root's; `shared` are ssh's options for it.

    A login that may use Docker needs no sudo, so one whose sudo asks is left without it where no
    password is given. Raises BadInputError where one was given in vain, NetworkError.
    """
    become = str(host.variables.get("ansible_become", True)).lower()
    if host.address.startswith("root@") or become in ("false", "no", "0"):
        return OWN
    options = (*shared, *host.ssh_options())
    if ssh.run(host.address, "sudo -n true", b"", options, LIMIT_S).returncode == 0:
        return FREE
    password = os.environ.get(BECOME_SECRET, "")
    if not password:
        return OWN
    stdin = password.encode() + b"\n"
    done = ssh.run(host.address, "sudo -k -S -p '' true", stdin, options, LIMIT_S)
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines() or ["no reason given"]
        raise BadInputError(
            f"sudo refuses {BECOME_SECRET}: {plain(lines[-1], 120)}", "give the login's own"
        )
    return ASKED
