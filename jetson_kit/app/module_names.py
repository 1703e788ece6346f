"""Files of an application that Python would import in place of the image's own modules.

The folder of a program stands before everything else on sys.path, and the image's own programs
start in the application's folder.
"""

from __future__ import annotations

import posixpath
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from packaging.version import Version

from jetson_kit.app import started
from jetson_kit.app.settings import FILE, HOME, App
from jetson_kit.app.source.model import MACHINES
from jetson_kit.app.tree import DATA, Entry
from jetson_kit.core.errors import BadInputError

INIT = "__init__"
SITE = "/site-packages/"
INFO = ".dist-info"


@dataclass(frozen=True)
class Python:
    """The Python of an image."""

    version: str
    """Such as "3.11"."""
    arch: str

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Return the endings of files that it imports."""
        tag = f"cpython-{self.version.replace('.', '')}-{MACHINES[self.arch]}-linux-gnu"
        return (".py", f".{tag}.so", ".abi3.so", ".so")

    def module(self, file: str) -> str:
        """Return the module that a file makes; "" for a name that no import finds."""
        suffix = next((item for item in self.suffixes if file.endswith(item)), "")
        name = file.removesuffix(suffix)
        return name if suffix and name.isidentifier() else ""


@cache
def _table() -> dict[str, Any]:
    return dict(tomllib.loads(DATA.read_text(encoding="utf-8"))["modules"])


def standard(python: str) -> frozenset[str]:
    """Return the modules of a version of Python ("3.11"), whichever this one is."""
    table, version = _table(), Version(python)
    names = set(sys.stdlib_module_names)
    for at, gone in table["gone"].items():
        names = names - set(gone) if Version(at) <= version else names | set(gone)
    for at, new in table["new"].items():
        names = names | set(new) if Version(at) <= version else names - set(new)
    return frozenset(names)


def apart(python: str) -> dict[str, str]:
    """Return the standard modules that images lack of themselves, each with the list it is in."""
    own = standard(python)
    rows: Mapping[str, Sequence[str]] = _table()["apart"]
    return {name: key for key, names in rows.items() for name in names if name in own}


def of_packages(names: frozenset[str]) -> dict[str, str]:
    """Return which package of an image has a module, by the module's name."""
    rows: Mapping[str, Sequence[str]] = _table()["packages"]
    return {module: name for name in sorted(names) for module in rows.get(name, ())}


def of_images() -> frozenset[str]:
    """Return the modules of the packages that images have."""
    return frozenset(module for modules in _table()["packages"].values() for module in modules)


def in_layer(tar: Path, python: Python) -> frozenset[str]:
    """Return the modules of a layer of Python packages."""
    result = set()
    with tarfile.open(tar) as layer:
        for member in layer:
            head, _, rest = member.name.partition(SITE)[2].partition("/")
            if rest and not head.endswith(INFO) and head != "__pycache__":
                result.add(head)
            elif module := python.module(head):
                result.add(module)
    return frozenset(result)


def check(app: App, entries: Sequence[Entry], python: Python, packages: frozenset[str]) -> None:
    """Raise BadInputError for a file with the name of a module of Python's or of the image's.

    `packages` are the normalised names of what the image holds.
    """
    own, held = standard(python.version), of_packages(packages)
    for name, module in modules(app, entries, python):
        if module in own:
            whose = f"Python's own module {module}"
        elif module in held:
            whose = f"the image's module {module} (package {held[module]})"
        else:
            continue
        raise BadInputError(
            f"{app.folder / name} has the name of {whose}, and would be imported in its place",
            f"give it another name, or leave it out: ignore = [...] in {FILE}",
        )


def hidden(app: App, entries: Sequence[Entry], python: Python, names: frozenset[str]) -> list[str]:
    """Return files with the names of modules that the application's own packages have."""
    return sorted({name for name, module in modules(app, entries, python) if module in names})


def modules(app: App, entries: Sequence[Entry], python: Python) -> Iterator[tuple[str, str]]:
    """Return files and the names under which a program imports them, where it finds them first."""
    for root in _roots(app, entries):
        for entry in entries:
            if entry.name.startswith(root):
                module = _module(entry, entry.name[len(root) :], python)
                if module:
                    yield entry.name, module


def _module(entry: Entry, rest: str, python: Python) -> str:
    """Return the module that a file makes, by its path below a folder of sys.path."""
    head, _, inner = rest.partition("/")
    if inner:
        # A folder without __init__.py gives way to any module of its name.
        return head if python.module(inner) == INIT else ""
    if entry.link and (entry.source / f"{INIT}.py").is_file():
        return head
    return python.module(head)


def _roots(app: App, entries: Sequence[Entry]) -> list[str]:
    """Return the application's folders that are on sys.path, as prefixes of files' names."""
    folders = [f"/{HOME}", *app.variables.get("PYTHONPATH", "").split(":")]
    folders += _folder_of_program(app, {entry.name: entry for entry in entries})
    result = set()
    for folder in folders:
        path = posixpath.normpath(posixpath.join("/", HOME, folder)) + "/"
        if path.startswith(f"/{HOME}/"):
            result.add(path[len(HOME) + 2 :])
    return sorted(result)


def _folder_of_program(app: App, files: Mapping[str, Entry]) -> list[str]:
    """Return the folder that Python has before all others for the file that is run."""
    script = started.of(app, files)
    name = started.name_of(script.word)
    if script.by != "python" or not name or script.flags & {"I", "P"}:
        return []
    if f"{name}/__main__.py" in files:
        return [name]
    # An archive stands there itself; of a link it is the folder that it leads into.
    source = (app.folder / name).resolve()
    if name not in files or zipfile.is_zipfile(source):
        return []
    folder = source.parent.relative_to(app.folder.resolve())
    return [folder.as_posix()]
