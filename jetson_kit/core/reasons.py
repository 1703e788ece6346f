"""Why a file or an answer can't be read, in words that need no knowledge of Python."""

from __future__ import annotations

import codecs
import json

from jetson_kit.core.text import printable, shortened

MOST = 200
MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def why(error: BaseException) -> str:  # one for each kind of error
    """Return the reason in one line, without a number of errno and names of Python's classes."""
    if isinstance(error, UnicodeDecodeError):
        marked = bytes(error.object[:2]) in MARKS
        return "it is UTF-16, not UTF-8" if marked else f"byte {error.start + 1} is not UTF-8"
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
