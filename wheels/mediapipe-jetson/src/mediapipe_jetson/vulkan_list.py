"""Vulkan's physical devices by its C interface; for the probe's child process alone."""

from __future__ import annotations

import ctypes
import struct
from typing import Any

LIBRARY = "libvulkan.so.1"
APPLICATION_INFO, INSTANCE_CREATE_INFO = 0, 1
API = 1 << 22 | 1 << 12  # 1.1
SUCCESS, INCOMPLETE, INCOMPATIBLE_DRIVER = 0, 5, -9
FEATURES = 55
# VkPhysicalDeviceProperties begins with five numbers and a name; all of it has 824 bytes.
HEAD, NAME, PROPERTIES = "<5I", 256, 1024
MOST = 64


class VulkanError(RuntimeError):
    """The loader or a driver answered with an error."""


def _structure(*fields: tuple[str, Any]) -> Any:  # noqa: ANN401 # a class made at run time
    return type("Structure", (ctypes.Structure,), {"_fields_": list(fields)})


def devices() -> list[dict[str, Any]]:
    """Return name, kind, versions and features (a list of 0 and 1) of each device.

    An empty list without any driver. Raises OSError without the loader, VulkanError.
    """
    vulkan = ctypes.CDLL(LIBRARY)
    pointer, number = ctypes.c_void_p, ctypes.c_uint32
    application = _structure(
        ("kind", number), ("next", pointer), ("name", ctypes.c_char_p), ("version", number),
        ("engine", ctypes.c_char_p), ("engine_version", number), ("api", number),
    )(APPLICATION_INFO, None, b"mediapipe-jetson", 1, b"", 1, API)  # fmt: skip
    create = _structure(
        ("kind", number), ("next", pointer), ("flags", number), ("application", pointer),
        ("layers", number), ("layer_names", pointer), ("extensions", number),
        ("extension_names", pointer),
    )(INSTANCE_CREATE_INFO, None, 0, ctypes.addressof(application))  # fmt: skip
    instance = pointer()
    code = vulkan.vkCreateInstance(ctypes.byref(create), None, ctypes.byref(instance))
    if code == INCOMPATIBLE_DRIVER:
        return []
    if code != SUCCESS:
        raise VulkanError(f"vkCreateInstance returned {code}")
    count = number(MOST)
    handles = (pointer * MOST)()
    code = vulkan.vkEnumeratePhysicalDevices(instance, ctypes.byref(count), handles)
    if code not in (SUCCESS, INCOMPLETE):
        raise VulkanError(f"vkEnumeratePhysicalDevices returned {code}")
    result = []
    for handle in handles[: count.value]:
        properties = ctypes.create_string_buffer(PROPERTIES)
        vulkan.vkGetPhysicalDeviceProperties(pointer(handle), properties)
        features = (number * (FEATURES + 9))()
        vulkan.vkGetPhysicalDeviceFeatures(pointer(handle), features)
        api, driver, vendor, _, kind = struct.unpack_from(HEAD, properties.raw)
        name = properties.raw[struct.calcsize(HEAD) :][:NAME].split(b"\0")[0]
        result.append(
            {
                "name": name.decode("utf-8", "replace"),
                "kind": kind,
                "api": api,
                "driver": driver,
                "vendor": vendor,
                "features": list(features[:FEATURES]),
            }
        )
    vulkan.vkDestroyInstance(instance, None)
    return result
