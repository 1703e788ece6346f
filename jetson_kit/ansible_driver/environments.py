"""Which ansible-core drives which host: the locked one, or for JetPack 4 one of its own."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from jetson_kit.core import locked_env, uv
from jetson_kit.core.errors import BadInputError, StepFailedError, ToolMissingError
from jetson_kit.core.paths import ROOT
from jetson_kit.targets import table as targets

LOCKED = "2.19"
OLD = "2.16"
OLD_LOCK = ROOT / "requirements" / "jetpack4.txt"
# Pythons on which ansible-core 2.16 runs, newest first: its own release notes and metadata.
OLD_PYTHONS = ("3.12", "3.11", "3.10")


@dataclass(frozen=True)
class Environment:
    """An ansible-core series and the folder of its programs."""

    core: str
    programs: Path

    def program(self, name: str) -> Path:
        """Return a program of it. Raises ToolMissingError."""
        path = self.programs / name
        if not path.exists():
            raise ToolMissingError(f"{name} is not in {self.programs}", "run ./inv, which makes it")
        return path


def core_for(l4t: str) -> str:
    """Return the series that drives the stock Python of a release; "" stands for an unknown one.

    Raises BadInputError where none of the locked ones does.
    """
    if not l4t:
        return LOCKED
    target = targets.resolve(l4t)
    lowest, highest = (
        targets.version_key(text) for text in (target.ansible_core_min, target.ansible_core_max)
    )
    for core in (LOCKED, OLD):
        if lowest <= targets.version_key(core) <= highest:
            return core
    raise BadInputError(
        f"no ansible-core of the kit drives {target.name}'s Python {target.python}",
        "take the host out of the inventory",
    )


def split(releases: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Return the hosts of each series, from each host's release; the order of hosts is kept."""
    result: dict[str, list[str]] = {}
    for host, l4t in releases.items():
        result.setdefault(core_for(l4t), []).append(host)
    return {core: tuple(hosts) for core, hosts in result.items()}


def get(core: str = LOCKED) -> Environment:
    """Return an environment; that for JetPack 4 is made when it is first asked for (some 10 s).

    Raises ToolMissingError where no Python of this machine can run it, else as jetson_kit.core.uv.
    """
    if core == LOCKED:
        return Environment(core, Path(sys.executable).parent)
    return Environment(core, locked_env.programs("ansible", f"core-{core}", OLD_LOCK, old_python()))


def old_python(versions: Iterable[str] = OLD_PYTHONS) -> str:
    """Return a Python of this machine that runs ansible-core 2.16. Raises ToolMissingError."""
    requested = tuple(versions)
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    if own in requested:
        return sys.executable
    for version in requested:
        try:
            return uv.uv(
                ["python", "find", "--no-project", "--system", version], what="a Python"
            ).strip()
        except StepFailedError:
            continue
    raise ToolMissingError(
        f"boards with JetPack 4 need ansible-core {OLD}, which runs on Python "
        f"{', '.join(reversed(requested))}; this machine has none of them",
        f"install python{requested[-1]} with its venv package",
    )
