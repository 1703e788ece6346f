#!/usr/bin/python
"""Reads what a Jetson is and has. It runs on the device, with Python 3.6 or later and no more."""

DOCUMENTATION = """
module: jetson_facts
short_description: Reads which Jetson this is, and what of it matters to containers with a GPU
description:
  - Sets the fact C(jetson). Nothing is changed, so check mode gives the same.
  - What can't be read is null or empty; nothing is guessed.
options:
  releases:
    description: JetPack and Ubuntu of each L4T release.
    type: dict
    required: true
  modules:
    description: Name, SoC, part numbers and boards of each module.
    type: dict
    required: true
  socs:
    description: CUDA compute capability of each SoC.
    type: dict
    required: true
  places:
    description: Folders whose free space is told.
    type: list
    elements: str
    default: ["/", "/var/lib/docker", "/var/lib"]
author:
  - MediaPipe Jetson Kit (!UNKNOWN)
"""

EXAMPLES = """
- name: Read what this Jetson is
  mediapipe_jetson.kit.jetson_facts:
    releases: "{{ jetson_facts_releases }}"
    modules: "{{ jetson_facts_modules }}"
    socs: "{{ jetson_facts_socs }}"
"""

RETURN = """
ansible_facts:
  description: The fact C(jetson), a dictionary.
  returned: always
  type: dict
"""

import glob
import gzip
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
from typing import Any, Dict, List, Optional, Tuple

from ansible.module_utils.basic import AnsibleModule

RELEASE_FILE = "/etc/nv_tegra_release"
RELEASE = re.compile(r"#\s*R(\d+)\s*\(release\),\s*REVISION:\s*(\d+(?:\.\d+)*)")
PART = re.compile(r"(?<![0-9a-z])[pP](\d{4}-\d{4})(?!\d)")
# /proc/device-tree is a link to the second; containers that stand for a Jetson have only that one.
TREES = ("/proc/device-tree", "/sys/firmware/devicetree/base")
MARKER = "/etc/mediapipe-jetson/emulated"
GPU_NAMES = ("gv11b", "gp10b", "ga10b", "gb10b", "gm20b", "gpu")
NVPMODEL_CONF = "/etc/nvpmodel.conf"
TIMEOUT_S = 20


def text(path: str) -> str:
    """Return a file's text, "" where there is none."""
    try:
        with open(path, "rb") as stream:
            return stream.read().decode("utf-8", "replace")
    except OSError:
        return ""


def output(*words: str) -> str:
    """Return what a program printed, "" where it is missing or failed."""
    environment = dict(os.environ, LC_ALL="C")
    environment["PATH"] = "/usr/sbin:/usr/bin:/sbin:/bin:" + environment.get("PATH", "")
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


def tree(name: str) -> List[str]:
    """Return the strings of a property of the device tree."""
    for folder in TREES:
        parts = [part for part in text(folder + "/" + name).split("\0") if part.strip()]
        if parts:
            return parts
    return []


def package(name: str) -> str:
    """Return the version of an installed package, "" if it is none."""
    parts = output("dpkg-query", "-W", "-f=${db:Status-Status} ${Version}", name).split()
    return parts[1] if len(parts) == 2 and parts[0] == "installed" else ""


def l4t() -> Tuple[str, str]:
    """Return the release and where it was read; apt raises the package's, not always the file's."""
    core = package("nvidia-l4t-core")
    if core:
        return core.split("-", 1)[0], "nvidia-l4t-core"
    match = RELEASE.match(text(RELEASE_FILE))
    if not match:
        return "", ""
    return ".".join([match.group(1), *(match.group(2) + ".0").split(".")[:2]]), RELEASE_FILE


def module_of(modules: Dict[str, Any]) -> str:
    """Return the module's id: by its part number, else by a board that takes it alone."""
    message = tree("compatible") + tree("nvidia,dtsfilename")
    parts = ["p" + part for words in message for part in PART.findall(words)]
    for key in ("part_numbers", "boards"):
        for part in parts:
            for name in sorted(modules):
                if part in modules[name][key]:
                    return name
    return ""


