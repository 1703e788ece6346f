"""Why a file or an answer can't be read, in words that need no knowledge of Python."""

from __future__ import annotations

import codecs
import io
import json
from pathlib import Path

from jetson_kit.core.text import printable, shortened

MOST = 200
HEAD = 2000
UTF16 = "it is UTF-16, not UTF-8"
MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def of_utf16(path: Path) -> str:
    """Return the reason where a file is UTF-16, of which other programs say nothing; else "".

    It has a mark, or letters and zeros by turns.
    """
    try:
        with path.open("rb") if path.is_file() else io.BytesIO() as stream:
            head = stream.read(HEAD)
    except OSError:
        return ""
    pairs = ((head[at::2], head[1 - at :: 2]) for at in (0, 1))
    bare = any(len(zeros) > 3 and not any(zeros) and 0 not in text for zeros, text in pairs)
    return UTF16 if bare or head.startswith(MARKS) else ""


def why(error: BaseException) -> str:  # one for each kind of error
    """Return the reason in one line, without a number of errno and names of Python's classes."""
    if isinstance(error, UnicodeDecodeError):
        marked = bytes(error.object[:2]) in MARKS
        return UTF16 if marked else f"byte {error.start + 1} is not UTF-8"
    if isinstance(error, json.JSONDecodeError):
        return f"line {error.lineno}: it is not valid JSON"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, KeyError):
        return f"{printable(str(error.args[0] if error.args else '?'))} is missing"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    text = shortened(printable(str(error)), MOST)
    return text or type(error).__name__
