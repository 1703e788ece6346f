"""Lets `import mediapipe` find the legacy solutions where MediaPipe has none of its own.

A finder looks at the names of MediaPipe's packages only, and imports nothing until a program asks
for a solution. `$MEDIAPIPE_JETSON_SOLUTIONS` decides: "off" leaves MediaPipe as it is, "kit" puts
the kit's solutions in the place of MediaPipe's own, anything else lets MediaPipe's own be.
"""

from __future__ import annotations

import importlib
import os
import sys
from importlib.machinery import ModuleSpec, PathFinder

# Each start of Python reads this file: `typing` and `importlib.abc` would bring forty modules more.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.abc import Loader
    from types import ModuleType
    from typing import Any, Optional
else:
    Loader = object

VARIABLE = "MEDIAPIPE_JETSON_SOLUTIONS"
OFF, KIT = "off", "kit"
WITHOUT_GPU = "MEDIAPIPE_JETSON_DELEGATE"
"""What without_gpu.py reads."""
OURS = "mediapipe_jetson.solutions"
PACKAGES = ("mediapipe.python", "mediapipe.framework", "mediapipe.framework.formats")
FORMATS = "mediapipe.framework.formats."
SHORTCUTS = ("python", "framework")
"""Packages that programs read as attributes of `mediapipe`."""
SOLUTIONS = "mediapipe.python.solutions"
BASE = "mediapipe.python.solution_base"


def choice() -> str:
    """Return what the environment asks for, in small letters."""
    return os.environ.get(VARIABLE, "").strip().lower()


def own(locations: Optional[Sequence[str]]) -> bool:
    """Return whether a MediaPipe package in these folders has legacy solutions itself."""
    return any(
        os.path.isfile(f"{folder}/python/solutions/__init__.py")  # noqa: PTH113 # at each start
        for folder in locations or ()
    )


def install() -> None:
    """Put the finder before the others, once; that of a program without a GPU, where one asks."""
    if os.environ.get(WITHOUT_GPU):
        without_gpu = importlib.import_module("mediapipe_jetson.without_gpu")
        if without_gpu.requested():
            without_gpu.install()
    if choice() != OFF and not any(isinstance(item, Finder) for item in sys.meta_path):
        sys.meta_path.insert(0, Finder())


class Finder:
    """Finds the modules that MediaPipe no longer has."""

    replacing = False
    """MediaPipe's own solutions were taken away after it was imported."""

    def find_spec(
        self,
        fullname: str,
        path: Optional[Sequence[str]],
        target: Optional[ModuleType] = None,
    ) -> Optional[ModuleSpec]:
        """Return the spec of `mediapipe` itself, or of a legacy module below it."""
        if fullname == "mediapipe":
            return self._extended(PathFinder.find_spec(fullname, path, target))
        if not fullname.startswith("mediapipe."):
            return None
        if own(_locations()):
            # MediaPipe's own messages stay: its calculators need them.
            replaced = self.replacing and (fullname + ".").startswith(SOLUTIONS + ".")
            return ModuleSpec(fullname, _alias(fullname)) if replaced else None
        if fullname in PACKAGES:
            # Where MediaPipe has the package, its other modules stay reachable.
            if PathFinder.find_spec(fullname, path, target) is not None:
                return None
            return ModuleSpec(fullname, _Package(), is_package=True)
        alias = _alias(fullname)
        return ModuleSpec(fullname, alias) if alias is not None else None

    def _extended(self, spec: Optional[ModuleSpec]) -> Optional[ModuleSpec]:
        """Return MediaPipe's spec with a loader that adds the attribute `solutions` afterwards."""
        if spec is None or spec.loader is None:
            return spec
        replacing = own(spec.submodule_search_locations)
        if replacing and choice() != KIT:
            return spec
        spec.loader = _MediaPipe(spec.loader, self if replacing else None)
        return spec


def _locations() -> Sequence[str]:
    module = sys.modules.get("mediapipe")
    return list(getattr(module, "__path__", ()))


