"""Task bundles and plain .tflite files: which sub-models are in them, and what identifies each."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import zipfile
import zlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from mediapipe_jetson.backends import base
from mediapipe_jetson.solutions.graphs import attention

from jetson_kit.core.errors import BadInputError
from jetson_kit.core.reasons import why
from jetson_kit.onnx_export.errors import ModelDamagedError, ModelUnsupportedError

IDENTIFIER = b"TFL3"
MAX_BYTES = 256 << 20
"""The largest model, and the largest sum of a bundle's unpacked members, in bytes."""
MAX_MEMBERS = 1000
MAX_DEPTH = 2
"""gesture_recognizer.task holds bundles; theirs hold models alone."""


@dataclass(frozen=True)
class SubModel:
    """A TFLite model: its name without suffix, the file it comes from, its sha256, its bytes."""

    name: str
    source: str
    sha256: str
    tflite: bytes = field(repr=False)


def read(path: Path) -> tuple[SubModel, ...]:
    """Return the sub-models of a .task bundle, in its order, or the one of a .tflite file.

    Raises BadInputError for a file that can't be read, ModelDamagedError, ModelUnsupportedError.
    """
    try:
        # A pipe would never answer.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise BadInputError(f"cannot read {path}: it is no regular file")
            blob = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise BadInputError(f"cannot read {path}: {error.strerror}") from error
    return parse(path.name, blob)


def parse(source: str, blob: bytes) -> tuple[SubModel, ...]:
    """Return the sub-models in the bytes of a file; raises as `read`."""
    if len(blob) > MAX_BYTES:
        raise ModelUnsupportedError(source, f"larger than {MAX_BYTES >> 20} MiB")
    return tuple(_walk(source, blob, MAX_DEPTH))


def _walk(source: str, blob: bytes, depth: int) -> list[SubModel]:
    if blob[4:8] == IDENTIFIER:
        name = PurePosixPath(source).name.removesuffix(".tflite")
        return _parts(SubModel(name, source, hashlib.sha256(blob).hexdigest(), blob))
    if depth == 0:
        raise ModelUnsupportedError(source, "bundles lie too deep in one another")
    sub_models: list[SubModel] = []
    for member, content in _members(source, blob):
        if member.endswith((".tflite", ".task")):
            sub_models += _walk(f"{source}/{member}", content, depth - 1)
    if not sub_models:
        raise ModelDamagedError(source, "no .tflite model is in it")
    return sub_models


def _parts(model: SubModel) -> list[SubModel]:
    """Return the parts in which the device wheel runs a model, most often the model itself."""
    if model.sha256 != attention.digest():
        return [model]
    parts = attention.parts(base.SubModel.of(model.name, model.tflite))
    return [SubModel(part.name, model.source, part.sha256, part.tflite) for part in parts.values()]


def _members(source: str, blob: bytes) -> list[tuple[str, bytes]]:
    """Return the bundle's files; a member that unpacks to more than it says is refused."""
    try:
        with zipfile.ZipFile(io.BytesIO(blob)) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            if len(entries) > MAX_MEMBERS or sum(entry.file_size for entry in entries) > MAX_BYTES:
                raise ModelUnsupportedError(
                    source, f"more than {MAX_MEMBERS} files or {MAX_BYTES >> 20} MiB are in it"
                )
            names = Counter(entry.filename for entry in entries)
            if twice := next((name for name, count in names.items() if count > 1), ""):
                raise ModelDamagedError(source, f"{twice} is in it twice")
            return [(entry.filename, _content(archive, entry)) for entry in entries]
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, OSError) as error:
        raise ModelDamagedError(
            source, f"neither a TFLite model nor a bundle: {why(error)}"
        ) from error
    except (NotImplementedError, RuntimeError) as error:  # other compressions; encrypted members
        raise ModelUnsupportedError(source, str(error)) from error


def _content(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    with archive.open(entry) as stream:
        content = stream.read(entry.file_size + 1)
    if len(content) != entry.file_size:
        raise zipfile.BadZipFile(f"{entry.filename} has not the size that it says")
    return content
