"""The device wheel's own code, as boards get it to build engines: a folder of its modules."""

from __future__ import annotations

import shutil
from pathlib import Path

from jetson_kit.wheels.device_wheel import SOURCE

PACKAGE = SOURCE / "src" / "mediapipe_jetson"
# What `python -m mediapipe_jetson engines build` imports.
PARTS = (
    "__init__.py", "__main__.py", "elf.py", "exit_codes.py", "models.py", "observation.py",
    "options.py", "usage.py",
    "backends", "engines", "observe", "data/cpus.json", "data/emulation.json",
    "data/engines.schema.json",
)  # fmt: skip


def write(folder: Path) -> Path:
    """Write the program into an empty folder; return the value of PYTHONPATH."""
    for part in PARTS:
        source, target = PACKAGE / part, folder / PACKAGE.name / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(source, target)
    return folder