def _alias(fullname: str) -> Optional[Loader]:
    """Return the loader of a legacy module that the kit has."""
    if fullname == BASE:
        return _Alias(f"{OURS}.base")
    if fullname == SOLUTIONS:
        return _Alias(OURS)
    if fullname.startswith(SOLUTIONS + "."):
        name = fullname[len(SOLUTIONS) + 1 :]
        known = name in importlib.import_module(OURS).MODULES
        return _Alias(f"{OURS}.{name}") if known else None
    if fullname.startswith(FORMATS):
        name = fullname[len(FORMATS) :]
        messages = importlib.import_module(f"{OURS}.messages")
        classes = messages.MODULES.get(name)
        return _Formats(classes) if classes else None
    return None


class _MediaPipe(Loader):
    """Loads MediaPipe as its own loader does; its `solutions` are imported when they are read."""

    def __init__(self, loader: Loader, replacing: Optional[Finder]) -> None:
        self.loader = loader
        self.replacing = replacing

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 # get_data and others
        return getattr(self.loader, name)

    def create_module(self, spec: ModuleSpec) -> Optional[ModuleType]:
        """Let the package's own loader make the module."""
        return self.loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """Run the package, then add what is looked up when it has no such name."""
        self.loader.exec_module(module)
        if self.replacing is not None:
            # Only now: the package's own start-up needs its own.
            module.__dict__.pop("solutions", None)
            for name in [item for item in sys.modules if (item + ".").startswith(SOLUTIONS + ".")]:
                del sys.modules[name]
            self.replacing.replacing = True
        before = module.__dict__.get("__getattr__")

        def read(name: str) -> Any:  # noqa: ANN401
            if name == "solutions":
                return importlib.import_module(OURS)
            if before is not None:
                return before(name)
            if name in SHORTCUTS:
                return _submodule("mediapipe", name)
            raise AttributeError(f"module 'mediapipe' has no attribute {name!r}")

        module.__dict__["__getattr__"] = read
        module.__dict__["__dir__"] = lambda: sorted({*module.__dict__, "solutions"})


def _submodule(package: str, name: str) -> ModuleType:
    """Import a package's module as its attribute; raise AttributeError where it has none.

    Raises ModuleNotFoundError where the module is there and lacks another, such as cv2.
    """
    full = f"{package}.{name}"
    try:
        return importlib.import_module(full)
    except ModuleNotFoundError as error:
        if not f"{full}.".startswith(f"{error.name}."):
            raise
        raise AttributeError(f"module {package!r} has no attribute {name!r}") from None


class _Package(Loader):
    """An empty package, in which the finder finds modules."""

    def create_module(self, spec: ModuleSpec) -> Optional[ModuleType]:
        """Let Python make the module."""
        del spec
        return None

    def exec_module(self, module: ModuleType) -> None:
        """Let its modules be read as attributes, as early releases of MediaPipe did."""
        package = module.__name__

        def read(name: str) -> ModuleType:
            if name.startswith("_"):
                raise AttributeError(f"module {package!r} has no attribute {name!r}")
            return _submodule(package, name)

        module.__dict__["__getattr__"] = read


class _Alias(Loader):
    """A module of the kit under the legacy name: the same object under both."""

    def __init__(self, name: str) -> None:
        self.name = name

    def create_module(self, spec: ModuleSpec) -> Optional[ModuleType]:
        """Let Python make a module, which is replaced below."""
        del spec
        return None

    def exec_module(self, module: ModuleType) -> None:
        """Put the kit's module in its place."""
        sys.modules[module.__name__] = importlib.import_module(self.name)


class _Formats(Loader):
    """A module of message classes."""

    def __init__(self, classes: Sequence[Any]) -> None:
        self.classes = classes

    def create_module(self, spec: ModuleSpec) -> Optional[ModuleType]:
        """Let Python make the module."""
        del spec
        return None

    def exec_module(self, module: ModuleType) -> None:
        """Give it the classes."""
        module.__dict__.update({item.__name__: item for item in self.classes})
