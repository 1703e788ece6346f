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
ENDS = {"fi": ("if",), "esac": ("case",), "}": ("group",), "done": ("loop",)}
WORDS = {"if", "then", "elif", "else", "do", "{", *ENDS}
# What stands between a function's name and its body.
NAMED = ")"
_numbers = itertools.count(1)


@dataclasses.dataclass
class Block:
    """An if, a case, a loop, or a group: a function's body or a second try.

    `live` tells whether what stands here may be run, `sure` that it is.
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


def plain(words: list[str]) -> list[str]:
    """Return a command without a Dockerfile's or a justfile's word before it."""
    words = list(words)
    while words and INSTRUCTION.match(words[0]):
        words = words[1:]
    return words


def keywords(
    words: list[str], item: Command, blocks: list[Block], matches: Matches, again: bool
) -> list[str]:
    """Follow the shell's words before a command, and return the command.

    `again` tells that what comes is a second try of what was done.
    """
    if _is_pattern(words, item, blocks[-1] if blocks else None, matches):
        return []
    while words:
        word = words[0]
        if word == "case" and len(words) > 2:
            blocks.append(Block("case", subject=words[1]))
            blocks[-1].patterns += words[3:]
            return []
        if word == "function":
            words, item.before = words[2:], NAMED
            continue
        if word not in WORDS:
            return words
        _word(word, item, blocks, again)
        words = words[1:]
    return words


def joined(first: Truth, second: Truth, by: str) -> Truth:
    """Return what two conditions are together."""
    if by not in ("&&", "||"):
        return second
    decides = by == "||"
    if decides in (first, second):
        return decides
    return None if None in (first, second) else not decides


def _word(word: str, item: Command, blocks: list[Block], again: bool) -> None:
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
                live=not again,
                sure=item.before not in ("&&", "||"),
                function=item.before == NAMED,
            )
        )
    elif word in ENDS:
        if top is None or top.kind not in ENDS[word]:
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


def _is_pattern(words: list[str], item: Command, top: Optional[Block], matches: Matches) -> bool:
    """Return whether these words are the patterns of a case's arm."""
    if top and top.kind == "case" and words[:1] != ["esac"]:
        if item.before == ";;":
            told = matches(top.subject, top.patterns)
            top.taken = top.taken or told is True
            top.doubtful = top.doubtful or told is None
            top.asks, top.live, top.patterns, top.begin = True, True, [], -1
            top.value = None
            top.arm += 1
        if top.asks and item.before == ")":
            told = matches(top.subject, top.patterns)
            top.asks, top.live = False, not top.taken and told is not False
            top.value = told if top.live else None
            top.sure = told is True and not top.doubtful
        elif top.asks:
            top.begin = item.start if top.begin < 0 else top.begin
            top.patterns += words
            return True
    return False
