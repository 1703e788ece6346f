"""Real runs on software OpenGL ES that passes itself off as NVIDIA's driver, piece by piece."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from jetson_kit import wheels
from tests.support.here import cannot_run_here, needs_parts, not_here_if, why_lacking
from tests.unit.test_verify_real import environment, mesa, own_rule, verify

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
    _, found = verify(newest, tmp_path, tmp_path, **lie)
    context = found["observations"]["tasks"]["FaceLandmarker"]["run"]["context"]
    assert context["gl_renderer"] == "NVIDIA Tegra Orin (nvgpu)/integrated"
    assert (found["verdict"], own_rule(found)) == ("unknown", "two-drivers")


def test_names_and_a_hidden_driver(newest: str, lie: dict[str, str], tmp_path: Path) -> None:
    drivers = hidden_driver(tmp_path)
    _, found = verify(newest, tmp_path, tmp_path, **lie, LIBGL_DRIVERS_PATH=drivers)
    assert (found["verdict"], own_rule(found)) == ("software", "work-without-device")


def test_names_a_hidden_driver_and_a_node(newest: str, lie: dict[str, str], tmp_path: Path) -> None:
    """All that can be forged without kernel code: the kernel's word for the node is left."""
    more = {"LIBGL_DRIVERS_PATH": hidden_driver(tmp_path)}
    with false_node() as node:
        _, found = verify(
            newest, tmp_path, tmp_path, "--level", "full", "--task", "FaceLandmarker",
            **lie, **more, KIT_LIE_NODE=node,
        )  # fmt: skip
    assert (found["verdict"], own_rule(found)) == ("unknown", "node-of-another-driver")
    facts = found["tasks"]["FaceLandmarker"]["facts"]
    assert facts["run"]["work"] == "enough"
    assert facts["run"]["context"] == "nvidia"
    assert facts["task"]["hardware"] == "absent"
