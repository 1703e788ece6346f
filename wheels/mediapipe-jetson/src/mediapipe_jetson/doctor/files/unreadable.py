"""Why a file of a project can't be read, in plain words that need no knowledge of Python."""

from __future__ import annotations

import codecs
import json
import re
import sys
from typing import Optional

ZEROS = "it has zero bytes, so it is no text"
NOT_UTF8 = "it is not UTF-8 and names no other encoding"
UTF16 = "it is UTF-16, which Python does not run; save it as UTF-8"
DEEP = "it is nested too deeply"
LARGE = "it is too large for this machine's memory"
FORM = "it has not the form that files of this name have"
PYTHON_2 = re.compile(
    r"Missing parentheses in call to|multiple exception types|leading zeros in decimal|"
    r"invalid (decimal|octal) literal|in an octal literal"
)
CAUSES = (
    (re.compile(r"was never closed|EOF in multi-line|unexpected EOF"), "a bracket is not closed"),
    (re.compile(r"does not match|unmatched"), "a bracket too many, or of another kind"),
    (re.compile(r"unterminated|EOL while|EOF while scanning"), "a text is not closed"),
    (re.compile(r"inden|inconsistent use of tabs", re.IGNORECASE), "wrong indentation"),
)
NO_UTF8 = re.compile(r"codec can't decode|invalid or missing encoding|Non-UTF-8|unicode error")
UNKNOWN_ENCODING = re.compile(r"(?:unknown encoding|encoding problem):? *(?:for '[^']*': *)?(\S*)")
MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class FormError(ValueError):
    """A file is not what its readers take; the text is what a person reads."""


def why(error: BaseException) -> str:  # noqa: PLR0911 # one for each kind of error
    """Return why a file can't be read."""
    if isinstance(error, FormError):
        return str(error)
    if isinstance(error, OSError):
        return f"it can't be opened: {(error.strerror or 'no reason is given').lower()}"
    if isinstance(error, RecursionError):
        return DEEP
    if isinstance(error, MemoryError):
        return LARGE
    if isinstance(error, UnicodeError):
        return NOT_UTF8
    if isinstance(error, json.JSONDecodeError):
        return f"line {error.lineno}: it is not valid JSON"
    text = str(getattr(error, "msg", error))
    if "null byte" in text:
        return ZEROS
    return _code(error, text) if isinstance(error, SyntaxError) else _other(text)


def _code(error: SyntaxError, text: str) -> str:
    """Return what a program's syntax error means."""
    if NO_UTF8.search(text):
        return NOT_UTF8
    encoding = UNKNOWN_ENCODING.search(text)
    if encoding:
        return f"it names an encoding that Python does not know: {encoding.group(1)}"
    if "too many" in text or "too complex" in text:
        return DEEP
    line = f"line {error.lineno}: " if error.lineno else ""
    if PYTHON_2.search(text):
        return f"{line}it is Python 2"
    reason = next((cause for sign, cause in CAUSES if sign.search(text)), "")
    version = "{}.{}".format(*sys.version_info)
    return f"{line}no program that Python {version} can read" + (f": {reason}" if reason else "")


def _other(text: str) -> str:
    """Return what a parser's message means: only its line number is used."""
    place = re.search(r"at line (\d+)", text)
    return f"line {place.group(1)}: {FORM}" if place else FORM


def plain_text(content: bytes) -> Optional[str]:
    """Return UTF-16 text, by its mark or by its zero bytes; None for what is no UTF-16."""
    if content.startswith(MARKS):
        return content.decode("utf-16", "replace")
    head = content[:2000]
    for at, name in ((1, "utf-16-le"), (0, "utf-16-be")):
        zeros, letters = head[at::2], head[1 - at :: 2]
        if len(zeros) > 3 and not any(zeros) and letters.count(0) == 0:
            return content.decode(name, "replace")
    return None
