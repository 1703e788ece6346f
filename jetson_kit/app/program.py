"""The program that an application's command starts: whether the image's Python can read it."""

from __future__ import annotations

import ast
import contextlib

from jetson_kit.app.settings import FILE, App
from jetson_kit.app.tree import Tree
from jetson_kit.core.errors import BadInputError
from jetson_kit.debian.bytecode import Compiler


def check(app: App, files: Tree, compiler: Compiler) -> None:
    """Raise BadInputError for a program of the folder that is no Python of the image's version.

    Raises also what Compiler.compiled raises.
    """
    programs = {entry.name: entry for entry in files.entries if not entry.link}
    for word in app.command:
        name = word.removeprefix("./")
        if not name.endswith(".py") or name not in programs:
            continue
        source = programs[name].source.read_bytes()
        if not list(compiler.compiled({name: source})):
            raise BadInputError(
                f"{name}{_place(source)} is no Python {compiler.python.version}, and it is what "
                f"the application runs",
                f"correct it, or name another program: command in {FILE}",
            )


def _place(source: bytes) -> str:
    """Return where it is wrong, by this Python; "" where this one can read it."""
    with contextlib.suppress(ValueError, RecursionError, MemoryError):
        try:
            ast.parse(source)
        except SyntaxError as error:
            return f", line {error.lineno}," if error.lineno else ""
    return ""
