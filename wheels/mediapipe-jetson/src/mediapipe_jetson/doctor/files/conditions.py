"""What a shell script's conditions are on a board, with its variables and functions."""

from __future__ import annotations

import dataclasses
import fnmatch
import re
from collections.abc import Mapping
from typing import Optional

from mediapipe_jetson.doctor.files import shell_blocks
from mediapipe_jetson.doctor.files.shell_blocks import Block, Truth
from mediapipe_jetson.doctor.files.shell_commands import Command

NAME = re.compile(r"\$\{?(\w+)(?:\^\^|,,|:?-[^}]*)?\}?$")
RUN = re.compile(r"(?:\$\(|`)\s*(.*?)\s*(?:\)|`)$", re.DOTALL)
SET = re.compile(r"^[ \t]*(?:(?:export|local|readonly)\s+)?(\w+)=\"?(\$\([^()]*\)|`[^`]*`)", re.M)
ASSIGNED = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)
SETTERS = {"export", "local", "readonly", "declare", "typeset"}
READERS = {"read", "unset", "mapfile", "readarray", "getopts", "let", "select"}
# They run text from elsewhere; these files are known to set none of a script's variables.
SOURCES = {"source", ".", "eval"}
SOURCED = re.compile(r"/etc/|.*\bactivate$|.*/setup\.(ba|z)?sh$")
# In (( )) and by +=: name++, name+=, name = 1.
CHANGED = re.compile(r"([A-Za-z_]\w*)(?:\+\+|--|[-+*/%]=)")
BRACKETS = {"[", "]", "[[", "]]", "test"}
EXIST = {"-e", "-f", "-d", "-r", "-s"}
EMPTY = {"-n": False, "-z": True}
NUMBERS = {"-eq": "=", "-ne": "!="}
FINDERS = {"command": ("-v", "-V"), "which": (), "type": ("-p", "-P", "-t"), "hash": ()}
LOWER = re.compile(r"\s*\|\s*tr\s+(\[:upper:\]|A-Z)\s+(\[:lower:\]|a-z)$")
DEEPEST, STEPS_MOST = 8, 20_000


@dataclasses.dataclass(frozen=True)
class Board:
    """What scripts ask a machine, and what a board answers (data/projects.json: scripts).

    `contents` are words that files contain and commands print, `others` words that are in these on
    other machines alone.
    """

    commands: Mapping[str, str]
    variables: Mapping[str, str]
    files: frozenset[str]
    programs: frozenset[str] = frozenset()
    contents: Mapping[str, str] = dataclasses.field(default_factory=dict)
    others: frozenset[str] = frozenset()


