"""Every cause of the doctor on small trees: at work, not at work, not to be seen."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from mediapipe_jetson.doctor import causes, docker, report
from mediapipe_jetson.doctor.scene import Scene
from mediapipe_jetson.observation import Absent

from tests.unit.device_wheel_trees import schema
from tests.unit.doctor_scenes import (
    CPU_ONLY,
    DOCKERENV,
    GLVND,
    GPU,
    ICD,
    ICD_PATH,
    LIB,
    MESA,
    MESA_PATH,
    UNDECIDED,
    VENDOR,
    VENDOR_PATH,
    answer,
    missing,
    package,
    plant,
    scene,
)

KERNEL = {"proc/sys/kernel/osrelease": "5.15.148-tegra\n"}
MODULES = "lib/modules/5.15.148-tegra"
NO_RAW = {**KERNEL, f"{MODULES}/modules.dep": "kernel/net/ipv4/netfilter/iptable_nat.ko:\n"}
RAW = {**KERNEL, f"{MODULES}/modules.dep": "kernel/net/ipv4/netfilter/iptable_raw.ko:\n"}
DROP_IN = "etc/systemd/system/docker.service.d/raw.conf"
WAIVED = {DROP_IN: "[Service]\nEnvironment=DOCKER_INSECURE_NO_IPTABLES_RAW=1\n"}
REQUEST = '[{"Driver":"","Count":-1,"DeviceIDs":null,"Capabilities":[["gpu"]],"Options":{}}]'
CLONE3 = '"OCI: error adding seccomp filter rule for syscall clone3: permission denied"'
PLAN = "etc/mediapipe-jetson/plan.json"
NVPMODEL = """\
< POWER_MODEL ID=0 NAME=15W >
CPU_ONLINE CORE_0 1
GPU MAX_FREQ 612000000
< POWER_MODEL ID=1 NAME=25W >
GPU MAX_FREQ 918000000
< POWER_MODEL ID=2 NAME=MAXN_SUPER >
GPU MAX_FREQ -1
< PM_CONFIG DEFAULT=1 >
"""
TWO_MODES = "< POWER_MODEL ID=0 NAME=15W >\nGPU MAX_FREQ 624750000\n< POWER_MODEL NAME=7W ID=1 >\n"
TWO_MODES += "GPU MAX_FREQ 408000000\n"
DEVFREQ = "sys/class/devfreq/17000000.gpu"
CAPPED = {
    f"{DEVFREQ}/max_freq": "612000000\n",
    f"{DEVFREQ}/available_frequencies": "306000000 612000000 1020000000\n",
}
X0 = {"tmp/.X11-unix/X0": ""}


def plan(l4t: str) -> dict[str, str]:
    return {**DOCKERENV, PLAN: json.dumps({"target": {"l4t": l4t}})}


def code(text: str, name: str = "app/main.py") -> dict[str, Any]:
    return {"files": {name: text}, "code": "app"}


# cause, status, the scene, words of the evidence (ok, unknown) or the cure (bad)
CASES: list[tuple[str, str, dict[str, Any], str]] = [
    ("python-too-old", "bad", {"python": (3, 8, 10)}, "./inv build --jetson"),
    ("python-too-old", "ok", {"python": (3, 9, 0)}, "Python 3.9.0"),
    ("cpu-too-old", "bad", {"device": "nano"}, "mediapipe==0.10.18"),
    ("cpu-too-old", "bad", {"device": "nano", "mediapipe": "1.0.0"}, "mediapipe==0.10.18"),
    ("cpu-too-old", "ok", {"device": "orin"}, "dotprod and RCpc"),
    ("cpu-too-old", "ok", {"device": "nano", "mediapipe": "0.10.18"}, "every 64-bit Arm"),
    ("cpu-too-old", "unknown", {"device": "nano", "mediapipe": None}, "not installed"),
    ("cpu-too-old", "unknown", {}, "no /proc/cpuinfo"),
    ("cpu-too-old", "unknown", {"files": {"proc/cpuinfo": "processor : 0\n"}}, "does not tell"),
    ("cpu-too-old", "unknown", {"device": "orin", "mediapipe": "local"}, "no version"),
    ("wheel-without-gpu", "bad", {"library": CPU_ONLY}, "mediapipe>=1.0.1"),
    ("wheel-without-gpu", "bad", {"device": "nano", "library": CPU_ONLY}, "stays on the CPU"),
    ("wheel-without-gpu", "ok", {"library": GPU}, "libEGL"),
    ("wheel-without-gpu", "unknown", {"library": UNDECIDED}, "nothing decides"),
    ("wheel-without-gpu", "unknown", {"library": Absent("not installed")}, "not installed"),
    (
        "old-requirement",
        "bad",
        code("mediapipe==0.10.9\n", "app/requirements.txt"),
        "requirements.txt:1",
    ),
    ("old-requirement", "ok", code("mediapipe>=1.0.1\n", "app/requirements.txt"), "1 file"),
    ("old-requirement", "unknown", {}, "--code DIR"),
    ("legacy-api", "bad", code("import mediapipe as mp\nmp.solutions.hands\n"), "main.py:2"),
    ("legacy-api", "ok", code("import mediapipe as mp\nmp.Image\n"), "1 file"),
    ("legacy-api", "unknown", code("print 'mediapipe'\n"), "not read: main.py (line 1"),
    ("legacy-api", "unknown", code("text", "app/README"), "no Python file"),
    ("legacy-api", "unknown", {}, "--code DIR"),
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
            "files": {"app/compose.yaml": "services:\n  a:\n    devices:\n    - driver: nvidia\n"},
        },
        "compose.yaml:4",
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
    ("no-nvidia-runtime", "bad", {"files": DOCKERENV}, "--runtime nvidia"),
    (
        "no-nvidia-runtime",
        "bad",
        {
            "files": {**DOCKERENV, "dev/nvmap": ""},
            "environment": {"NVIDIA_VISIBLE_DEVICES": "void"},
        },
        "NVIDIA_VISIBLE_DEVICES=all",
    ),
    ("no-nvidia-runtime", "ok", {"device": "orin", "files": DOCKERENV}, "eglcore"),
    ("no-nvidia-runtime", "unknown", {"device": "orin"}, "no container"),
    (
        "image-for-another-l4t",
        "bad",
        {"device": "orin", "files": plan("35.6.0")},
        "--l4t 36.4.3",
    ),
    (
        "image-for-another-l4t",
        "bad",
        {"files": {**plan("36.4.4"), f"{LIB}/nvidia/libnvidia-eglcore.so.580.00": ""}},
        "--l4t r38",
    ),
    ("image-for-another-l4t", "ok", {"device": "orin", "files": plan("36.4.4")}, "36.4.4"),
    ("image-for-another-l4t", "unknown", {"files": plan("36.4.4")}, "no driver's version"),
    ("image-for-another-l4t", "unknown", {"device": "orin", "files": DOCKERENV}, "not the kit's"),
    ("image-for-another-l4t", "unknown", {"device": "orin"}, "no container"),
    (
        "image-for-another-l4t",
        "unknown",
        {"files": {PLAN: '{"target": null}'}},
        "not made for a Jetson",
    ),
    ("image-for-another-l4t", "unknown", {"files": {PLAN: "[]"}}, "can't be read"),
    ("device-permissions", "unknown", {}, "no NVIDIA"),
    ("device-permissions", "ok", {"device": "orin", "uid": 0}, "open to user 0"),
    (
        "glvnd-missing",
        "bad",
        {"files": {f"{LIB}/libEGL.so.1": "", f"{LIB}/libz.so.1": ""}},
        "libgles2",
    ),
    ("glvnd-missing", "ok", {"files": GLVND}, "libEGL.so.1 and libGLESv2.so.2"),
    ("glvnd-missing", "unknown", {}, "no folder"),
    (
        "egl-vendor-missing",
        "bad",
        {"device": "orin"},
        "__EGL_VENDOR_LIBRARY_FILENAMES=/usr/lib/aarch64-linux-gnu/tegra-egl/nvidia.json",
    ),
    (
        "egl-vendor-missing",
        "bad",
        {"device": "nano", "files": {MESA_PATH: MESA}},
        "--runtime nvidia",
    ),
    ("egl-vendor-missing", "ok", {"device": "nano", "files": {VENDOR_PATH: VENDOR}}, "10_nvidia"),
    ("egl-vendor-missing", "unknown", {"files": {VENDOR_PATH: VENDOR}}, "no NVIDIA driver"),
    ("display-over-ssh", "bad", {"environment": {"DISPLAY": "localhost:10.0"}}, "unset DISPLAY"),
    ("display-over-ssh", "bad", {"environment": {"DISPLAY": ":0"}}, "unset DISPLAY"),
    ("display-over-ssh", "bad", {"environment": {"DISPLAY": "0"}}, "unset DISPLAY"),
    ("display-over-ssh", "ok", {}, "unset"),
    ("display-over-ssh", "ok", {"environment": {"DISPLAY": ":0.0"}, "files": X0}, "X0 is there"),
    (
        "display-over-ssh",
        "unknown",
        {"environment": {"DISPLAY": ":0", "SSH_CONNECTION": "1 2 3 4"}, "files": X0},
        "over ssh",
    ),
    (
        "egl-platform-ignored",
        "bad",
        {"environment": {"EGL_PLATFORM": "surfaceless"}},
        "EGL_PLATFORM=0x31DD",
    ),
    ("egl-platform-ignored", "ok", {"environment": {"EGL_PLATFORM": "0x31DD"}}, "0x31DD"),
    ("egl-platform-ignored", "ok", {"environment": {"EGL_PLATFORM": "device"}}, "device"),
    ("egl-platform-ignored", "ok", {}, "unset"),
    ("vulkan-icd-missing", "bad", {"device": "orin"}, "libvulkan1"),
    ("vulkan-icd-missing", "ok", {"device": "orin", "files": {ICD_PATH: ICD}}, "nvidia_icd"),
    ("vulkan-icd-missing", "ok", {"device": "orin", "mediapipe": "1.0.1"}, "does not use"),
    ("vulkan-icd-missing", "unknown", {"files": {ICD_PATH: ICD}}, "no NVIDIA driver"),
    ("vulkan-icd-missing", "unknown", {"device": "orin", "mediapipe": None}, "not installed"),
    (
        "power-mode",
        "bad",
        {
            "files": {"etc/nvpmodel.conf": NVPMODEL},
            "outputs": {"nvpmodel": "NV Power Mode: 25W\n1\n"},
        },
        "nvpmodel -m 2",
    ),
    (
        "power-mode",
        "bad",
        {"files": {"etc/nvpmodel.conf": NVPMODEL, "var/lib/nvpmodel/status": "pmode:0000\n"}},
        "nvpmodel -m 2",
    ),
    ("power-mode", "unknown", {"files": CAPPED}, "612 MHz of 1020"),
    (
        "power-mode",
        "ok",
        {
            "files": {"etc/nvpmodel.conf": NVPMODEL},
            "outputs": {"nvpmodel": "NV Fan Mode:quiet\nNV Power Mode: MAXN_SUPER\n2\n"},
        },
        "its highest clock",
    ),
    (
        "power-mode",
        "ok",
        {
            "files": {"etc/nvpmodel.conf": TWO_MODES},
            "outputs": {"nvpmodel": "NV Power Mode: 15W\n0\n"},
        },
        "625 MHz",
    ),
    ("power-mode", "ok", {"outputs": {"nvpmodel": "NV Power Mode: MAXN\n0\n"}}, "MAXN"),
    (
        "power-mode",
        "ok",
        {"files": {**CAPPED, f"{DEVFREQ}/max_freq": "1020000000"}},
        "1020 MHz of 1020",
    ),
    ("power-mode", "unknown", {"outputs": {"nvpmodel": "NV Power Mode: 15W\n0\n"}}, "15W"),
    ("power-mode", "unknown", {"outputs": {"nvpmodel": missing("nvpmodel")}}, "not installed"),
]


@pytest.mark.parametrize(("cause", "status", "given", "words"), CASES)
def test_cause(tmp_path: Path, cause: str, status: str, given: dict[str, Any], words: str) -> None:
    given = dict(given)
    if "code" in given:
        given["code"] = tmp_path / given["code"]
    found = answer(scene(tmp_path, **given), cause)
    assert found.result.status == status, found.result
    assert all(found.result.evidence)
    text = found.cure if status == "bad" else " ".join(found.result.evidence)
    assert words in text
    if status == "bad":
        assert "{" not in found.cure
        assert "{" not in found.why


def test_every_cause_has_a_case_on_each_side() -> None:
    sides = {(cause, status) for cause, status, *_ in CASES}
    known, _ = causes.load()
    for cause in known:
        if cause.id == "device-permissions":  # its bad side needs owners: tested below
            continue
        assert (cause.id, "bad") in sides
        assert (cause.id, "ok") in sides
    # What is always to be seen: the Python that runs, and an environment variable.
    always = {"python-too-old", "egl-platform-ignored"}
    unseen = {cause for cause, status in sides if status == "unknown"}
    assert {cause.id for cause in known} - unseen == always


def nodes(root: Path, mode: int) -> int:
    (root / "dev").mkdir()
    for name in ("nvmap", "nvhost-gpu", "nvhost-prof-gpu"):
        node = root / "dev" / name
        node.write_text("")
        node.chmod(0o600 if name == "nvhost-prof-gpu" else mode)
    return (root / "dev/nvmap").stat().st_gid


def test_closed_nodes_give_the_exact_groups(tmp_path: Path) -> None:
    gid = nodes(tmp_path, 0o660)
    found = answer(scene(tmp_path, files=DOCKERENV, uid=54321), "device-permissions")
    assert found.bad
    assert found.cure == f"start the container with --group-add {gid}"
    assert not any("prof" in line for line in found.result.evidence)
    inside = scene(tmp_path, uid=54321, groups=frozenset({gid}))
    assert answer(inside, "device-permissions").result.status == "ok"


def test_closed_nodes_on_the_board_name_the_group(tmp_path: Path) -> None:
    gid = nodes(tmp_path, 0o660)
    plant(tmp_path, {"etc/group": f"root2:x:9999:\nvideo:x:{gid}:\n"})
    found = answer(scene(tmp_path, uid=54321, environment={"USER": "me"}), "device-permissions")
    assert found.cure == "sudo usermod -aG video me, and log in again"


def test_nodes_closed_to_their_group_need_another_cure(tmp_path: Path) -> None:
    nodes(tmp_path, 0o600)
    found = answer(scene(tmp_path, files=DOCKERENV, uid=54321), "device-permissions")
    assert found.cure == (
        "give the group read and write rights: sudo chmod g+rw /dev/nvmap /dev/nvhost-gpu"
    )


def test_a_dangling_vendor_file_is_told(tmp_path: Path) -> None:
    here = scene(tmp_path, "nano")
    link = tmp_path / VENDOR_PATH
    link.parent.mkdir(parents=True)
    link.symlink_to("/nonexistent/nvidia.json")
    found = answer(here, "egl-vendor-missing")
    assert found.bad
    assert "leads nowhere" in found.result.evidence[0]


def test_thor_is_known_by_its_release_where_the_tree_is_hidden(tmp_path: Path) -> None:
    here = scene(tmp_path, "thor", files=package("nvidia-container-toolkit", "1.17.5-1"))
    (tmp_path / "proc/device-tree/model").unlink()
    assert here.soc is None
    assert "Thor is taken" in answer(here, "toolkit-broken").why


def test_removed_packages_do_not_count(tmp_path: Path) -> None:
    status = package("docker-ce", "5:28.0.1-1")["var/lib/dpkg/status"]
    gone = status.replace("install ok installed", "deinstall ok config-files")
    here = scene(tmp_path, files={"var/lib/dpkg/status": gone})
    assert answer(here, "docker-iptable-raw").result.status == "unknown"


def test_order_and_shape_of_the_document(tmp_path: Path) -> None:
    here = scene(
        tmp_path,
        "nano",
        {
            **DOCKERENV,
            **GLVND,
            "app/a.py": "import mediapipe as mp\nx = mp.solutions.pose.Pose(model_complexity=2)\n",
        },
        environment={"EGL_PLATFORM": "surfaceless"},
        uid=0,
        code=tmp_path / "app",
    )
    document = report.document(here, causes.examine(here))
    jsonschema.validate(json.loads(json.dumps(document)), schema("doctor"))
    assert document["exit_code"] == 1
    bad = [item["id"] for item in document["causes"] if item["status"] == "bad"]
    assert bad == [
        "cpu-too-old",
        "legacy-api",
        "egl-vendor-missing",
        "egl-platform-ignored",
        "vulkan-icd-missing",
    ]
    text = report.text(document)
    assert text.index("1. The wheel is built for a newer CPU") < text.index("2. The program uses")
    assert "a.py:2: Pose(model_complexity=...)" in text
    assert text.count("   cure: ") == len(bad)
    assert text.endswith("5 found, 7 ruled out, 7 not known")


def test_nothing_bad_is_exit_code_0(tmp_path: Path) -> None:
    here = scene(tmp_path)
    document = report.document(here, causes.examine(here))
    jsonschema.validate(json.loads(json.dumps(document)), schema("doctor"))
    assert (document["exit_code"], document["place"]) == (0, "machine")


def test_a_failing_check_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_scene: Scene, _facts: dict[str, Any]) -> Any:
        raise RuntimeError("two\nlines")

    monkeypatch.setattr(docker, "toolkit", fails)
    found = answer(scene(tmp_path), "toolkit-broken")
    assert found.result.status == "unknown"
    assert found.result.evidence == ("the check failed: RuntimeError: two lines",)


@pytest.mark.parametrize(
    "name", sorted({path for case in CASES for path in case[2].get("files", {})})
)
def test_damaged_files_raise_nothing(tmp_path: Path, name: str) -> None:
    """Every file that a check reads may be garbage, a folder, or closed."""
    here = scene(tmp_path, "orin", code=tmp_path / "app", outputs={"docker-version": "28.0.1"})
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\xff\xfe{[\0" * 9)
    for item in causes.examine(here):
        assert "the check failed" not in item.result.evidence[0], (item.cause.id, name)
    path.unlink()
    path.mkdir()
    again = scene(tmp_path, code=tmp_path / "app", outputs={"docker-version": "28.0.1"})
    for item in causes.examine(again):
        assert "the check failed" not in item.result.evidence[0], (item.cause.id, name)


def test_garbage_from_programs_raises_nothing(tmp_path: Path) -> None:
    for text in ("", "\n", "\t\t\t\t", "28.0", "v", "{", "NV Power Mode:"):
        names = ("docker-version", "docker-runtimes", "docker-containers", "toolkit-version")
        here = scene(tmp_path, "orin", outputs=dict.fromkeys([*names, "nvpmodel"], text))
        for item in causes.examine(here):
            assert "the check failed" not in item.result.evidence[0], (item.cause.id, text)


def test_ids_are_unique_and_cures_one_line() -> None:
    known, _ = causes.load()
    ids = [cause.id for cause in known]
    assert len(ids) == len(set(ids))
    assert all(os.linesep not in cause.cure for cause in known)
