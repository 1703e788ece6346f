"""Leave out what a script does only elsewhere: branches for another CPU, and second tries."""

from __future__ import annotations

import dataclasses
import fnmatch
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Optional

# A word's parts, what ends a command, and what is neither.
TOKEN = re.compile(
    r"(?P<skip>\\\r?\n(?:[ \t]*\#[^\n]*\n)*|[ \t\r]+|(?<!\S)\#[^\n]*)"
    r"|(?P<word>\\.|\"(?:[^\"\\]|\\.)*\"|'[^']*'|\$\([^()]*\)|`[^`]*`|[^\s;&|()\"'\\`$]+|\$)"
    r"|(?P<end>;;|&&|\|\||[;&|()\n])",
    re.DOTALL,
)
INSTRUCTION = re.compile(r"(RUN|run|--\S+)$")
NAME = re.compile(r"\$\{?(\w+)(?:\^\^|,,|:?-[^}]*)?\}?$")
RUN = re.compile(r"(?:\$\(|`)\s*(.*?)\s*(?:\)|`)$", re.DOTALL)
SET = re.compile(r"^[ \t]*(?:(?:export|local|readonly)\s+)?(\w+)=\"?(\$\([^()]*\)|`[^`]*`)", re.M)
BLANK = re.compile(r"[^\n\\]|\\(?!\r?\n)")
MAKE = re.compile(r"\s*(?P<word>ifn?eq|ifn?def|else|endif)\b(?P<rest>[^\n]*)")
EQUAL = re.compile(r"\s*\(\s*(.*?)\s*,\s*(.*?)\s*\)\s*$|\s*([\"'])(.*?)\3\s+([\"'])(.*?)\5\s*$")
SHELLED = re.compile(r"\$\(shell\s+(.*?)\)|\$\((\w+)\)")
MADE = re.compile(r"^(\w+)\s*[:?]?=\s*\$\(shell\s+(.*?)\)\s*$", re.M)
BRACKETS, EXIST = {"[", "]", "[[", "]]", "test"}, {"-e", "-f", "-d", "-r"}
Truth = Optional[bool]
ENDS = {"fi": ("if",), "esac": ("case",), "}": ("group",)}
WORDS = {"if", "then", "elif", "else", "do", "done", "{", *ENDS}


@dataclasses.dataclass(frozen=True)
class Board:
    """What scripts ask a machine, and what a board answers (data/projects.json: scripts)."""

    commands: Mapping[str, str]
    variables: Mapping[str, str]
    files: frozenset[str]


@dataclasses.dataclass
class _Command:
    start: int
    end: int
    before: str
    words: list[str]


@dataclasses.dataclass
class _Block:
    """An if, a case, or a group that is a second try."""

    kind: str
    asks: bool = True
    value: Truth = None
    taken: bool = False
    live: bool = True
    subject: str = ""
    patterns: list[str] = dataclasses.field(default_factory=list)
    begin: int = -1
    """Where its patterns begin."""


def alive(text: str, board: Board, done: Callable[[list[str]], bool]) -> str:
    """Return a shell script's or a Dockerfile's text without what a board does not run.

    Lines keep their numbers. `done` tells whether a command installs what it asks for, so that
    what stands behind its || is never run. A script that can't be followed stays as it is.
    """
    if not re.search(r"\b(fi|esac)\b|\|\|", text):
        return text
    try:
        dead = list(_dead(text, _Reader(board, text), done))
    except (IndexError, ValueError, re.error):
        return text
    for start, end in dead:
        text = text[:start] + BLANK.sub(" ", text[start:end]) + text[end:]
    return text


def made(text: str, board: Board) -> str:
    """Return a Makefile's text without the conditional parts that a board does not take."""
    told = {match[1]: match[2] for match in MADE.finditer(text)}

    def value(match: re.Match[str]) -> str:
        return board.commands.get(match[1] or told.get(match[2], ""), match[0])

    blocks: list[_Block] = []
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
            blocks.append(_Block("if", value=same, live=same is not False))
        elif match and blocks and match["word"] == "else":
            # Another condition behind it: not followed.
            blocks[-1].live = bool(match["rest"].strip()) or blocks[-1].value is not True
        elif match and blocks:
            blocks.pop()
        elif not all(block.live for block in blocks):
            lines[number] = BLANK.sub(" ", line)
    return "".join(lines)


def _commands(text: str) -> Iterator[_Command]:
    at, before = 0, "\n"
    start = end = -1
    words: list[str] = []
    near = False
    while at < len(text):
        match = TOKEN.match(text, at)
        if match is None:
            raise ValueError(f"an end is missing at {at}")
        if match.lastgroup == "end":
            if words:
                yield _Command(start, end, before, words)
            mark = match["end"]
            before = mark if words or mark != "\n" else before
            words, near = [], False
        elif match.lastgroup == "word":
            word = match["word"]
            start = match.start() if not words else start
            end = match.end()
            if near:
                words[-1] += _unquoted(word)
            else:
                words.append(_unquoted(word))
            near = True
        else:
            near = False
        at = match.end()
    if words:
        yield _Command(start, end, before, words)


def _unquoted(word: str) -> str:
    return word[1:-1] if word[:1] in "\"'" and len(word) > 1 else word


