"""Tokens and passwords, known by their forms, that an application's files bring into the image."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from jetson_kit.app import faults, tree
from jetson_kit.app.settings import FILE, App
from jetson_kit.app.tree import Tree
from jetson_kit.core import stopping

DATA = Path(__file__).with_name("tokens.toml")
SHOWN_MOST = 5
# A port, not a password: behind a host's name or number, or with a list's mark behind it.
PORT = r"(?!(?:\*|localhost|[^/\s:@]{0,100}\.[^/\s:@]{0,100}):\d{1,5}\W)"
# No quotes, brackets or \: a program puts such an address together, or searches for one. A list
# of addresses goes on behind , ; and |.
ADDRESS = re.compile(
    rf"://{PORT}[^/\s:@?#'\"`\\()\[\]<>,;|]{{0,100}}:(?!\d{{1,5}}[,;|&]){faults.PORT_OR_PLACE}"
    r"(?P<password>[^/\s:@'\"`\\()\[\]{}<>]{1,200})@(?P<host>[\w.-]*)"
)
OF_ADDRESS = "an address with a password"
# What stands beside text that only looks like a token, as within Base64.
BEFORE, BEHIND = re.compile(r"[\w+-]"), re.compile(r"[\w/+-]")


def warning(app: App, files: Tree) -> str:
    """Return a line that names the places of tokens and passwords, and none of them; "" without."""
    places = [
        f"{entry.name}, line {line} ({what})"
        for entry in files.entries
        if not entry.link and not tree.matches(entry.name, app.include)
        for line, what in _find_secrets(tree.content(entry.source))
    ]
    in_files = bool(places)
    values = [*app.environment.items(), *(("command", word) for word in app.command)]
    places += [
        f"{FILE}, {name} ({what})"
        for name, text in values
        for _, what in _find_secrets(text.encode())
    ]
    if not places:
        return ""
    more = len(places) - SHOWN_MOST
    named = "; ".join(places[:SHOWN_MOST]) + (f"; and {more} more" if more > 0 else "")
    none = f"; include = [...] in {FILE} names a file in which it is none" if in_files else ""
    return f"{named}: by its form a secret, {faults.TO_THE_BOARD}{none}"


def _find_secrets(content: bytes) -> list[tuple[int, str]]:
    """Return the lines that hold a secret, each with what the first one in it is."""
    stopping.check()
    if b"\0" in content:
        return []
    text = content.decode("utf-8", "replace")
    lines: dict[int, str] = {}
    for place, what in sorted(_places(text)):
        lines.setdefault(text.count("\n", 0, place) + 1, what)
    return list(lines.items())


def _places(text: str) -> Iterator[tuple[int, str]]:
    forms, examples = _data()
    for what, form in forms.items():
        for match in form.finditer(text):
            start, end = match.span()
            before, behind = text[max(start - 1, 0) : start], text[end : end + 1]
            whole = not BEFORE.match(before) and not BEHIND.match(behind)
            if (whole or match[0][0] == ":") and not examples["token"].search(match[0]):
                yield start, what
    for match in ADDRESS.finditer(text):
        if not examples["password"].fullmatch(match["password"]) and not examples["host"].fullmatch(
            match["host"]
        ):
            yield match.start(), OF_ADDRESS


@cache
def _data() -> tuple[dict[str, re.Pattern[str]], dict[str, re.Pattern[str]]]:
    table = tomllib.loads(DATA.read_text(encoding="utf-8"))
    return (
        {name: re.compile(form) for name, form in table["forms"].items()},
        {name: re.compile(form, re.IGNORECASE) for name, form in table["examples"].items()},
    )