class Conditions:
    """What a script's conditions are on a board."""

    def __init__(self, board: Board, text: str, commands: list[Command]) -> None:
        self.board = board
        self.set = {match[1]: match[2] for match in SET.finditer(text)}
        self.functions = _functions(commands)
        self.values: dict[str, Optional[str]] = {}
        """What variables are, by the commands so far; None is not known."""
        self._of_functions: set[str] = set()
        self._never = _never_known(commands)
        self._depth, self._spare = 0, STEPS_MOST

    def known(self, word: str) -> Optional[str]:
        """Return a word's value on a board, None if it is not known."""
        run = RUN.match(word)
        if run:
            return self._printed(" ".join(run[1].split()))
        name = NAME.match(word)
        if name is None:
            return None if "$" in word or "`" in word else word
        if name[1] in self.values:
            return self.values[name[1]]
        if name[1] in self.set:
            return self.known(self.set[name[1]])
        return self.board.variables.get(name[1])

    def _printed(self, command: str) -> Optional[str]:
        lower = LOWER.search(command.replace("'", "").replace('"', ""))
        if lower:
            text = self._printed(command[: command.index("|")].strip())
            return None if text is None else text.lower()
        if command in self.functions:
            return self._called(command)[1]
        return self.board.commands.get(command)

    def another_shell(self) -> None:
        """Forget what variables are: each RUN of a Dockerfile begins anew."""
        self.values.clear()
        self._of_functions.clear()

    def matches(self, subject: str, patterns: list[str]) -> Truth:
        """Return whether a case's patterns match its subject."""
        value = self.known(subject)
        if value is None:
            return None
        return any(fnmatch.fnmatchcase(value, item) for item in patterns)

    def assign(self, tokens: list[str], blocks: list[Block], *, done: bool) -> None:
        """Note what variables a command sets, or may set; `done`: it is run."""
        rest = tokens[1:] if tokens[0] in SETTERS else tokens
        pairs = [match for word in rest if (match := ASSIGNED.fullmatch(word))]
        if tokens[0] in SOURCES and not SOURCED.match(" ".join(tokens[1:])):
            self.values.update(dict.fromkeys(self.values))
        if tokens[0] == "for" and len(tokens) > 1:
            self.values[tokens[1]] = None
        if len(pairs) < len(rest):
            return
        sure = done and all(block.sure for block in blocks)
        inside = any(block.kind == "group" for block in blocks)
        for match in pairs:
            name, value = match[1], self.known(match[2]) if sure else None
            # A function may be called before or after what is set elsewhere.
            mixed = name in self._of_functions or inside
            if mixed and name in self.values and self.values[name] != value:
                value = None
            if name in self._never:
                value = None
            self.values[name] = value
            if inside:
                self._of_functions.add(name)

    def truth(self, tokens: list[str], before: Optional[list[str]] = None) -> Truth:
        """Return whether a command succeeds on a board; `before` is what is piped into it."""
        if tokens[:1] == ["!"]:
            result = self.truth(tokens[1:], before)
            return None if result is None else not result
        if tokens[:1] == ["grep"]:
            return self._grep(tokens[1:], before)
        if tokens[0] in FINDERS and len(tokens) > 1:
            options = FINDERS[tokens[0]]
            names = [word for word in tokens[1:] if word not in options]
            return True if names and self.board.programs.issuperset(names) else None
        if tokens[0] in self.functions:
            return self._called(tokens[0])[0]
        plain = [word for word in tokens if word not in BRACKETS]
        bare = len(plain) == len(tokens)
        for mark, by in (("-o", "||"), ("-a", "&&")):
            if mark in plain[1:] and not bare:
                at = plain.index(mark, 1)
                parts = self.truth(["[", *plain[:at]]), self.truth(["[", *plain[at + 1 :]])
                return shell_blocks.joined(*parts, by)
        return self._tested(plain, bare=bare)

    def _tested(self, tokens: list[str], *, bare: bool) -> Truth:
        """Return a test's result; a bare word is a command that a variable may contain."""
        if len(tokens) == 1:
            word = tokens[0]
            value = self.known(word) if bare and "$" in word else word if bare else None
            if not bare:
                text = self.known(word)
                return None if text is None else bool(text)
            return {"true": True, "false": False, ":": True}.get(value or "")
        if len(tokens) == 2 and tokens[0] in EMPTY:
            text = self.known(tokens[1])
            return None if text is None else bool(text) is not EMPTY[tokens[0]]
        if len(tokens) == 2:
            return True if tokens[0] in EXIST and tokens[1] in self.board.files else None
        return self._compared(*tokens) if len(tokens) == 3 else None

    def _compared(self, left: str, operator: str, right: str) -> Truth:
        """Return the result of comparing two words on a board."""
        values = [
            self.known(word) if "$" in word or "`" in word else None for word in (left, right)
        ]
        value, other = values[0], right
        if value is None:
            value, other = values[1], left
        elif values[1] is not None and operator != "=~":
            other = values[1]
        if value is None or ("$" in other and operator != "=~") or "`" in other:
            return None
        if operator == "=~":
            return re.search(other, value) is not None if value == values[0] else None
        operator = NUMBERS.get(operator, operator)
        if operator not in ("=", "==", "!="):
            return None
        return fnmatch.fnmatchcase(value, other) is (operator != "!=")

    def _grep(self, arguments: list[str], before: Optional[list[str]]) -> Truth:
        """Return whether grep finds its pattern in the output of a board's files and commands."""
        options = "".join(word[1:] for word in arguments if re.fullmatch(r"-[a-zA-Z]+", word))
        rest = [word for word in arguments if not word.startswith("-")]
        if not rest or set(options) - set("qisEFwoP") or len(rest) > 2:
            return None
        source = rest[1] if len(rest) == 2 else " ".join(before or ())
        source = source.removeprefix("cat ")
        text = self.board.contents.get(source)
        if text is None:
            return None
        flags = re.IGNORECASE if "i" in options else 0
        pattern = rest[0].replace("\\|", "|")
        try:
            if re.search(pattern, text, flags):
                return True
        except re.error:
            return None
        pattern_words = set(re.findall(r"\w+", pattern.lower()))
        return False if pattern_words and pattern_words <= self.board.others else None

    def _called(self, name: str) -> tuple[Truth, Optional[str]]:
        """Return a function's success and what it prints, each None if it is not known."""
        if self._depth > DEEPEST:
            return None, None
        before = dict(self.values), set(self._of_functions)
        self._depth += 1
        try:
            return self._run(self.functions[name])
        except (ValueError, IndexError):
            return None, None
        finally:
            self._depth -= 1
            self.values, self._of_functions = before

    def _run(self, commands: list[Command]) -> tuple[Truth, Optional[str]]:
        blocks: list[Block] = []
        last: Truth = True
        printed: Optional[str] = ""
        earlier: list[str] = []
        for command in commands:
            self._spare -= 1
            if self._spare < 0:
                raise ValueError("functions that call each other too often")
            item = dataclasses.replace(command, tokens=list(command.tokens))
            rest = shell_blocks.keywords(item.tokens, item, blocks, self.matches, skipped=False)
            if not rest or not all(block.live for block in blocks):
                continue
            top = blocks[-1] if blocks else None
            if top and top.kind == "if" and top.asks:
                top.value = shell_blocks.joined(top.value, self.truth(rest, earlier), item.before)
                earlier = rest
                continue
            done: Truth = all(block.sure for block in blocks) or None
            if item.before in ("&&", "||"):
                is_run = last is (item.before == "&&")
                done = None if last is None else done if is_run else False
            if done is False:
                continue
            if rest[0] in ("return", "exit"):
                code = rest[1] if len(rest) > 1 else "$?"
                outcome = last if code == "$?" else (code == "0" if code.isdigit() else None)
                return (outcome, printed) if done else (None, None)
            if rest[0] in ("echo", "printf"):
                text = self.known(rest[-1]) if len(rest) == 2 and done else None
                printed = None if printed is None or text is None or printed else text
                last = True
                continue
            self.assign(rest, blocks, done=done is True)
            outcome = self.truth(rest, earlier if item.before == "|" else None)
            last = outcome if done else shell_blocks.joined(last, outcome, item.before)
            earlier = rest
        return last, printed


