"""The stand-in OCI runtime before the real runc, and below a real Docker Engine of its own."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from jetson_kit.virtual_devices import board_profile, board_rows
from tests.devices.stage import on_stage

pytestmark = pytest.mark.docker
FOLDER = board_rows.load()["folder"]
LIBRARIES = board_rows.load()["libraries"]
PROGRAMS = ("sh", "ls", "cat", "readlink", "env", "find", "stat", "mount")
LOOK = (
    "echo nodes: $(find /dev -type c \\( -name 'nv*' -o -path '*/dri/*' -o -path '*/nvgpu/*' \\)); "
    f"echo libraries: $(find {LIBRARIES} /usr/local /usr/src /opt -type f 2>/dev/null); "
    "echo link: $(readlink /usr/share/glvnd/egl_vendor.d/10_nvidia.json); "
    "echo marker: $(cat /etc/mediapipe-jetson/emulated); echo told: $MEDIAPIPE_JETSON_EMULATED; "
    "echo nvmap: $(stat -c '%t:%T %u:%g %a' /dev/nvmap 2>/dev/null)"
)


@pytest.fixture(scope="module")
def rootfs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A container's root with a few programs of this machine and their libraries."""
    root = tmp_path_factory.mktemp("rootfs")
    needed: set[str] = set()
    for name in PROGRAMS:
        program = shutil.which(name, path="/usr/bin:/bin")
        assert program
        linked = subprocess.run(["ldd", program], capture_output=True, text=True, check=True)
        needed |= {f"/usr/bin/{name}", *re.findall(r"(/\S+)", linked.stdout)}
        (root / "usr/bin").mkdir(parents=True, exist_ok=True)
        shutil.copy(program, root / "usr/bin" / name)
    (root / "bin").symlink_to("usr/bin")
    for path in needed:
        target = root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists():
            shutil.copy(path, target)
    for folder in ("dev", "proc", "sys", "etc", "tmp", "opt"):
        (root / folder).mkdir(exist_ok=True)
    return root


def bundle(folder: Path, rootfs: Path, environment: list[str], **changes: Any) -> Path:
    """Make an OCI bundle of runc's own template."""
    folder.mkdir(parents=True)
    shutil.copytree(rootfs, folder / "rootfs", symlinks=True)
    subprocess.run(["runc", "spec"], cwd=folder, check=True)
    spec = json.loads((folder / "config.json").read_text())
    spec["process"].update(terminal=False, args=["sh", "-c", LOOK])
    spec["process"]["env"] = ["PATH=/usr/bin:/bin", *environment]
    spec["root"]["readonly"] = True
    spec["linux"]["namespaces"] = [
        namespace for namespace in spec["linux"]["namespaces"] if namespace["type"] != "cgroup"
    ]
    spec |= changes
    (folder / "config.json").write_text(json.dumps(spec))
    return folder


def seen(text: str) -> dict[str, list[str]]:
    result = dict(line.partition(":")[::2] for line in text.splitlines() if ":" in line)
    return {name: value.split() for name, value in result.items()}


def run(
    tmp_path: Path, rootfs: Path, profile: board_profile.BoardProfile, *environment: str
) -> dict[str, list[str]]:
    """Run the looking container through the stand-in and runc; return what it saw."""
    folder = bundle(tmp_path / "bundle", rootfs, list(environment))
    name = f"kit-face-{os.getpid()}-{abs(hash(str(tmp_path))) % 10**8}"
    return seen(
        on_stage(
            tmp_path,
            profile,
            f"nvidia-container-runtime --root /run/runc run --bundle {folder} {name} </dev/null",
        )
    )


def orin() -> board_profile.BoardProfile:
    return board_profile.make("orin-nano-8gb", "36.4.4", "container", "amd64")


@pytest.mark.parametrize(
    "variables", [(), ("NVIDIA_VISIBLE_DEVICES=",), ("NVIDIA_VISIBLE_DEVICES=void",)]
)
def test_unset_gives_nothing_but_the_mark(
    tmp_path: Path, rootfs: Path, variables: tuple[str, ...]
) -> None:
    result = run(tmp_path, rootfs, orin(), "MEDIAPIPE_JETSON_EMULATED=", *variables)
    assert (result["nodes"], result["libraries"], result["link"]) == ([], [], [])
    assert result["told"] == ["1"]
    assert json.loads(" ".join(result["marker"]))["emulated"] is True


def test_none_gives_libraries_without_devices(tmp_path: Path, rootfs: Path) -> None:
    result = run(tmp_path, rootfs, orin(), "NVIDIA_VISIBLE_DEVICES=none")
    assert result["nodes"] == []
    assert f"{LIBRARIES}/nvidia/libcuda.so.1.1" in result["libraries"]
    assert result["link"] == [f"{LIBRARIES}/tegra-egl/nvidia.json"]


