"""Messages that count: the noun, and its verb, go with the number."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from mediapipe_jetson import observation

from jetson_kit.core.paths import ROOT
from jetson_kit.core.text import counted, lasting, verb

# What is no plural, or stands where the number is never one.
NOUNS = {"bytes", "characters", "landmarks", "as", "of its", "targets"}
# Internal facts of models and files, which only who writes them meets, and counts from two on.
LEFT = re.compile(
    r"/(onnx_export|tflite|translate|engines|wheels|backends|vision|targets|pipeline)/"
)


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 boards"), (1, "1 board"), (2, "2 boards"), (1000, "1000 boards")]
)
def test_a_number_with_its_noun(number: int, text: str) -> None:
    assert counted(number, "board") == text
    assert observation.counted(number, "board") == text


def test_a_plural_of_its_own_and_a_verb() -> None:
    assert counted(1, "library", "libraries") == "1 library"
    assert counted(3, "library", "libraries") == "3 libraries"
    assert [verb(number, "need") for number in (0, 1, 2)] == ["need", "needs", "need"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 seconds"), (1.2, "1 second"), (119, "119 seconds"), (120, "2 minutes"),
        (3 * 3600, "3 hours"), (86400, "24 hours"), (5 * 86400, "5 days"),
    ],
)  # fmt: skip
def test_a_duration(seconds: float, text: str) -> None:
    assert lasting(seconds) == text


def plurals(path: Path) -> list[str]:
    """Return the places where the length of something stands before a plural as it is."""
    places = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.JoinedStr):
            continue
        for number, text in zip(node.values, node.values[1:], strict=False):
            if not (isinstance(number, ast.FormattedValue) and isinstance(text, ast.Constant)):
                continue
            noun = re.match(r" ([a-z]+ )?([a-z]+s)\b", str(text.value))
            counts = ast.unparse(number.value).startswith("len(")
            if noun and counts and not {noun[2], noun[0].strip()} & NOUNS:
                places.append(f"{path.relative_to(ROOT)}:{node.lineno}: {noun[0]}")
    return places


def test_no_message_counts_one_as_many() -> None:
    sources = [*(ROOT / "jetson_kit").rglob("*.py"), *(ROOT / "wheels").rglob("*.py")]
    assert sources
    faults = [line for path in sources if not LEFT.search(str(path)) for line in plurals(path)]
    assert faults == []
