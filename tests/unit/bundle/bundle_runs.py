"""A small bundle's contents, and runs of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
# What stands for the device wheel: it says how it was called, and what it finds.
WHEEL = """
import json, os, sys
print(json.dumps({"words": sys.argv[1:], "models": os.environ["MEDIAPIPE_JETSON_MODELS"],
                  "path": sys.path[1], "model": open(
    os.path.join(os.environ["MEDIAPIPE_JETSON_MODELS"], "one.task"), "rb").read().decode()}))
if "--wait" in sys.argv:
    import time
    time.sleep(60)
sys.exit(1)
"""
MODEL = b"a model " * 40_000
LIBRARY = b"instructions" * 2000


def run(
    pyz: Path, *arguments: str | Path, python: str = sys.executable, **variables: str
) -> subprocess.CompletedProcess[str]:
    home = pyz.parent.parent / "home"
    home.mkdir(exist_ok=True)
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(home), "TMPDIR": str(home)} | variables
    return subprocess.run(
        [python, pyz, *arguments], env=environment, capture_output=True, text=True, check=False
    )


def one_line(done: subprocess.CompletedProcess[str], code: int) -> str:
    assert done.returncode == code, done.stderr
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def left(pyz: Path) -> list[str]:
    """Return what a run left in its home folder."""
    return sorted(path.name for path in (pyz.parent.parent / "home").rglob("*"))