def iptable_raw(release: str) -> Optional[bool]:
    """Return whether the kernel has iptables' raw table; None where it can't be told."""
    if "raw" in text("/proc/net/ip_tables_names").split():
        return True
    folder = "/lib/modules/" + release
    listed = [text(folder + "/modules." + kind) for kind in ("builtin", "dep")]
    if any("iptable_raw" in words for words in listed):
        return True
    if listed[1]:
        return False
    try:
        with gzip.open("/proc/config.gz", "rt") as stream:
            settings = stream.read()
    except OSError:
        return None
    if re.search(r"^CONFIG_IP_NF_RAW=[ym]$", settings, re.MULTILINE):
        return True
    return False if "CONFIG_" in settings else None


def gpu_load() -> str:
    """Return the file that tells the GPU's load in per mille, "" where there is none (Thor)."""
    for folder in sorted(glob.glob("/sys/class/devfreq/*")):
        name = text(folder + "/device/of_node/name").strip("\0\n")
        load = os.path.join(os.path.realpath(folder + "/device"), "load")
        if name in GPU_NAMES and os.path.exists(load):
            return load
    for path in ("/sys/devices/gpu.0/load", "/sys/devices/platform/gpu.0/load"):
        if os.path.exists(path):
            return path
    return ""


def driver() -> str:
    """Return the version of the user-space driver: its libraries carry it in their name."""
    for folder in ("nvidia", "tegra"):
        pattern = f"/usr/lib/aarch64-linux-gnu/{folder}/libnvidia-eglcore.so.*"
        result = sorted(glob.glob(pattern))
        if result:
            return result[0].rpartition(".so.")[2]
    return ""


def docker() -> Dict[str, Any]:
    """Return what there is of Docker; `version` is the engine's own word, else its package's."""
    raw = output("docker", "version", "--format", "{{json .Server}}").strip()
    server = loaded(raw)
    packages = {name: package(name) for name in ("docker-ce", "docker.io", "moby-engine")}
    owner = next((name for name in sorted(packages) if packages[name]), "")
    version = upstream(str(server.get("Version") or ""))
    if not version:
        version = upstream(packages.get(owner, ""))
    info = loaded(output("docker", "info", "--format", "{{json .}}").strip())
    return {
        "version": version,
        "package": owner,
        "package_version": packages.get(owner, ""),
        "running": bool(server),
        "runtimes": sorted(info.get("Runtimes") or {}),
        "root": str(info.get("DockerRootDir") or "/var/lib/docker"),
        "live_restore": info.get("LiveRestoreEnabled"),
    }


def loaded(raw: str) -> Dict[str, Any]:
    """Return a JSON object, {} where it is none."""
    try:
        document = json.loads(raw or "{}")
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def toolkit() -> str:
    """Return the version of NVIDIA's container toolkit, "" where there is none."""
    match = re.search(r"version (\d+(?:\.\d+)+)", output("nvidia-ctk", "--version"))
    if match:
        return match.group(1)
    for name in ("nvidia-container-toolkit", "nvidia-container-runtime"):
        if package(name):
            return upstream(package(name))
    return ""


def upstream(version: str) -> str:
    """Return the upstream part of a Debian version: no epoch, no revision."""
    return re.split(r"[-+~]", version.rpartition(":")[2])[0]


def power() -> Dict[str, Any]:
    """Return the power modes by name and id, and the one that is on."""
    # Two notations: "< POWER_MODEL ID=0 NAME=MAXN >", and with other words between.
    pattern = r"^<\s*POWER_MODEL\s+ID=(\d+)\s+NAME=(\S+?)\s*>"
    modes = re.findall(pattern, text(NVPMODEL_CONF), re.MULTILINE)
    said = output("nvpmodel", "-q") if modes else ""
    current = re.search(r"^NV Power Mode:\s*(\S+)\s*$", said, re.MULTILINE)
    return {
        "modes": {name: int(number) for number, name in modes},
        "mode": re.sub(r"^MODE_(?=MODE_)", "", current.group(1)) if current else "",
    }


