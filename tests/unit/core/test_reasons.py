"""Reasons in messages: no number of errno, no word of Python's."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from mediapipe_jetson import observation

from jetson_kit.core.paths import ROOT
from jetson_kit.core.reasons import why


def raised(act: Callable[[], object]) -> BaseException:
    with pytest.raises(Exception) as caught:  # which one is the point
        act()
    return caught.value


@pytest.mark.parametrize(
    ("act", "text"),
    [
        (lambda: Path("/nosuch").read_text("utf-8"), "No such file or directory"),
        (lambda: Path("/").read_text("utf-8"), "Is a directory"),
        (lambda: "a=1".encode("utf-16").decode("utf-8"), "it is UTF-16, not UTF-8"),
        (lambda: b"ab\xff".decode("utf-8"), "byte 3 is not UTF-8"),
        (lambda: json.loads("{\n]"), "line 2: it is not valid JSON"),
        (lambda: json.loads("[" * 100_000), "it is nested too deeply"),
        (lambda: dict[str, str]()["image"], "image is missing"),
        (lambda: tomllib.loads("a = \x1b"), "Invalid value (at line 1, column 5)"),
    ],
)
def test_a_reason(act: Callable[[], object], text: str) -> None:
    assert why(raised(act)) == text


def test_a_reason_of_a_board() -> None:
    missing = raised(lambda: Path("/nosuch").read_text("utf-8"))
    assert observation.reason(missing) == "No such file or directory"
    assert observation.reason(ValueError("a\n b")) == "a b"


def raw(path: Path) -> list[str]:
    """Return the places where the text of an OSError goes into a message as Python writes it."""
    places = []
    for handler in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not (isinstance(handler, ast.ExceptHandler) and handler.type and handler.name):
            continue
        if "OSError" not in ast.unparse(handler.type):
            continue
        for node in ast.walk(handler):
            if not isinstance(node, ast.FormattedValue):
                continue
            if ast.unparse(node.value) == handler.name:
                places.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    return places


def test_no_message_has_an_errors_own_text() -> None:
    sources = [*(ROOT / "jetson_kit").rglob("*.py"), *(ROOT / "wheels").rglob("*.py")]
    # What stands in for another program speaks as that does.
    ours = [path for path in sources if "stand_ins" not in path.parts]
    assert [line for path in ours for line in raw(path)] == []


@pytest.mark.parametrize(
    ("arguments", "name", "content", "text"),
    [
        (("sites.rollout", "x", "-i"), "s.toml", "a=1".encode("utf-16"), "it is UTF-16, not UTF-8"),
        (("sites.rollout", "x", "-i"), "s.toml", b"a=\xff", "byte 3 is not UTF-8"),
        (("sites.status", "-i"), "s.toml", b"a=", "Invalid value"),
    ],
)
def test_a_file_that_can_not_be_read(
    tmp_path: Path, arguments: tuple[str, ...], name: str, content: bytes, text: str
) -> None:
    (tmp_path / name).write_bytes(content)
    done = subprocess.run(
        [sys.executable, "tasks.py", *arguments, tmp_path / name],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert text in done.stderr
    assert "codec" not in done.stderr
    assert "Errno" not in done.stderr
