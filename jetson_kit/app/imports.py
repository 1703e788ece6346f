"""Modules that an application imports as it starts and nothing of its image has.

Only imports that always run count: not those in functions, `try` or `if`. A program that changes
sys.path, or has folders of the board on it, may find them elsewhere: nothing is said of it.
"""

from __future__ import annotations

import ast
import posixpath
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from jetson_kit.app import module_names, started
from jetson_kit.app.module_names import Python
from jetson_kit.app.settings import FILE, HOME, App
from jetson_kit.app.tree import Entry

# Where Python looks in an image: Debian's packages are in the second, Python's own modules aside.
FOLDERS = ("/site-packages/", "/dist-packages/", "/lib-dynload/")
CHANGES_PATH = ("path", "addsitedir", "path_hooks", "meta_path")


def missing(
    app: App, entries: Sequence[Entry], python: Python, layers: Iterable[Path]
) -> dict[str, str]:
    """Return the modules, each with the place that imports it first."""
    imported = _imported(app, {entry.name: entry for entry in entries if not entry.link})
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


def _imported(app: App, files: dict[str, Entry]) -> dict[str, str]:
    script = started.of(app, files)
    name = started.name_of(script.word)
    if script.module:
        # Python looks for it in the folder where it starts, and takes a folder's __main__.py.
        head, *rest = script.module.split(".")
        places = (f"{'/'.join([head, *rest])}{end}" for end in (".py", "/__main__.py"))
        name = next((place for place in places if place in files), "")
        if not name and not _holds(files, head) and not app.variables.get("PYTHONPATH"):
            return {head: f"command in {FILE}"}
    if script.by != "python" or script.flags or name not in files or not name.endswith(".py"):
        return {}
    folders = ["" if script.module else posixpath.dirname(name)]
    for folder in app.variables.get("PYTHONPATH", "").split(":"):
        path = posixpath.normpath(posixpath.join("/", HOME, folder))
        if not f"{path}/".startswith(f"/{HOME}/"):
            return {}
        folders.append(path[len(HOME) + 2 :])
    result: dict[str, str] = {}
    todo, seen = [name], {name}
    while todo:
        file = todo.pop()
        try:
            tree = ast.parse(files[file].source.read_bytes())
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return {}
        if _changes_path(tree):
            return {}
        for module, line in _always(tree):
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
    return result


def _always(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Return what the statements of a module itself import, with their lines."""
    for statement in tree.body:
        if isinstance(statement, ast.Import):
            for alias in statement.names:
                yield alias.name, statement.lineno
        elif isinstance(statement, ast.ImportFrom) and not statement.level and statement.module:
            yield statement.module, statement.lineno


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
