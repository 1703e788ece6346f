"""Read what commands install: pip's, uv's, Poetry's, Pipenv's, pipx's and conda's."""

from __future__ import annotations

import re
import shlex

from mediapipe_jetson.doctor.files.facts import COMMAND, Requirement
from mediapipe_jetson.doctor.files.requirements import one

PYTHON = re.compile(r"(?:python|pip)(?P<version>3\.\d+)?$")
INSTALLERS = {"install", "add", "download", "wheel"}
VALUED = {"-i", "--index-url", "--extra-index-url", "-f", "--find-links", "-t", "--target"}
VALUED |= {"-r", "--requirement", "-c", "--constraint", "-p", "--python", "--prefix", "--root"}
# Tools that run a program in an environment of its own, and their options for packages in it.
RUNNERS = {"uv", "uvx", "pipx"}
WITH = {"--with", "--from", "--spec", "-w"}
VALUED |= {"--trusted-host", "--cache-dir", "--timeout", "--retries", "--platform", "-d", "--dest"}


def command(words: list[str], file: str, line: int, cell: int = 0) -> list[Requirement]:
    """Return what one command installs, if it is pip's, uv's, Poetry's, Pipenv's or conda's."""
    if run := _run(words, file, line, cell):
        return run
    at = next((n for n, word in enumerate(words) if word in INSTALLERS), None)
    before = words[:at] if at is not None else []
    tools = [word.rsplit("/", 1)[-1] for word in before]
    known = [
        word
        for word in tools
        if re.fullmatch(r"pip[\d.]*|uv|poetry|pipenv|pdm|pipx|conda|mamba", word)
    ]
    if at is None or not known:
        return []
    python = ""
    for word in tools:
        named = PYTHON.match(word)
        python = named.group("version") or python if named else python
    requirements, index, skip = [], "", False
    for position, word in enumerate(words[at + 1 :], at + 1):
        if skip:
            skip = False
            continue
        name, _, value = word.partition("=")
        if name in VALUED:
            skip = not value
            following = words[position + 1] if position + 1 < len(words) else ""
            if name in ("-i", "--index-url", "--extra-index-url", "-f", "--find-links"):
                index = value or following
            elif name in ("-p", "--python"):
                python = value or following
            continue
        if not word.startswith("-"):
            entry = one(word, file, line, cell, COMMAND, index, python)
            if entry:
                requirements.append(entry)
    return requirements


def _run(words: list[str], file: str, line: int, cell: int) -> list[Requirement]:
    """Return what a command installs for one program alone: uv run, uvx, uv tool, pipx."""
    tools = [word.rsplit("/", 1)[-1] for word in words]
    at = next((n for n, word in enumerate(tools) if word in RUNNERS), None)
    if at is None or (tools[at] == "uv" and tools[at + 1 : at + 2] not in (["run"], ["tool"])):
        return []
    result = []
    for position, word in enumerate(words[at:], at + 1):
        option, equals, value = word.partition("=")
        following = words[position] if position < len(words) else ""
        if option in WITH:
            for text in (value if equals else following).split(","):
                entry = one(text, file, line, cell, COMMAND)
                result += [entry] if entry else []
    return result


def split(text: str) -> list[list[str]]:
    """Return the commands of a shell line, each as its words."""
    try:
        lexer = shlex.shlex(text, posix=True, punctuation_chars=";&|()")
        lexer.whitespace_split = True
        lexer.commenters = "#"
        tokens = list(lexer)
    except ValueError:
        tokens = text.split()
    commands: list[list[str]] = [[]]
    for token in tokens:
        if token and set(token) <= set(";&|()"):
            commands.append([])
        else:
            commands[-1].append(token)
    return [words for words in commands if words]
