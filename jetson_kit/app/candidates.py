"""A folder's programs, for those whose folder does not say which one to run."""

from __future__ import annotations

import os
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

SHOWN_MOST = 5
DEEPEST, FILES_MOST = 4, 2000
# What installs, checks or tests a project, and folders that are none of its own.
TOOLS = re.compile(r"(setup|conftest|noxfile|fabfile|tasks|test_.*|.*_test|.*\.launch)\.py$")
OTHERS = re.compile(r"\..*|tests?|docs|build|dist|venv|env|site-packages|node_modules|__\w+__")
MAIN = b"__main__"
# By these a folder is a package that an installer takes.
PROJECTS = ("pyproject.toml", "setup.py")
# The line of requirements that is the folder's own package.
ITSELF = re.compile(
    r"^[ \t]*(?:(?:-e|--editable)[ \t=]*)?\./?(?:\[[^\]\n]*\])?[ \t]*(?:[#;].*)?\r?$", re.MULTILINE
)


def advice(folder: Path, file: str, requirements: str) -> str:
    """Return what to write into this file: the folder's programs, by name.

    `requirements` is the file of them that is read; "" for none.
    """
    installed = _installed(folder, requirements)
    names = _started(path for path in folder.glob("*.py"))
    lines = [_line(name) for name in names] or _of_packages(folder, installed)
    lines = lines or _of_others(folder, installed)
    notebooks = sorted(path.name for path in folder.glob("*.ipynb"))
    if not lines and notebooks:
        program = Path(notebooks[0]).with_suffix(".py").name
        command = shlex.join(["jupyter", "nbconvert", "--to", "script", notebooks[0]])
        return f"make a program of the notebook, here {command}, and name it: {_line(program)}"
    if not lines:
        return "write app.py, or make a folder that has one: ./inv app.new NAME"
    there = "into" if (folder / file).exists() else "a file"
    return f"write {there} {folder / file} with the line {' or '.join(lines)}"


def _line(name: str) -> str:
    return f'command = ["python3", "{name}"]'


def _started(paths: Iterator[Path], folder: Path | None = None) -> list[str]:
    """Return the programs among these that are started as such, else all of them.

    They are named as seen from a folder, else by their names alone.
    """
    texts = {
        path.relative_to(folder).as_posix() if folder else path.name: path.read_bytes()
        for path in paths
        if path.is_file() and os.access(path, os.R_OK) and not TOOLS.fullmatch(path.name)
    }
    names = [name for name, text in texts.items() if MAIN in text] or [
        name for name in texts if not name.endswith("__init__.py")
    ]
    return sorted(names, key=lambda name: (name.count("/"), name))[:SHOWN_MOST]


def _below(folder: Path) -> Iterator[Path]:
    """Return the programs in folders of a folder, not too many of them."""
    left = FILES_MOST
    for top, inner, names in os.walk(folder):
        depth = len(Path(top).relative_to(folder).parts)
        inner[:] = sorted(name for name in inner if not OTHERS.fullmatch(name))
        inner[:] = inner if depth < DEEPEST else []
        for name in sorted(name for name in names if name.endswith(".py")):
            left -= 1
            if left < 0:
                return
            yield Path(top, name)


def _of_packages(folder: Path, installed: str) -> list[str]:
    """Return commands that start the folder's packages: its programs, else a package's __main__."""
    try:
        document = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))
        scripts = sorted(document["project"]["scripts"])
    except (OSError, ValueError, KeyError, TypeError):
        scripts = []
    if scripts:
        return [f'command = ["{name}"]{installed}' for name in scripts[:SHOWN_MOST]]
    return _modules(folder)[:SHOWN_MOST]


def _of_others(folder: Path, installed: str) -> list[str]:
    """Return commands that start a package of the folder src, and programs below other folders."""
    names = _started(_below(folder), folder)
    # Where a package's folder is not on Python's path, only the installed package is found.
    project = any((folder / name).is_file() for name in PROJECTS)
    packages = [f"{line}{installed}" for line in _modules(folder / "src")] if project else []
    if packages:
        names = [name for name in names if not name.startswith("src/")]
        names = [name for name in names if MAIN in (folder / name).read_bytes()]
    return [*packages, *(_line(name) for name in names)][:SHOWN_MOST]


def _modules(folder: Path) -> list[str]:
    names = sorted(path.parent.name for path in folder.glob("*/__main__.py"))
    return [
        f'command = ["python3", "-m", "{name}"]' for name in names if not OTHERS.fullmatch(name)
    ]


def _installed(folder: Path, requirements: str) -> str:
    """Return what is to be written, too, for the folder's own package to be installed."""
    if not requirements:
        return ", and requirements.txt with the line ."
    try:
        text = (folder / requirements).read_text("utf-8", "replace")
    except OSError:
        text = ""
    return "" if ITSELF.search(text) else f", and the line . in {requirements}"
