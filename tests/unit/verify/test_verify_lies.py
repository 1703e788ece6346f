"""Real runs on software OpenGL ES that passes itself off as NVIDIA's driver, piece by piece.

The last is all that a container without root was seen to forge at once; what it rests on is told by
judging its own observations again with one lie left in and the others taken out.
"""

from __future__ import annotations

import contextlib
import copy
import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from mediapipe_jetson.verify import session

from jetson_kit.wheels import pins as wheels
from tests.support.here import cannot_run_here, needs_parts, not_here_if, why_lacking
from tests.unit.verify import samples as sample
from tests.unit.verify.real_runs import environment, mesa, own_rule, verify

SOURCE = Path(__file__).parent / "native" / "lying_vendor.c"
CC = shutil.which("cc")
MESA_DRIVER = Path("/usr/lib/x86_64-linux-gnu/dri/swrast_dri.so")
pytestmark = [
    pytest.mark.network,
    pytest.mark.slow,
    needs_parts("cc", "libc-dev"),
    pytest.mark.skipif(bool(mesa()), reason=mesa()),
    needs_parts("mesa"),
    not_here_if(not why_lacking("mesa") and not MESA_DRIVER.is_file(), "Mesa is newer than 24.2"),
]


@pytest.fixture(scope="module")
def newest(tmp_path_factory: pytest.TempPathFactory) -> str:
    return environment(tmp_path_factory.mktemp("newest"), wheels.pins()[0].version)


@pytest.fixture(scope="module")
def lie(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the environment of a process whose OpenGL ES names itself NVIDIA's in every string."""
    folder = tmp_path_factory.mktemp("nvidia")
    vendor, core = folder / "libEGL_nvidia.so.0", folder / "libnvidia-eglcore.so.540.4.0"
    empty = folder / "empty.c"
    empty.write_text("int nothing;\n")
    for library, source in ((vendor, SOURCE), (core, empty)):
        command = [str(CC), "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"]
        subprocess.run(command, check=True)
    manifest = {"file_format_version": "1.0.0", "ICD": {"library_path": str(vendor)}}
    (folder / "nvidia.json").write_text(json.dumps(manifest))
    return {
        "__EGL_VENDOR_LIBRARY_FILENAMES": str(folder / "nvidia.json"),
        "KIT_LIE_CORE": str(core),
    }


@contextlib.contextmanager
def false_node() -> Iterator[str]:
    """Make a node that has a GPU's name and is /dev/null's device."""
    path = Path("/dev/nvidia97")
    try:
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 3))
    except OSError as error:
        cannot_run_here(f"no device node can be made here: {error.strerror}")
    try:
        yield str(path)
    finally:
        path.unlink()


def hidden_driver(folder: Path) -> str:
    """Return a folder where Mesa finds its own driver under the name of one of NVIDIA's files."""
    copy = folder / "libnvidia-glsi.so.540.4.0"
    shutil.copy(MESA_DRIVER, copy)
    (folder / "dri").mkdir()
    (folder / "dri" / MESA_DRIVER.name).symlink_to(copy)
    return str(folder / "dri")


def test_names_alone(newest: str, lie: dict[str, str], tmp_path: Path) -> None:
    _, result = verify(newest, tmp_path, tmp_path, **lie)
    context = result["observations"]["tasks"]["FaceLandmarker"]["run"]["context"]
    assert context["gl_renderer"] == "NVIDIA Tegra Orin (nvgpu)/integrated"
    assert (result["verdict"], own_rule(result)) == ("software", "software-library")


def test_names_and_a_hidden_driver(newest: str, lie: dict[str, str], tmp_path: Path) -> None:
    drivers = hidden_driver(tmp_path)
    _, result = verify(newest, tmp_path, tmp_path, **lie, LIBGL_DRIVERS_PATH=drivers)
    # The rasterizer's threads have its name still.
    assert (result["verdict"], own_rule(result)) == ("software", "software-library")


def test_names_a_hidden_driver_and_a_node(newest: str, lie: dict[str, str], tmp_path: Path) -> None:
    """A node of another device is no better than none: the rasterizer is seen beside it."""
    more = {"LIBGL_DRIVERS_PATH": hidden_driver(tmp_path)}
    with false_node() as node:
        _, result = verify(
            newest, tmp_path, tmp_path, "--level", "full", "--task", "FaceLandmarker",
            **lie, **more, KIT_LIE_NODE=node,
        )  # fmt: skip
    assert (result["verdict"], own_rule(result)) == ("unknown", "two-drivers")
    facts = result["tasks"]["FaceLandmarker"]["facts"]
    assert facts["run"]["work"] == "enough"
    assert facts["run"]["context"] == "nvidia"
    assert facts["run"]["nodes"] == "false"
    assert facts["task"]["hardware"] == "absent"


# What stands for tegrastats on PATH: as busy as the inferring process is.
TEGRASTATS = """\
#!{python}
import time
from pathlib import Path
def ticks():
    used = 0
    for one in Path("/proc").glob("[0-9]*"):
        try:
            if b"verify.child" in (one / "cmdline").read_bytes():
                fields = (one / "stat").read_text().rpartition(")")[2].split()
                used += int(fields[11]) + int(fields[12])
        except OSError:
            pass
    return used
before = ticks()
while True:
    time.sleep(0.1)
    now = ticks()
    print(f"GR3D_FREQ {{99 if now > before else 0}}%@[1300]", flush=True)
    before = now
"""
# In a mount namespace of its own: /dev/null under a GPU's name, by sysfs's word too.
MOUNTED = """\
#!/bin/sh
exec unshare -m sh -ec '
mount --bind /dev/null {node}
mount --bind {event} /sys/devices/virtual/mem/null/uevent
exec "$0" "$@"' {python} "$@"
"""


