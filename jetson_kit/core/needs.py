"""What a task or a test stage needs of this machine: ci/needs.table, installed by ci/setup.sh.

The shell reads the same table, since a bare machine has no Python yet.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jetson_kit.core import stopping
from jetson_kit.core.errors import (
    DiskFullError,
    KitError,
    NetworkError,
    StepFailedError,
    ToolMissingError,
)
from jetson_kit.core.paths import ROOT

TABLE = ROOT / "ci" / "needs.table"
SETUP = ROOT / "ci" / "setup.sh"
# Of its exit codes, as ci/say.sh has them; all others are of a step.
FAILURES: Mapping[int, type[KitError]] = {
    kind.exit_code: kind for kind in (ToolMissingError, NetworkError, DiskFullError)
}
BINFMT = "proc/sys/fs/binfmt_misc/qemu-aarch64"
# A normal user's PATH on Debian lacks the last two.
SEARCH = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
PLUGIN_FOLDERS = (
    "/usr/local/lib/docker/cli-plugins",
    "/usr/local/libexec/docker/cli-plugins",
    "/usr/lib/docker/cli-plugins",
    "/usr/libexec/docker/cli-plugins",
)


@dataclass(frozen=True)
class Part:
    """Something that this machine has or lacks."""

    name: str
    signs: tuple[str, ...]
    """Programs, absolute paths or @questions: one of them must be there."""
    packages: tuple[str, ...]
    """NAME or NAME@SYSTEM, as the table has them; "-" is none."""

    @property
    def package(self) -> str:
        """Return the package's usual names, or "" where there is none."""
        return " ".join(item for item in self.packages if item != "-" and "@" not in item)


@dataclass(frozen=True)
class Row:
    """What a task needs where its options are so."""

    task: str
    conditions: tuple[tuple[str, str | None], ...]
    """(option, value as text); None is any value but an empty one."""
    parts: tuple[str, ...]

    def holds(self, options: Mapping[str, Any]) -> bool:
        """Tell whether the conditions are met."""
        return all(_holds(options.get(name), value) for name, value in self.conditions)


