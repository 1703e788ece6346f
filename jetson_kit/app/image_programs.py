"""The programs of an image that an application's commands start, and whether they are there."""

from __future__ import annotations

import posixpath
import re
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from mediapipe_jetson.__main__ import COMMANDS

from jetson_kit.app import command_words, hints, started
from jetson_kit.app.settings import FILE, App
from jetson_kit.app.tree import Entry, Tree
from jetson_kit.core.errors import BadInputError

# NVIDIA's runtime brings them into a container (nvc_info.c of libnvidia-container).
OF_THE_RUNTIME = (
    *("nvidia-smi", "nvidia-debugdump", "nvidia-persistenced"),
    *("nvidia-cuda-mps-control", "nvidia-cuda-mps-server"),
)
# What NVIDIA's runtime and the kernel bring into a container below these folders is not known here.
OF_THE_BOARD = (
    *("/usr/local/cuda", "/opt/nvidia/", "/usr/src/tensorrt/", "/proc/", "/sys/", "/dev/"),
)
# Folders of programs that the runtime brings its own into.
PROGRAMS = ("/bin", "/sbin", "/usr/bin", "/usr/sbin")
# Links that Linux follows in one path.
LINKS = 40
# A folder of Python's packages, by the names that people give it.
ENVIRONMENT = re.compile(
    r"(?:^|/)(?:\.?(?:virtual|v|py)?env[\w.-]*|envs/[^/]+|[a-z]*conda\d?)/s?bin/"
)
PYTHON = 'write "python3", the image\'s own; [target] python names its version'
# Programs that every image has.
ALWAYS = frozenset({"python3", "sh"})


def commands(app: App) -> tuple[tuple[str, Sequence[str]], ...]:
    """Return the commands that jetson.toml names, with their keys."""
    rows = (("command", app.command), ("health.command", app.health.command))
    return tuple((key, command) for key, command in rows if command)


def mounted(app: App, path: str) -> bool:
    """Return whether a volume, a folder or one file, may bring a path that the image has not."""
    mounts = [volume.split(":")[1].rstrip("/") for volume in app.service.volumes]
    return any(f"{path}/".startswith(f"{mount}/") for mount in mounts)


def check_path(app: App, path: str) -> None:
    """Raise BadInputError for a PATH of the application's without the image's own programs."""
    first, own = path.partition(":")[0], app.environment.get("PATH")
    if own is not None and first not in [item.rstrip("/") for item in own.split(":")]:
        raise BadInputError(
            f"environment.PATH in {FILE} lacks {first}, where the image's Python is",
            f'begin it with that: PATH = "{first}:{own}"',
        )


def check_found(app: App, files: Tree, path: str, layers: Iterable[Path]) -> None:
    """Raise BadInputError for a program that a command starts and that no layer has.

    A bare name is looked for in the folders of PATH. `layers` are the image's, `path` is its PATH;
    the application may have one of its own.
    """
    entries = {entry.name: entry for entry in files.entries if not entry.link}
    programs = entries.keys()
    folders = app.variables.get("PATH", path).split(":")
    missing: list[tuple[str, str, set[str]]] = []
    for key, command in (*commands(app), *_scripts(app, entries)):
        word = looked_for(key, command)
        if not word or ("/" in word and _elsewhere(app, word)):
            continue
        if "/" in word:
            missing.append((key, word, {word, f"/usr{word}"}))
        elif not any(
            started.name_of(posixpath.join(folder, word)) in programs for folder in folders
        ):
            names = {posixpath.join(folder, word) for folder in folders}
            missing.append((key, word, names))
    there: set[str] = set()
    # The upper layer's, where several have one.
    links: dict[str, str] = {}
    for layer in layers:
        if not missing:
            return
        with tarfile.open(layer) as archive:
            for member in archive:
                name = f"/{member.name.removeprefix('./')}"
                if name not in there and member.issym():
                    links[name] = member.linkname
                there.add(name)
        missing = [row for row in missing if not row[2] & there]
    for row in tuple(missing):
        paths = {_real(path, links) for path in row[2]}
        if paths & there or ("/" in row[1] and any(_elsewhere(app, path) for path in paths)):
            missing.remove(row)
    for key, word, _ in missing:
        # A folder of the board may have it, where the application names PATH or volumes of its own.
        own = word in programs
        if own or "/" in word or not ("PATH" in app.variables or app.service.volumes):
            raise (
                _no_interpreter(key, word)
                if key in programs
                else not_found(app, key, word, own=own)
            )


