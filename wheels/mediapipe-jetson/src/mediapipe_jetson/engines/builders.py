"""What can build an engine here: TensorRT's own Python module, or JetPack's trtexec."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Optional, Protocol

from mediapipe_jetson.engines.errors import NoBuilderError
from mediapipe_jetson.engines.expected import Expected
from mediapipe_jetson.engines.manifest import Onnx

PROGRAM_VARIABLE = "MEDIAPIPE_JETSON_TRTEXEC"
PROGRAMS = ("/usr/src/tensorrt/bin/trtexec", "/usr/bin/trtexec")
LEAN_FLAGS = ("version-compatible", "exclude-lean-runtime")
"""What the lean runtime needs; it is in the image once, not in every engine."""


@dataclass(frozen=True)
class Order:
    """What is to be built: of which ONNX file, and how."""

    source: Onnx
    plan: Path
    """The engine is written here."""
    flags: tuple[str, ...]
    timing_cache: Path
    check: Optional[Expected] = None


@dataclass(frozen=True)
class Result:
    """What came out: each output tensor where it was run, and how long things took.

    `stand_in` is True if the program says that it only stands for the real one.
    """

    seconds: float
    outputs: Optional[Mapping[str, Sequence[float]]] = None
    median_ms: Optional[float] = None
    not_run: str = ""
    """Why there are no outputs."""
    stand_in: bool = False


class Builder(Protocol):
    """Builds engines."""

    @property
    def name(self) -> str:
        """Return what a manifest calls it."""
        ...

    @property
    def tensorrt(self) -> str:
        """Return TensorRT's version."""
        ...

    def build(self, order: Order) -> Result:
        """Build, and run the engine on the check's inputs if there are any. Raises BuildError."""
        ...


def find(variables: Optional[Mapping[str, str]] = None) -> Builder:
    """Return what builds here. Raises NoBuilderError with the reasons."""
    from mediapipe_jetson.engines import python_builder, trtexec  # noqa: PLC0415 # they need this

    result = os.environ if variables is None else variables
    reasons = []
    for path in program_paths(result):
        if os.access(path, os.X_OK):
            return trtexec.Trtexec(path)
    reasons.append("there is no trtexec")
    try:
        return python_builder.find()
    except NoBuilderError as error:
        reasons.append(str(error))
    raise NoBuilderError("; ".join(reasons))


def program_paths(variables: Mapping[str, str]) -> list[Path]:
    """Return where trtexec may be; a variable names it alone."""
    named = variables.get(PROGRAM_VARIABLE)
    if named:
        return [Path(named)]
    on_path = shutil.which("trtexec", path=variables.get("PATH"))
    return [Path(item) for item in (*PROGRAMS, *((on_path,) if on_path else ()))]