def _never_known(commands: list[Command]) -> set[str]:
    """Return variables that loops, subshells, arithmetic, read or a trap change."""
    result: set[str] = set()
    loops = 0
    for command in commands:
        tokens = shell_blocks.plain(command.tokens)
        while tokens and tokens[0] in (
            *shell_blocks.RESERVED_WORDS,
            *SETTERS,
            "!",
            "while",
            "until",
        ):
            loops += (tokens[0] == "do") - (tokens[0] == "done")
            tokens = tokens[1:]
        assigned = [match[1] for word in tokens if (match := ASSIGNED.fullmatch(word))]
        result |= {match[1] for word in tokens if (match := CHANGED.match(word))}
        if loops > 0 or command.before == "(":
            result.update(assigned)
            result.update(tokens[:1] if tokens[1:2] == ["="] else ())
        while len(tokens) > 1 and ASSIGNED.fullmatch(tokens[0]):
            tokens = tokens[1:]
        if tokens and tokens[0] in READERS:
            result.update(name for word in tokens[1:] for name in re.findall(r"[A-Za-z_]\w*", word))
        elif tokens and tokens[0] == "trap":
            result.update(re.findall(r"([A-Za-z_]\w*)=", " ".join(tokens[1:])))
    return result


def _functions(commands: list[Command]) -> dict[str, list[Command]]:
    """Return a script's functions by their names; of those with several bodies none."""
    result: dict[str, list[Command]] = {}
    several: set[str] = set()
    for at in range(len(commands)):
        name, start = _named(commands, at)
        if name and start < len(commands):
            body, depth = [], 0
            for number, command in enumerate(commands[start:]):
                tokens = list(command.tokens)
                if not number:
                    tokens = tokens[tokens.index("{") + 1 :]
                    depth = 1
                depth += (tokens[:1] == ["{"]) - (tokens[:1] == ["}"])
                if not depth:
                    break
                if tokens:
                    body.append(dataclasses.replace(command, tokens=tokens))
            several |= {name} & result.keys()
            result[name] = body
    return {name: body for name, body in result.items() if name not in several}


def _named(commands: list[Command], at: int) -> tuple[str, int]:
    """Return the name of a function that begins here, and where its body does."""
    tokens = commands[at].tokens
    following = commands[at + 1] if at + 1 < len(commands) else None
    if tokens[0] == "function" and len(tokens) > 1:
        if "{" in tokens[2:3]:
            return tokens[1], at
        opened = following is not None and following.tokens[0] == "{"
        return (tokens[1], at + 1) if opened else ("", 0)
    opened = following is not None and following.before == ")" and following.tokens[0] == "{"
    return (tokens[0], at + 1) if opened and len(tokens) == 1 else ("", 0)
