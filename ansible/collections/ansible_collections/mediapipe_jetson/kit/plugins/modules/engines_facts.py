#!/usr/bin/python
"""Reads what can build TensorRT engines on a board, and whether the board is at work.

It runs on the device, with Python 3.6 or later and no more.
"""

DOCUMENTATION = """
module: engines_facts
short_description: Reads what can build TensorRT engines here, and whether the board is at work
description:
  - Sets the fact C(engines). Nothing is changed, so check mode gives the same.
options:
  load:
    description: File that tells the GPU's load in per mille, as the fact C(jetson) names it.
    type: str
    default: ""
author:
  - MediaPipe Jetson Kit (!UNKNOWN)
"""

EXAMPLES = """
- name: Read what builds engines here
  mediapipe_jetson.kit.engines_facts:
    load: "{{ ansible_facts.jetson.gpu_load }}"
"""

RETURN = """
ansible_facts:
  description: The fact C(engines), a dictionary.
  returned: always
  type: dict
"""

import json
import os
import re
import shutil
import subprocess
import sys
from typing import Any, Dict, List

from ansible.module_utils.basic import AnsibleModule

TRTEXEC = ("/usr/src/tensorrt/bin/trtexec", "/usr/bin/trtexec")
# Its bin package brings trtexec; the library's own package has the same version.
PACKAGES = ("libnvinfer-bin", "libnvinfer10", "libnvinfer11", "libnvinfer8")
OLDEST_PYTHON = (3, 9)
PYTHONS = ("python3", "python3.12", "python3.11", "python3.10", "python3.9")
HELD = "/run/mediapipe-jetson/update.lock"
STATE = "/var/lib/mediapipe-jetson/state.json"
TIMEOUT_S = 20


def output(*words: str) -> str:
    """Return what a program printed, "" where it is missing or failed."""
    environment = dict(os.environ, LC_ALL="C")
    try:
        done = subprocess.run(
            list(words),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            timeout=TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else ""


def package() -> str:
    """Return TensorRT's version by dpkg: 10.3.0.30 of 10.3.0.30-1+cuda12.5, "" if there is none."""
    for name in PACKAGES:
        parts = output("dpkg-query", "-W", "-f=${db:Status-Status} ${Version}", name).split()
        if len(parts) == 2 and parts[0] == "installed":
            match = re.match(r"\d+\.\d+\.\d+(\.\d+)?", parts[1])
            if match:
                return match.group()
    return ""


def python() -> str:
    """Return the path of a Python that the program runs on, "" if there is none."""
    for name in PYTHONS:
        path = shutil.which(name)
        script = "import sys; print(*sys.version_info[:2])"
        parts = output(path, "-c", script).split() if path else []
        if len(parts) == 2 and (int(parts[0]), int(parts[1])) >= OLDEST_PYTHON:
            return str(path)
    return ""


def signs() -> bool:
    """Return whether ssh-keygen here can sign files, which OpenSSH does from 8.1 on."""
    done = subprocess.run(
        ["ssh-keygen", "-Y", "sign"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    return b"-f" in done.stdout or b"oo few arguments" in done.stdout


def busy(load: str) -> List[str]:
    """Return what the board is at: an update, an application that holds it, a GPU at work."""
    reasons = []
    if os.path.exists(HELD):
        reasons.append("its application says: not now")
    try:
        with open(STATE, "rb") as stream:
            current = json.loads(stream.read().decode("utf-8", "replace")).get("current") or {}
        if current.get("state") == "trial":
            reasons.append("an image is on trial")
    except (OSError, ValueError, AttributeError):
        pass
    percent = gpu_percent(load)
    if percent >= 20:
        reasons.append(f"its GPU is busy ({percent} %)")
    return reasons


def gpu_percent(load: str) -> int:
    """Return the GPU's load, 0 where it can't be told."""
    try:
        with open(load, "rb") as stream:
            return int(stream.read().decode()) // 10
    except (OSError, ValueError):
        return 0


def gather(load: str) -> Dict[str, Any]:
    """Return the fact."""
    program = next((path for path in TRTEXEC if os.access(path, os.X_OK)), "")
    version = package()
    interpreter = python()
    problem = ""
    if not program:
        problem = "there is no trtexec; install JetPack's package libnvinfer-bin"
    elif not version:
        problem = "no package of TensorRT is installed, so that its version is not known"
    elif not interpreter:
        problem = f"there is no Python from 3.9 on, only {sys.version.split()[0]}"
    elif not shutil.which("rsync"):
        problem = "rsync is not installed; run ./inv fleet.provision"
    elif not signs():
        problem = "its OpenSSH is older than 8.1 and can't sign what it builds"
    return {
        "trtexec": program,
        "tensorrt": version,
        "python": interpreter,
        "problem": problem,
        "busy": busy(load),
    }


def main() -> None:
    """Read the arguments, set the fact."""
    module = AnsibleModule(
        argument_spec={"load": {"type": "str", "default": ""}}, supports_check_mode=True
    )
    facts = {"engines": gather(module.params["load"])}
    module.exit_json(changed=False, ansible_facts=facts)


if __name__ == "__main__":
    main()
