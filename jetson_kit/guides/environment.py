"""Environment variables that the programs read: the table, and what the sources say."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from jetson_kit.core.paths import ROOT

TABLE = Path(__file__).with_name("environment.toml")
SIDES = ("host", "device", "internal")
PLACES = (
    "inv",
    "ci",
    "jetson_kit",
    "bench",
    "ansible",
    "wheels/mediapipe-jetson/src",
    "wheels/mediapipe-jetson/native",
)
# A quoted name of ours, wherever it stands; of others, where it is read.
READ = {
    ".py": re.compile(
        r'"((?:KIT|INV|MEDIAPIPE_JETSON)_[A-Z_]+)"'
        r'|(?:environ(?:\.get)?[\[(]|getenv\()\s*"([A-Z_]+)"'
    ),
    ".c": re.compile(r'getenv\("([A-Z_]+)"'),
    ".sh": re.compile(r"\$\{?((?:KIT|INV|MEDIAPIPE_JETSON|DOCKER)_[A-Z_]+)"),
}


@dataclass(frozen=True)
class Variable:
    """One row of the table; an internal variable has neither meaning nor default."""

    name: str
    side: str
    meaning: str = ""
    default: str = ""


def variables() -> tuple[Variable, ...]:
    """Return the table."""
    return tuple(Variable(**row) for row in tomllib.loads(TABLE.read_text("utf-8"))["variable"])


def problems(root: Path = ROOT) -> list[str]:
    """Return where the table and the sources below `root` differ, a line each."""
    names = [variable.name for variable in variables()]
    used = dict(_used(root))
    return [
        *(f"environment.toml: {name} stands there twice" for name in sorted(_twice(names))),
        *(
            f"{used[name]}: environment.toml lacks {name}"
            for name in sorted(used.keys() - {*names})
        ),
        *(f"environment.toml: nothing reads {name}" for name in sorted({*names} - used.keys())),
        *(
            f"environment.toml: {variable.name} lacks a known side, a meaning or a default"
            for variable in variables()
            if variable.side not in SIDES
            or (variable.side != "internal" and not (variable.meaning and variable.default))
        ),
    ]


def _twice(names: list[str]) -> set[str]:
    return {name for name in names if names.count(name) > 1}


def _used(root: Path) -> Iterator[tuple[str, str]]:
    """Yield each variable with the file that reads it."""
    for place in PLACES:
        top = root / place
        files = [top] if top.is_file() else sorted(top.rglob("*"))
        for path in files:
            pattern = READ.get(path.suffix or ".sh")
            if pattern is None or not path.is_file() or "__pycache__" in path.parts:
                continue
            text = path.read_text(encoding="utf-8", errors="replace")
            # Without a suffix it is a script of the shell, or none: a Jenkinsfile.
            if not path.suffix and not text.startswith("#!"):
                continue
            for match in pattern.finditer(text):
                name = next(filter(None, match.groups()))
                yield name, str(path.relative_to(root))
    for name in ("XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        if f'"{name}"' in (root / "jetson_kit" / "core" / "paths.py").read_text(encoding="utf-8"):
            yield name, "jetson_kit/core/paths.py"
