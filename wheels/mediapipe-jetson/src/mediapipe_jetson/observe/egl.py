"""EGL vendors: which libraries libglvnd would offer, and whether they load."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Optional, Union

from mediapipe_jetson import isolated
from mediapipe_jetson.observation import Absent
from mediapipe_jetson.observe import manifests

FILENAMES, DIRS = "__EGL_VENDOR_LIBRARY_FILENAMES", "__EGL_VENDOR_LIBRARY_DIRS"
USUAL = ("/etc/glvnd/egl_vendor.d", "/usr/share/glvnd/egl_vendor.d")
LOADERS = ("libEGL.so.1", "libGLESv2.so.2")


@dataclasses.dataclass(frozen=True)
class Egl:
    """EGL's vendors in the order of the search; `loaders` maps each library to its problem."""

    search: str
    vendors: tuple[manifests.Manifest, ...]
    loaders: dict[str, Optional[str]]

    def lines(self) -> tuple[str, ...]:
        """Return what a person reads."""
        result = [f"{name}: {problem or 'loads'}" for name, problem in self.loaders.items()]
        result += [vendor.line() for vendor in self.vendors]
        return (*result, *(() if self.vendors else (f"no vendor in {self.search}",)))


def places(root: Path, environment: Mapping[str, str]) -> tuple[str, list[str]]:
    """Return in words where libglvnd searches, and the files and folders there."""
    if environment.get(FILENAMES):
        return FILENAMES, [name for name in environment[FILENAMES].split(":") if name]
    if environment.get(DIRS):
        named = [name for name in environment[DIRS].split(":") if name]
        return DIRS, manifests.folders(root, named)
    return " and ".join(USUAL), manifests.folders(root, list(USUAL))


def read(
    root: Path = Path("/"), environment: Optional[Mapping[str, str]] = None
) -> Union[Absent, Egl]:
    """Read the vendors; libraries are loaded only of this very machine."""
    where, named = places(root, os.environ if environment is None else environment)
    vendors = [manifests.parse(root, path) for path in manifests.search(root, named)]
    loaders: dict[str, Optional[str]] = {}
    if root == Path("/"):
        answers = isolated.ask([f"load:{name}" for name in LOADERS])
        for name in LOADERS:
            answer = answers[f"load:{name}"]
            loaders[name] = answer if isinstance(answer, str) else None
        if all(loaders.values()) and not vendors:
            return Absent(f"{loaders[LOADERS[0]]}; no vendor in {where}")
        return Egl(where, manifests.tried(vendors), loaders)
    if not vendors:
        return Absent(f"no vendor in {where}")
    return Egl(where, tuple(vendors), loaders)
