"""Read Dockerfiles and shell scripts by their commands: bases, pip installs, started containers."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Optional

from mediapipe_jetson.doctor.files import (
    board,
    build_variables,
    documents,
    expansion,
    image_pythons,
    installers,
    shell_lists,
)
from mediapipe_jetson.doctor.files.facts import BaseImage, Requirement
from mediapipe_jetson.doctor.files.instructions import (
    INSTRUCTION,
    WITHIN,
    Line,
    instructions,
    logical,
)

PACKAGES = re.compile(r"\b(pip[\d.]*|uv|poetry|pipenv|pdm|conda|(micro)?mamba)\b|mediapipe", re.I)
INSTALLERS = re.compile(r"\b(pip[\d.]*|uv|poetry|pipenv|pdm|conda|(micro)?mamba)\b", re.I)
# Images for other languages, whose commands may name MediaPipe and not mean Python's.
OF_OTHERS = re.compile(r"(?:.*/)?(node|golang|rust|ruby|gcc|php|buildpack-deps)(?:[:@].*)?")
VARIABLE = re.compile(r"\$(?:\{(\w+)(?::?-([^}]*))?\}|(\w+))")
SHELL, GIVEN, SHELLS_MOST = re.compile(r"(ba|da|z)?sh"), re.compile(r"-[a-z]*c"), 4
# A notebook's mark before a command.
MAGIC = re.compile(r"^\s*[!%]+\s*")
NOTHING: Mapping[str, str] = MappingProxyType({})


def is_dockerfile(text: str) -> bool:
    """Return whether a text is a Dockerfile: known instructions, the first one FROM or ARG."""
    keywords = [match.group(1) for line in logical(text) if (match := INSTRUCTION.match(line.text))]
    return (
        bool(keywords)
        and keywords[0].upper() in ("FROM", "ARG")
        and "FROM" in [keyword.upper() for keyword in keywords]
    )


def bases(
    name: str,
    content: bytes,
    given: Mapping[str, str] = NOTHING,
    scripts: frozenset[str] = frozenset(),
) -> list[BaseImage]:
    """Return the images that a Dockerfile starts from, stages resolved.

    A heredoc's lines belong to the instruction that begins it. `given` are the build's arguments,
    `scripts` the file names of the project's scripts that install packages.
    """
    stages: dict[str, tuple[int, str]] = {}
    runs: dict[int, list[str]] = {}
    platforms: dict[int, str] = {}
    result: list[tuple[int, str, str]] = []
    text = filled(documents.decoded(content), given)
    for line, word, rest in instructions(text):
        if word == "FROM":
            parts = [part for part in rest.split() if not part.startswith("--")]
            option = re.search(r"--platform=(\S+)", rest)
            # Docker itself sets TARGETPLATFORM and BUILDPLATFORM: a board's are its own.
            fixed = option and not re.search(r"\$\{?(TARGET|BUILD)PLATFORM", option[1])
            platform = option[1] if option and fixed else ""
            platforms[len(result)] = foreign(platform)
            image = parts[0] if parts else ""
            stage = parts[2].lower() if len(parts) > 2 and parts[1].upper() == "AS" else ""
            result.append((line.number, image, stage))
            stages.setdefault(stage or f" {len(result)}", (len(result) - 1, image))
        elif result and word == WITHIN:
            runs.setdefault(len(result) - 1, []).append(f"RUN {rest}")
        elif result and word in ("RUN", "COPY", "ADD", "ENV", "ARG"):
            runs.setdefault(len(result) - 1, []).append(f"{word} {rest}")
    images = _resolved(name, result, stages, runs, scripts)
    lines = {line: platforms[at] for at, (line, _, _) in enumerate(result)}
    return [dataclasses.replace(item, foreign=lines[item.line]) for item in images]


def filled(text: str, given: Mapping[str, str]) -> str:
    """Return a Dockerfile's text with its arguments and variables substituted, if known.

    `given` are arguments of the build, which take precedence over the defaults.
    """
    return build_variables.filled(text, given, board.board().variables)


def foreign(platform: str) -> str:
    """Return a platform that is no board's; "" for a board's, and for an unknown one."""
    known = platform.startswith(("linux/", "windows/")) and "$" not in platform
    return platform if known and not re.match(r"linux/(arm64|aarch64)", platform) else ""


def _resolved(
    name: str,
    from_lines: list[tuple[int, str, str]],
    stages: dict[str, tuple[int, str]],
    runs: dict[int, list[str]],
    scripts: frozenset[str],
) -> list[BaseImage]:
    """Return each external base with what its stages add to it."""
    result = []
    for number, (line, image, _) in enumerate(from_lines):
        if image.lower() in stages and stages[image.lower()][0] < number:
            continue
        chain = [number]
        for later, (_, other, _) in enumerate(from_lines):
            at = stages.get(other.lower(), (None, ""))[0]
            if at in chain and later not in chain and later > number:
                chain.append(later)
        text = "\n".join(item for at in chain for item in runs.get(at, ()))
        final = len(from_lines) - 1 in chain
        python = image_pythons.installed(text)
        packages = bool(PACKAGES.search(text)) or _runs(text, scripts)
        if OF_OTHERS.fullmatch(image):
            own = "\n".join(row for row in text.splitlines() if row.startswith("RUN "))
            packages = bool(INSTALLERS.search(own))
            if not packages and _runs(text, scripts):
                packages, python = True, python or "?"
        result.append(BaseImage(name, line, image, final, python, packages))
    return result


def _runs(text: str, scripts: frozenset[str]) -> bool:
    """Return whether commands run one of these scripts, or make where a Makefile is one."""
    lines = [line for line in text.splitlines() if line.startswith("RUN ")]
    programs = {
        word.rsplit("/", 1)[-1] for line in lines for word in re.split(r"[\s;&|\"'\[\],]+", line)
    }
    runs_make = "make" in programs and any(name.lower().endswith("makefile") for name in scripts)
    return runs_make or not programs.isdisjoint(scripts)


def started(text: str) -> list[str]:
    """Return what a Dockerfile's last stage starts: its ENTRYPOINT, then its CMD, the last ones."""
    result: dict[str, str] = {}
    for line, word, _ in instructions(text):
        if word == "FROM":
            result = {}
        elif word in ("CMD", "ENTRYPOINT"):
            result[word] = line.text
    return [result[word] for word in ("ENTRYPOINT", "CMD") if word in result]


