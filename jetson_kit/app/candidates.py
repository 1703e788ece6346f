"""A folder's programs, for those whose folder does not say which one to run."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

SHOWN_MOST = 5


def advice(folder: Path, file: str) -> str:
    """Return what to write into this file: the folder's programs, by name."""
    texts = {
        path.name: path.read_bytes()
        for path in folder.glob("*.py")
        if path.is_file() and os.access(path, os.R_OK)
    }
    names = sorted(name for name, text in texts.items() if b"__main__" in text) or sorted(texts)
    lines = [f'command = ["python3", "{name}"]' for name in names[:SHOWN_MOST]]
    lines = lines or _of_packages(folder)
    if not lines:
        return "write app.py, or make a folder that has one: ./inv app.new NAME"
    there = "into" if (folder / file).exists() else "a file"
    return f"write {there} {folder / file} with the line {' or '.join(lines)}"


def _of_packages(folder: Path) -> list[str]:
    """Return commands that start the folder's packages: its programs, else a package's __main__."""
    try:
        document = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))
        scripts = sorted(document["project"]["scripts"])
    except (OSError, ValueError, KeyError, TypeError):
        scripts = []
    if scripts:
        own = (
            ""
            if (folder / "requirements.txt").exists()
            else ", and requirements.txt with the line ."
        )
        return [f'command = ["{name}"]{own}' for name in scripts[:SHOWN_MOST]]
    names = sorted(path.parent.name for path in folder.glob("*/__main__.py"))
    return [f'command = ["python3", "-m", "{name}"]' for name in names[:SHOWN_MOST]]
