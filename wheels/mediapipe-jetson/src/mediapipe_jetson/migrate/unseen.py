"""Where the legacy API may come into a program by a text that can't be followed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from mediapipe_jetson.doctor.flow.values import Path, Values

# Texts that name it, and what runs a text as a program.
NAMED = re.compile(r"(mediapipe|mp)([.:]python)?[.:]solutions\b[\w.:]*")
WORDS = re.compile(r"(python\.)?solutions(\.\w+)*")
RUN = re.compile(r"\b(mediapipe|mp)(\.python)?\.solutions\b|\bimport[^\n]*\bsolutions\b")
RUNNERS = {"builtins.eval", "builtins.exec", "builtins.compile"}
PACKAGES = {"mediapipe", "mediapipe.python"}
AT_RUN_TIME = "a part of mediapipe by a name that can't be followed"
AS_PROGRAM = "a text that uses the legacy API is run as a program"


def package(values: Values) -> bool:
    """Return whether values may be the package whose part the legacy API is."""
    return any(isinstance(item, Path) and item.text in PACKAGES for item in values)


def handed(given: Sequence[Values], texts: Iterable[str]) -> list[str]:
    """Return why texts that are handed to what is not known can't be followed."""
    known = any(map(package, given))
    return [
        f"{text!r} as a text can't be followed"
        for text in texts
        if NAMED.fullmatch(text) or (known and WORDS.fullmatch(text))
    ]


def run(function: str, texts: Iterable[str]) -> bool:
    """Return whether a function runs a text that uses the legacy API."""
    return function in RUNNERS and any(map(RUN.search, texts))
