"""Cases of Docker, its runtimes and how containers are started."""

from __future__ import annotations

from tests.unit.doctor.cases.case import Case
from tests.unit.doctor_scenes import DOCKERENV, missing, package

KERNEL = {"proc/sys/kernel/osrelease": "5.15.148-tegra\n"}
MODULES = "lib/modules/5.15.148-tegra"
NO_RAW = {**KERNEL, f"{MODULES}/modules.dep": "kernel/net/ipv4/netfilter/iptable_nat.ko:\n"}
RAW = {**KERNEL, f"{MODULES}/modules.dep": "kernel/net/ipv4/netfilter/iptable_raw.ko:\n"}
DROP_IN = "etc/systemd/system/docker.service.d/raw.conf"
WAIVED = {DROP_IN: "[Service]\nEnvironment=DOCKER_INSECURE_NO_IPTABLES_RAW=1\n"}
REQUEST = '[{"Driver":"","Count":-1,"DeviceIDs":null,"Capabilities":[["gpu"]],"Options":{}}]'
CLONE3 = '"OCI: error adding seccomp filter rule for syscall clone3: permission denied"'
RESERVED = """\
services:
  a:
    deploy:
      resources:
        reservations:
          devices: [{driver: nvidia}]
"""


CASES: list[Case] = [
    (
        "docker-iptable-raw",
        "bad",
        {"files": NO_RAW, "outputs": {"docker-version": "28.0.1\n"}},
        "DOCKER_INSECURE_NO_IPTABLES_RAW=1",
    ),
    (
        "docker-iptable-raw",
        "bad",
        {"files": {**NO_RAW, **package("docker-ce", "5:28.1.1-1~ubuntu.22.04~jammy")}},
        "27.5.1",
    ),
    (
        "docker-iptable-raw",
        "bad",
        {"files": {**NO_RAW, **WAIVED}, "outputs": {"docker-version": "28.0.1"}},
        "28.0.2",
    ),
    (
        "docker-iptable-raw",
        "ok",
        {"files": {**NO_RAW, **WAIVED}, "outputs": {"docker-version": "28.0.2"}},
        "DOCKER_INSECURE",
    ),
    ("docker-iptable-raw", "ok", {"outputs": {"docker-version": "27.5.1"}}, "27.5.1"),
    (
        "docker-iptable-raw",
        "ok",
        {"files": RAW, "outputs": {"docker-version": "28.3.0"}},
        "has iptable_raw",
    ),
    (
        "docker-iptable-raw",
        "ok",
        {
            "files": {**NO_RAW, "etc/docker/daemon.json": '{"iptables": false}'},
            "outputs": {"docker-version": "28.3.0"},
        },
        "without iptables",
    ),
    ("docker-iptable-raw", "unknown", {"outputs": {"docker-version": "28.0.1"}}, "not listed"),
    (
        "docker-iptable-raw",
        "unknown",
        {"outputs": {"docker-version": missing("docker")}},
        "docker is not installed",
    ),
    ("docker-iptable-raw", "unknown", {"files": DOCKERENV}, "inside a container"),
    (
        "seccomp-clone3",
        "bad",
        {
            "device": "nano",
            "outputs": {"docker-version": "20.10.7"},
            "files": package("nvidia-container-toolkit", "1.5.1-1"),
        },
        "1.7.0",
    ),
    (
        "seccomp-clone3",
        "bad",
        {"outputs": {"docker-containers": f"/a\tnvidia\tnull\t{CLONE3}\n"}},
        "upgrade",
    ),
    (
        "seccomp-clone3",
        "ok",
        {
            "device": "nano",
            "outputs": {"docker-version": "20.10.7"},
            "files": package("nvidia-container-toolkit", "1.7.0-1"),
        },
        "toolkit 1.7.0",
    ),
    ("seccomp-clone3", "ok", {"device": "nano", "outputs": {"docker-version": "19.3.6"}}, "19.3"),
    ("seccomp-clone3", "ok", {"device": "orin"}, "not JetPack 4"),
    (
        "seccomp-clone3",
        "ok",
        {
            "device": "nano",
            "outputs": {
                "docker-version": "20.10.7",
                "docker-containers": f"/old\tnvidia\tnull\t{CLONE3}\n",
            },
            "files": package("nvidia-container-toolkit", "1.7.0-1"),
        },
        "toolkit 1.7.0",
    ),
    ("seccomp-clone3", "unknown", {}, "no Jetson"),
    (
        "seccomp-clone3",
        "unknown",
        {"device": "nano", "outputs": {"docker-version": "20.10.7"}},
        "not asked",
    ),
    (
        "runtime-not-registered",
        "bad",
        {"device": "orin", "outputs": {"docker-runtimes": '{"runc":{"path":"runc"}}'}},
        "nvidia-ctk runtime configure",
    ),
    (
        "runtime-not-registered",
        "bad",
        {"device": "orin", "files": {"etc/docker/daemon.json": '{"runtimes": {}}'}},
        "nvidia-ctk",
    ),
    (
        "runtime-not-registered",
        "bad",
        {"device": "orin", "files": {"etc/docker/daemon.json": "{,}"}},
        "nvidia-ctk",
    ),
    (
        "runtime-not-registered",
        "bad",
        {"device": "orin", "files": package("docker.io", "24.0.5-0ubuntu1~22.04.1")},
        "nvidia-ctk",
    ),
    (
        "runtime-not-registered",
        "ok",
        {
            "device": "orin",
            "files": {"etc/docker/daemon.json": '{"runtimes": {"nvidia": {"path": "x"}}}'},
        },
        "daemon.json lists",
    ),
    (
        "runtime-not-registered",
        "ok",
        {"device": "orin", "outputs": {"docker-runtimes": '{"nvidia":{},"runc":{}}'}},
        "docker info",
    ),
    (
        "runtime-not-registered",
        "unknown",
        {"device": "orin", "outputs": {"docker-version": missing("docker")}},
        "not installed",
    ),
    ("runtime-not-registered", "unknown", {}, "no Jetson"),
    (
        "toolkit-broken",
        "bad",
        {
            "device": "orin",
            "outputs": {"toolkit-version": "NVIDIA Container Toolkit CLI version 1.17.3\n"},
        },
        "1.17.7",
    ),
    (
        "toolkit-broken",
        "bad",
        {"device": "thor", "files": package("nvidia-container-toolkit", "1.17.6-1")},
        "1.17.7",
    ),
    (
        "toolkit-broken",
        "ok",
        {"device": "orin", "files": package("nvidia-container-toolkit", "1.17.4-1")},
        "1.17.4",
    ),
    (
        "toolkit-broken",
        "ok",
        {"device": "thor", "files": package("nvidia-container-toolkit", "1.17.8-1")},
        "1.17.8",
    ),
    ("toolkit-broken", "unknown", {}, "no Jetson"),
    (
        "toolkit-broken",
        "unknown",
        {"device": "orin", "outputs": {"toolkit-version": missing("nvidia-ctk")}},
        "not installed",
    ),
    (
        "gpus-flag",
        "bad",
        {"device": "orin", "outputs": {"docker-containers": f'/cam\trunc\t{REQUEST}\t""\n'}},
        "container cam",
    ),
    (
        "gpus-flag",
        "bad",
        {
            "device": "orin",
            "code": "app",
            "files": {"app/run.sh": "docker run --rm \\\n  --gpus all image\n"},
        },
        "run.sh:1",
    ),
    (
        "gpus-flag",
        "bad",
        {
            "device": "orin",
            "code": "app",
            "files": {"app/compose.yaml": RESERVED},
        },
        "compose.yaml:6",
    ),
    (
        "gpus-flag",
        "ok",
        {"device": "orin", "outputs": {"docker-containers": f'/cam\tnvidia\t{REQUEST}\t""\n'}},
        "1 container",
    ),
    (
        "gpus-flag",
        "ok",
        {
            "device": "orin",
            "code": "app",
            "files": {"app/run.sh": "docker run --runtime nvidia --gpus all image\n"},
            "outputs": {"docker-containers": ""},
        },
        "0 containers",
    ),
    (
        "gpus-flag",
        "ok",
        {
            "device": "orin",
            "files": {"etc/nvidia-container-runtime/config.toml": '  mode = "cdi"\n'},
        },
        "not csv",
    ),
    (
        "gpus-flag",
        "unknown",
        {"device": "orin", "outputs": {"docker-containers": missing("docker")}},
        "not installed",
    ),
    ("gpus-flag", "unknown", {}, "no Jetson"),
]
