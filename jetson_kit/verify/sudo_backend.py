"""testinfra's ssh for logins whose sudo asks for a password, which no argument may hold."""

from __future__ import annotations

import os
import subprocess

from testinfra.backend import BACKENDS, base, ssh

from jetson_kit.ansible_driver.program_environment import BECOME_SECRET


class SudoSshBackend(ssh.SshBackend):  # type: ignore[misc] # testinfra has no types
    """Gives sudo its password on standard input, before each command."""

    def get_sudo_command(self, command: str, sudo_user: str | None) -> str:
        """Return the command by sudo. -k: it reads a password, whatever it remembers."""
        user = sudo_user or "root"
        return str(self.quote("sudo -k -S -p '' -u %s /bin/sh -c %s", user, command))

    def run_local(self, command: str, *args: str) -> base.CommandResult:
        """Run ssh, whose standard input is the password alone."""
        line = self.encode(self.quote(command, *args))
        password = os.environ.get(BECOME_SECRET, "").encode() + b"\n"
        done = subprocess.run(line, shell=True, input=password, capture_output=True, check=False)  # noqa: S602 # as testinfra quotes it
        return self.result(done.returncode, line, done.stdout, done.stderr)


def take_over() -> None:
    """Have testinfra use it for all hosts that are reached by ssh."""
    BACKENDS["ssh"] = f"{__name__}.{SudoSshBackend.__name__}"
