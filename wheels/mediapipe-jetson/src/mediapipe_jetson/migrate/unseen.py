"""Where the legacy API may come into a program by a text that can't be followed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from mediapipe_jetson.doctor.flow.builtin import IMPORTERS as IMPORTERS_BY_NAME
from mediapipe_jetson.doctor.flow.values import Path, Values
from mediapipe_jetson.migrate import table

# Texts that name it, and what runs a text as a program.
NAMED = re.compile(r"(mediapipe|mp)([.:]python)?[.:]solutions\b[\w.:]*")
SOLUTIONS = re.compile(r"(python\.)?solutions(\.\w+)*")
RUN = re.compile(r"\b(mediapipe|mp)(\.python)?\.solutions\b|\bimport[^\n]*\bsolutions\b")
RUNNERS = {"builtins.eval", "builtins.exec", "builtins.compile"}
INNER = {"mediapipe.python"}
IMPORTERS = {*IMPORTERS_BY_NAME, "pkgutil.resolve_name"}
PACKAGES = {"mediapipe", *INNER}
AT_RUN_TIME = "a part of mediapipe by a name that can't be followed"
NOT_FOLLOWED = "{!r} as a text can't be followed"
ONLY_NAMED = "{!r} stays as it is: a text that only names the legacy API, which is gone"
PROTOBUF = "google.protobuf"
NO_MESSAGES = "results are no protobuf messages in MediaPipe Tasks"
AS_PROGRAM = "a text that uses the legacy API is run as a program"


def package(values: Values) -> bool:
    """Return whether values may be the package whose part the legacy API is."""
    return any(isinstance(item, Path) and item.text in PACKAGES for item in values)


def handed(given: Sequence[Values], texts: Iterable[str]) -> list[str]:
    """Return the texts that name the legacy API where they are handed to what is not known."""
    known = any(map(package, given))
    return [
        text for text in texts if NAMED.fullmatch(text) or (known and SOLUTIONS.fullmatch(text))
    ]


def only_named(function: str) -> bool:
    """Return whether a function takes the names of modules for a tool, and imports none here."""
    return function.startswith(tuple(table.document()["tools"])) or given_back(function)


def given_back(function: str) -> bool:
    """Return whether a function takes what an option of a command line may be."""
    return function.startswith(tuple(table.document()["options"]))


def run(function: str, texts: Iterable[str]) -> bool:
    """Return whether a function runs a text that uses the legacy API."""
    return function in RUNNERS and any(map(RUN.search, texts))
