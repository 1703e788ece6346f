"""Read HCL as docker buildx bake takes it: blocks of attributes, each with its line."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Optional, Union

from mediapipe_jetson.doctor.files.unreadable import FormError

DEEPEST = 40
TOKEN = re.compile(
    r"(?P<skip>[ \t\r]+|\#[^\n]*|//[^\n]*|/\*.*?\*/)|(?P<line>\n)|(?P<quote>\")"
    r"|<<(?P<strip>-?)(?P<end>\w+)[ \t\r]*\n|(?P<name>[A-Za-z_][\w.-]*)|(?P<number>\d[\w.]*)"
    r"|(?P<mark>[\[\]{}(),:=])|(?P<other>.)",
    re.DOTALL,
)
INSERTED = re.compile(r"\$?\$\{\s*([^{}]*?)\s*\}")
ESCAPED = {"n": "\n", "t": "\t", "r": "\r"}
CLOSING = {"[": "]", "{": "}", "(": ")"}
Value = Union[str, list["Value"], dict[str, "Value"], None]
"""None is what is not known; a name stands for itself as ${name}."""


@dataclasses.dataclass(frozen=True)
class Attribute:
    """An attribute's value, and its line."""

    value: Value
    line: int


@dataclasses.dataclass(frozen=True)
class Block:
    """A block such as target "app" {...}."""

    kind: str
    label: str
    line: int
    attributes: Mapping[str, Attribute]


@dataclasses.dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    line: int


def blocks(text: str) -> list[Block]:
    """Return a file's blocks. Raises FormError."""
    return _Parser(_tokens(text)).blocks()


def filled(value: Value, variables: Mapping[str, Value]) -> Value:
    """Return a value with variables substituted; None for what is not known."""
    if isinstance(value, list):
        return [filled(item, variables) for item in value]
    if isinstance(value, dict):
        return {key: filled(item, variables) for key, item in value.items()}
    if value is None:
        return None
    whole = INSERTED.fullmatch(value)
    if whole and not value.startswith("$$"):
        return variables.get(whole[1])
    known = True

    def put(match: re.Match[str]) -> str:
        nonlocal known
        if match[0].startswith("$$"):
            return match[0][1:]
        result = variables.get(match[1])
        known = known and isinstance(result, str)
        return str(result)

    text = INSERTED.sub(put, value)
    return text if known else None


def _tokens(text: str) -> list[_Token]:
    result: list[_Token] = []
    at, line = 0, 1
    while at < len(text):
        match = TOKEN.match(text, at)
        if match is None:
            raise FormError(f"line {line}: it is not valid HCL")
        end = match.end()
        if match["quote"]:
            end, value = _quoted(text, end, line)
            result.append(_Token("text", value, line))
        elif match["end"]:
            end, value = _heredoc(text, match, line)
            result.append(_Token("text", value, line + 1))
        elif match.lastgroup != "skip":
            result.append(_Token(str(match.lastgroup), match[0], line))
        line += text.count("\n", at, end)
        at = end
    return result


def _quoted(text: str, at: int, line: int) -> tuple[int, str]:
    """Return where a text in quotation marks ends, and what it is."""
    result, depth = "", 0
    while at < len(text) and (depth or text[at] != '"'):
        letter = text[at]
        if letter == "\n" and not depth:
            break
        if letter == "\\" and not depth:
            at += 1
            letter = ESCAPED.get(text[at : at + 1], text[at : at + 1])
        elif text.startswith("${", at):
            depth += 1
        elif letter == "}" and depth:
            depth -= 1
        result += letter
        at += 1
    if at >= len(text) or text[at] != '"':
        raise FormError(f"line {line}: a text has no end")
    return at + 1, result


def _heredoc(text: str, match: re.Match[str], line: int) -> tuple[int, str]:
    """Return where a text of several lines ends, and what it is."""
    end = re.compile(rf"^[ \t]*{match['end']}[ \t\r]*$", re.MULTILINE).search(text, match.end())
    if end is None:
        raise FormError(f"line {line}: a text has no end")
    return end.end(), text[match.end() : end.start()]


