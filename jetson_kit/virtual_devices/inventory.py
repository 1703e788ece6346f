"""An Ansible inventory of the virtual devices that are up."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from jetson_kit.core.files import write_text
from jetson_kit.virtual_devices import ssh, store
from jetson_kit.virtual_devices.store import Record

# A guest under TCG takes 15 s a frame for the GPU's graph in software, and minutes to compile it.
EMULATED_S = 3600
FILE = "inventory.yml"
GROUP = "emulated"


def path() -> Path:
    """Return where the inventory lies."""
    return store.state_dir() / FILE


def write(records: Iterable[Record]) -> Path:
    """Write the inventory of those that are ready; return its path."""
    text = yaml.safe_dump(content(records), sort_keys=False)
    write_text(path(), f"# Written by ./inv devices.up and devices.down.\n{text}")
    return path()


def content(records: Iterable[Record]) -> dict[str, Any]:
    """Return the inventory: every device in `emulated`, and in a group for each of its facts.

    `mediapipe_expect: software` says that none of them may ever pass as one with a GPU.
    """
    hosts: dict[str, Any] = {}
    groups: dict[str, dict[str, Any]] = {}
    for record in records:
        if record.stage != "ready":
            continue
        device = record.device
        hosts[device.name] = {
            "ansible_host": device.address,
            "ansible_port": device.port,
            "ansible_user": device.user,
            "ansible_ssh_private_key_file": str(device.key),
            "ansible_ssh_common_args": shlex.join(["-F", "/dev/null", *ssh.options(device)]),
            "mediapipe_module": device.module,
            "mediapipe_l4t": device.l4t,
            "mediapipe_architecture": device.arch,
        }
        if device.kind == "vm":
            hosts[device.name]["mediapipe_timeout_s"] = EMULATED_S
        branch = device.l4t.split(".", 1)[0]
        for name in (f"kind_{device.kind}", f"module_{device.module}", f"l4t_r{branch}"):
            member = groups.setdefault(re.sub(r"\W", "_", name), {"hosts": {}})
            member["hosts"][device.name] = None
    shared = {
        "mediapipe_expect": "software",
        "ansible_python_interpreter": "/usr/bin/python3",
    }
    emulated = {"hosts": hosts, "vars": shared}
    return {"all": {"children": {GROUP: emulated, **dict(sorted(groups.items()))}}}
