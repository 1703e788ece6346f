"""Modules that an application imports as it starts and nothing of its image has.

Only imports that always run count: not those in functions, `try` or `if`. A program that changes
sys.path, or has folders of the board on it, may find them elsewhere: nothing is said of it.
"""

from __future__ import annotations

import ast
import json
import posixpath
import tarfile
from collections import deque
from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from jetson_kit.app import module_names, search_path, started
from jetson_kit.app.module_names import Python
from jetson_kit.app.settings import FILE, HOME, App
from jetson_kit.app.tree import Entry

# Where Python looks in an image: Debian's packages are in the second, Python's own modules aside.
FOLDERS = ("/site-packages/", "/dist-packages/", "/lib-dynload/")
OUTSIDE = "/"
INIT = "__init__.py"
# Modules that are followed: a program with more brings others' packages along.
MOST = 200
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
# By which names are bound that nobody reads in the text.
BINDS = ("globals", "vars", "setattr", "exec")


@dataclass(frozen=True)
class Program:
    """What the command starts: its file, and the folder's modules that are imported with it."""

    started: str = ""
    modules: Mapping[str, ast.Module] = field(default_factory=dict)
    imported: Mapping[str, str] = field(default_factory=dict)
    """Modules that the folder does not have, each with the place that imports it first."""


@dataclass(frozen=True)
class _Import:
    package: tuple[str, ...]
    """A module, by the parts of its name."""
    name: str
    """What is imported from it, which may be a module of it; "" for the module itself."""
    line: int


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


def elsewhere(app: App, entries: Sequence[Entry], name: str) -> str:
    """Return what lets Python find a module at the folder's top, or a package in its src.

    It is "" for those of other folders: nobody knows that the program means them.
    """
    names = {entry.name for entry in entries}
    if any(
        file == f"{name}.py" or (file.startswith(f"{name}/") and file.endswith(".py"))
        for file in names
    ):
        place = f"/{HOME}"
    elif f"src/{name}/{INIT}" in names and f"src/{INIT}" not in names:
        place = f"/{HOME}/src"
    else:
        return ""
    own = ":".join(filter(None, (app.environment.get("PYTHONPATH", ""), place)))
    return f"{place} has it: write PYTHONPATH = {json.dumps(own)} under [environment] in {FILE}"


def program(app: App, entries: Sequence[Entry]) -> Program:
    """Return the program that the command starts, as far as it can be followed."""
    files = {entry.name: entry for entry in entries if not entry.link}
    script = started.of(app, files)
    name = started.name_of(script.word)
    interpreter = started.interpreter(files[name]) if name in files else []
    if search_path.of_command(app, interpreter):
        return Program()
    held = _held(files)
    if script.module:
        # Python looks for it in the folder where it starts, and takes a folder's __main__.py.
        head, *rest = script.module.split(".")
        bare = [posixpath.join(folder, head, *rest) for folder in ("", *_on_path(app))]
        places = (f"{place}{end}" for place in bare for end in (".py", "/__main__.py"))
        name = next((place for place in places if place in files), "")
        if not name and head not in held and not app.variables.get("PYTHONPATH"):
            return Program(imported={head: f"command in {FILE}"})
    known = name in files and name.endswith(".py")
    if script.by != "python" or script.flags & search_path.FLAGS or not known:
        return Program()
    folders = ["" if script.module else posixpath.dirname(name), *_on_path(app)]
    if OUTSIDE in folders:
        return Program()
    return _followed(name, files, folders, held)


