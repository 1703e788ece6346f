"""Reads what others wrote: files with a limit, and JSON that has one meaning to every reader."""

import json
import os
import re
import stat
from pathlib import Path
from typing import Any, Dict, List, Tuple

from mediapipe_image import guarded
from mediapipe_image.errors import BadInputError

DEEPEST = 16
# Digits of the largest whole number that every reader of JSON takes exactly (2**53).
DIGITS = 16
# What names an image, a layer or a manifest.
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
STRINGS = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
BRACKETS = re.compile(r"[][{}]")


def read(path: Path, largest: int) -> bytes:
    """Return a regular file's bytes, of which there are at most `largest`. Raises BadInputError."""
    try:
        # A pipe that nobody writes to would wait for ever.
        handle = os.open(str(path), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise BadInputError(f"cannot read {path}: {error.strerror}") from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise BadInputError(f"{path} is no file")
    with os.fdopen(handle, "rb") as stream:
        raw = stream.read(largest + 1)
    if len(raw) > largest:
        raise BadInputError(f"{path} has more than {largest} bytes")
    return raw


def loads(text: str) -> Dict[str, Any]:
    """Return a JSON object. Raises ValueError.

    Refused are names that are there twice, numbers that are not whole or have more than 16 digits,
    and nesting beyond 16: readers differ in what they make of these.
    """
    depth = 0
    for bracket in BRACKETS.findall(STRINGS.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        if depth > DEEPEST:
            raise ValueError(f"it is nested deeper than {DEEPEST}")
    body = json.loads(
        text, object_pairs_hook=_object, parse_int=_whole, parse_float=_no, parse_constant=_no
    )
    if not isinstance(body, dict):
        raise ValueError("it is no object")  # noqa: TRY004
    guarded.check_text(text, body)
    return body


def _object(pairs: List[Tuple[str, Any]]) -> Dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("it has a name twice")
    return result


def _whole(text: str) -> int:
    if len(text.lstrip("-")) > DIGITS:
        raise ValueError(f"it has a number of {len(text)} digits")
    return int(text)


def _no(text: str) -> float:
    raise ValueError(f"it has the number {text[:20]}, which is not whole")


def mapping(body: Dict[str, Any], name: str) -> Dict[str, Any]:
    """Return an object of an object. Raises ValueError."""
    value = body.get(name)
    if not isinstance(value, dict):
        raise ValueError(f"{name} is no object")  # noqa: TRY004
    return value


def mappings(body: Dict[str, Any], name: str, most: int) -> List[Dict[str, Any]]:
    """Return a list of objects of an object, of at most `most`. Raises ValueError."""
    value = body.get(name)
    if not isinstance(value, list) or len(value) > most:
        raise ValueError(f"{name} is no list of at most {most}")
    if not all(isinstance(item, dict) for item in value):
        raise ValueError(f"{name} holds what is no object")
    return value


def string(body: Dict[str, Any], name: str) -> str:
    """Return a string of an object. Raises ValueError."""
    value = body.get(name)
    if not isinstance(value, str):
        raise ValueError(f"{name} is no text")  # noqa: TRY004
    return value


def number(body: Dict[str, Any], name: str, least: int, most: int) -> int:
    """Return a whole number of an object, within limits. Raises ValueError."""
    value = body.get(name)
    # True is an int to Python.
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ValueError(f"{name} is no whole number from {least} to {most}")
    return value


def strings(body: Dict[str, Any], name: str, most: int) -> List[str]:
    """Return a list of strings of an object, of at most `most`. Raises ValueError."""
    value = body.get(name)
    if not isinstance(value, list) or len(value) > most:
        raise ValueError(f"{name} is no list of at most {most}")
    if not all(isinstance(item, str) for item in value):
        raise ValueError(f"{name} holds what is no text")
    return value
