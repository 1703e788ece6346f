"""Which GPU paths are compiled into a library: several observations that must agree."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from jetson_kit.audit import rules
from jetson_kit.audit.native import Library
from jetson_kit.audit.rules import GpuPath

DISPATCH = r"lib(EGL|GLESv2|GLdispatch|GL|vulkan)[.-]"


@dataclass(frozen=True)
class GpuFacts:
    """The GPU paths of a wheel and what was seen where."""

    paths: tuple[str, ...]
    evidence: tuple[str, ...]
    cuda_major: int = 0
    """The CUDA that a CUDA path needs, 0 if none."""


def is_core(library: Library) -> bool:
    """Tell whether a library holds inference code, as opposed to what it is bundled with."""
    return any(library.holds(mark) for mark in rules.raw()["core"]["marks"])


def look(libraries: tuple[Library, ...]) -> GpuFacts:
    """Return the GPU paths compiled into these libraries."""
    paths: list[str] = []
    evidence: list[str] = []
    cuda = 0
    own = sorted(n for lib in libraries if re.match(DISPATCH, n := PurePosixPath(lib.path).name))
    if own:
        evidence.append(f"brings its own GL dispatch: {', '.join(own)}")
    for library in libraries:
        name = PurePosixPath(library.path).name
        against = [text for text in rules.raw()["gpu"]["contradictions"] if library.holds(text)]
        evidence += [f'{name}: holds the text "{text}"' for text in against]
        here: set[str] = set()
        for path in rules.gpu_paths():
            seen = "" if path.name in here else _entry(library, path)
            marks = [mark for mark in path.code if library.holds(mark)]
            if not seen:
                continue
            if len(marks) < path.code_min:
                if is_core(library):
                    evidence.append(f"{name}: {seen}, but no inference code for {path.says}")
            elif against:
                evidence.append(f"{name}: {seen}, but its GPU code is switched off")
            else:
                evidence.append(f"{name}: {path.says}: {seen}; code: {', '.join(marks)}")
                paths.append(path.name)
                here.add(path.name)
                if path.name == "cuda":
                    cuda = max(cuda, _cuda_major(library))
    return GpuFacts(tuple(dict.fromkeys(paths)), tuple(dict.fromkeys(evidence)), cuda)


def usable(paths: tuple[str, ...]) -> tuple[str, ...]:
    """Return those paths that a Jetson's driver serves."""
    fit = {path.name for path in rules.gpu_paths() if path.jetson}
    return tuple(path for path in paths if path in fit)


def _entry(library: Library, path: GpuPath) -> str:
    """Return how a library reaches the driver of a path, "" if it does not."""
    if library.format not in path.formats:
        return ""
    if path.imports and all(name in library.imports for name in path.imports):
        return f"imports {', '.join(path.imports)}"
    if path.needed and (result := [n for n in library.needed if re.search(path.needed, n)]):
        return f"needs {', '.join(result)}"
    opens = library.format != "elf" or "dlopen" in library.imports
    if path.opened and opens and all(library.holds(text) for text in path.opened):
        return f"opens {path.opened[0]} at run time" if library.format == "elf" else "uses it"
    return ""


def _cuda_major(library: Library) -> int:
    matches = [re.fullmatch(r"libcudart\.so\.(\d+).*", name) for name in library.needed]
    return max((int(match[1]) for match in matches if match), default=0)