def free(places: List[str]) -> Dict[str, int]:
    """Return the free MiB of each folder, of its nearest parent where it is not there yet."""
    result = {}
    for place in places:
        there = place
        while there != "/" and not os.path.exists(there):
            there = os.path.dirname(there)
        result[place] = shutil.disk_usage(there).free // 2**20
    return result


def emulated(is_jetson: bool) -> Tuple[bool, List[str]]:
    """Return whether this only stands for a Jetson, and why."""
    reasons = []
    if os.path.exists(MARKER):
        reasons.append(MARKER + " says so")
    machine = platform.machine()
    if is_jetson and machine != "aarch64":
        reasons.append("it calls itself a Jetson on " + machine)
    if is_jetson and glob.glob("/sys/bus/virtio/devices/*"):
        reasons.append("it has the devices of a virtual machine")
    return bool(reasons), reasons


def gather(
    releases: Dict[str, Any], modules: Dict[str, Any], socs: Dict[str, Any], places: List[str]
) -> Dict[str, Any]:
    """Return the fact."""
    release, source = l4t()
    module = module_of(modules)
    compatible = tree("compatible")
    soc = next((item for item in sorted(socs) if "nvidia," + item in compatible), "")
    kernel = platform.release()
    is_jetson = bool(release and (soc or module))
    stands_for, reasons = emulated(is_jetson)
    engine = docker()
    row = releases.get(release, {})
    return {
        "is_jetson": is_jetson,
        "l4t": release,
        "l4t_from": source,
        "l4t_known": release in releases,
        "branch": "r" + release.split(".")[0] if release else "",
        "jetpack": row.get("jetpack", ""),
        "ubuntu": row.get("ubuntu", ""),
        "module": module,
        "module_name": modules[module]["name"] if module else "",
        "model": next(iter(tree("model")), ""),
        "soc": soc,
        "sm": socs[soc]["sm"] if soc else "",
        "driver": driver(),
        "toolkit": toolkit(),
        "docker": engine,
        "power": power(),
        "gpu_load": gpu_load(),
        "kernel": kernel,
        "iptable_raw": iptable_raw(kernel),
        "architecture": platform.machine(),
        "python": platform.python_version(),
        "free_mb": free(sorted(set(places) | {engine["root"]})),
        "memory_mb": memory_mb(),
        "machine": machine(),
        "emulated": stands_for,
        "emulated_why": reasons,
    }


def machine() -> str:
    """Return what two names of one running machine have in common, "" where that is not known.

    A copied system disk has its machine-id, too, and another boot; containers of one kernel have
    its boot, and another machine-id or name.
    """
    own = [text(path).strip() for path in ("/etc/machine-id", "/proc/sys/kernel/random/boot_id")]
    if not all(own):
        return ""
    return hashlib.sha256("\0".join([*own, platform.node()]).encode()).hexdigest()


def memory_mb() -> Optional[int]:
    """Return the memory in MiB, None where the kernel does not tell."""
    match = re.search(r"^MemTotal:\s+(\d+) kB", text("/proc/meminfo"), re.MULTILINE)
    return int(match.group(1)) // 1024 if match else None


def main() -> None:
    """Read the arguments, set the fact."""
    module = AnsibleModule(
        argument_spec={
            "releases": {"type": "dict", "required": True},
            "modules": {"type": "dict", "required": True},
            "socs": {"type": "dict", "required": True},
            "places": {
                "type": "list",
                "elements": "str",
                "default": ["/", "/var/lib/docker", "/var/lib"],
            },
        },
        supports_check_mode=True,
    )
    given = module.params
    facts = gather(given["releases"], given["modules"], given["socs"], given["places"])
    module.exit_json(changed=False, ansible_facts={"jetson": facts})


if __name__ == "__main__":
    main()
