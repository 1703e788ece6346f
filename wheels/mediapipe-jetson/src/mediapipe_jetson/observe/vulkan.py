"""Vulkan drivers (ICDs): which libraries the Vulkan loader would offer, and whether they load."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Optional, Union

from mediapipe_jetson import isolated
from mediapipe_jetson.observation import Absent
from mediapipe_jetson.observe import manifests

# The first one set wins; the second is its former name.
INSTEAD = ("VK_DRIVER_FILES", "VK_ICD_FILENAMES")
ADDED = "VK_ADD_DRIVER_FILES"
LOADER = "libvulkan.so.1"
SUBFOLDER = "vulkan/icd.d"


@dataclasses.dataclass(frozen=True)
class Vulkan:
    """Vulkan's drivers in the order of the search; `loader_problem` is None if it loads."""

    search: str
    drivers: tuple[manifests.Manifest, ...]
    loader_problem: Optional[str]

    def lines(self) -> tuple[str, ...]:
        """Return what a person reads."""
        result = [f"{LOADER}: {self.loader_problem or 'loads'}"]
        result += [driver.line() for driver in self.drivers]
        return (*result, *(() if self.drivers else (f"no driver in {self.search}",)))


def places(root: Path, environment: Mapping[str, str]) -> tuple[str, list[str]]:
    """Return in words where the loader searches, and the files and folders there."""
    for variable in INSTEAD:
        if environment.get(variable):
            return variable, [name for name in environment[variable].split(":") if name]
    home = environment.get("HOME") or "/nonexistent"
    bases = [
        environment.get("XDG_CONFIG_HOME") or f"{home}/.config",
        *(environment.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(":"),
        "/usr/local/etc",
        "/etc",
        environment.get("XDG_DATA_HOME") or f"{home}/.local/share",
        *(environment.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share").split(":"),
    ]
    added = [name for name in environment.get(ADDED, "").split(":") if name]
    usual = manifests.folders(root, [f"{base}/{SUBFOLDER}" for base in bases if base])
    return f"the usual {SUBFOLDER} folders", [*added, *usual]


def read(
    root: Path = Path("/"), environment: Optional[Mapping[str, str]] = None
) -> Union[Absent, Vulkan]:
    """Read the drivers; libraries are loaded only of this very machine."""
    where, named = places(root, os.environ if environment is None else environment)
    drivers = [manifests.parse(root, path) for path in manifests.search(root, named)]
    if root != Path("/"):
        return Vulkan(where, tuple(drivers), None) if drivers else Absent(f"no driver in {where}")
    answer = isolated.ask([f"load:{LOADER}"])[f"load:{LOADER}"]
    problem = answer if isinstance(answer, str) else None
    if problem and not drivers:
        return Absent(f"{problem}; no driver in {where}")
    return Vulkan(where, manifests.tried(drivers), problem)
