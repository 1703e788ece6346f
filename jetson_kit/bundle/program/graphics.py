"""What a machine lacks to reach its own driver: libraries, and files that name the driver.

Only what is missing is added; a machine's own libraries are always taken.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

# Where the dispatch libraries look by themselves, by glvnd's and the Vulkan loader's documents.
EGL_PLACES = ("/etc/glvnd/egl_vendor.d", "/usr/share/glvnd/egl_vendor.d")
VULKAN_PLACES = ("/etc/vulkan/icd.d", "/usr/share/vulkan/icd.d", "/usr/local/share/vulkan/icd.d")
# Where drivers lie that were not installed by a package: container hosts, Tegra.
ELSEWHERE = (
    "/usr/local/nvidia", "/opt/nvidia", "/usr/lib/aarch64-linux-gnu/tegra-egl",
    "/usr/lib/aarch64-linux-gnu/tegra", "/usr/lib/aarch64-linux-gnu/nvidia",
)  # fmt: skip
EGL_DRIVER, VULKAN_DRIVER = "libEGL_nvidia.so.0", "libGLX_nvidia.so.0"
PROBE = (
    "import ctypes, sys\n"
    "for name in sys.argv[1:]:\n"
    "    try:\n"
    "        ctypes.CDLL(name)\n"
    "    except OSError:\n"
    "        print(name)\n"
)


def environment(folder: Path) -> dict[str, str]:
    """Return variables that let programs find the driver, with unpacked files in `folder`."""
    result: dict[str, str] = {}
    ours = sorted(path.name for path in (folder / "lib").iterdir() if path.is_file())
    lacking = missing([*ours, EGL_DRIVER, VULKAN_DRIVER])
    used = [name for name in ours if name in lacking]
    if used:
        chosen = folder / "lib-used"
        chosen.mkdir(exist_ok=True)
        for name in used:
            link = chosen / name
            if not link.exists():
                link.symlink_to(folder / "lib" / name)
        paths = [str(chosen), os.environ.get("LD_LIBRARY_PATH", "")]
        result["LD_LIBRARY_PATH"] = os.pathsep.join(path for path in paths if path)
    result.update(
        _vendor("__EGL_VENDOR_LIBRARY_FILENAMES", EGL_PLACES, EGL_DRIVER, lacking, folder)
    )
    result.update(_vendor("VK_DRIVER_FILES", VULKAN_PLACES, VULKAN_DRIVER, lacking, folder))
    return result


def missing(names: Iterable[str]) -> set[str]:
    """Return which libraries this machine's loader does not find; asked in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", PROBE, *names], capture_output=True, text=True, check=False
    )
    return set(done.stdout.split()) if done.returncode == 0 else set(names)


def _vendor(
    variable: str, places: Iterable[str], driver: str, lacking: set[str], folder: Path
) -> dict[str, str]:
    """Return the variable that names NVIDIA's driver, where it is but no file in place says so."""
    own = _named_in(places)
    if variable in os.environ or any("nvidia" in path.name for path in own):
        return {}
    other = [path for path in _named_in(ELSEWHERE, deep=True) if _fits(path, variable)]
    if not other and driver not in lacking:
        other = [_written(folder, driver)]
    return {variable: os.pathsep.join(map(str, [*other, *own]))} if other else {}


def _named_in(places: Iterable[str], *, deep: bool = False) -> list[Path]:
    pattern = "**/*nvidia*.json" if deep else "*.json"
    paths = []
    for place in places:
        try:
            paths += sorted(Path(place).glob(pattern))
        except OSError:
            continue
    return paths


def _fits(path: Path, variable: str) -> bool:
    """Tell whether a file names a driver of this kind: Vulkan's have an API version."""
    try:
        icd = json.loads(path.read_bytes()).get("ICD", {})
    except (OSError, ValueError, AttributeError):
        return False
    return "library_path" in icd and ("api_version" in icd) == (variable == "VK_DRIVER_FILES")


def _written(folder: Path, driver: str) -> Path:
    icd = {"library_path": driver}
    version = {"file_format_version": "1.0.0"}
    if driver == VULKAN_DRIVER:
        icd["api_version"] = "1.3.0"
    path = folder / f"{driver.partition('.')[0]}.json"
    path.write_text(json.dumps({**version, "ICD": icd}), encoding="utf-8")
    return path