@pytest.mark.parametrize("devices", ["all", "0", "nvidia.com/gpu=all"])
def test_all_gives_everything_with_its_owner(tmp_path: Path, rootfs: Path, devices: str) -> None:
    result = run(tmp_path, rootfs, orin(), f"NVIDIA_VISIBLE_DEVICES={devices}")
    # What a device has and no CSV file names, such as /dev/nvgpu/igpu0/x, would not be here.
    assert set(result["nodes"]) == set(board_rows.load()["nodes"]["nvgpu"])
    assert set(result["libraries"]) == {
        f"{LIBRARIES}/{name}"
        for name in (
            "tegra-egl/libEGL_nvidia.so.0", "tegra-egl/libGLESv1_CM_nvidia.so.1",
            "tegra-egl/libGLESv2_nvidia.so.2", "tegra-egl/nvidia.json",
            "nvidia/libnvidia-eglcore.so.540.4.0", "nvidia/libnvidia-glsi.so.540.4.0",
            "nvidia/libcuda.so.1.1",
        )
    }  # fmt: skip
    assert result["nvmap"] == ["78:0", "0:44", "660"]


def test_jetpack_4_takes_its_other_files_when_asked(tmp_path: Path, rootfs: Path) -> None:
    profile = board_profile.make("nano", "32.7.6", "container", "amd64")
    some = run(tmp_path / "some", rootfs, profile, "NVIDIA_VISIBLE_DEVICES=all")
    every = run(
        tmp_path / "every", rootfs, profile, "NVIDIA_VISIBLE_DEVICES=all",
        "NVIDIA_REQUIRE_JETPACK=csv-mounts=all",
    )  # fmt: skip
    assert f"{LIBRARIES}/tegra/libnvidia-eglcore.so.32.7.6" in some["libraries"]
    assert f"{LIBRARIES}/libcudnn.so.8.2.1" not in some["libraries"]
    assert {f"{LIBRARIES}/libcudnn.so.8.2.1", "/usr/local/cuda-10.2/STAND-IN"} <= set(
        every["libraries"]
    )


def test_links_stay_inside_of_the_container(tmp_path: Path, rootfs: Path) -> None:
    """A root whose /usr/share leads elsewhere must not make the runtime write there."""
    profile = orin()
    folder = bundle(tmp_path / "bundle", rootfs, ["NVIDIA_VISIBLE_DEVICES=all"])
    outside = tmp_path / "outside"
    outside.mkdir()
    inside = folder / "rootfs" / str(outside).lstrip("/")
    inside.mkdir(parents=True)
    (folder / "rootfs/usr/share").symlink_to(outside)
    lines = on_stage(
        tmp_path,
        profile,
        f"{FOLDER}/nvidia-container-runtime --root /run/runc run --bundle {folder} kit-face-link "
        f"</dev/null >/dev/null\nfind {outside} | wc -l\n"
        f"find {inside} -name 10_nvidia.json | wc -l\n"
        "cat /var/log/nvidia-container-runtime.log",
    ).splitlines()
    assert lines[:2] == ["1", "1"]
    assert "stand-in" in lines[2]
    assert any("/dev/fb0 is not there" in line for line in lines)


def test_a_broken_bundle_is_one_line(tmp_path: Path) -> None:
    stage = on_stage(
        tmp_path,
        orin(),
        f"if {FOLDER}/nvidia-container-runtime create --bundle /nonexistent x 2>&1\n"
        "then exit 1; fi",
    )
    assert stage.count("\n") == 1
    assert "config.json" in stage


DOCKERD = """\
exec 2>&1
unshare --net dockerd --config-file /etc/docker/daemon.json --data-root "$STAGE/docker" \\
  --exec-root /run/docker --host unix:///run/kit.sock --pidfile /run/kit.pid \\
  --bridge none --iptables=false --storage-driver vfs >/run/dockerd.log 2>&1 &
export DOCKER_HOST=unix:///run/kit.sock
n=0
until docker version >/dev/null 2>&1; do
  n=$((n + 1))
  [ "$n" -lt 150 ] || { tail /run/dockerd.log; exit 1; }
  sleep 0.2
done
docker info --format '{{json .Runtimes}}' | grep -o '"nvidia"'
tar -C "$ROOTFS" -c . | docker import - tiny >/dev/null
look() { echo "@$1"; shift; docker run --rm --network none "$@" tiny sh -c "$LOOK"; }
look plain
look unset --runtime nvidia
look none --runtime nvidia -e NVIDIA_VISIBLE_DEVICES=none
look all --runtime nvidia -e NVIDIA_VISIBLE_DEVICES=all -e MEDIAPIPE_JETSON_EMULATED=
look read-only --runtime nvidia -e NVIDIA_VISIBLE_DEVICES=all --read-only
kill "$(cat /run/kit.pid)"
wait
"""


@pytest.mark.slow
def test_below_a_docker_engine(tmp_path: Path, rootfs: Path) -> None:
    script = f"LOOK={shlex.quote(LOOK)} ROOTFS={rootfs}\n{DOCKERD}"
    stage = on_stage(tmp_path, orin(), script)
    assert '"nvidia"' in stage
    parts = dict(part.split("\n", 1) for part in stage.split("@")[1:])
    result = {name: seen(text) for name, text in parts.items()}
    plain, unset, none, every = (result[name] for name in ("plain", "unset", "none", "all"))
    assert (plain["nodes"], plain["libraries"], plain["told"]) == ([], [], [])
    assert (unset["nodes"], unset["libraries"], unset["told"]) == ([], [], ["1"])
    assert none["nodes"] == []
    assert len(none["libraries"]) == len(every["libraries"]) == 7
    assert set(every["nodes"]) == set(board_rows.load()["nodes"]["nvgpu"])
    assert every["told"] == ["1"]
    assert result["read-only"]["libraries"] == every["libraries"]
