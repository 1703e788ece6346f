"""Ways round the observers: forks, second contexts, the loader's switches, odd paths and files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from mediapipe_jetson.verify import (
    contradictions,
    counters,
    process,
    runner,
)

from tests.support.here import skip_without
from tests.unit.verify.native_code import VULKAN, compiled, native_shim, needs_compiler

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
    null = process.identity(Path("/"), link)
    assert null == {"kernel": "null", "major": 1, "minor": 3, "table": "mem"}
    assert process.identity(Path("/"), plain)["kernel"] == process.NO_DEVICE
    assert set(process.identity(Path("/"), tmp_path / "gone").values()) == {None}
    # Where sysfs has no entry, as for NVIDIA's own driver, the table of majors tells.
    root = tmp_path / "root"
    (root / "proc").mkdir(parents=True)
    (root / "proc/devices").write_text(
        "Character devices:\n  1 nvidia-frontend\n\nBlock devices:\n  1 ramdisk\n"
    )
    assert process.identity(root, link)["kernel"] == "nvidia-frontend"
    # sysfs may lie, for one who mounts a file there: the table and the number do not follow it.
    (root / "sys/dev/char/1:3").mkdir(parents=True)
    (root / "sys/dev/char/1:3/uevent").write_text("MAJOR=1\nMINOR=3\nDEVNAME=nvidia0\n")
    (root / "proc/devices").write_text("Character devices:\n  1 mem\n\nBlock devices:\n")
    lie = process.identity(root, link)
    assert lie == {"kernel": "nvidia0", "major": 1, "minor": 3, "table": "mem"}
    nodes = contradictions.nodes([{"path": "/dev/nvidia0", **lie}])
    assert nodes == {"nodes": "false", "node_kernel": "mem, number 1:3"}


def test_mounts_are_read_as_the_kernel_writes_them(tmp_path: Path) -> None:
    (tmp_path / "proc/1").mkdir(parents=True)
    (tmp_path / "proc/1/mountinfo").write_text(
        "22 27 0:21 / /sys ro,nosuid shared:7 master:1 - sysfs sysfs ro\n"
        "23 22 8:1 /home/a\\040b/lie /sys/devices/virtual/mem/null/uevent rw - ext4 /dev/sda1 rw\n"
        "24 22 0:30 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n"
        "half a line\n"
    )
    seen = process.mounts(tmp_path, "1")
    assert seen == [
        {"at": "/sys", "type": "sysfs", "root": "/"},
        {
            "at": "/sys/devices/virtual/mem/null/uevent",
            "type": "ext4",
            "root": "/home/a b/lie",
        },
    ]
    assert contradictions.mounts(seen[:1])["mounts"] == "own"
    assert contradictions.mounts(seen)["mounts"] == "foreign"
    assert process.mounts(tmp_path, "2") is None
    # This very machine's are as they should be, as are those of its containers.
    assert contradictions.mounts(process.mounts())["mounts"] == "own"


@needs_compiler
def test_what_a_driver_s_file_needs_tells_whose_it_is(tmp_path: Path) -> None:
    (tmp_path / "empty.c").write_text("int nothing;\n")
    names = ("libLLVM-15.so.1", "libnvidia-eglcore.so.540.4.0", "libnvidia-glcore.so.540.4.0")
    llvm, false, own = (tmp_path / name for name in names)
    compiled(tmp_path / "empty.c", llvm, f"-Wl,-soname,{llvm.name}")
    compiled(tmp_path / "empty.c", false, "-Wl,--no-as-needed", llvm)
    compiled(tmp_path / "empty.c", own)
    libraries = [str(false), str(own)]
    seen = process.driver_files([*libraries, "/usr/lib/libc.so.6"])
    assert seen is not None
    assert [item["path"] for item in seen] == libraries
    assert contradictions.driver_files(seen, libraries)["driver_files"] == "foreign"
    assert contradictions.driver_files(seen[1:], libraries[1:])["driver_files"] == "own"
    own.write_text("no library")
    seen = process.driver_files(libraries[1:])
    assert contradictions.driver_files(seen, libraries[1:])["driver_files"] is None
    assert process.driver_files(None) is None


def test_threads_are_named() -> None:
    assert process.threads() and process.threads(Path("/nonexistent")) is None


def test_a_rasterizer_s_code_is_found_in_any_file(tmp_path: Path) -> None:
    text = b"code\0GALLIUM_HUD\0LP_NUM_THREADS\0"
    for name in ("libnvidia-eglcore.so.540.4.0", "plugin.bin", "swrast_dri.so", "other.bin"):
        (tmp_path / name).write_bytes(b"\x7fELF" if name == "other.bin" else text)
    paths = [str(path) for path in sorted(tmp_path.iterdir())]
    seen = process.driver_files([*paths, str(tmp_path / "gone.so"), str(tmp_path)])
    texts = ["LP_NUM_THREADS", "GALLIUM_HUD"]
    assert seen == [
        {"path": paths[0], "needed": None, "holds": texts},
        {"path": paths[2], "needed": None, "holds": texts},
    ]
    assert contradictions.hidden_rasterizers(seen)
    assert not contradictions.hidden_rasterizers(seen[:1])
    assert contradictions.driver_files(seen, paths[:1])["driver_files"] == "foreign"


def test_of_a_large_file_its_ends_are_searched(tmp_path: Path) -> None:
    """Libraries of CUDA have over half a gigabyte, a linker puts texts near an end."""
    word, size, part = b"LP_NUM_THREADS", 1 << 30, process.SEARCHED
    places = {
        0: True, part - len(word): True, part: False, size // 2: False,
        size - part - 1: False, size - part: True, size - len(word): True,
    }  # fmt: skip
    for place, expected in places.items():
        path = tmp_path / f"plugin-{place}.bin"
        with path.open("wb") as stream:
            stream.truncate(size)
            stream.seek(place)
            stream.write(word)
        assert bool(process.driver_files([str(path)])) == expected, place
    # What is no larger than both ends is searched whole.
    path = tmp_path / "plugin.bin"
    for place in (part - 5, part, part + 5):
        path.write_bytes(b"")
        with path.open("wb") as stream:
            stream.truncate(2 * part)
            stream.seek(place)
            stream.write(word)
        assert process.driver_files([str(path)]), place


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
