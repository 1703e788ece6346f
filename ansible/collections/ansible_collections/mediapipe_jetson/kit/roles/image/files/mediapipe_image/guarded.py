"""Read files that others than root may write: no link is followed, and nothing has no end."""

import errno
import json
import math
import os
import stat
from pathlib import Path
from typing import Any, List

from mediapipe_image.errors import IntegrityError

# More than any report or record of ours; what nests deeper is none.
LARGEST = 4 << 20
DEEPEST = 40
# Beyond it a whole number fits no other kind.
GREATEST = 1 << 63
DIGITS = 20
# A FIFO does not hold us up, a terminal does not become ours.
FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


def read(path: Path, limit: int = LARGEST) -> bytes:
    """Return a regular file's bytes. Raises FileNotFoundError, or IntegrityError for all else.

    The folder that it is in must have a name that only root can give to another.
    """
    raw = begin(path, limit + 1)
    if len(raw) > limit:
        raise IntegrityError(f"{path} is damaged: it has more than {limit} bytes")
    return raw


def begin(path: Path, limit: int) -> bytes:
    """Return at most `limit` bytes from a regular file's beginning; raises as `read`."""
    try:
        folder = os.open(str(path.parent), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except NotADirectoryError as error:
        raise IntegrityError(f"{path.parent} is damaged: it is no folder") from error
    try:
        handle = os.open(path.name, FLAGS, dir_fd=folder)
    except FileNotFoundError:
        raise
    except OSError as error:
        # ENXIO is a socket's.
        why = "it is a link" if error.errno == errno.ELOOP else error.strerror
        raise IntegrityError(f"{path} is damaged: {why}") from error
    finally:
        os.close(folder)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise IntegrityError(f"{path} is damaged: it is no regular file")
    with os.fdopen(handle, "rb") as stream:
        try:
            return stream.read(limit)
        except OSError as error:
            raise IntegrityError(f"{path} can't be read: {error.strerror}") from error


def parse(raw: bytes, what: str) -> Any:  # noqa: ANN401 # JSON
    """Return a JSON document. Raises IntegrityError for NaN, 1e999, 2**64 and deep nesting."""
    try:
        text = raw.decode("utf-8")
        body = json.loads(text, parse_constant=_refuse, parse_int=_whole)
        check_text(text, body)
    except (ValueError, RecursionError) as error:
        raise IntegrityError(f"{what} is damaged: {error}") from error
    layer: List[Any] = [body]
    for _depth in range(DEEPEST):
        if not all(_is_sane(item) for item in layer):
            raise IntegrityError(f"{what} is damaged: a number is too great")
        layer = [item for held in layer for item in _inner(held)]
        if not layer:
            return body
    raise IntegrityError(f"{what} is damaged: it nests more than {DEEPEST} deep")


def check_text(text: str, body: Any) -> None:  # noqa: ANN401 # JSON
    """Raise ValueError where a JSON document's words are no text: half a pair of surrogates."""
    if "\\ud" in text.lower():
        json.dumps(body, ensure_ascii=False).encode("utf-8")


def _inner(held: Any) -> List[Any]:  # noqa: ANN401 # JSON
    if isinstance(held, dict):
        return list(held.values())
    return held if isinstance(held, list) else []


def _is_sane(item: Any) -> bool:  # noqa: ANN401 # JSON
    if isinstance(item, float):
        return math.isfinite(item)
    return not isinstance(item, int) or -GREATEST <= item < GREATEST


def _whole(text: str) -> int:
    # Before Python 3.11 one of a million digits takes minutes.
    if len(text) > DIGITS:
        raise ValueError(f"a number has {len(text)} digits")
    return int(text)


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is no number")
