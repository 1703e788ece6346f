"""Follow a shell's if, case, loops and groups from command to command."""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Callable
from typing import Optional

from mediapipe_jetson.doctor.files.shell_commands import Command

Truth = Optional[bool]
Matches = Callable[[str, list[str]], Truth]
INSTRUCTION = re.compile(r"(RUN|run|--\S+)$")
CLOSERS = {"fi": ("if",), "esac": ("case",), "}": ("group",), "done": ("loop",)}
RESERVED_WORDS = {"if", "then", "elif", "else", "do", "{", *CLOSERS}
# What is between a function's name and its body.
NAMED = ")"
_numbers = itertools.count(1)


@dataclasses.dataclass
class Block:
    """An if, a case, a loop, or a group: a function's body or a second try.

    `live`: the commands here may be run; `sure`: they are run.
    """

    kind: str
    asks: bool = True
    value: Truth = None
    taken: bool = False
    live: bool = True
    sure: bool = False
    doubtful: bool = False
    """Whether a condition before this one is not known."""
    subject: str = ""
    patterns: list[str] = dataclasses.field(default_factory=list)
    begin: int = -1
    """Where its patterns begin."""
    function: bool = False
    arm: int = 0
    """Which of its arms commands are in."""
    number: int = dataclasses.field(default_factory=_numbers.__next__)


def plain(tokens: list[str]) -> list[str]:
    """Return a command without a Dockerfile's or a justfile's word before it."""
    tokens = list(tokens)
    while tokens and INSTRUCTION.match(tokens[0]):
        tokens = tokens[1:]
    return tokens


def keywords(
    tokens: list[str], item: Command, blocks: list[Block], matches: Matches, skipped: bool
) -> list[str]:
    """Follow the shell's words before a command, and return the command.

    `skipped`: the command is not run, such as a second try of one that succeeded.
    """
    if _is_pattern(tokens, item, blocks[-1] if blocks else None, matches):
        return []
    while tokens:
        word = tokens[0]
        if word == "case" and len(tokens) > 2:
            blocks.append(Block("case", subject=tokens[1]))
            blocks[-1].patterns += tokens[3:]
            return []
        if word == "function":
            tokens, item.before = tokens[2:], NAMED
            continue
        if word not in RESERVED_WORDS:
            return tokens
        _word(word, item, blocks, skipped)
        tokens = tokens[1:]
    return tokens


def joined(first: Truth, second: Truth, by: str) -> Truth:
    """Return what two conditions are together."""
    if by not in ("&&", "||"):
        return second
    decides = by == "||"
    if decides in (first, second):
        return decides
    return None if None in (first, second) else not decides


def _word(word: str, item: Command, blocks: list[Block], skipped: bool) -> None:
    """Follow one of the shell's words."""
    top = blocks[-1] if blocks else None
    if word == "if":
        blocks.append(Block("if", sure=True))
        item.before = ";"
    elif word == "do":
        blocks.append(Block("loop", asks=False))
        item.before = ";"
    elif word == "{":
        blocks.append(
            Block(
                "group",
                asks=False,
                live=not skipped,
                sure=item.before not in ("&&", "||"),
                function=item.before == NAMED,
            )
        )
    elif word in CLOSERS:
        if top is None or top.kind not in CLOSERS[word]:
            raise ValueError(f"a {word} too many")
        blocks.pop()
    elif top and top.kind == "if":
        if word == "then":
            top.asks, top.live = False, not top.taken and top.value is not False
            top.sure = top.value is True and not top.doubtful
        else:
            top.taken = top.taken or top.value is True
            top.doubtful = top.doubtful or top.value is None
            top.asks, top.live, top.value = word == "elif", not top.taken, None
            top.sure = not top.doubtful
            top.arm += 1
        item.before = ";"


def _is_pattern(tokens: list[str], item: Command, top: Optional[Block], matches: Matches) -> bool:
    """Return whether these words are the patterns of a case's arm."""
    if top and top.kind == "case" and tokens[:1] != ["esac"]:
        if item.before == ";;":
            matched = matches(top.subject, top.patterns)
            top.taken = top.taken or matched is True
            top.doubtful = top.doubtful or matched is None
            top.asks, top.live, top.patterns, top.begin = True, True, [], -1
            top.value = None
            top.arm += 1
        if top.asks and item.before == ")":
            matched = matches(top.subject, top.patterns)
            top.asks, top.live = False, not top.taken and matched is not False
            top.value = matched if top.live else None
            top.sure = matched is True and not top.doubtful
        elif top.asks:
            top.begin = item.start if top.begin < 0 else top.begin
            top.patterns += tokens
            return True
    return False
