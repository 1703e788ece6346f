"""Which Docker Engine the role docker_engine would install, decided by its own tasks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import yaml

from jetson_kit.core import paths

ANSIBLE = Path(sys.executable).with_name("ansible-playbook")
# Ubuntu, whether the kernel has iptables' raw table, and docker_engine_version: what is installed.
DECIDED = [
    ("18.04", True, "", "20.10.24"),
    ("20.04", False, "", "20.10.24"),
    ("22.04", False, "", "26.1.5"),
    ("22.04", True, "", "28.5.2"),
    ("24.04", True, "", "28.5.2"),
    ("24.04", True, "27.5.1", "27.5.1"),
    ("22.04", False, "27.5.1", "27.5.1"),
    ("26.04", True, "", "26.1.5"),
]
EACH = [
    {
        "set_fact": {
            "cacheable": True,
            "jetson": {
                "docker": {"version": "", "package": ""},
                "kernel": "5.15",
                "ubuntu": "{{ item[0] }}",
                "iptable_raw": "{{ item[1] }}",
            },
        }
    },
    {
        "import_role": {
            "name": "mediapipe_jetson.kit.docker_engine",
            "tasks_from": "preflight",
            "rolespec_validate": False,
        },
        "vars": {"docker_engine_version": "{{ item[2] }}"},
    },
    {"set_fact": {"decided": "{{ decided | default([]) + [docker_engine_good] }}"}},
]


def test_a_board_without_an_engine_gets_one_that_suits_it(tmp_path: Path) -> None:
    (tmp_path / "each.yml").write_text(yaml.safe_dump(EACH))
    play = {
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"},
        "tasks": [
            {"include_tasks": str(tmp_path / "each.yml"), "loop": [row[:3] for row in DECIDED]},
            {
                "copy": {
                    "content": "{{ decided | to_json }}",
                    "dest": str(tmp_path / "decided"),
                    "mode": "0644",
                }
            },
        ],
    }
    (tmp_path / "play.yml").write_text(yaml.safe_dump([play]))
    (tmp_path / "ansible.cfg").write_text("[defaults]\n")
    env = {
        **os.environ,
        "ANSIBLE_CONFIG": str(tmp_path / "ansible.cfg"),
        "ANSIBLE_HOME": str(tmp_path / "home"),
        "ANSIBLE_LOCAL_TEMP": str(tmp_path / "local"),
        "ANSIBLE_REMOTE_TEMP": str(tmp_path / "remote"),
        "ANSIBLE_COLLECTIONS_PATH": str(paths.ANSIBLE / "collections"),
    }
    done = subprocess.run(
        [ANSIBLE, "-i", "localhost,", tmp_path / "play.yml"],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-1000:]
    assert json.loads((tmp_path / "decided").read_text()) == [row[3] for row in DECIDED]