def _scripts(app: App, entries: Mapping[str, Entry]) -> Iterator[tuple[str, Sequence[str]]]:
    """Yield the scripts that commands start themselves, and what their first lines start."""
    for _, command in commands(app):
        start = command_words.of(command)
        entry = entries.get(started.name_of(start.word))
        if entry and not start.by and (interpreter := started.interpreter(entry)):
            yield entry.name, [*interpreter, entry.name]


def _no_interpreter(name: str, word: str) -> BadInputError:
    cure = "write #!/bin/sh there"
    if command_words.PYTHON.fullmatch(posixpath.basename(word)):
        cure = "write #!/usr/bin/env python3 there"
    return BadInputError(
        f"{name}, which is started, has {word} in its first line, which the image does not have",
        f"{cure}, or name its package under [debian] in {FILE}: packages = [...]",
    )


def _elsewhere(app: App, path: str) -> bool:
    """Return whether a path may be the board's, by its runtime or a volume of the application's."""
    plain = _real(path, {})
    folder, name = posixpath.split(plain)
    return (
        mounted(app, plain)
        or plain.startswith(OF_THE_BOARD)
        or (folder in PROGRAMS and name in OF_THE_RUNTIME)
    )


def _real(path: str, links: Mapping[str, str]) -> str:
    """Return a path with the image's links to folders followed; its last part stays."""
    waiting, result, followed = path.split("/"), "", 0
    while waiting:
        part = waiting.pop(0)
        if part in {"", "."}:
            continue
        if part == "..":
            result = posixpath.dirname(result).rstrip("/")
            continue
        link = links.get(f"{result}/{part}") if any(waiting) and followed < LINKS else None
        if link is None:
            result = f"{result}/{part}"
            continue
        followed += 1
        result = "" if link.startswith("/") else result
        waiting = [*link.split("/"), *waiting]
    return result


def looked_for(key: str, command: Sequence[str]) -> str:
    """Return the program that is looked for in the image; "" where it is none of the image's."""
    word = command_words.of(command).program
    if word in ALWAYS or command_words.sets_path(command) or word[:1] in {"", "-"}:
        return ""
    if "/" in word:
        inside = started.name_of(word) or not word.startswith("/")
        return "" if inside else word
    if word in OF_THE_RUNTIME or (key == "command" and word in COMMANDS):
        return ""
    return word


def absent(app: App, key: str, word: str, why: str, *, environment: bool = False) -> BadInputError:
    """Return the error of a file that a command names and the image will not have."""
    name = posixpath.basename(word)
    cure = command_words.several(word, app.folder) or f"correct {key}, or write the file"
    if environment or ENVIRONMENT.search(word):
        own = command_words.PYTHON.fullmatch(name)
        cure = (
            'write "python3", the image\'s own, which has the packages of requirements.txt'
            if own
            else f'write "{name}" alone, and its package into requirements.txt'
        )
    return BadInputError(f"{key} in {FILE} starts {word}, {why}", cure)


def not_found(app: App, key: str, word: str, *, own: bool) -> BadInputError:
    """Return the error; `own` if the application's folder has a file of that name."""
    if "/" in word:
        if ENVIRONMENT.search(word):
            return absent(app, key, word, "which the image does not have")
        cure = command_words.several(word, app.folder) or (
            f"correct {key}, or name its package under [debian] in {FILE}: packages = [...]"
        )
        return BadInputError(f"{key} in {FILE} starts {word}, which the image does not have", cure)
    return BadInputError(
        f"{key} in {FILE} starts {word}, which is looked for among the image's programs, and "
        "none has that name",
        f"write ./{word}"
        if own
        else hints.of_program(word)
        or command_words.several(word, app.folder)
        or (PYTHON if command_words.PYTHON.fullmatch(word) else "")
        or f"name the package that has {word}: in requirements, or under [debian] in {FILE}: "
        "packages = [...]",
    )