def copied(text: str) -> Iterator[str]:
    """Return the files and folders that a Dockerfile takes of what it is built with."""
    for line in logical(text):
        match = INSTRUCTION.match(line.text)
        if match is None or match[1].upper() not in ("COPY", "ADD"):
            continue
        arguments = (_listed(match[2]) or [match[2].split()])[0]
        if not any(word.startswith(("--from", "<<")) for word in arguments):
            named = [word for word in arguments[:-1] if not word.startswith("--")]
            yield from (word for word in named if not re.search(r"://|[$*?\[]", word))


def substituted(text: str, variables: dict[str, str]) -> str:
    """Return a text with its variables replaced where they are known."""
    return expansion.expanded(text, variables)


def commands(
    text: str, chosen: Optional[list[int]] = None
) -> Iterator[tuple[int, list[str], Line]]:
    """Return a script's commands as words, with the line at which each begins."""
    for line in logical(text, chosen):
        body = re.sub(r"^\s*(RUN|CMD|ENTRYPOINT)\s+((--\S+\s+)*)", "", line.text)
        body = re.sub(r"^\s*(Exec\w+=[-@:+!]*|[!%]+(?:\w+\s+)?|ENTRYPOINT\s|CMD\s)", _magic, body)
        for tokens in _listed(body) or installers.split(body):
            yield from _with_inner(line, tokens)


def _listed(body: str) -> list[list[str]]:
    """Return a command that is written as a list; nothing for another, such as [ -d x ] || y."""
    try:
        tokens = json.loads(body) if body.startswith("[") else []
    except (ValueError, RecursionError):
        return []
    return [[str(word) for word in tokens]] if tokens else []


def _with_inner(
    line: Line, tokens: list[str], depth: int = 0
) -> Iterator[tuple[int, list[str], Line]]:
    """Return a command, and those that it gives to a shell: bash -c "..."."""
    yield line.number, tokens, line
    for at, word in enumerate(tokens[:-2]):
        if depth < SHELLS_MOST and SHELL.fullmatch(word.rsplit("/", 1)[-1]):
            script = next(
                (n for n in range(at + 1, len(tokens) - 1) if GIVEN.fullmatch(tokens[n])), 0
            )
            for inner in installers.split(tokens[script + 1]) if script else ():
                yield from _with_inner(line, inner, depth + 1)
            return


def inner(tokens: list[str]) -> str:
    """Return what a command that is a shell is given to run: bash -c "..."; "" for another one."""
    if not tokens or SHELL.fullmatch(tokens[0].rsplit("/", 1)[-1]) is None:
        return ""
    at = next((n for n in range(1, len(tokens) - 1) if GIVEN.fullmatch(tokens[n])), 0)
    return tokens[at + 1] if at else ""


def _magic(match: re.Match[str]) -> str:
    """Return a notebook's magic without its mark: %pip is pip, !pip is pip."""
    text = match.group(0)
    return text.lstrip("!%") if text[:1] in "!%" else ""


def _own_line(line: Line, text: str, number: int) -> int:
    """Return the line of a continued command that has a text, as a whole word if possible."""
    word = re.compile(rf"(?<![\w./:@-]){re.escape(text)}(?![\w./-])")
    matches = [at for at, part in line.parts if word.search(part)]
    matches += [at for at, part in line.parts if text in part]
    return matches[0] if matches else number


def installs(
    name: str, text: str, chosen: Optional[list[int]] = None, cell: int = 0
) -> list[Requirement]:
    """Return what a script's commands install."""
    result = []
    for number, tokens, line in commands(text, chosen):
        for entry in installers.command(tokens, name, number, cell):
            result.append(dataclasses.replace(entry, line=_own_line(line, entry.text, number)))
    if chosen is None:
        result += shell_lists.packages(text, name, cell)
    return result
