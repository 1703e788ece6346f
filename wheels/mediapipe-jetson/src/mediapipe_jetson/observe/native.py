"""MediaPipe's native library: where it is, what it needs, whether the GPU is compiled in.

Nothing is imported or loaded: a library that the CPU can't run is read all the same.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
import importlib.util
import json
import mmap
import re
from pathlib import Path
from typing import Optional, Union

from mediapipe_jetson import elf
from mediapipe_jetson.observation import Absent, one_line

# MediaPipe 1.x, then 0.10.x.
PLACES = ("tasks/c/libmediapipe.so", "python/_framework_bindings*.so")
PROVENANCE = "jetson-provenance.json"
DISABLED = b"GPU processing is disabled in build flags"
# Wheels that bundle the library rename it: libGLESv2-0f3c.so.2.
GL_LIBRARY = re.compile(r"lib(EGL|GLESv2)[-.]")


@dataclasses.dataclass(frozen=True)
class NativeLibrary:
    """MediaPipe's library; `gpu_compiled_in` is None where the evidence does not decide it."""

    path: str
    size_bytes: int
    machine: str
    needed: tuple[str, ...]
    gpu_compiled_in: Optional[bool]
    gpu_evidence: str
    translated: Optional[str] = None
    """For which cores it was translated, by what and from what; None for the official library."""

    def lines(self) -> tuple[str, ...]:
        """Return what a person reads."""
        verdict = {True: "yes", False: "no", None: "unknown"}[self.gpu_compiled_in]
        return (
            f"{self.path} ({self.machine}, {self.size_bytes / 1e6:.1f} MB)",
            f"GPU compiled in: {verdict} ({self.gpu_evidence})",
            f"needs {' '.join(self.needed)}",
            *((self.translated,) if self.translated else ()),
        )


def read(_root: Path = Path("/")) -> Union[Absent, NativeLibrary]:
    """Find the library of the mediapipe that this Python would import, and read it."""
    try:
        spec = importlib.util.find_spec("mediapipe")
    except (ImportError, ValueError) as error:
        return Absent(f"mediapipe can't be found: {one_line(error)}")
    if spec is None or not spec.submodule_search_locations:
        return Absent("mediapipe is not installed")
    for folder in spec.submodule_search_locations:
        for place in PLACES:
            for path in sorted(Path(folder).glob(place)):
                result = examine(path)
                if isinstance(result, Absent):
                    return result
                return dataclasses.replace(result, translated=translation(place))
    return Absent(f"mediapipe has no native library at {' or '.join(PLACES)}")


def translation(place: str) -> Optional[str]:
    """Return what provenance says of a library of the mediapipe package; None for nothing."""
    try:
        text = importlib.metadata.distribution("mediapipe").read_text(PROVENANCE)
        rows = json.loads(text or "{}").get("translated", [])
        for row in rows:
            if row["path"] == f"mediapipe/{place}":
                return (
                    f"translated for {row['level']} ({row['for']}) by {row['by']}: "
                    f"{sum(row['replaced'].values())} instructions replaced; from the official "
                    f"library with sha256 {row['official_sha256']}"
                )
    except (importlib.metadata.PackageNotFoundError, OSError, ValueError, KeyError, TypeError):
        return None
    return None


def examine(path: Path) -> Union[Absent, NativeLibrary]:
    """Read one library's facts."""
    try:
        library = elf.read(path)
        with (
            path.open("rb") as stream,
            mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data,
        ):
            disabled, size = data.find(DISABLED) >= 0, len(data)
    except (OSError, elf.NotElfError) as error:
        return Absent(f"{path}: {one_line(error)}")
    gl = [name for name in library.needed if GL_LIBRARY.match(name)]
    verdict: Optional[bool] = None
    evidence = "no text says that it is disabled, yet neither libEGL nor libGLESv2 is needed"
    if disabled:
        verdict, evidence = False, f'it holds the text "{DISABLED.decode()}"'
    elif gl:
        verdict, evidence = True, f"it needs {' and '.join(gl)}, and no text says it is disabled"
    return NativeLibrary(str(path), size, library.machine, library.needed, verdict, evidence)
