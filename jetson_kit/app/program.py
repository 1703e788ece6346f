"""The program that an application's command starts: whether it can be started and read."""

from __future__ import annotations

import ast
import contextlib
import io
import os
import shlex
import tokenize
from collections.abc import Sequence
from pathlib import PurePosixPath

from jetson_kit.app import command_words, image_programs, started, tree
from jetson_kit.app.command_words import Started
from jetson_kit.app.settings import FILE, HOME, App
from jetson_kit.app.tree import Entry, Tree
from jetson_kit.core import log
from jetson_kit.core.errors import BadInputError
from jetson_kit.debian.bytecode import Compiler

HEAD = 1 << 16
"""The bytes of a script in which its line endings are looked for."""
# Homes of people's, which no image has.
HOMES = ("/home/", "/root/", "/Users/", "/mnt/c/")
OPERATORS = frozenset({"&", "&&", "||", "|", ">", ">>", "2>&1"})
"""What only a shell takes for more than a text."""
OF_NO_PROGRAM = (".sh", ".py")
"""Endings that no program of the image has, without further Debian packages."""


def check_start(app: App, files: Tree) -> None:
    """Raise BadInputError for a file of the folder that the command can't start as it is."""
    for key, command in image_programs.commands(app):
        start = command_words.of(command)
        _check_inside(app, files, key, start, here=not command_words.changes_folder(command))
        if operator := next((word for word in command if word in OPERATORS), ""):
            log.LOG.warning(
                "warning: %s in %s has the word %s, which only a shell takes for more than a text: "
                'write ["sh", "-c", "..."]', key, FILE, operator,
            )  # fmt: skip
    programs = _by_name(files)
    for key, command in image_programs.commands(app):
        direct = command_words.of(command)
        entry = programs.get(started.name_of(direct.word))
        if entry and not direct.by:
            if "/" in direct.word:
                _check_program(entry, key)
            elif direct.word.endswith(OF_NO_PROGRAM) and not (
                app.debian or "PATH" in app.variables
            ):
                raise image_programs.not_found(app, key, direct.word, own=True)
    script = started.of(app, programs)
    entry = programs.get(started.name_of(script.word))
    if entry and script.by == "shell" and _of_windows(entry):
        raise _windows(entry, "script")


def _check_inside(app: App, files: Tree, key: str, start: Started, *, here: bool) -> None:
    """Raise BadInputError for a file that is started, and that the image will not have.

    `here` is whether a relative path is one of the application's folder.
    """
    if start.program.startswith(HOMES) and not image_programs.mounted(app, start.program):
        raise image_programs.absent(
            app, key, start.program, f"the image has no {start.program.split('/')[1]} folder"
        )
    if start.module and here and not start.flags & {"I", "P"}:
        _check_module(app, files, key, start.module)
    name = started.name_of(start.word)
    if (
        not (start.by or "/" in start.word)
        or not name
        or image_programs.mounted(app, f"/{HOME}/{name}")
    ):
        return
    place = app.folder / name
    if not os.path.lexists(place):
        # A shell looks for a bare name on PATH, too.
        if here and ("/" in start.word or start.by != "shell" or name.endswith(OF_NO_PROGRAM)):
            raise image_programs.absent(app, key, start.word, "which is not in the folder")
        return
    if not place.is_file():
        return
    inside = {entry.name for entry in files.entries}
    # Links to folders stand for what is in them.
    above = {name, *(str(parent) for parent in PurePosixPath(name).parents)}
    if above & inside:
        return
    if tree.in_environment(app.folder, name):
        why = "of an environment of this machine, which stays out"
        raise image_programs.absent(app, key, start.word, why, environment=True)
    why, cure = "the image leaves out", "correct ignore there, or move the file"
    if name in files.secrets:
        why, cure = "looks like a secret and is left out", f'write include = ["{name}"] there'
    raise BadInputError(f"{key} in {FILE} starts {name}, which {why}", cure)


