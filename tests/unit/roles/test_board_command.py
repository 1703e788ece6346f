"""How the board's program runs others, on each Python that boards have."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.board_program import Program, imported


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Program]:
    yield from imported(tmp_path / "root", monkeypatch)


@pytest.mark.parametrize("stdin", [None, b"", b"text"])
def test_python_3_6_is_given_input_or_stdin(
    program: Program, monkeypatch: pytest.MonkeyPatch, stdin: bytes | None
) -> None:
    run = subprocess.run

    def older(*command: Any, **given: Any) -> Any:
        # As in Python 3.6: newer ones take a stdin of None beside an input.
        if "stdin" in given and "input" in given:
            raise ValueError("stdin and input arguments may not both be used.")
        return run(*command, **given)

    monkeypatch.setattr(subprocess, "run", older)
    assert program.command.ask(["cat"], stdin=stdin).out == (stdin or b"").decode()