def _dead(
    text: str, reader: _Reader, done: Callable[[list[str]], bool]
) -> Iterator[tuple[int, int]]:
    """Return the places of commands that a board does not run."""
    blocks: list[_Block] = []
    met = False  # the command before this one installed what it asks for
    for item in _commands(text):
        words = list(item.words)
        while words and INSTRUCTION.match(words[0]):
            words = words[1:]
        again = item.before == "||" and met
        top = blocks[-1] if blocks else None
        rest = _keywords(words, item, blocks, reader, again)
        if top and top.kind == "case" and top.value and top.begin >= 0:
            # The arm that is taken: what it does is no longer on a condition.
            yield top.begin, item.start
            top.begin = -1
        off = any(not block.live for block in blocks) or again
        installed = bool(rest) and not off and done(rest)
        if blocks and blocks[-1].kind == "if" and blocks[-1].asks and rest:
            block = blocks[-1]
            told = True if installed else reader.truth(rest)
            block.value = _joined(block.value, told, item.before)
        met = installed or again
        if off and rest:
            yield item.start, item.end
    if blocks:
        raise ValueError("a branch has no end")


def _keywords(
    words: list[str], item: _Command, blocks: list[_Block], reader: _Reader, again: bool
) -> list[str]:
    """Follow the shell's words before a command, and return the command."""
    if _is_pattern(words, item, blocks[-1] if blocks else None, reader):
        return []
    while words:
        word = words[0]
        if word == "case" and len(words) > 2:
            blocks.append(_Block("case", subject=words[1]))
            blocks[-1].patterns += words[3:]
            return []
        if word not in WORDS:
            return words
        _word(word, item, blocks, again)
        words = words[1:]
    return words


def _word(word: str, item: _Command, blocks: list[_Block], again: bool) -> None:
    """Follow one of the shell's words."""
    top = blocks[-1] if blocks else None
    if word == "if":
        blocks.append(_Block("if"))
        item.before = ";"
    elif word == "{":
        blocks.append(_Block("group", live=not again))
    elif word in ENDS:
        if top is None or top.kind not in ENDS[word]:
            raise ValueError(f"a {word} too many")
        blocks.pop()
    elif top and top.kind == "if":
        if word == "then":
            top.asks, top.live = False, not top.taken and top.value is not False
        elif word != "do":
            top.taken = top.taken or top.value is True
            top.asks, top.live, top.value = word == "elif", not top.taken, None
        item.before = ";"


def _is_pattern(words: list[str], item: _Command, top: Optional[_Block], reader: _Reader) -> bool:
    """Return whether these words are the patterns of a case's arm."""
    if top and top.kind == "case" and words[:1] != ["esac"]:
        if item.before == ";;":
            top.taken = top.taken or reader.matches(top.subject, top.patterns) is True
            top.asks, top.live, top.patterns, top.begin = True, True, [], -1
            top.value = None
        if top.asks and item.before == ")":
            told = reader.matches(top.subject, top.patterns)
            top.asks, top.live = False, not top.taken and told is not False
            top.value = told if top.live else None
        elif top.asks:
            top.begin = item.start if top.begin < 0 else top.begin
            top.patterns += words
            return True
    return False


def _joined(first: Truth, second: Truth, by: str) -> Truth:
    """Return what two conditions are together."""
    if by not in ("&&", "||"):
        return second
    decides = by == "||"
    if decides in (first, second):
        return decides
    return None if None in (first, second) else not decides


class _Reader:
    """What a script's conditions are on a board."""

    def __init__(self, board: Board, text: str) -> None:
        self.board = board
        self.set = {match[1]: match[2] for match in SET.finditer(text)}

    def known(self, word: str) -> Optional[str]:
        """Return what a word is on a board, None where that is not told."""
        name, run = NAME.match(word), RUN.match(word)
        if run:
            return self.board.commands.get(" ".join(run[1].split()))
        if name and name[1] in self.set:
            return self.known(self.set[name[1]])
        return self.board.variables.get(name[1]) if name else None

    def matches(self, subject: str, patterns: list[str]) -> Truth:
        """Return whether a case's patterns match its subject."""
        value = self.known(subject)
        if value is None:
            return None
        return any(fnmatch.fnmatchcase(value, item) for item in patterns)

    def truth(self, words: list[str]) -> Truth:
        """Return what a condition is on a board."""
        if words[:1] == ["!"]:
            told = self.truth(words[1:])
            return None if told is None else not told
        words = [word for word in words if word not in BRACKETS]
        if len(words) == 2:
            return True if words[0] in EXIST and words[1] in self.board.files else None
        return self._compared(*words) if len(words) == 3 else None

    def _compared(self, left: str, operator: str, right: str) -> Truth:
        """Return whether two words are the same on a board, or other ones."""
        value, other = self.known(left), right
        if value is None:
            value, other = self.known(right), left
        if value is None or ("$" in other and operator != "=~") or "`" in other:
            return None
        if operator == "=~":
            return re.search(other, value) is not None
        if operator not in ("=", "==", "!="):
            return None
        return fnmatch.fnmatchcase(value, other) is (operator != "!=")
