"""The program that an application's command starts: whether it can be started and read."""

from __future__ import annotations

import ast
import contextlib
import io
import posixpath
import shlex
import tarfile
import tokenize
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from mediapipe_jetson.__main__ import COMMANDS

from jetson_kit.app import command_words, started
from jetson_kit.app.command_words import Started
from jetson_kit.app.settings import FILE, HOME, App
from jetson_kit.app.tree import Entry, Tree
from jetson_kit.core.errors import BadInputError
from jetson_kit.debian.bytecode import Compiler

HEAD = 1 << 16
"""The bytes of a script in which its line endings are looked for."""
# NVIDIA's runtime brings them into a container (nvc_info.c of libnvidia-container).
OF_THE_RUNTIME = (
    *("nvidia-smi", "nvidia-debugdump", "nvidia-persistenced"),
    *("nvidia-cuda-mps-control", "nvidia-cuda-mps-server"),
)
OF_NO_PROGRAM = (".sh", ".py")
"""Endings that no program of the image has, without further Debian packages."""


def check_start(app: App, files: Tree) -> None:
    """Raise BadInputError for a file of the folder that the command can't start as it is."""
    for key, command in (("command", app.command), ("health.command", app.health.command)):
        _check_inside(app, files, key, command_words.of(command))
    programs = _by_name(files)
    direct = command_words.of(app.command)
    entry = programs.get(started.name_of(direct.word))
    if entry and not direct.by:
        if "/" in direct.word:
            _check_program(entry)
        elif direct.word.endswith(OF_NO_PROGRAM) and not (app.debian or "PATH" in app.variables):
            raise _not_found(direct.word, own=True)
    script = started.of(app, programs)
    entry = programs.get(started.name_of(script.word))
    if entry and script.by == "shell" and _of_windows(entry):
        raise _windows(entry, "script")


def _check_inside(app: App, files: Tree, key: str, start: Started) -> None:
    """Raise BadInputError for a file of the folder that stays out of the image, and is started."""
    name = started.name_of(start.word)
    if not (start.by or "/" in start.word) or not name or not (app.folder / name).is_file():
        return
    inside = {entry.name for entry in files.entries}
    # Links to folders stand for what is in them; a volume may bring what the image has not.
    above = {name, *(str(parent) for parent in PurePosixPath(name).parents)}
    mounts = [volume.split(":")[1].rstrip("/") for volume in app.service.volumes]
    if above & inside or any(f"/{HOME}/{name}".startswith(f"{mount}/") for mount in mounts):
        return
    why, cure = "the image leaves out", "correct ignore there, or move the file"
    if name in files.secrets:
        why, cure = "looks like a secret and is left out", f'write include = ["{name}"] there'
    raise BadInputError(f"{key} in {FILE} starts {name}, which {why}", cure)


def check_path(app: App, path: str) -> None:
    """Raise BadInputError for a PATH of the application's without the image's own programs."""
    first, own = path.partition(":")[0], app.environment.get("PATH")
    if own is not None and first not in [item.rstrip("/") for item in own.split(":")]:
        raise BadInputError(
            f"environment.PATH in {FILE} lacks {first}, where the image's Python is",
            f'begin it with that: PATH = "{first}:{own}"',
        )


def looked_for(app: App) -> bool:
    """Return whether the command starts a program that is looked for on PATH."""
    direct = command_words.of(app.command)
    # What Python or a shell is given is a file, not a program.
    if direct.by or "/" in direct.word or direct.word in {*COMMANDS, *OF_THE_RUNTIME}:
        return False
    if command_words.sets_path(app.command):
        return False
    return direct.word[:1] not in {"", "-"}


def check_found(app: App, files: Tree, path: str, layers: Iterable[Path]) -> None:
    """Raise BadInputError where no folder of PATH has the program that the command starts.

    `layers` are the image's, `path` is its PATH; the application may have one of its own.
    """
    word, programs = command_words.of(app.command).word, _by_name(files)
    folders = app.variables.get("PATH", path).split(":")
    if any(started.name_of(posixpath.join(folder, word)) in programs for folder in folders):
        return
    names = {posixpath.join(folder, word).lstrip("/") for folder in folders}
    for layer in layers:
        with tarfile.open(layer) as archive:
            if any(member.name.removeprefix("./") in names for member in archive):
                return
    # A folder of the board may have it, where the application names PATH or volumes of its own.
    if word in programs or not ("PATH" in app.variables or app.service.volumes):
        raise _not_found(word, own=word in programs)


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


def _check_program(entry: Entry) -> None:
    """Raise BadInputError for a file that the kernel does not start."""
    line = started.first_line(entry)
    script = line.startswith("#!")
    if script and line.endswith("\r") and not started.takes_carriage_return(line):
        raise _windows(entry, "first line")
    if not entry.executable:
        raise BadInputError(
            f"{entry.name}, which command in {FILE} starts, is not executable",
            f"chmod +x {shlex.quote(str(entry.source))}",
        )
    if not script and not line.startswith("\x7fELF"):
        raise BadInputError(
            f"{entry.name}, which command in {FILE} starts, names no program that runs it",
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


def _not_found(word: str, *, own: bool) -> BadInputError:
    """Return the error; `own` if the application's folder has a file of that name."""
    return BadInputError(
        f"command in {FILE} starts {word}, which is looked for among the image's programs, and "
        "none has that name",
        f"write ./{word}"
        if own
        else f"name the package that has {word}: in requirements, or under [debian] in {FILE}: "
        "packages = [...]",
    )


def _place(source: bytes) -> str:
    """Return where it is wrong, by this Python; "" where this one can read it."""
    with contextlib.suppress(ValueError, RecursionError, MemoryError):
        try:
            ast.parse(source)
        except SyntaxError as error:
            return f", line {error.lineno}," if error.lineno else ""
    return ""
