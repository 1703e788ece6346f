"""Whether a program or its command changes where Python looks for modules."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Sequence

from jetson_kit.app import command_words
from jetson_kit.app.settings import App

# Options with which Python looks elsewhere, reads another text, or runs nothing.
FLAGS = frozenset("EIPSshVx?")
VARIABLES = re.compile(r"\bPYTHON(?:PATH|HOME|SAFEPATH)\b")
NAMES = frozenset({"path", "addsitedir", "path_hooks", "meta_path"})
OWNERS = frozenset({"sys", "site"})
# Without these words in its text a module need not be looked through, which takes longer.
MENTIONED = re.compile(rb"\b(?:sys|site|__path__)\b")
# A package's own folders, and the loaded modules, which a program may fill itself.
FOLDERS, LOADED = "__path__", "modules"


def of_command(app: App, interpreter: Sequence[str]) -> bool:
    """Return whether the command, or its script's interpreter with its arguments, changes it.

    What PYTHONPATH has in the image's own environment is no change.
    """
    return (
        any(VARIABLES.search(word) for word in (*app.command, *interpreter))
        or any(VARIABLES.fullmatch(name) and name != "PYTHONPATH" for name in app.variables)
        or command_words.changes_folder(app.command)
        or command_words.sets_path(app.command)
    )


def of_module(text: bytes, tree: ast.Module) -> bool:
    """Return whether a module, of this text, may change it."""
    if not MENTIONED.search(text):
        return False
    nodes = list(ast.walk(tree))
    owners = set(OWNERS)
    for node in nodes:
        if isinstance(node, ast.Import | ast.ImportFrom):
            owners |= {alias.asname for alias in node.names if alias.name in OWNERS if alias.asname}
        elif isinstance(node, ast.Assign) and _owns(node.value, owners):
            owners |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return any(_changes(node, owners) for node in nodes)


def _changes(node: ast.AST, owners: Collection[str]) -> bool:
    if isinstance(node, ast.Attribute):
        return node.attr in NAMES and _owns(node.value, owners)
    if isinstance(node, ast.ImportFrom):
        return node.module in OWNERS and any(alias.name in NAMES for alias in node.names)
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Attribute):
        stored = isinstance(node.ctx, ast.Store) and node.value.attr == LOADED
        return stored and _owns(node.value.value, owners)
    if isinstance(node, ast.Call):
        # getattr(sys, "path")
        return any(_owns(item, owners) for item in node.args) and any(
            isinstance(item, ast.Constant) and item.value in NAMES for item in node.args
        )
    return isinstance(node, ast.Name) and node.id == FOLDERS


def _owns(node: ast.expr, owners: Collection[str]) -> bool:
    """Return whether it is the module sys or site, such as __import__("sys") or os.sys."""
    if isinstance(node, ast.Name):
        return node.id in owners
    if isinstance(node, ast.Attribute):
        return node.attr in OWNERS
    inner: list[ast.expr] = []
    if isinstance(node, ast.Call):
        inner = node.args
    elif isinstance(node, ast.Subscript):
        inner = [node.slice]
    return any(isinstance(item, ast.Constant) and item.value in OWNERS for item in inner)
