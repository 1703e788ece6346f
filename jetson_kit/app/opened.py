"""What a program opens by a fixed name whenever it runs, and its container does not have.

The container's devices are those of jetson.toml. The program starts in /app, which has the folder's
files and is read-only.
"""

from __future__ import annotations

import ast
import json
import posixpath
import tomllib
from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path, PurePosixPath

from jetson_kit.app import command_words, image_programs, reached, service_faults, tree
from jetson_kit.app.imports import Program
from jetson_kit.app.reached import Call
from jetson_kit.app.settings import FILE, HOME, App
from jetson_kit.app.tree import Tree

DATA = Path(__file__).with_name("opened.toml")
SHOWN_MOST = 3
# Modes of open() that write.
WRITES = frozenset("wax+")
OWN = "write it to /tmp, which is memory, or into a folder of volumes = [...] under [service]"


def warnings(app: App, files: Tree, program: Program) -> Iterator[str]:
    """Yield a line for devices, one for files that are written and one for those that are read."""
    calls = reached.calls(program.modules, program.started)
    nodes = [(call, node) for call in calls if (node := _text("device", call)).startswith("/dev/")]
    closed = [(call, node) for call, node in nodes if not _given(app, node)]
    if closed:
        node = closed[0][1]
        cure = f"devices = [{json.dumps(node)}] under [service]"
        if node.startswith("/dev/video") and not app.camera:
            cure = f"camera = {json.dumps(node)}"
        yield f"{_places(closed)}: {FILE} gives the container no such device; write {cure}"
    if command_words.changes_folder(app.command) or any(
        name.endswith(".chdir") for call in calls for name in call.names
    ):
        return
    there = {entry.name for entry in files.entries}
    there |= {str(above) for name in there for above in PurePosixPath(name).parents}
    written = [*_inside(app, "written", calls), *_inside(app, "made", calls, there)]
    if written:
        yield f"{_places(written)}: /{HOME} is read-only in the container; {OWN}"
    lacking = _inside(app, "read", calls, there)
    if lacking:
        yield f"{_places(lacking)}: not in /{HOME}, where the command starts; " + _cure(
            app, files, lacking[0][1]
        )


def _cure(app: App, files: Tree, text: str) -> str:
    name = posixpath.normpath(text)
    if name in files.secrets:
        return f"it was left out, as it looks like a secret: {tree.included(name)}"
    if (app.folder / name).exists():
        return f"the image leaves it out: ignore in {FILE}, tests, or what is of tools"
    names = [entry.name for entry in files.entries]
    other = next((path for path in names if PurePosixPath(path).name == Path(name).name), "")
    return f"the image has it as /{HOME}/{other}" if other else "put it into the folder"


def _inside(
    app: App, kind: str, calls: list[Call], there: Collection[str] = ()
) -> list[tuple[Call, str]]:
    """Return calls with a path below /app that the image does not have and no volume brings."""
    result = []
    for call in calls:
        text = _text(kind, call)
        name = posixpath.normpath(posixpath.join("/", HOME, text)).removeprefix(f"/{HOME}/")
        # An address, a database in memory, a home.
        plain = text and text[0] not in "/~:" and ":" not in text and not name.startswith("/")
        if plain and name not in there and not image_programs.mounted(app, f"/{HOME}/{name}"):
            result.append((call, text))
    return result


def _text(kind: str, call: Call) -> str:
    """Return the path that a call of such a function opens; "" for none, or one that may vary."""
    rows, func = _table()[kind], call.node.func
    builtin = isinstance(func, ast.Name) and func.id == "open"
    name = next(
        (name for name in (*(["open"] if builtin else call.names), "*") if name in rows), ""
    )
    if not name or (builtin and not _has_mode(kind, call.node)):
        return ""
    given = [item.value for item in call.node.keywords if item.arg == rows[name]]
    given += call.node.args[:1] if name != "*" else []
    value = given[0].value if given and isinstance(given[0], ast.Constant) else None
    if isinstance(value, str):
        return value
    if isinstance(value, int) and kind == "device" and name in _table()["numbers"]:
        return f"{_table()['numbers'][name]}{value}"
    return ""


def _has_mode(kind: str, node: ast.Call) -> bool:
    """Return whether open() is of a kind by its mode; of no kind where that is not written out."""
    modes = [*node.args[1:2], *(item.value for item in node.keywords if item.arg == "mode")]
    mode = getattr(modes[0], "value", "") if modes else "r"
    known = isinstance(mode, str) and mode != ""
    return kind == "device" or (known and bool(WRITES & set(mode)) is (kind == "written"))


def _given(app: App, node: str) -> bool:
    """Return whether the container has a device, as such, in a folder, or as all have it."""
    own = (posixpath.normpath(path) for path in app.service.devices)
    return bool(service_faults.FREE.match(node)) or any(
        f"{node}/".startswith(f"{path}/") for path in own
    )


def _places(rows: list[tuple[Call, str]]) -> str:
    named = [f"{call.place} ({text})" for call, text in rows]
    more = len(named) - SHOWN_MOST
    return "; ".join(named[:SHOWN_MOST]) + (f"; and {more} more" if more > 0 else "")


@cache
def _table() -> dict[str, dict[str, str]]:
    table: dict[str, dict[str, str]] = tomllib.loads(DATA.read_text(encoding="utf-8"))
    return table
