"""Packages in the lists of shell scripts: arrays, and what a loop goes through."""

from __future__ import annotations

import collections
import re
from collections.abc import Iterator

from mediapipe_jetson.doctor.files.facts import COMMAND, Requirement
from mediapipe_jetson.doctor.files.requirements import parse_requirement

# A variable that is installed: pip install "$pkg", pip install "${PKGS[@]}".
INSTALLED = re.compile(r"\binstall\b(?P<rest>[^\n]{0,400})")
VARIABLE = re.compile(r"\$\{?(\w+)")
ARRAY = re.compile(
    r"^[ \t]*(?:(?:declare|local|readonly)[ \t]+(?:-\w+[ \t]+)*)?"
    r"(?P<name>\w+)\+?=\((?P<list>[^()]*)\)",
    re.MULTILINE,
)
# An array's name where all of it is meant.
WHOLE = re.compile(r"\"?\$\{(?P<name>\w+)\[[@*]\]\}\"?")
# Characters of a script with its arrays in it.
FILLED_MOST = 1_000_000
SET = re.compile(r"(?<![\w$])(\w+)(?:\[[^\]\n]{0,40}\])?\+?=")
OPTION = re.compile(r"(?<!\S)--(?:gpus|runtime)\b")
COMMENT = re.compile(r"(?<!\S)#[^\n]*")
LOOP, LOOP_HEAD_END = re.compile(r"\bfor\s+(\w+)\s+in\s"), re.compile(r";|\n\s*do\b")
ITEM = re.compile(r"#[^\n]*|[\"']?(?P<item>[A-Za-z][^\s\"']*)[\"']?")


def filled(text: str) -> str:
    """Return a script with arrays of containers' options in the places of their names.

    Only such are filled in as are always the same, and none where it grew too long; a line stays
    a line.
    """
    lists: dict[str, list[str]] = {}
    may: set[str] = set()
    times = collections.Counter(SET.findall(text))
    for row in ARRAY.finditer(text) if WHOLE.search(text) else ():
        name, before = row["name"], text[row.start() : row.start("name")]
        grows = text[row.end("name")] == "+"
        # What is indented may not run, but where it is a function's own.
        sure = not before[:1].isspace() or "local" in before
        if not sure or grows != (name in lists):
            may.add(name)
        lists.setdefault(name, []).append(COMMENT.sub(" ", row["list"]).replace("\n", " "))
    # One that is set in further ways, such as after && or by its items, is not known.
    may |= {name for name, items in lists.items() if times[name] != len(items)}
    contents = {name: " ".join(items) for name, items in lists.items() if name not in may}
    contents = {name: content for name, content in contents.items() if OPTION.search(content)}
    size = sum(len(contents.get(match["name"], "")) for match in WHOLE.finditer(text))
    if not contents or len(text) + size > FILLED_MOST:
        return text
    return WHOLE.sub(lambda match: contents.get(match["name"], match[0]), text)


def packages(text: str, file: str, cell: int = 0) -> Iterator[Requirement]:
    """Return MediaPipe's entries in the lists of which a variable is installed."""
    if "mediapipe" not in text:
        return
    names = {name for row in INSTALLED.finditer(text) for name in VARIABLE.findall(row["rest"])}
    lists = list(_loops(text))
    # A loop goes through an array, whose items are installed one by one.
    for name, _, content in lists:
        if name in names:
            names.update(VARIABLE.findall(content))
    lists += [(row["name"], row.start("list"), row["list"]) for row in ARRAY.finditer(text)]
    for name, start, content in lists if names else ():
        for item in ITEM.finditer(content) if name in names else ():
            word = item["item"] or ""
            if re.match(r"mediapipe\b", word, re.IGNORECASE):
                line = text.count("\n", 0, start + item.start()) + 1
                requirement = parse_requirement(word, file, line, cell, COMMAND)
                if requirement is not None:
                    yield requirement


def _loops(text: str) -> Iterator[tuple[str, int, str]]:
    """Return each loop's variable, where its list begins, and the list."""
    at = 0
    while match := LOOP.search(text, at):
        end = LOOP_HEAD_END.search(text, match.end())
        if end is None:
            return
        yield match[1], match.end(), text[match.end() : end.start()]
        at = end.end()
