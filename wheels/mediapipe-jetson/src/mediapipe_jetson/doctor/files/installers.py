"""Read what commands install: pip's, uv's, Poetry's, Pipenv's, pipx's, conda's and mamba's."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace

from mediapipe_jetson.doctor.files import environments, invocation
from mediapipe_jetson.doctor.files.facts import COMMAND, PythonPin, Requirement
from mediapipe_jetson.doctor.files.requirements import conda_package, parse_requirement

PYTHON = re.compile(r"(?:python|pip)(?P<version>3\.\d+)?$")
CONDA = re.compile(r"conda|mamba|micromamba")
# A variable may name a program: $PIP and ${PIP3}.
TOOL = re.compile(rf"pip[\d.]*|uv|poetry|pipenv|pdm|pipx|{CONDA.pattern}|\$\{{?\w*PIP\w*\}}?")
INSTALLERS = {"install", "add", "download", "wheel"}
VALUED = {"-i", "--index-url", "--extra-index-url", "-f", "--find-links", "-t", "--target"}
VALUED |= {"-r", "--requirement", "-c", "--constraint", "-p", "--python", "--prefix", "--root"}
# Tools that run a program in an environment of its own, and their options for packages in it.
RUNNERS = {"uv", "uvx", "pipx"}
WITH = {"--with", "--from", "--spec", "-w"}
CONDA_VALUED = {"-n", "--name", "-c", "--channel", "--file", "--solver"}
VALUED |= {"--trusted-host", "--cache-dir", "--timeout", "--retries", "--platform", "-d", "--dest"}


def command(tokens: list[str], file: str, line: int, cell: int = 0) -> list[Requirement]:
    """Return what one command installs, if it is pip's, uv's, Poetry's, Pipenv's or conda's."""
    if run := _run(tokens, file, line, cell):
        return run
    tools, packages = _called(tokens)
    if not tools:
        return []
    conda = _conda(tools)
    python = ""
    for word in tools:
        named = PYTHON.match(word)
        python = named.group("version") or python if named else python
    # pip's output is redirected: 2>&1 is no package.
    packages = [word for word in packages if not re.match(r"\d*[<>]", word)]
    requested, index, skip = [], "", False
    for position, word in enumerate(packages, 1):
        if skip:
            skip = False
            continue
        name, _, value = word.partition("=")
        if name in VALUED or (conda and name in CONDA_VALUED):
            skip = not value
            following = packages[position] if position < len(packages) else ""
            if name in ("-i", "--index-url", "--extra-index-url", "-f", "--find-links"):
                index = value or following
            elif name in ("-p", "--python") and not conda:
                python = value or following
        elif not word.startswith("-"):
            requested.append(word)
    requirements = []
    # An option applies to what precedes it, too.
    for word in requested:
        text, source = ("".join(conda_package(word)), "conda") if conda else (word, index)
        entry = parse_requirement(text, file, line, cell, COMMAND, source, python)
        if entry:
            requirements.append(entry if not conda else replace(entry, text=word))
    return requirements


def installs(tokens: list[str]) -> bool:
    """Return whether a command installs packages."""
    return bool(_called(tokens)[0])


def pythons(tokens: list[str], file: str, line: int, cell: int = 0) -> list[PythonPin]:
    """Return the Python that a command makes an environment with."""
    tools, packages = _called(tokens)
    conda_packages = [(word, conda_package(word)) for word in packages if _conda(tools)]
    result = [
        PythonPin(file, line, specifier, word, cell)
        for word, (package, specifier) in conda_packages
        if package == "python" and specifier
    ]
    version = environments.python(tokens)
    if version:
        text = " ".join(invocation.without_shell(tokens))
        result.append(PythonPin(file, line, f"=={version}", text, cell, command=True))
    return result


def _called(tokens: list[str]) -> tuple[list[str], list[str]]:
    """Return the tools of a command that installs, and its arguments; nothing of another."""
    if invocation.only_says(tokens):
        return [], []
    tools = [word.rsplit("/", 1)[-1] for word in tokens]
    for at, word in enumerate(tokens):
        verb = word in INSTALLERS or (word == "create" and _conda(tools[:at]))
        if verb and any(TOOL.fullmatch(tool) for tool in tools[:at]):
            return tools[:at], tokens[at + 1 :]
        if verb:
            break
    return [], []


def _conda(tools: list[str]) -> bool:
    """Return whether conda itself installs: `conda run pip install` is pip's."""
    known = [tool for tool in tools if TOOL.fullmatch(tool)]
    return bool(known) and CONDA.fullmatch(known[-1]) is not None


def _run(tokens: list[str], file: str, line: int, cell: int) -> list[Requirement]:
    """Return what a command installs for one program alone: uv run, uvx, uv tool, pipx."""
    if invocation.only_says(tokens):
        return []
    tools = [word.rsplit("/", 1)[-1] for word in tokens]
    at = next((n for n, word in enumerate(tools) if word in RUNNERS), None)
    if at is None or (tools[at] == "uv" and tools[at + 1 : at + 2] not in (["run"], ["tool"])):
        return []
    result = []
    for position, word in enumerate(tokens[at:], at + 1):
        option, equals, value = word.partition("=")
        following = tokens[position] if position < len(tokens) else ""
        if option in WITH:
            for text in (value if equals else following).split(","):
                entry = parse_requirement(text, file, line, cell, COMMAND)
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
    return [arguments for arguments in commands if arguments]