def _check_module(app: App, files: Tree, key: str, module: str) -> None:
    """Raise BadInputError for a module that a package of the folder would have, and has not."""
    path = module.replace(".", "/")
    names = {entry.name: entry for entry in files.entries}
    above = [str(folder) for folder in (PurePosixPath(path), *PurePosixPath(path).parents)]
    if any(folder in names and names[folder].link for folder in above):
        return
    package = names.get(f"{path.partition('/')[0]}/__init__.py")
    if package is None or app.variables.get("PYTHONPATH") or app.service.volumes:
        return
    if b"__path__" in package.source.read_bytes():
        return
    inner = f"{path}/__main__" if f"{path}/__init__.py" in names else path
    if not any(name.startswith((f"{inner}.", f"{inner}/")) for name in names):
        hidden = (f"{path}.py", f"{path}/__main__.py", f"{path}/__init__.py")
        if secret := next((name for name in files.secrets if name in hidden), ""):
            raise BadInputError(
                f"{key} in {FILE} runs {secret}, which looks like a secret and is left out",
                tree.included(secret),
            )
        raise BadInputError(
            f"{key} in {FILE} runs the module {module}, and the image will have no {inner}.py",
            f"correct {key}, or write that file",
        )


def check(app: App, files: Tree, compiler: Compiler) -> None:
    """Raise BadInputError for a program of the folder that is no Python of the image's version.

    Raises also what Compiler.compiled raises.
    """
    programs = _by_name(files)
    script = started.of(app, programs)
    name = started.name_of(script.word)
    if script.by != "python" or not name.endswith(".py") or name not in programs:
        return
    source = programs[name].source.read_bytes()
    if not list(compiler.compiled({name: source})):
        raise BadInputError(
            f"{name}{_place(source)} is no Python {compiler.python.version}, and it is what "
            f"the application runs",
            f"correct it, or name another program: command in {FILE}",
        )
    if line := _undecodable(source):
        # An import would take it where only a comment is so; a program's file is not imported.
        raise BadInputError(
            f"{name}, line {line}, is not in the encoding that the file names, or in UTF-8 where "
            "it names none",
            "save it as UTF-8",
        )


def _undecodable(source: bytes) -> int:
    """Return the first line of a program that Python can't decode; 0 where it decodes all."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(source).readline)
    except SyntaxError:  # in one of the first two lines
        encoding = "utf-8"
    for number, line in enumerate(source.splitlines(), 1):
        try:
            line.decode(encoding)
        except UnicodeDecodeError:
            return number
    return 0


def _by_name(files: Tree) -> dict[str, Entry]:
    return {entry.name: entry for entry in files.entries if not entry.link}


def _check_program(entry: Entry, key: str) -> None:
    """Raise BadInputError for a file that the kernel does not start."""
    line = started.first_line(entry)
    script = line.startswith("#!")
    if script and line.endswith("\r") and not started.takes_carriage_return(line):
        raise _windows(entry, "first line")
    if not entry.executable:
        raise BadInputError(
            f"{entry.name}, which {key} in {FILE} starts, is not executable",
            f"chmod +x {shlex.quote(str(entry.source))}",
        )
    if not script and not line.startswith("\x7fELF"):
        raise BadInputError(
            f"{entry.name}, which {key} in {FILE} starts, names no program that runs it",
            "begin it with a line such as #!/usr/bin/env python3",
        )


def _of_windows(entry: Entry) -> bool:
    """Return whether most lines of a script end as on Windows; behind a NUL it is no text."""
    with entry.source.open("rb") as stream:
        lines: Sequence[bytes] = stream.read(HEAD).partition(b"\0")[0].split(b"\n")[:-1]
    return sum(line.endswith(b"\r") for line in lines) * 2 > len(lines)


def _windows(entry: Entry, what: str) -> BadInputError:
    return BadInputError(
        f"{entry.name}: its {what} ends as on Windows, which no shell of the image takes",
        f"sed -i 's/\\r$//' {shlex.quote(str(entry.source))}",
    )


def _place(source: bytes) -> str:
    """Return where it is wrong, by this Python; "" where this one can read it."""
    with contextlib.suppress(ValueError, RecursionError, MemoryError):
        try:
            ast.parse(source)
        except SyntaxError as error:
            return f", line {error.lineno}," if error.lineno else ""
    return ""
