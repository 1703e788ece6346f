"""`info`: every observation of this device, for people and as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mediapipe_jetson.observation import Absent, Section, as_json, one_line
from mediapipe_jetson.observe import (
    cpu,
    driver,
    egl,
    emulation,
    gl,
    l4t,
    module,
    native,
    packages,
    solutions,
    vulkan,
)
from mediapipe_jetson.usage import Parser

SCHEMA = "mediapipe-jetson/info/1"
Reader = Callable[[Path], Section]
READERS: dict[str, tuple[str, Reader]] = {
    "packages": ("Packages", packages.read),
    "mediapipe_library": ("MediaPipe's native library", native.read),
    "solutions": ("Legacy solutions (mp.solutions)", solutions.read),
    "cpu": ("CPU", cpu.read),
    "l4t": ("L4T", l4t.read),
    "module": ("Module", module.read),
    "emulation": ("Emulated Jetson", emulation.read),
    "driver": ("NVIDIA driver", driver.read),
    "egl": ("EGL", egl.read),
    "vulkan": ("Vulkan", vulkan.read),
    "gl": ("GL renderer", gl.read),
}


def observe(root: Path = Path("/")) -> dict[str, Section]:
    """Return every section of the tree below `root`; one that fails is absent, with its reason."""
    return {key: _guarded(reader, root) for key, (_, reader) in READERS.items()}


def _guarded(reader: Reader, root: Path) -> Section:
    try:
        return reader(root)
    except Exception as error:  # info must say the rest all the same
        return Absent(f"could not be observed: {type(error).__name__}: {one_line(error)}")


def document(sections: dict[str, Section]) -> dict[str, Any]:
    """Return the JSON document of the schema in data/info.schema.json."""
    return {"schema": SCHEMA, **{key: as_json(section) for key, section in sections.items()}}


def text(sections: dict[str, Section]) -> str:
    """Return what a person reads."""
    blocks = []
    for key, section in sections.items():
        blocks.append(READERS[key][0])
        blocks += [f"  {line}" for line in section.lines()]
    return "\n".join(blocks)


def main(arguments: Sequence[str]) -> int:
    """Print what is here; return 0."""
    parser = Parser("info", "Say what is here: packages, MediaPipe's library, CPU and drivers.")
    parser.add_argument("--json", action="store_true", help=f"print JSON ({SCHEMA})")
    options = parser.parse_args(arguments)
    sections = observe()
    print(json.dumps(document(sections), indent=2) if options.json else text(sections))
    return 0
