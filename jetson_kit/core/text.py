"""Words of others in our own lines: nothing that moves a cursor, nothing without an end."""

from __future__ import annotations

import re

WORD_MOST = 300
LINE_MOST = 4000
SHOWN_MOST = 60
PLAIN_MOST = 400
# Controls, and marks that turn the direction of text around: a name must not pose as another.
HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]|[\ud800-\udfff]"
)
DIGEST = re.compile(r"\b(sha256:[0-9a-f]{12})[0-9a-f]{52}\b")
IRREGULAR = {"be": ("is", "are"), "have": ("has", "have"), "do": ("does", "do")}


def printable(text: str) -> str:
    """Return a text on one line; control characters and undecodable bytes become escapes."""
    clean = " ".join(text.split())
    if clean.isprintable():
        return clean
    return "".join(item if item.isprintable() else _escape(item) for item in clean)


def _escape(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # how Python holds a byte that is not UTF-8
        return f"\\x{code - 0xDC00:02x}"
    return character.encode("unicode_escape").decode("ascii")


def shortened(text: str, most: int) -> str:
    """Return a text of at most `most` characters: its two ends, where it is longer."""
    if len(text) <= most:
        return text
    mark = f"...({len(text)} characters)..."
    left = max(most - len(mark), 2)
    return f"{text[: left - left // 2]}{mark}{text[-(left // 2) :]}"


def line(text: str) -> str:
    """Return a text as one line of bounded length, each word of it shortened by itself."""
    words = (shortened(word, WORD_MOST) for word in printable(text).split(" "))
    return shortened(" ".join(words), LINE_MOST)


def shown(text: str) -> str:
    """Return a word of the user's in quotes, for a message."""
    return f'"{shortened(printable(text) if text.strip() else text, SHOWN_MOST)}"'


def word(value: object, most: int = 120) -> str:
    """Return a short text of a string or number; an empty one in place of anything else."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return ""
    text = " ".join(str(value).split()) if isinstance(value, str) else f"{value}"
    return text if len(text) <= most else f"{text[: most - 1]}…"


def plain(value: object, most: int = PLAIN_MOST) -> str:
    """Return a short text of a string or number without what hides, as a line of ours takes it."""
    return HIDDEN.sub("\N{REPLACEMENT CHARACTER}", word(value, most))


def short_digests(text: str) -> str:
    """Return a text whose digests are as short as Docker shows them."""
    return DIGEST.sub(r"\1", text)


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun, as in 1 board, 2 boards; `plural` is one without an s."""
    return f"{number} {noun}" if number == 1 else f"{number} {plural or noun + 's'}"


def verb(number: int, word: str) -> str:
    """Return a verb as it goes with a number: 1 board needs, 2 boards need."""
    singular, plural = IRREGULAR.get(word, (f"{word}s", word))
    return singular if number == 1 else plural


def lasting(seconds: float) -> str:
    """Return a duration in the largest unit of which it has two: 90 seconds, 2 minutes, 3 days."""
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= 2 * size:
            return counted(round(seconds / size), unit)
    return counted(round(seconds), "second")