class _Parser:
    """Reads tokens one after the other."""

    def __init__(self, tokens: list[_Token]) -> None:
        self.tokens, self.at = tokens, 0

    @property
    def token(self) -> Optional[_Token]:
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def blocks(self) -> list[Block]:
        """Return all blocks; attributes outside of blocks are variables of the file."""
        result = []
        for kind, label, line, attributes in self._body(0):
            result.append(Block(kind, label, line, attributes))
        if self.token is not None:
            raise FormError(f"line {self.token.line}: it is not valid HCL")
        return result

    def _body(self, depth: int) -> list[tuple[str, str, int, dict[str, Attribute]]]:
        """Return the blocks up to the end, or to the mark that closes this one."""
        result: list[tuple[str, str, int, dict[str, Attribute]]] = []
        own: dict[str, Attribute] = {}
        if depth > DEEPEST:
            raise FormError("it is nested too deeply")
        while (token := self.token) is not None and token.text != "}":
            self.at += 1
            if token.kind == "line" or token.text == ",":
                continue
            if token.kind not in ("name", "text"):
                raise FormError(f"line {token.line}: it is not valid HCL")
            following = self.token
            if following is not None and following.text in ("=", ":") and following.kind == "mark":
                self.at += 1
                own[token.text] = Attribute(self._value(depth), token.line)
                continue
            labels = self._labels(token.line)
            inner = self._body(depth + 1)
            self._close("}", token.line)
            attributes = next((item[3] for item in inner if not item[0]), {})
            result.append((token.text, labels, token.line, attributes))
        return [*result, ("", "", 0, own)]

    def _labels(self, line: int) -> str:
        """Return a block's label, up to and with the mark that opens it."""
        labels: list[str] = []
        while (token := self.token) is not None and token.kind in ("name", "text"):
            labels.append(token.text)
            self.at += 1
        if token is None or token.text != "{":
            raise FormError(f"line {line}: it is not valid HCL")
        self.at += 1
        return " ".join(labels)

    def _close(self, mark: str, line: int) -> None:
        token = self.token
        if token is None or token.text != mark:
            raise FormError(f"line {line}: a {mark} is missing")
        self.at += 1

    def _value(self, depth: int) -> Value:
        """Return the value up to the end of its line or to what closes around it."""
        if depth > DEEPEST:
            raise FormError("it is nested too deeply")
        token = self.token
        value: Value = None
        if token is not None:
            self.at += 1
            if token.kind in ("text", "number"):
                value = token.text
            elif token.kind == "name":
                keywords = ("true", "false", "null")
                value = token.text if token.text in keywords else f"${{{token.text}}}"
                value = None if token.text == "null" else value
            elif token.text == "[":
                value = self._items(depth + 1, token.line)
            elif token.text == "{":
                inner = self._body(depth + 1)
                self._close("}", token.line)
                own = next((item[3] for item in inner if not item[0]), {})
                value = {key: item.value for key, item in own.items()}
            else:
                self.at -= 1
        return None if self._rest() else value

    def _items(self, depth: int, line: int) -> Value:
        result: list[Value] = []
        while (token := self.token) is not None and token.text != "]":
            if token.kind == "line" or token.text == ",":
                self.at += 1
            elif token.text in ("}", ")"):
                break
            else:
                result.append(self._value(depth))
        self._close("]", line)
        return result

    def _rest(self) -> bool:
        """Step over what follows a value: operators, calls. Returns whether there is anything."""
        start, around = self.at, []
        while (token := self.token) is not None:
            if token.kind == "mark" and token.text in CLOSING:
                around.append(CLOSING[token.text])
            elif around and token.text == around[-1]:
                around.pop()
            elif not around and (token.kind == "line" or token.text in (",", "]", "}", ")")):
                break
            self.at += 1
        return self.at > start
