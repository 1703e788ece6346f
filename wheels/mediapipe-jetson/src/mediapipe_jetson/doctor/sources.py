"""Read a user's project: every file by its kind, and what could not be read."""

from __future__ import annotations

import dataclasses
import os
import time
from pathlib import Path, PurePosixPath
from typing import Any, Optional

from mediapipe_jetson.doctor import imports, projects, relations, scripted
from mediapipe_jetson.doctor.files import (
    compose,
    containers,
    docker_run,
    dockerfiles,
    documents,
    elsewhere,
    kinds,
    kubernetes,
    locks,
    machines,
    notebooks,
    own_packages,
    pixi,
    python_versions,
    reading,
    requirements,
    rosdep,
    scripts,
    stages,
    unreadable,
    wheelfile,
)
from mediapipe_jetson.doctor.files.unreadable import FormError
from mediapipe_jetson.doctor.finding import Unread
from mediapipe_jetson.doctor.scanned_containers import OTHER, ScannedContainers

ENDED = "{}: from {} on none was read; name the program's own folder"
# In which "target" is a word like any other.
CODE = ("python", "notebook", "markdown")

FILES_MOST, LOADING_MOST_S = 5_000, 60.0
READING_FAILS: tuple[type[Exception], ...] = (OSError, SyntaxError, ValueError, RecursionError)
READING_FAILS += (MemoryError, TypeError, AttributeError, KeyError)
INSTALL = b"install"
PINS = {"mise": python_versions.mise, "python_version": python_versions.plain}
LISTS = {"cfg": requirements.cfg, "conda": requirements.conda, "lock": locks.read}


