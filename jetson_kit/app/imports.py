"""Modules that an application imports as it starts and nothing of its image has.

Only imports that always run count: not those in functions, `try` or `if`. A program that changes
sys.path, or has folders of the board on it, may find them elsewhere: nothing is said of it.
"""

from __future__ import annotations

import ast
import json
import posixpath
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from jetson_kit.app import module_names, started
from jetson_kit.app.module_names import Python
from jetson_kit.app.settings import FILE, HOME, App
from jetson_kit.app.tree import Entry

# Where Python looks in an image: Debian's packages are in the second, Python's own modules aside.
FOLDERS = ("/site-packages/", "/dist-packages/", "/lib-dynload/")
OUTSIDE = "/"
CHANGES_PATH = ("path", "addsitedir", "path_hooks", "meta_path")


@dataclass(frozen=True)
class Program:
    """What the command starts: its file, and the folder's modules that are imported with it."""

    started: str = ""
    modules: Mapping[str, ast.Module] = field(default_factory=dict)
    imported: Mapping[str, str] = field(default_factory=dict)
    """Modules that the folder does not have, each with the place that imports it first."""


def missing(
    app: App, entries: Sequence[Entry], python: Python, layers: Iterable[Path]
) -> dict[str, str]:
    """Return the modules, each with the place that imports it first."""
    imported = program(app, entries).imported
    standard = module_names.standard(python.version) - module_names.apart(python.version).keys()
    known = standard | module_names.of_images()
    result = {name: place for name, place in imported.items() if name not in known}
    if place := result.get("turtle"):
        # Images have the one without the other, which it imports.
        result.setdefault("tkinter", f"{place} (by turtle)")
    for layer in layers:
        if not result:
            break
        for name in _in_layer(layer, python):
            result.pop(name, None)
    return result


def elsewhere(entries: Sequence[Entry], name: str) -> str:
    """Return what lets Python find a module that another folder of the application's has; or ""."""
    ends = (f"/{name}.py", f"/{name}/__init__.py")
    paths = sorted((f"/{HOME}/{entry.name}" for entry in entries), key=lambda path: path.count("/"))
    for path in paths:
        for end in filter(path.endswith, ends):
            folder = path.removesuffix(end)
            return (
                f"{folder} has it: write PYTHONPATH = {json.dumps(folder)} under [environment] in "
                f"{FILE}"
            )
    return ""


def program(app: App, entries: Sequence[Entry]) -> Program:
    """Return the program that the command starts, as far as it can be followed."""
    files = {entry.name: entry for entry in entries if not entry.link}
    script = started.of(app, files)
    name = started.name_of(script.word)
    if script.module:
        # Python looks for it in the folder where it starts, and takes a folder's __main__.py.
        head, *rest = script.module.split(".")
        bare = [posixpath.join(folder, head, *rest) for folder in ("", *_on_path(app))]
        places = (f"{place}{end}" for place in bare for end in (".py", "/__main__.py"))
        name = next((place for place in places if place in files), "")
        if not name and not _holds(files, head) and not app.variables.get("PYTHONPATH"):
            return Program(imported={head: f"command in {FILE}"})
    if script.by != "python" or script.flags or name not in files or not name.endswith(".py"):
        return Program()
    folders = ["" if script.module else posixpath.dirname(name), *_on_path(app)]
    if OUTSIDE in folders:
        return Program()
    result: dict[str, str] = {}
    modules: dict[str, ast.Module] = {}
    todo, seen = [name], {name}
    while todo:
        file = todo.pop()
        try:
            tree = ast.parse(files[file].source.read_bytes())
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return Program(name, modules)
        modules[file] = tree
        if _changes_path(tree):
            return Program(name, modules)
        for module, line in _always(tree, _package(file, folders)):
            head, parts = module.partition(".")[0], module.split(".")
            if any(_holds(files, posixpath.join(folder, head)) for folder in folders):
                own = [
                    path
                    for folder in folders
                    for count in range(1, len(parts) + 1)
                    for path in _of_module(posixpath.join(folder, *parts[:count]))
                    if path in files and path not in seen
                ]
                seen.update(own)
                todo += own
            else:
                result.setdefault(head, f"{file}, line {line}")
    return Program(name, modules, result)


def _on_path(app: App) -> list[str]:
    """Return the folders of the application's on PYTHONPATH; OUTSIDE for one of the board's."""
    rows = app.variables.get("PYTHONPATH", "")
    paths = [posixpath.normpath(posixpath.join("/", HOME, row)) for row in rows.split(":") if rows]
    home = f"/{HOME}/"
    return [path[len(home) :] if f"{path}/".startswith(home) else OUTSIDE for path in paths]


def _package(file: str, folders: Sequence[str]) -> list[str]:
    """Return the names of the packages that a file is in, where Python looks in these folders."""
    above = posixpath.dirname(file)
    inside = [
        folder for folder in folders if f"{above}/".startswith(f"{folder}/" if folder else "")
    ]
    names = above[len(max(inside, key=len, default=above)) :].split("/")
    return [name for name in names if name]


def _always(tree: ast.Module, package: list[str]) -> Iterator[tuple[str, int]]:
    """Yield what the statements of a module itself import, with their lines.

    What is imported from a package may be a module of it.
    """
    for statement in tree.body:
        if isinstance(statement, ast.Import):
            for alias in statement.names:
                yield alias.name, statement.lineno
        elif isinstance(statement, ast.ImportFrom) and statement.level <= len(package):
            above = package[: len(package) + 1 - statement.level] if statement.level else []
            for alias in statement.names:
                names = (*above, statement.module, alias.name)
                yield ".".join(filter(None, names)), statement.lineno


def _changes_path(tree: ast.Module) -> bool:
    return any(
        (isinstance(node, ast.Attribute) and node.attr in CHANGES_PATH and _is_sys(node.value))
        or (
            isinstance(node, ast.ImportFrom)
            and node.module in ("sys", "site")
            and any(alias.name in CHANGES_PATH for alias in node.names)
        )
        for node in ast.walk(tree)
    )


def _is_sys(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in ("sys", "site")


def _of_module(path: str) -> tuple[str, str]:
    return f"{path}.py", f"{path}/__init__.py"


def _holds(files: Iterable[str], path: str) -> bool:
    """Return whether the folder has a module or a folder of that name, in whatever form."""
    start = path.removeprefix("./")
    return any(name.startswith((f"{start}/", f"{start}.")) for name in files)


def _in_layer(tar: Path, python: Python) -> set[str]:
    result = set()
    with tarfile.open(tar) as layer:
        for member in layer:
            name = f"/{member.name.removeprefix('./')}"
            for folder in (*FOLDERS, f"/usr/lib/python{python.version}/"):
                head, _, rest = name.partition(folder)[2].partition("/")
                if head:
                    result.add(head if rest else python.module(head) or head)
    return result
