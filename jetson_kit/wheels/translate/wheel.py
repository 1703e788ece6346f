"""A native library of a wheel, translated, with what provenance says of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from jetson_kit import __version__
from jetson_kit.wheels.translate import gate, rewrite, table
from jetson_kit.wheels.translate.errors import UntranslatableError


@dataclass(frozen=True)
class TranslatedLibrary:
    """A library for a core, not stripped yet."""

    data: bytes
    provenance: dict[str, Any]


def library(data: bytes, path: str, core: str) -> TranslatedLibrary:
    """Return a wheel's library for a core. Raises UntranslatableError that names its path."""
    target = table.core(core)
    try:
        translation = rewrite.translate(data, target)
    except UntranslatableError as error:
        raise UntranslatableError(
            f"{path} cannot be translated: {error.message}", error.cure
        ) from error
    provenance = {
        "path": path,
        "core": target.name,
        "level": target.level,
        "for": target.about,
        "by": f"mediapipe-jetson-kit {__version__}",
        "translator": rewrite.fingerprint(),
        "official_sha256": hashlib.sha256(data).hexdigest(),
        "replaced": translation.kinds(),
        "in_place": len(translation.in_place),
        "trampolines": len(translation.trampolines),
        "growth_bytes": translation.growth,
        **gate.listing(translation),
    }
    return TranslatedLibrary(translation.data, provenance)


def notice(rows: list[dict[str, Any]]) -> str:
    """Return the paragraph that a wheel's METADATA says of its translated libraries."""
    return "".join(
        f"\n\nThis build is changed: {row['path']} was translated for {row['level']} "
        f"({row['for']}) by {row['by']}, from the official library with sha256 "
        f"{row['official_sha256']}. jetson-provenance.json lists what was replaced.\n"
        for row in rows
    )
