"""What is found in a project's files, and what the commands in them do."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Optional

from mediapipe_jetson.doctor import relations, scripted
from mediapipe_jetson.doctor.files import (
    docker_run,
    dockerfiles,
    documents,
    installers,
    reading,
    requirements,
    shell_lists,
    variables,
)
from mediapipe_jetson.doctor.files.facts import (
    BaseImage,
    PythonPin,
    Requirement,
    Service,
    Wheel,
)
from mediapipe_jetson.doctor.finding import Finding, Unread, lines_of
from mediapipe_jetson.doctor.programs import Programs

WHAT, INSTEAD = "docker run --gpus without --runtime nvidia", "--runtime nvidia"
ASIDE = "its stage leads nowhere: whether it is built is not known"


class Scanned:
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
        # The images of stages that lead nowhere: only a build command may name them.
        self.aside: list[BaseImage] = []
        self._by_name: dict[str, list[Requirement]] = {}
        self._targets: set[str] = set()
        self._done: set[str] = set()
        self._relations = relations.of([], frozenset())

    def _lines(self, name: str, text: str, chosen: Optional[list[int]], cell: int) -> None:
        """Note what commands do, and the Pythons of environments that they make."""
        self._commands(name, text, chosen, cell)
        for number, arguments, _ in dockerfiles.commands(text, chosen):
            self.pythons += installers.pythons(arguments, name, number, cell)

    def _commands(self, name: str, text: str, chosen: Optional[list[int]], cell: int) -> None:
        """Note what commands install, and containers that they start."""
        items = dockerfiles.installs(name, text, chosen, cell)
        if chosen is None:
            kind = self.kinds.get(name, "")
            items, used = scripted.marked(name, text, items, kind, self._requirements_named)
            for file, line in used.changed.items():
                self.changed.setdefault(file, f"{name}:{line}")
            self.rewritten |= used.edited
            self.plain |= used.plain
        for item in items:
            self.requirements += [item] if item not in self.requirements else []
        whole = shell_lists.filled(text) if chosen is None else text
        for number, arguments, _ in dockerfiles.commands(whole, chosen):
            self._started(name, cell, number, arguments)

    def _requirements_named(self, path: str) -> list[Requirement]:
        """Return what the one requirements file of this name asks for; nothing for several."""
        names = [
            name
            for name, kind in self.kinds.items()
            if kind == "requirements" and PurePosixPath(name).name == PurePosixPath(path).name
        ]
        return requirements.listed(names[0], self.texts[names[0]])[0] if len(names) == 1 else []

    def _started(self, name: str, cell: int, line: int, arguments: list[str]) -> None:
        """Note a command that starts a container with --gpus alone."""
        finding = Finding(name, cell, line, 1, WHAT, INSTEAD)
        if docker_run.gpus_alone(arguments) and finding not in self.commands:
            self.commands.append(finding)

    def _shell(self, name: str, content: bytes) -> None:
        text = variables.filled(name, scripted.alive(name, documents.decoded(content)))
        self._lines(name, text, None, 0)

    def leads_nowhere(self, file: str, line: int) -> bool:
        """Return whether a line is in a Dockerfile's stage that only a build command may name."""
        return line - 1 in self._relations.aside.get(file, ())

    def asking(self, name: str) -> list[Requirement]:
        """Return what asks for a package, once all is read."""
        if not self._by_name:
            for item in self.requirements:
                self._by_name.setdefault(item.name, []).append(item)
        return self._by_name.get(name, [])

    def unread_lines(self, *, programs: bool = False) -> list[str]:
        """Return what could not be read, or only what may show what programs do, as lines."""
        return lines_of(item for item in self.unread if not (programs and item.says_nothing))

    def _other(self, name: str) -> bytes:
        """Return another file of the project. Raises FormError."""
        if name in self.texts:
            return self.texts[name]
        return reading.within(self.folder, name)
