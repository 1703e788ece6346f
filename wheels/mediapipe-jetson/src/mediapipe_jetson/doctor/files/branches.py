"""Leave out what a script does only elsewhere: branches for another CPU, and second tries."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator

from mediapipe_jetson.doctor.files import shell_blocks
from mediapipe_jetson.doctor.files.conditions import Board, Conditions
from mediapipe_jetson.doctor.files.shell_blocks import Block, Truth
from mediapipe_jetson.doctor.files.shell_commands import Command, commands

BLANK = re.compile(r"[^\n\\]|\\(?!\r?\n)")
MAKE = re.compile(r"\s*(?P<word>ifn?eq|ifn?def|else|endif)\b(?P<rest>[^\n]*)")
EQUAL = re.compile(r"\s*\(\s*(.*?)\s*,\s*(.*?)\s*\)\s*$|\s*([\"'])(.*?)\3\s+([\"'])(.*?)\5\s*$")
SHELLED = re.compile(r"\$\(shell\s+(.*?)\)|\$\((\w+)\)")
SHELL_VARIABLE = re.compile(r"^(\w+)\s*[:?]?=\s*\$\(shell\s+(.*?)\)\s*$", re.M)
# A command after && is not run after a failure, one after || not after a success.
SHORT = ("&&", "||")
SKIPPING = ((False, "&&"), (True, "||"))
__all__ = ["Board", "Step", "alive", "makefile_text", "steps"]


@dataclasses.dataclass(frozen=True)
class Step:
    """A command of a script, and its place in the text.

    `path` are the arms that it is in, by number, of what a board may not take: where one command's
    path begins with another one's, that one is run wherever the first is. `before` is the mark
    before it, `tokens` are without the shell's own. The arm -1 is a function's body.
    """

    start: int
    end: int
    tokens: list[str]
    path: tuple[tuple[int, int], ...]
    before: str
    dead: bool


def alive(text: str, board: Board, done: Callable[[list[str]], bool]) -> str:
    """Return a shell script's or a Dockerfile's text without what a board does not run.

    Lines keep their numbers. `done` returns whether a command installs what it names, so that
    what follows its || is never run. A script that can't be followed stays as it is.
    """
    if not re.search(r"\b(fi|esac)\b|&&|\|\|", text):
        return text
    try:
        followed = _followed(text, board, done)
    except (IndexError, ValueError, re.error):
        return text
    for step in followed:
        if step.dead:
            blank = BLANK.sub(" ", text[step.start : step.end])
            text = text[: step.start] + blank + text[step.end :]
    return text


def steps(text: str, board: Board, done: Callable[[list[str]], bool]) -> list[Step]:
    """Return what a board may run of a script; nothing of one that can't be followed."""
    try:
        return [step for step in _followed(text, board, done) if not step.dead]
    except (IndexError, ValueError, re.error):
        return []


def _followed(text: str, board: Board, done: Callable[[list[str]], bool]) -> list[Step]:
    whole = list(commands(text))
    return list(_steps(whole, Conditions(board, text, whole), done))


def makefile_text(text: str, board: Board) -> str:
    """Return a Makefile's text without the conditional parts that a board does not take."""
    shell_variables = {match[1]: match[2] for match in SHELL_VARIABLE.finditer(text)}

    def value(match: re.Match[str]) -> str:
        return board.commands.get(match[1] or shell_variables.get(match[2], ""), match[0])

    blocks: list[Block] = []
    lines = text.splitlines(keepends=True)
    for number, line in enumerate(lines):
        match = MAKE.match(line)
        if match and match["word"].startswith("if"):
            equal = EQUAL.match(SHELLED.sub(value, match["rest"]))
            sides = [
                item for item in (equal.group(1, 2, 4, 6) if equal else ()) if item is not None
            ]
            known = match["word"].endswith("eq") and len(sides) == 2 and "$" not in "".join(sides)
            same = (sides[0] == sides[1]) is (match["word"] == "ifeq") if known else None
            blocks.append(Block("if", value=same, live=same is not False))
        elif match and blocks and match["word"] == "else":
            # Another condition follows it, which is not evaluated.
            blocks[-1].live = bool(match["rest"].strip()) or blocks[-1].value is not True
        elif match and blocks:
            blocks.pop()
        elif not all(block.live for block in blocks):
            lines[number] = BLANK.sub(" ", line)
    return "".join(lines)


def _steps(
    commands_: list[Command], conditions: Conditions, done: Callable[[list[str]], bool]
) -> Iterator[Step]:
    """Return a script's commands, with those that a board does not run."""
    blocks: list[Block] = []
    met = False  # the command before this one installed what it names
    last: Truth = None
    piped: list[str] = []
    for item in commands_:
        tokens = shell_blocks.plain(item.tokens)
        if item.tokens[0] == "RUN":
            conditions.another_shell()
        fallback = item.before == "||" and met
        skipped = (last, item.before) in SKIPPING
        top = blocks[-1] if blocks else None
        rest = shell_blocks.keywords(tokens, item, blocks, conditions.matches, fallback or skipped)
        if top and top.kind == "case" and top.value and top.begin >= 0:
            # The arm that is taken: what it does is no longer on a condition.
            yield Step(top.begin, item.start, [], (), "", dead=True)
            top.begin = -1
        off = any(not block.live for block in blocks) or fallback or skipped
        installed = bool(rest) and not off and done(rest)
        if blocks and blocks[-1].kind == "if" and blocks[-1].asks and rest:
            block = blocks[-1]
            before = piped if item.before == "|" else None
            outcome = True if installed else conditions.truth(rest, before)
            block.value = shell_blocks.joined(block.value, outcome, item.before)
        elif rest and not off:
            conditions.assign(rest, blocks, done=last is not None or item.before not in SHORT)
            outcome = conditions.truth(rest, piped if item.before == "|" else None)
            last = shell_blocks.joined(last, outcome, item.before)
        met, piped = installed or fallback, rest
        if rest:
            yield Step(item.start, item.end, rest, _path(blocks), item.before, off)
    if blocks:
        raise ValueError("a branch has no end")


def _path(blocks: list[Block]) -> tuple[tuple[int, int], ...]:
    """Return the arms that a command is in; -1 is a function's body, run where it is called."""
    return tuple(
        (block.number, -1 if block.function else block.arm)
        for block in blocks
        if block.function or not block.sure
    )
