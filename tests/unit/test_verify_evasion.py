"""Ways round the observers: forks, second contexts, the loader's switches, odd paths and files."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from mediapipe_jetson.verify import counters, hardware, process, runner, session

from tests.support.here import skip_without
from tests.unit.test_verify_parts import VULKAN, compiled, native_shim, needs_compiler

GL = """
int which;
void glDispatchCompute(unsigned x, unsigned y, unsigned z) {}
const unsigned char *glGetString(unsigned name)
{
    return (const unsigned char *)(which ? "llvmpipe" : "NVIDIA Tegra Orin");
}
"""
EGL = """
unsigned eglMakeCurrent(void *d, void *a, void *b, void *c) { return 1; }
const char *eglQueryString(void *d, int name) { return "EGL"; }
"""
# The first context is of one renderer, the second of another; a fork works too.
TWO = """
import ctypes, os
gl, egl, here = ctypes.CDLL("libGLESv2.so.2"), ctypes.CDLL("libEGL.so.1"), ctypes.CDLL(None)
def current(number):
    here.eglMakeCurrent(None, None, None, ctypes.c_void_p(number))
current(1)
current(1)
current(2)
here.glDispatchCompute(1, 1, 1)
child = os.fork()
if child == 0:
    for _ in range(100):
        here.glDispatchCompute(1, 1, 1)
    os._exit(0)
os.waitpid(child, 0)
ctypes.c_int.in_dll(gl, "which").value = int(os.environ["SECOND"])
current(3)
"""


@needs_compiler
@pytest.mark.parametrize(("second", "others"), [("0", 0), ("1", 1)])
def test_forks_do_not_count_and_a_second_renderer_does(
    tmp_path: Path, second: str, others: int
) -> None:
    """The library lies in a folder with a blank, at which LD_PRELOAD would end its name."""
    (tmp_path / "gl.c").write_text(GL)
    (tmp_path / "egl.c").write_text(EGL)
    compiled(tmp_path / "gl.c", tmp_path / "libGLESv2.so.2", "-Wl,-soname,libGLESv2.so.2")
    compiled(tmp_path / "egl.c", tmp_path / "libEGL.so.1", "-Wl,-soname,libEGL.so.1")
    folder = tmp_path / "my wheel"
    folder.mkdir()
    environ = runner.environment("none", native_shim(folder), tmp_path)
    environ.update(LD_LIBRARY_PATH=str(tmp_path), SECOND=second)
    done = subprocess.run(
        [sys.executable, "-c", TWO], env=environ, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    seen = counters.Counters(tmp_path / "counters")
    assert seen.counts()["gl_dispatch"] == 1
    assert seen.counts()["other_renderer"] == others
    assert seen.context()["gl_renderer"] == "NVIDIA Tegra Orin"


@needs_compiler
def test_the_user_can_not_switch_the_layer_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    skip_without("vulkan", "lavapipe")
    monkeypatch.setenv("VK_LOADER_LAYERS_DISABLE", "~all~")
    monkeypatch.setenv("VK_INSTANCE_LAYERS", "VK_LAYER_of_mine")
    environ = runner.environment("none", native_shim(tmp_path), tmp_path)
    subprocess.run([sys.executable, "-c", VULKAN], env=environ, check=True)
    assert counters.Counters(tmp_path / "counters").counts()["vk_device"] == 1


def test_the_kernel_tells_what_an_open_node_is(tmp_path: Path) -> None:
    """/dev/null under a GPU's name, and a plain file, by a real process's descriptors."""
    plain = tmp_path / "file"
    plain.write_text("")
    link = tmp_path / "fd"
    link.symlink_to("/dev/null")
    assert process.kernel_name(Path("/"), link) == "null"
    assert process.kernel_name(Path("/"), plain) == process.NO_DEVICE
    assert process.kernel_name(Path("/"), tmp_path / "gone") is None
    # Where sysfs has no entry, as for NVIDIA's own driver, the table of majors tells.
    root = tmp_path / "root"
    (root / "proc").mkdir(parents=True)
    major = os.major(link.stat().st_rdev)
    (root / "proc/devices").write_text(
        f"Character devices:\n  {major} nvidia-frontend\n\nBlock devices:\n  {major} ramdisk\n"
    )
    assert process.kernel_name(root, link) == "nvidia-frontend"


def test_data_mapped_under_a_driver_s_name_is_no_library(tmp_path: Path) -> None:
    name = tmp_path / "libnvidia-eglcore.so.540.4.0"
    name.write_bytes(bytes(4096))
    with counters.Counters(name).page:
        assert str(name) in Path("/proc/self/maps").read_text()
        assert str(name) not in (process.mapped() or [])


def test_a_rasterizer_in_a_wheel_is_seen(tmp_path: Path) -> None:
    site = "/opt/venv/lib/python3.12/site-packages"
    names = [f"{site}/x/libvk_swiftshader.so", f"{site}/y.libs/libGLESv2-0f3c.so.2"]
    (tmp_path / "proc/1").mkdir(parents=True)
    lines = [f"7f00-7f01 r-xp 00000000 08:01 11 {name}" for name in (*names, f"{site}/numpy/a.so")]
    (tmp_path / "proc/1/maps").write_text("\n".join(lines))
    assert process.mapped(tmp_path, "1") == sorted(names)


TEGRASTATS = """\
#!{python}
import sys, time
# As C's standard streams: a block at once into a pipe, a line at once to a terminal.
for percent in range(2000):
    print(f"RAM 1/2MB GR3D_FREQ {{percent % 100}}%@[1,1] {{'x' * 80}}")
    time.sleep(0.02)
"""


def test_tegrastats_is_read_line_by_line(tmp_path: Path) -> None:
    program = tmp_path / "tegrastats"
    program.write_text(TEGRASTATS.format(python=sys.executable))
    program.chmod(0o755)
    source = hardware.Tegrastats(str(program))
    try:
        seen = set()
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            seen.add(source.read())
            time.sleep(0.01)
    finally:
        source.close()
    assert len(seen) > 10
    assert source.process.poll() is not None


def test_turns_are_as_long_as_the_source_needs(tmp_path: Path) -> None:
    sampler = hardware.Sampler(tmp_path)
    sampler.readers = {"nvml": lambda: 0.0}
    assert session.turns(((0.5, 1.0),), sampler) == ((1.25, 2.5),)
    sampler.readers["devfreq:/sys/devices/gpu.0/load"] = lambda: 0.0
    assert session.turns(((0.5, 1.0),), sampler) == ((0.5, 1.0),)
    assert session.turns(((0.5, 1.0),), None) == ()
