"""Native code for tests: what this machine's compiler makes, the shim among it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from jetson_kit.wheels import shim
from tests.support.here import needs_parts

CC = shutil.which("cc")
needs_compiler = needs_parts("cc", "libc-dev")
VULKAN = """
import ctypes
vk = ctypes.CDLL("libvulkan.so.1")
P, U = ctypes.c_void_p, ctypes.c_uint32
class Info(ctypes.Structure):
    _fields_ = [("type", U), ("next", P), ("flags", U), ("app", P), ("a", U), ("b", P),
                ("c", U), ("d", P)]
class Queue(ctypes.Structure):
    _fields_ = [("type", U), ("next", P), ("flags", U), ("family", U), ("count", U),
                ("priorities", P)]
class Device(ctypes.Structure):
    _fields_ = [("type", U), ("next", P), ("flags", U), ("count", U), ("queues", P), ("a", U),
                ("b", P), ("c", U), ("d", P), ("features", P)]
instance, number, physical = P(), U(1), P()
assert vk.vkCreateInstance(ctypes.byref(Info(type=1)), None, ctypes.byref(instance)) == 0
assert vk.vkEnumeratePhysicalDevices(instance, ctypes.byref(number), ctypes.byref(physical)) >= 0
one = ctypes.c_float(1)
wanted = Queue(type=2, count=1, priorities=ctypes.addressof(one))
info = Device(type=3, count=1, queues=ctypes.addressof(wanted))
device, queue = P(), P()
assert vk.vkCreateDevice(physical, ctypes.byref(info), None, ctypes.byref(device)) == 0
vk.vkGetDeviceProcAddr.restype = P
def of(name, *types):
    address = vk.vkGetDeviceProcAddr(device, name)
    return ctypes.CFUNCTYPE(ctypes.c_int, *types)(address)
of(b"vkGetDeviceQueue", P, U, U, P)(device, 0, 0, ctypes.byref(queue))
for _ in range(3):
    assert of(b"vkQueueSubmit", P, U, P, ctypes.c_uint64)(queue, 0, None, 0) == 0
assert vk.vkQueueSubmit(queue, 0, None, ctypes.c_uint64(0)) == 0
"""


def compiled(code: Path, library: Path, *more: str | Path) -> Path:
    assert CC
    subprocess.run([CC, "-shared", "-fPIC", "-o", library, code, *more], check=True)
    return library


def native_shim(folder: Path) -> Path:
    """Return the shim as this machine's own compiler makes it."""
    sources = [shim.NATIVE / name for name in shim.SOURCES]
    flags = [flag for flag in shim.COMPILE if flag != "-c"]
    return compiled(sources[0], folder / "libmpjshim.so", *sources[1:], *flags, "-ldl")
