"""Small trees of boards and containers, and what their programs say, for the doctor's checks."""

from __future__ import annotations

import contextlib
import stat
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mediapipe_jetson.doctor import causes
from mediapipe_jetson.doctor.causes import Answer
from mediapipe_jetson.doctor.commands import Output
from mediapipe_jetson.doctor.scene import Scene
from mediapipe_jetson.observation import Absent, Section
from mediapipe_jetson.observe.native import NativeLibrary
from mediapipe_jetson.observe.vulkan_devices import Device

from tests.unit.device_wheel_trees import NO_HOME, TREES

LIB = "usr/lib/aarch64-linux-gnu"
GLVND = {f"{LIB}/libEGL.so.1": "", f"{LIB}/libGLESv2.so.2": ""}
VENDOR = '{"ICD": {"library_path": "libEGL_nvidia.so.0"}}'
ICD = '{"ICD": {"library_path": "libGLX_nvidia.so.0", "api_version": "1.3.277"}}'
VENDOR_PATH = "usr/share/glvnd/egl_vendor.d/10_nvidia.json"
MESA_PATH = "usr/share/glvnd/egl_vendor.d/50_mesa.json"
MESA = '{"ICD": {"library_path": "libEGL_mesa.so.0"}}'
ICD_PATH = "etc/vulkan/icd.d/nvidia_icd.json"
GPU = NativeLibrary("/x/libmediapipe.so", 1, "aarch64", ("libEGL.so.1",), True, "it needs libEGL")
CPU_ONLY = NativeLibrary("/x/old.so", 1, "aarch64", (), False, "it holds the text")
UNDECIDED = NativeLibrary("/x/odd.so", 1, "aarch64", (), None, "nothing decides it")
DOCKERENV = {".dockerenv": ""}
# Of the processor, for what takes about one: what else runs can't use that up.
MOST_S = 20.0


@contextlib.contextmanager
def in_time() -> Iterator[None]:
    """Fail where what is done takes far more work than its text is long."""
    began = time.process_time()
    yield
    assert time.process_time() - began < MOST_S


def plant(root: Path, files: Mapping[str, str]) -> Path:
    """Write files below `root`."""
    for path, text in files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return root


def scene(
    root: Path,
    device: str = "",
    files: Mapping[str, str] | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    outputs: Mapping[str, Output] | None = None,
    python: tuple[int, ...] = (3, 10, 12),
    mediapipe: str | None = "1.2.2",
    library: Section = GPU,
    uid: int = 10001,
    groups: frozenset[int] = frozenset({10001}),
    code: Path | None = None,
    gpus: tuple[Device, ...] | None = None,
) -> Scene:
    """Return the scene of a device of device_wheel_trees ("": none) with further files."""
    plant(root, {**(TREES[device] if device else {}), **(files or {})})
    return Scene(
        root=root,
        environment={"HOME": NO_HOME, **(environment or {})},
        outputs={} if outputs is None else outputs,
        python=python,
        mediapipe=mediapipe,
        library=library,
        uid=uid,
        groups=groups,
        machine="aarch64",
        code=code,
        gpus=gpus,
    )


def answer(here: Scene, cause: str) -> Answer:
    """Return one cause's answer."""
    return next(item for item in causes.examine(here) if item.cause.id == cause)


def judged(tmp_path: Path, files: dict[str, str], **given: Any) -> dict[str, Answer]:
    """Return each cause's answer on a project, in the order of the report."""
    here = scene(
        tmp_path,
        files={f"app/{name}": text for name, text in files.items()},
        code=tmp_path / "app",
        **given,
    )
    return {item.cause.id: item for item in causes.examine(here)}


def lines(answer: Answer) -> str:
    """Return all that an answer says."""
    texts = [item.text() for item in answer.result.findings]
    return "\n".join([answer.result.status, *answer.result.evidence, *texts, answer.cure])


def package(name: str, version: str) -> dict[str, str]:
    """Return dpkg's list with one package in it."""
    text = (
        f"Package: {name}\nStatus: install ok installed\nPriority: optional\nVersion: {version}\n"
    )
    return {"var/lib/dpkg/status": f"{text}\n"}


def missing(program: str) -> Absent:
    return Absent(f"{program} is not installed here")


def program(folder: Path, name: str, script: str) -> None:
    """Make a program of a few lines of sh."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def legacy_project(folder: Path) -> Path:
    """Return a project that uses the legacy API and pins an old wheel."""
    program = "import mediapipe as mp\nhands = mp.solutions.hands.Hands(max_num_hands=2)\n"
    return (
        plant(folder, {"app/main.py": program, "app/requirements.txt": "mediapipe==0.10.9\n"})
        / "app"
    )
