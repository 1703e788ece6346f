"""Read a user's project: every file by its kind, and what could not be read."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path, PurePosixPath
from typing import Any, Optional

from mediapipe_jetson.doctor import imports, projects, relations, scripted
from mediapipe_jetson.doctor.files import (
    bake,
    compose,
    containers,
    devcontainer,
    docker_run,
    dockerfiles,
    documents,
    elsewhere,
    installers,
    kinds,
    kubernetes,
    locks,
    machines,
    notebooks,
    own_packages,
    pixi,
    pods,
    pods_rest,
    python_versions,
    reading,
    requirements,
    rosdep,
    scripts,
    stages,
    started,
    unreadable,
    variables,
    wheelfile,
)
from mediapipe_jetson.doctor.files.facts import (
    UV,
    UV_ALONE,
    BaseImage,
    PythonPin,
    Requirement,
    Service,
    Wheel,
)
from mediapipe_jetson.doctor.files.unreadable import FormError
from mediapipe_jetson.doctor.finding import Finding, Unread, lines_of
from mediapipe_jetson.doctor.programs import Programs

FILES_MOST = 20_000
WHAT, INSTEAD = "docker run --gpus without --runtime nvidia", "--runtime nvidia"
READING_FAILS: tuple[type[Exception], ...] = (OSError, SyntaxError, ValueError, RecursionError)
READING_FAILS += (MemoryError, TypeError, AttributeError, KeyError)
INSTALL = b"install"
PINS = {"mise": python_versions.mise, "python_version": python_versions.plain}
LISTS = {"cfg": requirements.cfg, "conda": requirements.conda, "lock": locks.read}
OTHER = "it names MediaPipe, but this kind of file is not read"


class Scan:
    """What was found in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.requirements: list[Requirement] = []
        self.pythons: list[PythonPin] = []
        self.images: list[BaseImage] = []
        self.services: list[Service] = []
        self.commands: list[Finding] = []
        self.wheels: list[Wheel] = []
        self.locks: list[str] = []
        self.unread: list[Unread] = []
        self.programs = Programs()
        self.read = 0
        self.texts: dict[str, bytes] = {}
        self.kinds: dict[str, str] = {}
        self.contexts: dict[str, set[str]] = {}
        # Lists of which scripts change what they install, each with its place, or do not.
        self.changed: dict[str, str] = {}
        self.rewritten: set[str] = set()
        self.plain: set[str] = set()
        self._targets: set[str] = set()
        self._done: set[str] = set()
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
        for path in kinds.files(folder, lambda error: self._unseen(folder, error)):
            if len(result) >= FILES_MOST:
                self.unread.append(Unread(str(folder), f"it has more than {FILES_MOST} files"))
                break
            name = path.relative_to(folder).as_posix() if folder.is_dir() else path.name
            kind, content = self._load(path, name)
            self._targets |= stages.named(content)
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
            content = reading.content(path, kinds.LARGEST_BYTES)
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
        lists: list[list[Any]] = [self.pythons, self.images, self.services, self.commands]
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
        """Note a program, and what it says that it needs."""
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
            name, cells, self.requirements[first:], self._asked
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
            found, open_ = rosdep.read(
                name, content, projects.table()["rosdep"], self._relations.ros
            )
        except FormError as error:
            self.unread.append(dataclasses.replace(Unread.of(name, error), settings=True))
            return
        self.requirements += found
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

    def _dockerfile(self, name: str, content: bytes) -> None:
        text = documents.decoded(content)
        for given in self._relations.arguments.get(name, [{}]):
            for base in map(
                _of_uv, dockerfiles.bases(name, content, given, self._relations.scripts)
            ):
                # Into an editor's container packages are installed after it is built.
                runs = name in self._relations.edited or self._runs(base, text)
                image = dataclasses.replace(base, packages=True) if base.final and runs else base
                self.images += [image] if image not in self.images else []
            self._commands(name, scripted.alive(name, dockerfiles.filled(text, given)), None, 0)

    def _runs(self, base: BaseImage, text: str) -> bool:
        """Return whether an image is one of MediaPipe's, or starts a program of the project."""
        if containers.MEDIAPIPES.match(base.image):
            return True
        return started.is_own(dockerfiles.started(text), self._relations.own, there=True)

    def _shell(self, name: str, content: bytes) -> None:
        text = variables.filled(name, scripted.alive(name, documents.decoded(content)))
        self._lines(name, text, None, 0)

    def _markdown(self, name: str, content: bytes) -> None:
        """Note the containers that a document says to start."""
        for number, words, _ in dockerfiles.commands(docker_run.shown(documents.decoded(content))):
            self._started(name, 0, number, words)

    def _lines(self, name: str, text: str, chosen: Optional[list[int]], cell: int) -> None:
        """Note what commands do, and the Pythons of environments that they make."""
        self._commands(name, text, chosen, cell)
        for number, words, _ in dockerfiles.commands(text, chosen):
            self.pythons += installers.pythons(words, name, number, cell)

    def _devcontainer(self, name: str, content: bytes) -> None:
        found = devcontainer.read(name, content)
        self.images += found.images
        for line, text in found.commands:
            self._shell(name, b"\n" * (line - 1) + text.encode())
        if found.run and docker_run.gpus_alone(["docker", "run", *found.run[1]]):
            self.commands.append(Finding(name, 0, found.run[0], 1, WHAT, INSTEAD))

    def _commands(self, name: str, text: str, chosen: Optional[list[int]], cell: int) -> None:
        """Note what commands install, and containers that they start."""
        items = dockerfiles.installs(name, text, chosen, cell)
        if chosen is None:
            kind = self.kinds.get(name, "")
            items, used = scripted.marked(name, text, items, kind, self._asked)
            for file, line in used.changed.items():
                self.changed.setdefault(file, f"{name}:{line}")
            self.rewritten |= used.edited
            self.plain |= used.plain
        for item in items:
            self.requirements += [item] if item not in self.requirements else []
        for number, words, _ in dockerfiles.commands(text, chosen):
            self._started(name, cell, number, words)

    def _asked(self, path: str) -> list[Requirement]:
        """Return what the one requirements file of this name asks for; nothing for several."""
        names = [
            name
            for name, kind in self.kinds.items()
            if kind == "requirements" and PurePosixPath(name).name == PurePosixPath(path).name
        ]
        return requirements.listed(names[0], self.texts[names[0]])[0] if len(names) == 1 else []

    def _started(self, name: str, cell: int, line: int, words: list[str]) -> None:
        """Note a command that starts a container with --gpus alone."""
        finding = Finding(name, cell, line, 1, WHAT, INSTEAD)
        if docker_run.gpus_alone(words) and finding not in self.commands:
            self.commands.append(finding)

    def _compose(self, name: str, content: bytes, composed: set[str]) -> None:
        override = None
        if compose.MAIN.search(name):
            folder = PurePosixPath(name).parent
            same = [item for item in composed if PurePosixPath(item).parent == folder]
            override = next(filter(compose.OVERRIDE.search, sorted(same)), None)
        services, images = compose.read(name, content, self._other, override, self._relations.own)
        # A template and its image are judged in the services that extend it.
        own = self._relations.templates.get(name, set())
        self.services += [item for item in services if item.name not in own]
        self.images += images if name not in self._relations.templates else []
        for line, text in compose.commands(content):
            self._commands(name, "\n" * (line - 1) + text, None, 0)
        for line, text in compose.inline(content):
            # As many empty lines before it as make its lines the file's.
            self._dockerfile(name, b"\n" * line + text.encode())

    def _kubernetes(self, name: str, content: bytes) -> None:
        try:
            self._pods(
                name, kubernetes.read(name, content, self._relations.own, self._relations.handlers)
            )
        except FormError as error:
            if b"{{" in content:
                raise FormError(kubernetes.UNFILLED) from error
            raise

    def _helm(self, name: str, content: bytes) -> None:
        self._pods(
            name, kubernetes.values(name, content, self._relations.own, self._relations.handlers)
        )

    def _helm_template(self, name: str, content: bytes) -> None:
        settings = kinds.only_settings(name, content)
        self.unread.append(Unread(name, kubernetes.UNFILLED, settings))

    def _kustomize(self, name: str, content: bytes) -> None:
        del content
        self._pods(
            name,
            kubernetes.kustomized(name, self._other, self._relations.own, self._relations.handlers),
        )

    def _rest(self, kind: str, name: str, content: bytes) -> None:
        """Note a file of Kubernetes that tells more of MediaPipe than what is read of its pods."""
        rest = pods_rest.text(kind, content)
        if kinds.USES.search(rest):
            self.unread.append(Unread(name, OTHER, kinds.only_settings(name, rest)))

    def _pods(self, name: str, found: pods.Found) -> None:
        """Note what the pods of a file are."""
        self.services += found.services
        self.images += found.images
        for file, line, text in found.commands:
            self._commands(file, "\n" * (line - 1) + text, None, 0)
        for path in found.missing:
            why = f"it takes {path}, which is not in the project"
            self.unread.append(Unread(name, why, settings=True))

    def _bake(self, name: str, content: bytes) -> None:
        found = bake.targets(name, content)
        self.images += bake.foreign(name, found)
        for line, text in bake.inline(found):
            self._dockerfile(name, b"\n" * line + text.encode())

    def unread_lines(self, *, programs: bool = False) -> list[str]:
        """Return what could not be read, or alone what may say what programs do, as lines."""
        return lines_of(item for item in self.unread if not (programs and item.says_nothing))

    def _other(self, name: str) -> bytes:
        """Return another file of the project. Raises FormError."""
        if name in self.texts:
            return self.texts[name]
        return reading.within(self.folder, name)


def _of_uv(base: BaseImage) -> BaseImage:
    """Return an image with what uv takes there: its own Python, where it has one from the start."""
    if base.installs != UV_ALONE:
        return base
    known = projects.image(base.image)
    return dataclasses.replace(base, installs=UV if known is None or known.ready else "?")
