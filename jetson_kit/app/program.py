"""The program that an application's command starts: whether it can be started and read."""

from __future__ import annotations

import ast
import contextlib
import shlex

from jetson_kit.app.settings import FILE, App
from jetson_kit.app.tree import Tree
from jetson_kit.core.errors import BadInputError
from jetson_kit.debian.bytecode import Compiler

HEAD = 1 << 16
"""The bytes of a script in which its line endings are looked for."""


def check_start(app: App, files: Tree) -> None:
    """Raise BadInputError for a file of the folder that the command can't start as it is."""
    programs = {entry.name: entry for entry in files.entries if not entry.link}
    for position, word in enumerate(app.command):
        entry = programs.get(word.removeprefix("./"))
        first = position == 0
        if entry is None or not (first or word.endswith(".sh")):
            continue
        with entry.source.open("rb") as stream:
            head = stream.read(HEAD)
        script = head.startswith(b"#!")
        if (script or not first) and b"\r\n" in head:
            line = "script" if not first else "first line"
            raise BadInputError(
                f"{entry.name}: its {line} ends as on Windows, which no shell of the image takes",
                f"sed -i 's/\\r$//' {shlex.quote(str(entry.source))}",
            )
        if not first:
            continue
        if "/" not in word:
            raise BadInputError(
                f"command in {FILE} starts {word}, which is looked for among the image's programs",
                f"write ./{word}",
            )
        if not entry.executable:
            raise BadInputError(
                f"{entry.name}, which command in {FILE} starts, is not executable",
                f"chmod +x {shlex.quote(str(entry.source))}",
            )
        if not script and not head.startswith(b"\x7fELF"):
            raise BadInputError(
                f"{entry.name}, which command in {FILE} starts, names no program that runs it",
                "begin it with a line such as #!/usr/bin/env python3",
            )


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
