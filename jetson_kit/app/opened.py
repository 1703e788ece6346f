"""What a program opens by a fixed name: devices that its container lacks, files in /app to write.

The container's devices are those of jetson.toml. The program starts in /app, which is read-only.
"""

from __future__ import annotations

import ast
import json
import posixpath
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jetson_kit.app import calls, command_words, faults, image_programs, service_faults
from jetson_kit.app.calls import Call
from jetson_kit.app.settings import FILE, HOME, App
from jetson_kit.app.tree import Tree
from jetson_kit.core.text import shown

DATA = Path(__file__).with_name("opened.toml")
OPEN = "builtins.open"
# What NVIDIA's runtime gives.
OF_THE_RUNTIME = re.compile(r"/dev/(?:nv|dri/|tegra|host1x|v4l2-nv)")
# Modes of open() that write, and arguments that change nothing of where.
WRITES = frozenset("wax+")
OTHERS = frozenset({"mode", "buffering", "encoding", "errors", "newline", "closefd"})


def functions(app: App, texts: Mapping[str, bytes]) -> frozenset[str]:
    """Return the functions whose calls count, with `texts` for the folder's code.

    Files do not where the command, or any of the code, may go to another folder.
    """
    moved = any(b"chdir" in text for text in texts.values())
    if moved or command_words.changes_folder(app.command):
        return frozenset(_table())
    return frozenset({*_table(), OPEN})


def warnings(app: App, files: Tree, call_sites: Sequence[Call]) -> Iterator[str]:
    """Yield a line for devices and one for files."""
    rows = [
        (call, node) for call in call_sites if (node := _device(call)) and not _given(app, node)
    ]
    rows = [row for row in rows if not _fault([row[1]])]
    # The camera's own is given by `camera`.
    given = [node for node in app.service.devices if node != app.camera]
    devices = [*given, *dict.fromkeys(node for _, node in rows)]
    if rows and not _fault(devices):
        yield (
            f"{calls.places(rows)}: where the program reaches it, it opens a device that {FILE} "
            "does not give the container; name those that the board has: "
            f"devices = {json.dumps(devices)} under [service]"
        )
    written = [(call, shown(name)) for call in call_sites if (name := _written(app, files, call))]
    if written:
        yield (
            f"{calls.places(written)}: where the program reaches it, it raises OSError: /{HOME} is "
            "read-only in the container; write to /tmp, which is memory, or into a folder of "
            "volumes = [...] under [service]"
        )


def _device(call: Call) -> str:
    """Return the node that a call opens; "" for none, and for one that may vary."""
    row, node = _table().get(call.name), call.node
    if row is None:
        return ""
    keywords = {item.arg: item.value for item in node.keywords}
    first = node.args[0] if node.args else keywords.pop(row["argument"], None)
    others = [*node.args[1:], *keywords.values()]
    if "apis" in row and others and getattr(others[0], "attr", "") not in row["apis"]:
        return ""
    value = first.value if isinstance(first, ast.Constant) else None
    if type(value) is int and value in range(row.get("most", 0)):
        return f"{row['node']}{value}"
    path = posixpath.normpath(value) if isinstance(value, str) else ""
    return path if path.startswith("/dev/") and not OF_THE_RUNTIME.match(path) else ""


def _given(app: App, node: str) -> bool:
    """Return whether the container may have a device: as such, in a folder, or as all have it."""
    own = (posixpath.normpath(given) for given in app.service.devices)
    return (
        bool(service_faults.FREE.match(node))
        or any(f"{node}/".startswith(f"{given}/") for given in own)
        or image_programs.mounted(app, node)
    )


def _fault(devices: list[str]) -> list[str]:
    return faults.of({"service": {"devices": devices}}, "")


def _written(app: App, files: Tree, call: Call) -> str:
    """Return the path below /app that a call writes and no volume brings; "" for none."""
    keywords = {item.arg: item.value for item in call.node.keywords}
    given = [*call.node.args[:2], *filter(None, [keywords.get("mode")])]
    path, mode = [*(getattr(item, "value", None) for item in given), None, None][:2]
    if call.name != OPEN or not keywords.keys() <= OTHERS or not isinstance(path, str):
        return ""
    if not isinstance(mode, str) or not WRITES & set(mode) or not path.isprintable():
        return ""
    name = posixpath.normpath(posixpath.join("/", HOME, path))
    # A link of the folder may lead to a volume.
    linked = any(
        f"{name}/".startswith(f"/{HOME}/{entry.name}/") for entry in files.entries if entry.link
    )
    inside = name.startswith(f"/{HOME}/") and not path.startswith("/")
    return path if inside and not linked and not image_programs.mounted(app, name) else ""


@cache
def _table() -> dict[str, dict[str, Any]]:
    return tomllib.loads(DATA.read_text(encoding="utf-8"))
