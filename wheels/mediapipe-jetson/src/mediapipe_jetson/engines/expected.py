"""Fixed inputs of a sub-model and what TFLite makes of them, as one file beside its ONNX files.

A zip: check.json, and each tensor as little-endian float32. It is read without numpy, which a
board's own Python lacks.
"""

from __future__ import annotations

import array
import json
import math
import sys
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SCHEMA = "mediapipe-jetson/engine-check/1"
INDEX = "check.json"
MOST_BYTES = 1 << 27


class NoCheckError(ValueError):
    """The file is no check, or a damaged one."""


@dataclass(frozen=True)
class Expected:
    """Tensors by name; `tolerance` is the largest relative error by precision."""

    sub_model: str
    source_sha256: str
    tolerance: Mapping[str, float]
    inputs: Mapping[str, bytes]
    outputs: Mapping[str, bytes]


def read(path: Path) -> Expected:
    """Return what a file expects. Raises NoCheckError; OSError where it can't be read."""
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(member.file_size for member in archive.infolist()) > MOST_BYTES:
                raise NoCheckError(f"{path} has more than {MOST_BYTES} bytes")
            index = json.loads(archive.read(INDEX))
            if index["schema"] != SCHEMA:
                raise NoCheckError(f"{path} is not of the schema {SCHEMA}")
            return Expected(
                index["sub_model"],
                index["source_sha256"],
                {str(kind): float(value) for kind, value in index["tolerance"].items()},
                {row["name"]: archive.read(row["file"]) for row in index["inputs"]},
                {row["name"]: archive.read(row["file"]) for row in index["outputs"]},
            )
    except (zipfile.BadZipFile, ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, NoCheckError):
            raise
        raise NoCheckError(f"{path} is no check of an engine: {error}") from error


def write(path: Path, expected: Expected, shapes: Mapping[str, Sequence[int]]) -> None:
    """Write a check; same contents, same bytes. `shapes` tells a reader how tensors lie."""
    index: dict[str, Any] = {
        "schema": SCHEMA,
        "sub_model": expected.sub_model,
        "source_sha256": expected.source_sha256,
        "tolerance": dict(expected.tolerance),
    }
    with zipfile.ZipFile(path, "w") as archive:
        for side, tensors in (("inputs", expected.inputs), ("outputs", expected.outputs)):
            rows = []
            for number, (name, raw) in enumerate(tensors.items()):
                file = f"{side[:-1]}-{number}.f32"
                rows.append({"name": name, "shape": list(shapes[name]), "file": file})
                _put(archive, file, raw)
            index[side] = rows
        _put(archive, INDEX, (json.dumps(index, indent=1) + "\n").encode())


def _put(archive: zipfile.ZipFile, name: str, raw: bytes) -> None:
    info = zipfile.ZipInfo(name, (2025, 1, 1, 0, 0, 0))
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o644 << 16
    archive.writestr(info, raw)


def floats(raw: bytes) -> array.array[float]:
    """Return little-endian float32 as numbers. Raises NoCheckError."""
    result = array.array("f")
    if len(raw) % result.itemsize:
        raise NoCheckError(f"{len(raw)} bytes are no float32 numbers")
    result.frombytes(raw)
    if sys.byteorder == "big":
        result.byteswap()
    return result


def relative_error(expected: Sequence[float], actual: Sequence[float]) -> float:
    """Return the largest difference, relative to the largest expected number; inf for a NaN.

    Raises NoCheckError where their numbers differ.
    """
    if len(expected) != len(actual):
        raise NoCheckError(f"{len(actual)} numbers came out, {len(expected)} are expected")
    scale = max((abs(value) for value in expected), default=0.0) or 1.0
    worst = 0.0
    for requested, got in zip(expected, actual):  # noqa: B905 # Python 3.9
        difference = abs(requested - got)
        if not math.isfinite(difference):
            return math.inf
        worst = max(worst, difference)
    return worst / scale
