"""The programs that packages bring: their entry points, and the scripts of their wheels.

Format: "Entry points specification" and "Binary distribution format" of packaging.python.org. What
uv makes of them names the Python of the machine that it runs on; here it is the image's.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import re
from importlib.metadata import EntryPoint, PathDistribution
from pathlib import Path

# Raised when the same packages would give other programs than before.
FORMAT = 1
FOLDER = "bin"
GROUPS = ("console_scripts", "gui_scripts")
PYTHON = re.compile(rb"#!\s*(?:\S*/)?python[\d.]*w?(?=\s|$)")
# The head of a script where the path of its Python is too long for a first line.
LONG = re.compile(rb"#!/bin/sh\n'''exec' [^\n]*\n' '''\n")
LAUNCHER = """\
#!{python}
import sys

from {module} import {name}

if __name__ == "__main__":
    sys.exit({call}())
"""


def take(site: Path, python: str, bin_folder: str) -> dict[str, bytes]:
    """Return the programs of the packages in a folder, by their names, as the image has them.

    `python` is its interpreter there, `bin_folder` their folder, from the packages' one; the
    packages' records name them there. Of two packages with one program the last by name has it.
    """
    files = {path.name: path.read_bytes() for path in (site / FOLDER).glob("*") if path.is_file()}
    result: dict[str, bytes] = {}
    owners: dict[str, Path] = {}
    for info in sorted(site.glob("*.dist-info")):
        points = _entry_points(info)
        for name in sorted(_recorded(info) & files.keys()):
            point = points.get(name)
            result[name] = launcher(point, python) if point else relocated(files[name], python)
            owners[name] = info
    for name, info in owners.items():
        _record(info, name, f"{bin_folder}/{name}", result[name])
    return result


def launcher(point: EntryPoint, python: str) -> bytes:
    """Return the program of an entry point."""
    name = point.attr.partition(".")[0]
    text = LAUNCHER.format(python=python, module=point.module, name=name, call=point.attr)
    return text.encode()


def relocated(content: bytes, python: str) -> bytes:
    """Return a script that is run by the image's Python; anything else as it is."""
    line = f"#!{python}".encode()
    if LONG.match(content):
        return LONG.sub(lambda _: line + b"\n", content, count=1)
    match = PYTHON.match(content)
    return line + content[match.end() :] if match else content


def _entry_points(info: Path) -> dict[str, EntryPoint]:
    """Return the entry points that can be read; of others what uv made of them is taken."""
    points = PathDistribution(info).entry_points
    return {
        point.name: point
        for group in GROUPS
        for point in points.select(group=group)
        if EntryPoint.pattern.match(point.value)
    }


def _recorded(info: Path) -> frozenset[str]:
    """Return the names of the programs that a package's record lists."""
    with (info / "RECORD").open(encoding="utf-8", newline="") as stream:
        rows = [row[0] for row in csv.reader(stream) if row]
    return frozenset(
        name.removeprefix(f"{FOLDER}/") for name in rows if name.startswith(f"{FOLDER}/")
    )


def _record(info: Path, name: str, path: str, content: bytes) -> None:
    """Put a program's line into its package's record."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
    record = info / "RECORD"
    text = record.read_text(encoding="utf-8")
    record.unlink()  # it may be a hard link into uv's cache
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow((path, f"sha256={digest}", len(content)))
    record.write_text(text + line.getvalue(), encoding="utf-8")
