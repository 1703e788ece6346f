"""The counting shim: OpenGL ES through it, Vulkan through its layer, its file."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from mediapipe_jetson.verify import counters, facts, runner

from tests.support.here import skip_without
from tests.unit.device_wheel_trees import SOURCE
from tests.unit.verify.native_code import VULKAN, compiled, native_shim, needs_compiler

FAKE_GL = """
#include <stdint.h>
int called, x_seen;
void glDispatchCompute(unsigned x, unsigned y, unsigned z) { called++; x_seen = x + y + z; }
void glLinkProgram(unsigned program) { called++; }
const unsigned char *glGetString(unsigned name)
{
    return (const unsigned char *)(name == 0x1F01 ? "Renderer of a test" : "GL");
}
"""
FAKE_EGL = """
typedef void (*function)(void);
extern void glDispatchCompute(unsigned, unsigned, unsigned);
unsigned eglMakeCurrent(void *d, void *a, void *b, void *c) { return 1; }
const char *eglQueryString(void *d, int name) { return "EGL of a test"; }
function eglGetProcAddress(const char *name)
{
    return name[2] == 'D' ? (function)glDispatchCompute : 0;
}
"""
# Calls through the global scope, as a library with an undefined symbol does, and by address.
CALLS = """
import ctypes, json, sys
gl = ctypes.CDLL("libGLESv2.so.2")
egl = ctypes.CDLL("libEGL.so.1")
here = ctypes.CDLL(None)
here.eglMakeCurrent(None, None, None, ctypes.c_void_p(1))
for _ in range(3):
    here.glDispatchCompute(4, 2, 1)
here.glLinkProgram(1)
here.eglGetProcAddress.restype = ctypes.c_void_p
by_name = here.eglGetProcAddress(b"glDispatchCompute")
ctypes.CFUNCTYPE(None, *[ctypes.c_uint] * 3)(by_name)(1, 1, 1)
real = ctypes.c_int.in_dll(gl, "called").value, ctypes.c_int.in_dll(gl, "x_seen").value
if sys.argv[1:]:
    here.glDrawArrays(0, 0, 0)
print(json.dumps(real))
"""


@needs_compiler
def test_the_shim_counts_and_passes_on(tmp_path: Path) -> None:
    (tmp_path / "gl.c").write_text(FAKE_GL)
    (tmp_path / "egl.c").write_text(FAKE_EGL)
    gl = compiled(tmp_path / "gl.c", tmp_path / "libGLESv2.so.2", "-Wl,-soname,libGLESv2.so.2")
    compiled(tmp_path / "egl.c", tmp_path / "libEGL.so.1", gl, "-Wl,-soname,libEGL.so.1")
    page = tmp_path / "counters"
    counters.create(page)
    assert counters.Counters(page).pid() is None
    environ = {
        **os.environ,
        "LD_PRELOAD": str(native_shim(tmp_path)),
        "LD_LIBRARY_PATH": str(tmp_path),
        counters.FILE_VARIABLE: str(page),
    }
    command = [sys.executable, "-c", CALLS]
    child = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True)
    output, _ = child.communicate()
    assert child.returncode == 0
    # Four dispatches and one link arrived, the last of them with 1 + 1 + 1.
    assert json.loads(output) == [5, 3]
    seen = counters.Counters(page)
    assert seen.pid() == child.pid
    counted = {name: value for name, value in seen.counts().items() if value}
    assert counted == {"gl_dispatch": 4, "gl_link_program": 1, "egl_make_current": 1}
    assert seen.context()["gl_renderer"] == "Renderer of a test"
    assert seen.context()["egl_vendor"] == "EGL of a test"

    lost = subprocess.run([*command, "draw"], env=environ, capture_output=True, check=False)
    assert lost.returncode == 0
    assert counters.Counters(page).counts()["unresolved"] == 1


@needs_compiler
def test_the_layer_counts_submissions(tmp_path: Path) -> None:
    """A real device through the loader: Mesa's lavapipe, or whatever this machine has."""
    skip_without("vulkan", "lavapipe")
    environ = runner.environment("none", native_shim(tmp_path), tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", VULKAN], env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    seen = counters.Counters(tmp_path / "counters")
    counted = {name: value for name, value in seen.counts().items() if value}
    assert counted.pop("vk_layer") >= 1
    assert counted == {"vk_device": 1, "vk_submit": 4}
    context = seen.context()
    assert context["vk_name"]
    if "llvmpipe" in context["vk_name"]:
        assert context["vk_device_type"] == facts.VK_DEVICE_CPU


def test_the_layout_is_the_header_s() -> None:
    header = (SOURCE.parent / "native" / "shim.h").read_text()
    names = re.search(r"enum \{\s*(.*?)\s*\};", header, re.DOTALL)
    assert names and len(names.group(1).split(",")) - 1 == len(counters.NAMES)
    assert f"#define SHIM_SIZE {counters.SIZE}" in header
    assert f"#define TEXT {counters.TEXT}" in header
    end = counters.HEADER.size + len(counters.TEXTS) * counters.TEXT + counters.DEVICE.size
    assert end <= counters.SIZE