def disguised(folder: Path) -> dict[str, str]:
    """Return the variables by which Mesa finds its driver, which now has NVIDIA's name in it."""
    copy = folder / "libnvidia-glcore.so.540.4.0"
    copy.write_bytes(MESA_DRIVER.read_bytes().replace(b"llvmpipe", b"tegra234"))
    (folder / "dri").mkdir()
    (folder / "dri" / MESA_DRIVER.name).symlink_to(copy)
    return {"LIBGL_DRIVERS_PATH": str(folder / "dri")}


@pytest.fixture(scope="module")
def whole(
    newest: str, lie: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Any]]:
    """Return the report on the liar of a container without root, at the level `full`."""
    folder = tmp_path_factory.mktemp("whole")
    node = Path("/dev/nvidia97")
    event, program, starter = (folder / name for name in ("uevent", "tegrastats", "python"))
    event.write_text("MAJOR=1\nMINOR=3\nDEVNAME=nvidia97\n")
    program.write_text(TEGRASTATS.format(python=sys.executable))
    starter.write_text(MOUNTED.format(node=node, event=event, python=newest))
    for path in (program, starter):
        path.chmod(0o755)
    try:
        node.touch()
    except OSError as error:
        cannot_run_here(f"no file can be made in /dev: {error.strerror}")
    try:
        trial = subprocess.run([starter, "-c", ""], capture_output=True, text=True, check=False)
        if trial.returncode:
            cannot_run_here(f"nothing can be mounted here: {' '.join(trial.stderr.split())}")
        _, result = verify(
            str(starter), folder, folder, "--level", "full", "--task", "FaceLandmarker",
            **lie, **disguised(folder), KIT_LIE_NODE=str(node),
            PATH=f"{folder}:{os.environ['PATH']}",
        )  # fmt: skip
        yield result
    finally:
        node.unlink()


def test_all_the_lies_at_once(whole: dict[str, Any]) -> None:
    assert whole["verdict"] == "unknown"
    facts = whole["tasks"]["FaceLandmarker"]["facts"]
    # What it deceives: name, driver, node by name, work, result.
    run = facts["run"]
    assert (run["context"], run["nvidia_core"], run["nvidia_nodes"]) == ("nvidia", True, True)
    assert (run["work"], run["software_library"]) == ("enough", False)
    assert facts["task"]["result"] == "match"
    # What gives it away, each by itself.
    assert (run["nodes"], run["node_kernel"]) == ("false", "mem, number 1:3")
    assert (run["mounts"], run["driver_files"]) == ("foreign", "foreign")
    assert run["software_compiler"]
    assert not facts["task"]["renderer_fits"]
    # The program on PATH was not run.
    assert facts["task"]["hardware"] == "absent"


# Seconds a frame, in software and on the CPU: real ones depend on what else runs here.
SOFTWARE_S, CPU_S = 0.2, 0.02
# Each lie, and what takes it out of the observations: then all is as on a board.
HONEST: dict[str, Callable[[dict[str, Any]], Any]] = {
    "node-of-another-driver": lambda seen: seen["run"]["driver"]["during"].update(
        devices=sample.NODES
    ),
    "foreign-mount": lambda seen: seen["run"]["driver"]["during"].update(mounts=sample.MOUNTS),
    "driver-file-of-mesa": lambda seen: [
        file.update(needed=["libc.so.6"], holds=[])
        for file in seen["run"]["driver"]["during"]["files"]
    ],
    "compiler-beside-nvidia": lambda seen: seen["run"]["driver"]["during"].update(
        libraries=[
            library
            for library in seen["run"]["driver"]["during"]["libraries"]
            if "LLVM" not in library
        ]
    ),
    "renderer-of-another-machine": lambda seen: seen["device"].update(sample.ORIN),
    "slow-as-software": lambda seen: seen["run"]["times_s"].update(
        frames=seen["cpu"]["times_s"]["frames"]
    ),
    "counter-expected": lambda seen: seen["run"].update(
        {key: sample.gpu_run()[key] for key in ("bursts", "began_s", "rest_from_s", "hardware")}
    ),
}


@pytest.mark.parametrize("lie_left", ["", *HONEST])
def test_each_lie_is_enough_to_be_found(whole: dict[str, Any], lie_left: str) -> None:
    seen = copy.deepcopy(whole["observations"]["tasks"]["FaceLandmarker"])
    seen["device"] = dict(whole["observations"]["device"])
    for side, frame_s in (("run", SOFTWARE_S), ("cpu", CPU_S)):
        frames = seen[side]["times_s"]["frames"]
        assert frames
        seen[side]["times_s"]["frames"] = [frame_s] * len(frames)
    for name, cure in HONEST.items():
        if name != lie_left:
            cure(seen)
    device = seen.pop("device")
    task = session.tasks()["FaceLandmarker"]
    result = session.judge_task(seen, task, "full", device)
    if not lie_left:
        assert result["verdict"] == "gpu", result["reason"]
        return
    rule = (
        result["rule"] if result["rule"] != "run-not-gpu" else result["facts"]["task"]["run_rule"]
    )
    assert (result["verdict"], rule) == ("unknown", lie_left), result["reason"]