def _followed(
    name: str, files: Mapping[str, Entry], folders: Sequence[str], held: Collection[str]
) -> Program:
    """Return the program that a file starts, where Python looks in these folders."""
    result: dict[str, str] = {}
    modules: dict[str, ast.Module] = {}
    # These follow where their packages bind no such names themselves.
    perhaps: list[_Import] = []
    todo = deque([name])
    while todo or perhaps:
        if not todo:
            item = perhaps.pop()
            inits = [posixpath.join(folder, *item.package, INIT) for folder in folders]
            if not any(_binds(modules[init], item.name) for init in inits if init in modules):
                todo += _files((*item.package, item.name), files, folders)
            continue
        file = todo.popleft()
        if file in modules:
            continue
        tree, changes = _parsed(files[file])
        if tree is None or len(modules) == MOST:
            return Program(name, modules)
        modules[file] = tree
        if changes:
            return Program(name, modules)
        for item in _imports(tree.body, _package(file, folders)):
            if any(posixpath.join(folder, item.package[0]) in held for folder in folders):
                todo += _files(item.package, files, folders)
                perhaps.append(item)
            else:
                result.setdefault(item.package[0], f"{file}, line {item.line}")
    if _changed_late(modules, files, folders):
        return Program(name, modules)
    return Program(name, modules, result)


def _changed_late(
    modules: Mapping[str, ast.Module], files: Mapping[str, Entry], folders: Sequence[str]
) -> bool:
    """Return whether a module that may be imported besides changes where Python looks.

    So it is said of too many modules, and of one that can't be read.
    """
    seen = dict(modules)
    todo = list(seen)
    while todo:
        file = todo.pop()
        for item in _imports(ast.walk(seen[file]), _package(file, folders)):
            for path in _files((*item.package, item.name), files, folders):
                if path in seen:
                    continue
                tree, changes = _parsed(files[path])
                if tree is None or len(seen) == MOST or changes:
                    return True
                seen[path] = tree
                todo.append(path)
    return False


def _parsed(entry: Entry) -> tuple[ast.Module | None, bool]:
    """Return a module, None for one that can't be read, and whether it changes the path."""
    text = entry.source.read_bytes()
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None, False
    return tree, search_path.of_module(text, tree)


def _files(parts: Sequence[str], files: Container[str], folders: Sequence[str]) -> Iterator[str]:
    """Yield the files of a module and of the packages that it is in."""
    for folder in folders:
        for count in range(1, len(parts) + 1):
            place = posixpath.join(folder, *parts[:count])
            yield from (path for path in (f"{place}.py", f"{place}/{INIT}") if path in files)


def _binds(tree: ast.Module, name: str) -> bool:
    """Return whether a package's __init__.py itself may bind a name of the package's."""
    # What it imports of itself, always, is a module of it.
    own = {
        item
        for item in tree.body
        if isinstance(item, ast.ImportFrom) and item.level == 1 and not item.module
    }
    names = {name, "__getattr__"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom) and node not in own:
            bound = {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
            if bound & {*names, "*"}:
                return True
        elif isinstance(node, ast.Name):
            stored = isinstance(node.ctx, ast.Store) and node.id in names
            if stored or node.id in BINDS:
                return True
        elif isinstance(node, DEFINITIONS) and node.name in names:
            return True
    return False


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


def _imports(statements: Iterable[ast.AST], package: list[str]) -> Iterator[_Import]:
    """Yield what statements of a module import, which is in a package."""
    for statement in statements:
        if isinstance(statement, ast.Import):
            for alias in statement.names:
                yield _Import(tuple(alias.name.split(".")), "", statement.lineno)
        elif isinstance(statement, ast.ImportFrom) and statement.level <= len(package):
            above = package[: len(package) + 1 - statement.level] if statement.level else []
            inside = statement.module.split(".") if statement.module else []
            for alias in statement.names:
                yield _Import((*above, *inside), alias.name, statement.lineno)


def _held(files: Iterable[str]) -> frozenset[str]:
    """Return the modules and folders that there are, in whatever form, by their paths."""
    result = set()
    for file in files:
        above = ""
        for part in file.split("/"):
            result.add(posixpath.join(above, part.partition(".")[0]))
            above = posixpath.join(above, part)
    return frozenset(result)


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
