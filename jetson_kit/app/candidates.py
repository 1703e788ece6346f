"""A folder's programs, for those whose folder does not say which one to run."""

from __future__ import annotations

import os
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
    if not names:
        return "write app.py, or make a folder that has one: ./inv app.new NAME"
    lines = [f'command = ["python3", "{name}"]' for name in names[:SHOWN_MOST]]
    there = "into" if (folder / file).exists() else "a file"
    return f"write {there} {folder / file} with the line {' or '.join(lines)}"
