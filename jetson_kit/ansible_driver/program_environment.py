"""The environment in which Ansible's programs run, and the passwords that it may hold."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from jetson_kit.core.errors import BadInputError
from jetson_kit.core.paths import ANSIBLE, cache_dir, writable

# Names of environment variables that hold what no argument and no log may hold.
VAULT_SECRET = "KIT_VAULT_PASSWORD"  # noqa: S105 # a name
BECOME_SECRET = "KIT_BECOME_PASSWORD"  # noqa: S105 # a name
SECRETS = {
    VAULT_SECRET: ("ANSIBLE_VAULT_PASSWORD_FILE", ANSIBLE / "secret-vault"),
    BECOME_SECRET: ("ANSIBLE_BECOME_PASSWORD_FILE", ANSIBLE / "secret-become"),
}

# Ansible's own variables by which a person chooses what is run, in which order, and how results are
# told: the kit's playbooks and what it reads of them go by its own ansible.cfg. Where hosts and
# passwords are and how to connect is the person's to say, as are the variables of collections.
CHOICES = re.compile(
    r"ANSIBLE_(.*CALLBACK|STRATEGY|DISPLAY|SHOW|VERBOS|DEBUG|LOG_|FORCE_|COLOR|RUN_|SKIP_|.*FATAL"
    r"|.*DEBUGGER|TASK_|NO_LOG|GATHERING|HASH_BEHAVIOUR|JINJA2|INJECT|ERROR_ON|NULL_|LIBRARY|MODULE"
    r"|ACTION|ROLES|PLAYBOOK|PRECEDENCE|PRIVATE_ROLE|DUPLICATE|INVALID|ALLOW_|STRING_|KEEP_|CHECK"
    r"|DIFF|RETRY_FILES|INVENTORY$|BECOME$)"
)


def of_user() -> dict[str, str]:
    """Return this process's environment without what would choose for the kit's playbooks."""
    return {**_places(), **_user_variables()}


def settings_of_user() -> list[str]:
    """Return the names of Ansible's variables that its programs get from the user."""
    return [name for name in _user_variables() if name.startswith("ANSIBLE_")]


def _user_variables() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not CHOICES.match(name)}


def _places() -> dict[str, str]:
    """Return folders for what Ansible would have in a home that it can't use: service users'."""
    own = os.path.expanduser("~/.ansible")  # noqa: PTH111 # leaves ~ where there is no home
    if not own.startswith("~") and writable(Path(own)):
        return {}
    home = cache_dir("ansible-home")
    return {
        "ANSIBLE_HOME": str(home),
        # Before 2.14 it had no home to choose.
        "ANSIBLE_LOCAL_TEMP": str(home / "tmp"),
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(home / "cp"),
    }


def environment() -> dict[str, str]:
    """Return the environment in which Ansible's programs, of our own environment, are found."""
    here = str(Path(sys.executable).parent)
    # testinfra starts `ansible-inventory` by its name; a warning on stdout would break its JSON.
    return {
        **of_user(),
        "PATH": os.pathsep.join([here, os.environ.get("PATH", os.defpath)]),
        # Ansible refuses any other, as cron and ssh without a locale have it.
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_HOST_KEY_CHECKING": "true",
        **secrets(),
    }


def secrets() -> dict[str, str]:
    """Return the options by which Ansible gets its passwords out of the environment, if there.

    Raises BadInputError where it would take a program's text for a password: it may not be run.
    """
    requested = [SECRETS[name] for name in SECRETS if os.environ.get(name)]
    for _, program in requested:
        if not os.access(program, os.X_OK):
            raise BadInputError(
                f"{program} can't be run: the kit was unpacked without the modes of its files, or "
                "lies where no program may run",
                f"chmod +x {program}, or clone it with Git",
            )
    return {option: str(program) for option, program in requested}
