"""Find the unit test files that pass with damaged tables: more rows can't break them.

`python -m tests.tables.without_tables` runs each file by itself in a copy of the tree whose tables,
and what derives from them, are damaged, and writes those that pass to without_tables.txt.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from jetson_kit.audit import planned
from jetson_kit.core.paths import ROOT
from jetson_kit.data_update import derived
from jetson_kit.targets import table as targets
from jetson_kit.wheels import pins as wheels
from jetson_kit.wheels import recipes
from tests.tables import grown

LIST = Path(__file__).with_suffix(".txt")
TABLES = (targets.TABLE, wheels.TABLE, planned.TABLE, recipes.TABLE)
MARKS = "not network and not docker and not qemu and not slow and not browser"


def listed() -> tuple[str, ...]:
    """Return the files that were found, as paths from the tree's root."""
    return tuple(LIST.read_text(encoding="utf-8").split())


def find(workers: int = 2) -> tuple[str, ...]:
    """Return the files that pass with damaged tables."""
    with tempfile.TemporaryDirectory() as name:
        folder = grown.copy(Path(name) / "kit")
        for path in (*TABLES, *derived.expected()):
            (folder / path.relative_to(ROOT)).write_text("damaged [[[", encoding="utf-8")
        files = sorted(
            path.relative_to(folder).as_posix()
            for path in (folder / "tests" / "unit").rglob("test_*.py")
        )
        with ThreadPoolExecutor(workers) as pool:
            passed = pool.map(lambda file: _passes(folder, file), files)
            return tuple(file for file, good in zip(files, passed, strict=True) if good)


def _passes(folder: Path, file: str) -> bool:
    arguments = ["-q", "-x", "-p", "no:cacheprovider", "-m", MARKS, file]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *arguments], cwd=folder, capture_output=True, check=False
    )
    return done.returncode == 0


if __name__ == "__main__":
    LIST.write_text("".join(f"{file}\n" for file in find()), encoding="utf-8")
