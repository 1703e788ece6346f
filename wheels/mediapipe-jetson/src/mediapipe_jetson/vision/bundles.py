"""MediaPipe's .task bundles: archives with TFLite models inside, read with care."""

from __future__ import annotations

import io
import os
import stat
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Optional, Union

from mediapipe_jetson.backends.base import SubModel
from mediapipe_jetson.observation import one_line, reason
from mediapipe_jetson.vision.errors import (
    BundleError,
    BundleMissingError,
    OptionError,
    OptionTypeError,
)

# The largest official bundle is some 30 MB; more than this is no bundle and won't be unpacked.
MOST_BYTES = 256 << 20
SUFFIX = ".tflite"
NESTED = ".task"


class Bundle:
    """The members of a bundle, read into memory."""

    def __init__(self, members: dict[str, bytes]) -> None:
        """Take the members' contents by name."""
        self.members = members

    def sub_models(self, names: Sequence[str]) -> dict[str, SubModel]:
        """Return sub-models by name (without .tflite); raise BundleMissingError."""
        return {name: SubModel.of(name, self.member(name + SUFFIX)) for name in names}

    def member(self, name: str) -> bytes:
        """Return a member's bytes; raise BundleMissingError as MediaPipe does."""
        try:
            return self.members[name]
        except KeyError:
            there = ", ".join(sorted(self.members)) or "none"
            raise BundleMissingError(
                f"No file with name: {name}. All files in the model asset bundle are: {there}."
            ) from None


def read(path: Optional[Union[str, os.PathLike[str]]], content: Optional[bytes]) -> Bundle:
    """Return the bundle of a path or, without one, of bytes.

    Raises OptionError without both, BundleMissingError and BundleError.
    """
    if path:
        if not isinstance(path, (str, os.PathLike)):
            raise OptionTypeError(f"model_asset_path is a path, not {type(path).__name__}")
        content = _file(Path(path))
        if not content:
            raise BundleError(f"{path} is empty: no model bundle")
    if content is not None and not isinstance(content, (bytes, bytearray, memoryview)):
        raise OptionTypeError(f"model_asset_buffer is bytes, not {type(content).__name__}")
    if not content:
        raise OptionError("no model: base_options has neither model_asset_path nor _buffer")
    try:
        return Bundle(_members(content))
    # The archive may be damaged in any way, and use any compression.
    except Exception as error:
        raise BundleError(f"Unable to open zip archive: {one_line(error)}") from error


def _members(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = archive.infolist()
        if sum(entry.file_size for entry in entries) > MOST_BYTES:
            raise ValueError(f"it unpacks to more than {MOST_BYTES} bytes")
        result = {entry.filename: archive.read(entry) for entry in entries}
    for name in [name for name in result if name.endswith(NESTED)]:
        inner = _members(result.pop(name))
        if sum(map(len, inner.values())) + sum(map(len, result.values())) > MOST_BYTES:
            raise ValueError(f"it unpacks to more than {MOST_BYTES} bytes")
        # What is inside of a bundle in it has a name of its own.
        result.update(inner)
    return result


def _file(path: Path) -> bytes:
    try:
        # A pipe would never answer.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise BundleError(f"Unable to open file at {path}: it is no regular file")
            content = stream.read(MOST_BYTES + 1)
    except (FileNotFoundError, ValueError) as error:
        # No file has a name with a NUL in it.
        raise BundleMissingError(f"Unable to open file at {path}") from error
    except OSError as error:
        raise BundleError(f"Unable to open file at {path}: {reason(error)}") from error
    if len(content) > MOST_BYTES:
        raise BundleError(f"{path} has more than {MOST_BYTES} bytes: no model bundle")
    return content
