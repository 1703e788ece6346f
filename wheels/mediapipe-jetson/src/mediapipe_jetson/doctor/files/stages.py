"""Leave out the stages of a Dockerfile that no build of the project's makes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Optional

from mediapipe_jetson.doctor.files.instructions import INSTRUCTION, heredocs, logical

# What a build asks for: "" is the last stage, ALL any of them.
ALL = "*"
FROM = re.compile(r"\bfrom=([\w.-]+)")
BLANK = re.compile(r"[^\r\n]")
_Stage = tuple[int, int, str, list[str]]


def built(text: str, targets: set[str]) -> str:
    """Return a Dockerfile's text with the stages alone that lead to these; lines stay in place."""
    stages = list(_stages(text))
    names = {name: at for at, (_, _, name, _) in enumerate(stages) if name}
    if len(stages) < 2 or not targets or ALL in targets:
        return text
    wanted = [len(stages) - 1 if not item else _number(item, names, stages) for item in targets]
    if None in wanted:
        return text
    needed: set[int] = set()
    waiting = [item for item in wanted if item is not None]
    while waiting:
        at = waiting.pop()
        if at in needed:
            continue
        needed.add(at)
        found = (_number(item, names, stages[:at]) for item in stages[at][3])
        waiting += [item for item in found if item is not None]
    rows = text.splitlines(keepends=True)
    for at, (begin, end, _, _) in enumerate(stages):
        if at not in needed:
            rows[begin:end] = [BLANK.sub("", row) for row in rows[begin:end]]
    return "".join(rows)


def _number(name: str, names: dict[str, int], stages: list[_Stage]) -> Optional[int]:
    """Return a stage's place by its name or its number."""
    at = int(name) if name.isdigit() else names.get(name.lower(), len(stages))
    return at if at < len(stages) else None


def _stages(text: str) -> Iterator[_Stage]:
    """Return where each stage begins and ends, its name, and the stages that it names."""
    begin, name = -1, ""
    used: list[str] = []
    ends: list[str] = []
    for line in logical(text):
        if ends:
            ends = ends[1:] if line.text.strip() == ends[0] else ends
            continue
        ends = heredocs(line, text)
        match = INSTRUCTION.match(line.text)
        word, rest = (match[1].upper(), match[2]) if match else ("", "")
        if word == "FROM":
            if begin >= 0:
                yield begin, line.number - 1, name, used
            words = [item for item in rest.split() if not item.startswith("--")]
            begin, used = line.number - 1, words[:1]
            name = words[2].lower() if len(words) > 2 else ""
        elif word in ("COPY", "ADD", "RUN"):
            used = [*used, *FROM.findall(rest)]
    if begin >= 0:
        yield begin, text.count("\n") + 1, name, used