class Scan(ScannedContainers):
    """What was found in one folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._files(folder)
        self.programs.follow()
        self.unread += self.programs.unread

    def _files(self, folder: Path) -> None:
        files = self._loaded(folder)
        self._relations = relations.of(files, frozenset(self._targets))
        self.contexts = self._relations.contexts
        files = self._relations.files
        self.texts |= {name: content for _, name, content in files}
        self.programs.packages = own_packages.folders(name for _, name, _ in files)
        for kind, name, content in files:
            if name in self._relations.layered:
                self._rest(kind if kind in kubernetes.KINDS else kubernetes.MANIFEST, name, content)
        self._done |= self._relations.layered
        composed = self._relations.composed
        for kind, name, content in files:
            if kind != "compose" or not compose.overrides(name, composed):
                self._read(kind, name, content, composed)
        own = own_packages.names(files) - projects.known_packages()
        self.requirements = [item for item in self.requirements if item.name not in own]

    def _loaded(self, folder: Path) -> list[relations.File]:
        """Return the files whose kind is known."""
        result: list[relations.File] = []
        files = kinds.files(folder, lambda error: self._unseen(folder, error))
        deadline = time.monotonic() + LOADING_MOST_S
        for path in files:
            why = f"it has more than {FILES_MOST} files" if len(result) >= FILES_MOST else ""
            if not why and time.monotonic() > deadline:
                why = f"reading it took longer than {LOADING_MOST_S:.0f} s"
            if why:
                self.unread.append(Unread(str(folder), ENDED.format(why, path)))
                break
            name = path.relative_to(folder).as_posix() if folder.is_dir() else path.name
            kind, content = self._load(path, name)
            if kind != "bake":  # which has a reader for them
                self._targets |= stages.named(content, code=kind in CODE)
            if kind is not None:
                result.append((kind, name, content))
                if kind != "markdown":
                    self.programs.folders |= imports.folders_named(content)
                self.texts[name], self.kinds[name] = content, kind
        return result

    def _unseen(self, folder: Path, error: OSError) -> None:
        name = os.path.relpath(error.filename or folder, folder)
        self.unread.append(Unread.of(f"{name}/", error))

    def _load(self, path: Path, name: str) -> tuple[Optional[str], bytes]:
        """Return a file's kind and content."""
        known = kinds.by_name(path)
        if known == "wheel":
            self.wheels.append(wheelfile.read(path, name))
            return None, b""
        try:
            content = reading.content(path, kinds.LARGEST_BYTES, text=known is None)
        except (OSError, FormError) as error:
            if known is not None:
                self.unread.append(Unread.of(name, error))
            return None, b""
        text = unreadable.plain_text(content)
        content = content if text is None else text.encode()
        kind = known or kinds.by_content(path, content)
        if kind == "python" and text is not None:
            self.unread.append(Unread(name, unreadable.UTF16))
            return None, b""
        return kind, content

    def _read(self, kind: str, name: str, content: bytes, composed: set[str]) -> None:
        if name in self._done:
            return
        self._done.add(name)
        if kind in ("env", "index", "other"):  # others read the first two
            if kind == "other" or kinds.USES.search(content):
                self.unread.append(Unread(name, OTHER, kinds.only_settings(name, content)))
            return
        self.read += kind != "markdown"
        other = elsewhere.marker(name) if kind not in ("python", "notebook") else ""
        other = elsewhere.PC if name in self._relations.elsewhere else other
        lists: list[list[Any]] = [self.pythons, self.images, self.aside]
        lists += [self.services, self.commands]
        before = [len(items) for items in (*lists, self.requirements)]
        try:
            if kind == "compose":
                self._compose(name, content, composed)
            elif kind in PINS:
                self.pythons += PINS[kind](name, content)
            elif kind in LISTS:
                self._listed(kind, name, content)
            else:
                getattr(self, f"_{kind}")(name, content)
        except READING_FAILS as error:
            unread = Unread.of(name, error)
            settings = kind in kubernetes.KINDS and not kinds.CODE.search(content)
            self.unread.append(dataclasses.replace(unread, settings=settings))
        else:
            if kind in kubernetes.KINDS and kind != kubernetes.TEMPLATE:
                self._rest(kind, name, content)
        if other:
            for at, items in enumerate(lists):
                del items[before[at] :]
            elsewhere.mark(self.requirements, before[-1], other)

    def _python(self, name: str, content: bytes) -> None:
        """Note a program, and the requirements that it declares."""
        cell = notebooks.program(content)
        if cell is not None:
            self._lines(name, cell.text, cell.shell, 0)
            content = cell.code.encode()
        parts = PurePosixPath(name).with_suffix("").parts
        package = parts[-1] == "__init__"
        module = ".".join(parts[:-1] if package else parts)
        self.programs.add(module, name, content, package)
        result, pythons = scripts.block(name, content)
        if parts[-1] == "setup" or (kinds.MENTIONED in content and INSTALL in content):
            tree = machines.parsed(content, name)
            result += scripts.installs(name, tree)
            if parts[-1] == "setup":
                listed, requires = scripts.setup(name, tree)
                result, pythons = result + listed, pythons + requires
        self.requirements += result
        self.pythons += pythons

    def _notebook(self, name: str, content: bytes) -> None:
        """Read a notebook's code cells; lines for the shell are looked through for pip."""
        trees, code = [], []
        cells, first = list(notebooks.cells(content)), len(self.requirements)
        for cell in cells:
            self._lines(name, cell.text, cell.shell, cell.number)
            code.append(cell.code)
            try:
                trees.append(
                    (cell.module or name, cell.number, machines.parsed(cell.code.encode(), name))
                )
            except SyntaxError as error:
                self.unread.append(Unread.of(name, error, cell.number))
        self.requirements[first:] = scripted.in_cells(
            name, cells, self.requirements[first:], self._requirements_named
        )
        self.programs.add_cells(name, "\n".join(code).encode(errors="replace"), trees)

    def _requirements(self, name: str, content: bytes) -> None:
        """Read a requirements file and those that it includes."""
        result, included = requirements.listed(name, content)
        self.requirements += result
        for path in included:
            other = containers.beside(name, path)
            if "://" not in path and other not in self._done:
                if other in self.texts or self.folder.joinpath(other).is_file():
                    self._read("requirements", other, self._other(other), set())
                else:
                    self.unread.append(Unread(other, f"{name} includes it, and it is not there"))

    def _rosdep(self, name: str, content: bytes) -> None:
        try:
            result, open_ = rosdep.read(
                name, content, projects.table()["rosdep"], self._relations.ros
            )
        except FormError as error:
            self.unread.append(dataclasses.replace(Unread.of(name, error), settings=True))
            return
        self.requirements += result
        self.unread += [Unread(name, why, settings=True) for why in open_]

    def _settings(self, name: str, content: bytes) -> None:
        document = documents.toml(content)
        if PurePosixPath(name).name == "pixi.toml":
            result, pythons = pixi.manifest(name, documents.decoded(content), document)
        else:
            result, pythons = requirements.settings(name, content)
            tools = document.get("tool")
            tool = tools.get("pixi") if isinstance(tools, dict) else None
            more, requires = pixi.manifest(name, documents.decoded(content), tool)
            result, pythons = result + more, pythons + requires
        self.requirements += result
        self.pythons += pythons

    def _listed(self, kind: str, name: str, content: bytes) -> None:
        result, pythons = LISTS[kind](name, content)
        self.locks += [name] if kind == "lock" else []
        self.requirements += result
        self.pythons += pythons

    def _markdown(self, name: str, content: bytes) -> None:
        """Note the containers that a document has people start."""
        for number, arguments, _ in dockerfiles.commands(
            docker_run.shown(documents.decoded(content))
        ):
            self._started(name, 0, number, arguments)
