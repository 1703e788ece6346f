"""Lets programs that ask for the GPU run where none is, as in tests: MEDIAPIPE_JETSON_DELEGATE=CPU.

Without a GPU MediaPipe's graph fails (`Service "kGpuService"`). Here BaseOptions takes the CPU
in the GPU's place; nothing else of MediaPipe changes.
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import ModuleSpec, PathFinder

# Each start of Python with the variable reads this file: see solutions/hook.py.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.abc import Loader
    from types import ModuleType
    from typing import Any, Optional
else:
    Loader = object

VARIABLE, CPU = "MEDIAPIPE_JETSON_DELEGATE", "cpu"
MODULE = "mediapipe.tasks.python.core.base_options"


def requested() -> bool:
    """Return whether the environment asks for the CPU."""
    return os.environ.get(VARIABLE, "").strip().lower() == CPU


def install() -> None:
    """Put the finder before the others, once."""
    if not any(isinstance(item, Finder) for item in sys.meta_path):
        sys.meta_path.insert(0, Finder())


class Finder:
    """Finds the module that has BaseOptions."""

    def find_spec(
        self,
        fullname: str,
        path: Optional[Sequence[str]],
        target: Optional[ModuleType] = None,
    ) -> Optional[ModuleSpec]:
        """Return its spec, with a loader that changes the class afterwards."""
        if fullname != MODULE:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Changed(spec.loader)
        return spec


class _Changed(Loader):
    """Loads the module as its own loader does."""

    def __init__(self, loader: Loader) -> None:
        self.loader = loader

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 # get_data and others
        return getattr(self.loader, name)

    def create_module(self, spec: ModuleSpec) -> Optional[ModuleType]:
        """Let the module's own loader make it."""
        return self.loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """Run the module, then let its class take no GPU, when it is made or changed."""
        self.loader.exec_module(module)
        options: Any = module.__dict__.get("BaseOptions")
        kinds: Any = getattr(options, "Delegate", None)
        if not (hasattr(kinds, "GPU") and hasattr(kinds, "CPU")):
            return
        before = options.__setattr__
        warned = False

        def keep(self: object, name: str, value: object) -> None:
            nonlocal warned
            gpu = name == "delegate" and value == kinds.GPU
            if gpu and not warned and sys.stderr:
                warned = True
                sys.stderr.write(f"MediaPipe runs on the CPU, as {VARIABLE}=CPU asks\n")
            before(self, name, kinds.CPU if gpu else value)

        options.__setattr__ = keep
