"""What was measured of a set of libraries, kept by the hash of their bytes.

A repacked wheel with the same library bytes shares the record. Records of official wheels are
shipped in records/, one JSON file each.
"""

from __future__ import annotations

import functools
import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from jetson_kit.audit.emulate import CpuRun, Emulation
from jetson_kit.audit.native import Library
from jetson_kit.core.files import write_text
from jetson_kit.core.paths import cache_dir

SHIPPED = Path(__file__).with_name("records")
# Raised when the same libraries would be measured otherwise than before.
FORMAT = 1


@dataclass(frozen=True)
class Measured:
    """The expensive part of an audit."""

    emulation: Emulation
    inference: str
    """What one inference under emulation gave, or why there was none."""


def key(libraries: tuple[Library, ...]) -> str:
    """Return the hash that names a set of libraries, whatever their order and wheel."""
    lines = sorted(f"{library.sha256} {Path(library.path).name}" for library in libraries)
    return hashlib.sha256("\n".join([str(FORMAT), *lines]).encode()).hexdigest()


def load(libraries: tuple[Library, ...], *, live: bool | None) -> Measured | None:
    """Return what is known of these libraries: shipped (unless `live`), else cached."""
    name = key(libraries)
    if live:
        return None
    if name in _shipped():
        return parse(_shipped()[name])
    cached = cache_dir("audit") / f"{name}.json"
    if live is None and cached.exists():
        return parse(json.loads(cached.read_text(encoding="utf-8")))
    return None


def save(libraries: tuple[Library, ...], measured: Measured) -> None:
    """Keep a measurement in the cache, unless it was kept from measuring."""
    if measured.emulation.runs:
        write_text(cache_dir("audit") / f"{key(libraries)}.json", to_json(libraries, measured, ""))


def ship(wheel: str, libraries: tuple[Library, ...], measured: Measured) -> Path:
    """Write the shipped record of a wheel, named by its file name."""
    path = shipped_path(wheel)
    write_text(path, to_json(libraries, measured, wheel))
    _shipped.cache_clear()
    return path


def shipped_path(wheel: str) -> Path:
    """Return where the record of a wheel is or would be."""
    return SHIPPED / f"{wheel.removesuffix('.whl')}.json"


def to_json(libraries: tuple[Library, ...], measured: Measured, wheel: str) -> str:
    """Return the text of a record."""
    body = {
        "key": key(libraries),
        "wheel": wheel,
        "libraries": {library.path: library.sha256 for library in libraries},
        "emulation": asdict(measured.emulation),
        "inference": measured.inference,
    }
    return json.dumps(body, indent=2) + "\n"


def parse(body: dict[str, Any]) -> Measured:
    """Return the measurement in a record's JSON."""
    facts = body["emulation"]
    return Measured(
        Emulation(
            min_arm=facts["min_arm"],
            features=tuple(facts["features"]),
            runs=tuple(CpuRun(run["cpu"], run["ok"], run["says"]) for run in facts["runs"]),
            missing=tuple(facts["missing"]),
            notes=tuple(facts["notes"]),
        ),
        body["inference"],
    )


@functools.cache
def _shipped() -> dict[str, dict[str, Any]]:
    result = [json.loads(path.read_text(encoding="utf-8")) for path in SHIPPED.glob("*.json")]
    return {body["key"]: body for body in result}
