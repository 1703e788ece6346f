"""What the checks look at: a tree of files, an environment, programs' output, one Python."""

from __future__ import annotations

import dataclasses
import functools
import os
import platform
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Optional

from mediapipe_jetson.doctor import commands, pins, versions
from mediapipe_jetson.doctor.sources import Scan
from mediapipe_jetson.observation import Absent, Section, below, one_line, read_text
from mediapipe_jetson.observe import (
    cpu,
    driver,
    egl,
    emulation,
    l4t,
    module,
    native,
    packages,
    vulkan,
    vulkan_devices,
)

CONTAINER, BOARD, MACHINE = "container", "board", "machine"
MARKS = ("/.dockerenv", "/run/.containerenv", "/etc/mediapipe-jetson/plan.json")


@dataclasses.dataclass(frozen=True)
class Scene:
    """One place to judge; everything is handed in, so that a recorded tree can stand for a board.

    `python` is the version of the Python that would import MediaPipe, `mediapipe` its version
    there (None: not installed), `library` its native library, `uid` and `groups` the user, `nodes`
    the device nodes where the tree can't hold them with their owners, `gpus` Vulkan's devices where
    its loader can't be asked.
    """

    root: Path
    environment: Mapping[str, str]
    outputs: Mapping[str, commands.Output]
    python: tuple[int, ...]
    mediapipe: Optional[str]
    library: Section
    uid: int
    groups: frozenset[int]
    machine: str
    code: Optional[Path] = None
    nodes: Optional[tuple[driver.Node, ...]] = None
    gpus: Optional[tuple[vulkan_devices.Device, ...]] = None

    def text(self, path: str) -> Optional[str]:
        """Return a file's text, None if it can't be read."""
        return read_text(below(self.root, path))

    def exists(self, path: str) -> bool:
        """Return whether a file or a link is there."""
        return os.path.lexists(below(self.root, path))

    def output(self, name: str) -> commands.Output:
        """Return a program's output."""
        return self.outputs.get(name, Absent("it was not asked"))

    @functools.cached_property
    def place(self) -> str:
        """Return what kind of place this is: container, board or machine."""
        if self.environment.get("container") or any(self.exists(mark) for mark in MARKS):
            return CONTAINER
        return BOARD if self.jetson else MACHINE

    @functools.cached_property
    def jetson(self) -> bool:
        """Return whether anything here is a Jetson's."""
        return not isinstance(self.l4t, Absent) or self.soc is not None

    @functools.cached_property
    def may_have_gpu(self) -> bool:
        """Return whether NVIDIA's GPU may be here: a Jetson, another ARM machine, its driver."""
        return self.machine == "aarch64" or self.jetson or isinstance(self.driver, driver.Driver)

    @functools.cached_property
    def l4t(self) -> Section:
        """Return the L4T release."""
        return _guarded(lambda: l4t.read(self.root))

    @functools.cached_property
    def module(self) -> Section:
        """Return the module."""
        return _guarded(lambda: module.read(self.root))

    @functools.cached_property
    def emulated(self) -> Optional[bool]:
        """Return whether this only emulates a Jetson; None where that is not known."""
        facts = _guarded(lambda: emulation.read(self.root, self.environment, self.machine))
        return facts.emulated if isinstance(facts, emulation.Emulation) else None

    @property
    def soc(self) -> Optional[str]:
        """Return the SoC's name, such as tegra234."""
        return self.module.soc if isinstance(self.module, module.Module) else None

    @functools.cached_property
    def cpu(self) -> Section:
        """Return the CPU."""
        return _guarded(lambda: cpu.read(self.root, self.machine))

    @functools.cached_property
    def driver(self) -> Section:
        """Return NVIDIA's driver."""
        facts = _guarded(lambda: driver.read(self.root))
        if self.nodes is not None and isinstance(facts, driver.Driver):
            return dataclasses.replace(facts, nodes=self.nodes)
        return facts

    @functools.cached_property
    def egl(self) -> Section:
        """Return EGL's vendors."""
        return _guarded(lambda: egl.read(self.root, self.environment))

    @functools.cached_property
    def vulkan(self) -> Section:
        """Return Vulkan's drivers."""
        return _guarded(lambda: vulkan.read(self.root, self.environment))

    @functools.cached_property
    def missing_features(self) -> Optional[tuple[str, ...]]:
        """Return what the installed MediaPipe 1.x, or the official one, needs and this CPU lacks.

        None where that is not known.
        """
        if not isinstance(self.cpu, cpu.Cpu) or self.cpu.arch != "aarch64":
            return None
        if not self.cpu.features:
            return None
        needs = pins.table()["needs"]
        core = versions.local(self.mediapipe or "")
        requested = needs["translated"].get(core, needs["features"])
        return tuple(needs["names"][name] for name in requested if name not in self.cpu.features)

    @functools.cached_property
    def old_cpu(self) -> Optional[bool]:
        """Return whether the CPU lacks what MediaPipe 1.x needs: by its module, else by itself.

        A virtual board may run on a newer CPU than the module that it emulates.
        """
        needs = pins.table()["needs"]
        if self.soc in needs["socs_without"]:
            return True
        if self.soc in needs["socs_with"]:
            return False
        missing = self.missing_features
        return None if missing is None else bool(missing)

    @functools.cached_property
    def scan(self) -> Optional[Scan]:
        """Return what was found in the user's code, None if none was named."""
        return None if self.code is None else Scan(self.code)

    def package(self, *names: str) -> Optional[str]:
        """Return the version of the first of these Debian packages that is installed."""
        status = self.text("/var/lib/dpkg/status") or ""
        for name in names:
            pattern = (
                rf"^Package: {re.escape(name)}\nStatus: \S+ \S+ installed\n(?:.+\n)*?Version: (\S+)"
            )
            match = re.search(pattern, f"{status}\n", re.MULTILINE)
            if match:
                return match.group(1)
        return None


def here(code: Optional[Path] = None) -> Scene:
    """Return this very machine or container."""
    environment = dict(os.environ)
    return Scene(
        root=Path("/"),
        environment=environment,
        outputs=commands.outputs(environment),
        python=tuple(sys.version_info[:3]),
        mediapipe=packages.version("mediapipe"),
        library=_guarded(native.read),
        uid=os.geteuid(),
        groups=frozenset({os.getegid(), *os.getgroups()}),
        machine=platform.machine(),
        code=code,
    )


def _guarded(read: Callable[[], Section]) -> Section:
    try:
        return read()
    except Exception as error:  # a check must give unknown, not fail
        return Absent(f"could not be observed: {type(error).__name__}: {one_line(error)}")
