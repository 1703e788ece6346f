"""What the readers of a project's files return."""

from __future__ import annotations

import dataclasses
from typing import Optional

MANIFEST, LOCK, COMMAND, ROSDEP = "manifest", "lock", "command", "rosdep"
REPLACED, STOPS = "replaced", "replaced, or it stops"
UV, UV_ALONE, CONDA = "uv", "uv alone", "conda"


@dataclasses.dataclass(frozen=True)
class Requirement:
    """One package that a project asks for, and its place.

    `specifier` such as "==1.2.2"; `source` is a wheel file, an address or another index instead of
    PyPI, "" for PyPI; `role` is the kind of file that has it; `python` the Python that installs it,
    if the command names one; `needs` whether it requires MediaPipe itself, None if that is not
    known; `replaced` whether the same script replaces it further down: REPLACED, or STOPS if the
    script ends where it can't be installed.
    """

    file: str
    cell: int
    line: int
    name: str
    specifier: str
    marker: str
    source: str
    text: str
    role: str = MANIFEST
    python: str = ""
    needs: Optional[bool] = None
    replaced: str = ""

    @property
    def place(self) -> str:
        """Return the place as editors take it."""
        return f"{self.file}:{_cell(self.cell)}{self.line}"


@dataclasses.dataclass(frozen=True)
class PythonPin:
    """A Python that a file asks for; `specifier` such as "==3.8" or ">=3.9,<3.13".

    `command`: a command asks for it, and `text` is that command.
    """

    file: str
    line: int
    specifier: str
    text: str
    cell: int = 0
    command: bool = False

    @property
    def place(self) -> str:
        """Return the place as editors take it."""
        return f"{self.file}:{_cell(self.cell)}{self.line}"


@dataclasses.dataclass(frozen=True)
class BaseImage:
    """An image that a Dockerfile or a service starts from, as it is written.

    `foreign` is a platform that it is taken for and that no board is, such as linux/amd64.
    `installs` is the Python that is installed besides the image's own ("?": an unknown version);
    `final`: the image is run and not only built in; `packages`: Python packages are installed into
    it.
    """

    file: str
    line: int
    image: str
    final: bool
    installs: str = ""
    packages: bool = False
    foreign: str = ""


@dataclasses.dataclass(frozen=True)
class Service:
    """A service of a compose file, or a container of a pod: how it asks for a GPU, and where.

    `asks` is "runtime", "reserved", "cdi", "hidden" (NVIDIA_VISIBLE_DEVICES=none or void) or "";
    `open` is what is not known about it.
    """

    file: str
    line: int
    name: str
    asks: str
    profiles: tuple[str, ...] = ()
    image: str = ""
    open: str = ""
    pod: bool = False


@dataclasses.dataclass(frozen=True)
class Wheel:
    """A wheel file within the project and what its library shows; `gpu` is None if unknown."""

    file: str
    gpu: Optional[bool]
    evidence: str
    machine: str = ""


def _cell(number: int) -> str:
    return f" cell {number}, line " if number else ""