@dataclass(frozen=True)
class Table:
    """ci/needs.table, groups resolved."""

    parts: Mapping[str, Part]
    tasks: tuple[Row, ...]
    stages: Mapping[str, tuple[str, ...]]
    archives: Mapping[str, str]
    """By codename, the system whose packages an archive has."""

    def of_task(self, task: str, options: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the parts that a task needs with these options, each once."""
        rows = [row for row in self.tasks if row.task == task and row.holds(options)]
        return tuple(dict.fromkeys(part for row in rows for part in row.parts))

    def of_stages(self, stages: Iterable[str]) -> tuple[str, ...]:
        """Return the parts that test stages need, each once."""
        result = (part for name in stages for part in self.stages.get(name, ()))
        return tuple(dict.fromkeys(result))


@functools.cache
def table() -> Table:
    """Return the table."""
    text = TABLE.read_text(encoding="utf-8")
    rows = [line.split() for line in text.splitlines() if line and not line.startswith("#")]
    groups = {row[1]: tuple(row[2:]) for row in rows if row[0] == "group"}
    return Table(
        {
            row[1]: Part(row[1], tuple(row[2].split("|")), tuple(row[3:]))
            for row in rows
            if row[0] == "part"
        },
        tuple(Row(*_key(row[1]), _resolved(row[2:], groups)) for row in rows if row[0] == "task"),
        {row[1]: _resolved(row[2:], groups) for row in rows if row[0] == "stage"},
        {row[1]: row[2] for row in rows if row[0] == "archive"},
    )


def _key(text: str) -> tuple[str, tuple[tuple[str, str | None], ...]]:
    """Split NAME[OPTION=VALUE,OPTION]."""
    task, _, inside = text.rstrip("]").partition("[")
    pairs = (part.partition("=") for part in inside.split(",") if part)
    return task, tuple((name, value if equals else None) for name, equals, value in pairs)


def _holds(given: object, value: str | None) -> bool:
    text = "" if given is None or given is False or given == [] else str(given)
    return bool(text) if value is None else text == value


def _resolved(names: Sequence[str], groups: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    result: list[str] = []
    for name in names:
        result += _resolved(groups[name], groups) if name in groups else [name]
    return tuple(dict.fromkeys(result))


def package_of(program: str) -> str:
    """Return the package that brings a program, or "" where the table has none."""
    owners = (part for part in table().parts.values() if program in part.signs)
    return next((part.package for part in owners), "")


def own_names(part: Part, root: Path = Path("/")) -> tuple[str, ...]:
    """Return the packages that bring a part on this system, as ci/needs.sh does; () is none."""
    system = _system(root)
    plain = tuple(package for package in part.packages if "@" not in package)
    pairs = (package.split("@") for package in part.packages if "@" in package)
    own = tuple(name for name, at in pairs if system == at or system.startswith(f"{at}-"))
    return tuple(item for item in own or plain if item != "-")


def _system(root: Path) -> str:
    """Return "debian-12", "debian-sid" or the like, also of a system that has that archive."""
    try:
        text = (root / "etc/os-release").read_text(encoding="utf-8")
    except OSError:
        return ""
    rows = {key: value.strip('"') for key, _, value in map(_assignment, text.splitlines())}
    name, version = rows.get("ID", ""), rows.get("VERSION_ID", "")
    if name == "debian" and not version and rows.get("PRETTY_NAME", "").endswith("sid"):
        version = "sid"
    own = f"{name}-{version}"
    if name in ("debian", "ubuntu"):
        return own
    return table().archives.get(rows.get("UBUNTU_CODENAME") or rows.get("DEBIAN_CODENAME", ""), own)


def _assignment(line: str) -> tuple[str, str, str]:
    return line.strip().partition("=")


def missing(parts: Iterable[str], root: Path = Path("/")) -> tuple[Part, ...]:
    """Return those of the parts that this machine lacks."""
    known = table().parts
    return tuple(known[name] for name in parts if not any(map(_Seer(root), known[name].signs)))


@dataclass(frozen=True)
class _Seer:
    """Tells whether a sign of a part is to be seen; `root` stands before absolute paths."""

    root: Path

    def __call__(self, sign: str) -> bool:
        if sign.startswith("/"):
            return any(self.root.glob(sign.lstrip("/")))
        if not sign.startswith("@"):
            return shutil.which(sign, path=SEARCH) is not None
        return bool(getattr(self, sign.lstrip("@"))())

    def python(self) -> bool:
        return True

    def engine(self) -> bool:
        return _answers("docker", "version")

    def buildx(self) -> bool:
        own = os.environ.get("DOCKER_CONFIG") or str(Path.home() / ".docker")
        folders = (f"{own}/cli-plugins", *PLUGIN_FOLDERS)
        # Asking docker takes it a tenth of a second.
        return any(Path(folder, "docker-buildx").exists() for folder in folders) or _answers(
            "docker", "buildx", "version"
        )

    def binfmt(self) -> bool:
        return self.arm64() or (self.root / BINFMT).exists()

    def arm64(self) -> bool:
        return os.uname().machine == "aarch64"

    def debian(self) -> bool:
        return _system(self.root).startswith("debian-")


def _answers(*command: str) -> bool:
    try:
        return not subprocess.run(command, capture_output=True, check=False).returncode
    except OSError:
        return False


def require(parts: Sequence[str], command: str, *, strict: bool = True) -> None:
    """Have the parts that `command` ("./inv build") needs, before it starts; install what lacks.

    ci/setup.sh does that. Raises the error that it ends with, and ToolMissingError for what then
    still lacks, unless it is not `strict`. A user who is new in the group docker goes on in a
    process that is in it.
    """
    lacking = missing(parts)
    if os.environ.get("INV_NO_INSTALL"):
        # Without QEMU's entry images can still be built.
        lacking = tuple(part for part in lacking if part.packages != ("-",))
    if not lacking:
        return
    _set_up(command, parts)
    still = [part for part in missing(parts) if part.package]
    if still and strict:
        names = ", ".join(part.name for part in still)
        raise ToolMissingError(
            f"{command} needs {names}, of which this system has no package",
            f"install what Debian has as {' '.join(part.package for part in still)}",
        )
    if os.geteuid() and any(part.name == "dockerd" for part in lacking):
        os.execvp("sh", ["sh", str(ROOT / "inv"), *sys.argv[1:]])  # noqa: S606 # this very command


def _set_up(command: str, parts: Sequence[str]) -> None:
    """Run ci/setup.sh to its end. Raises its KitError.

    Nothing of it goes on behind, unless a third signal gives up waiting.
    """
    child = subprocess.Popen(
        ["sh", SETUP, "--for", command, *parts],
        env={**os.environ, "KIT_ERROR_TO": "1"}, stdout=subprocess.PIPE,
        encoding="utf-8", errors="replace",  # it quotes what others print
    )  # fmt: skip
    # Without it, what runs as root for this user would go on: nobody but root may end that.
    stopping.spared.add(child.pid)
    try:
        output, _ = child.communicate()
    except KeyboardInterrupt:
        child.wait()
        raise
    finally:
        stopping.spared.discard(child.pid)
    code = child.returncode if child.returncode >= 0 else 128 - child.returncode
    if code > 128:  # it alone was sent a signal
        raise stopping.StoppedError(code - 128)
    if code:
        why = output.strip().removeprefix("error: ") or f"setting up ended with exit code {code}"
        raise FAILURES.get(code, StepFailedError)(why)
