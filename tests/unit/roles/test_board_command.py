"""How the board's program runs others, on each Python that boards have."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from tests.unit.board_program import Program


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


ANSWERS = ["", "x", "[]", "{}", "null", "5", '{"Id": "x", "State": null, "Image": "x"}']


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("ask", ["info", "images", "image", "container", "end", "health_words"])
def test_a_stand_in_s_answer_is_an_error_as_others(
    program: Program, monkeypatch: pytest.MonkeyPatch, ask: str, answer: str
) -> None:
    """As of podman's docker, or a wrapper that prints of its own."""
    engine, errors = program.engine, program.errors
    done = program.command.Done(0, f"{answer}\n", "")
    monkeypatch.setattr(program.command, "ask", lambda *_: done)
    try:
        result = getattr(engine, ask)(*([] if ask in ("info", "images") else ["x"]))
    except errors.ImageError as error:
        assert "\n" not in error.line()
    else:
        assert result in (None, [], b"")
