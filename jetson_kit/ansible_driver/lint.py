"""Holds playbooks and roles to ansible-lint's profile `production`, offline, without a skip."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from jetson_kit.ansible_driver import ansible, collections

# The modules of AWX, which nothing but a playbook for AWX itself uses.
AWX = collections.TABLE.with_name("lint_collections.toml")

# Linting reads no inventory: the implied localhost must not count as one that can't be parsed.
NO_INVENTORY = {
    "ANSIBLE_INVENTORY_UNPARSED_FAILED": "false",
    "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "false",
}


def main() -> int:
    """Run ansible-lint in ansible/, where its settings are; return its exit code."""
    here = Path(sys.executable).parent
    path = os.pathsep.join([str(here), os.environ.get("PATH", os.defpath)])
    environment = ansible.environment({**NO_INVENTORY, "PATH": path})
    places = [environment["ANSIBLE_COLLECTIONS_PATH"], str(collections.path(AWX))]
    environment["ANSIBLE_COLLECTIONS_PATH"] = os.pathsep.join(places)
    done = subprocess.run(
        [str(here / "ansible-lint"), "--offline", "-q", *sys.argv[1:]],
        cwd=ansible.HOME,
        env=environment,
        check=False,
    )
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
