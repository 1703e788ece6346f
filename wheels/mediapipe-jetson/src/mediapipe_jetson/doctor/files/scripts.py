"""Read what Python programs declare that they need: setup.py, script blocks, installers."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Optional

from mediapipe_jetson.doctor.files import documents, installers, program_lists, requirements
from mediapipe_jetson.doctor.files.facts import COMMAND, PythonPin, Requirement

# https://packaging.python.org/en/latest/specifications/inline-script-metadata/
BLOCK = re.compile(r"^# /// script\s*$\n(?P<body>(?:^#(?:| .*)$\n?)+?)^# ///\s*$", re.MULTILINE)
# What runs a command that is given as a text or as words; nox calls its own `install`.
RUNNERS = {"system", "run", "call", "check_call", "check_output", "Popen", "popen", "getoutput"}
MAGICS = {"run_line_magic", "run_cell_magic"}
INSTALL = "install"
ADDING = {"append", "add", "insert"}
UNKNOWN = "?"
# Arguments of setup() with other lists.
OTHERS = {"packages", "py_modules", "package_dir", "package_data", "data_files", "scripts"}
OTHERS |= {"entry_points", "classifiers", "keywords", "platforms", "ext_modules", "cmdclass"}
OTHERS |= {"license_files", "namespace_packages", "exclude_package_data", "options"}


def block(name: str, content: bytes) -> tuple[list[Requirement], list[PythonPin]]:
    """Return what a script's inline metadata asks for. Raises ValueError."""
    match = BLOCK.search(documents.decoded(content))
    if match is None:
        return [], []
    text = documents.decoded(content)
    body = "\n".join(line[2:] for line in match.group("body").splitlines())
    document = documents.toml(body.encode())
    entries = document.get("dependencies")
    parsed = [
        requirements.parse_requirement(item, name, documents.line_of(text, item))
        for item in (entries if isinstance(entries, list) else ())
        if isinstance(item, str)
    ]
    needs = document.get("requires-python")
    pythons = []
    if isinstance(needs, str):
        line = documents.line_of(text, "requires-python")
        pythons.append(PythonPin(name, line, needs, f"requires-python = {needs}"))
    return [item for item in parsed if item is not None], pythons


def setup(name: str, tree: ast.AST) -> tuple[list[Requirement], list[PythonPin]]:
    """Return the requirements in the lists of a setup.py, and its python_requires.

    Texts are joined from the parts that the tree shows; an unknown part is `?`.
    """
    result: list[Requirement] = []
    pythons: list[PythonPin] = []
    known, other = constants(tree), _other(tree)
    for node in ast.walk(tree):
        if node in other:
            continue
        if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
            result += _listed(name, _written(node.elts, known))
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") in ADDING:
            result += _listed(name, _mentioned(_written(node.args, known)))
        elif isinstance(node, ast.Constant) and "\n" in str(node.value):
            result += _listed(name, _mentioned(_written([node], known)))
        elif isinstance(node, ast.keyword) and node.arg == "install_requires":
            result += _listed(name, _written([node.value], known))
        if isinstance(node, ast.keyword) and node.arg == "python_requires":
            for text, line in _texts([node.value]):
                pythons.append(PythonPin(name, line, text, f"python_requires = {text}"))
    return result, pythons


def _other(tree: ast.AST) -> set[ast.AST]:
    """Return what setup() is given that lists no requirements, by its nodes."""
    result: set[ast.AST] = set()
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg in OTHERS:
            result.update(ast.walk(node.value))
            names.add(getattr(node.value, "id", None))
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and any(
            getattr(target, "id", "") in names for target in node.targets
        ):
            result.update(ast.walk(node.value))
    return result


def _listed(name: str, texts: Iterator[tuple[str, int]]) -> list[Requirement]:
    entries = [requirements.parse_requirement(text, name, line) for text, line in texts]
    return [item for item in entries if item is not None]


def _mentioned(texts: Iterator[tuple[str, int]]) -> Iterator[tuple[str, int]]:
    """Return the texts that name MediaPipe: others may be anything."""
    return (pair for pair in texts if re.match(r"\s*mediapipe\b", pair[0], re.IGNORECASE))


def constants(tree: ast.AST) -> dict[str, str]:
    """Return the names that are a text all over a program."""
    values: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            text = getattr(node.value, "value", None)
            shown = text if isinstance(text, str) else UNKNOWN
            for target in node.targets:
                if isinstance(target, ast.Name):
                    values.setdefault(target.id, set()).add(shown)
    return {name: next(iter(texts)) for name, texts in values.items() if len(texts) == 1}


def _written(nodes: list[ast.expr], known: dict[str, str]) -> Iterator[tuple[str, int]]:
    """Return the lines of texts that are written here, each with its line."""
    for node in nodes:
        text = _text(node, known)
        for number, line in enumerate((text or "").splitlines()):
            yield line, node.lineno + (number if isinstance(node, ast.Constant) else 0)


def _text(node: ast.expr, known: dict[str, str]) -> Optional[str]:
    """Return a text of which a part may be unknown; None for what is no text at all."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        return "".join(_part(item, known) for item in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Mod)):
        left = _text(node.left, known)
        if left is None or isinstance(node.op, ast.Add):
            return None if left is None else left + _part(node.right, known)
        return re.sub(r"%[sd]", UNKNOWN, left)
    formatted = isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "format"
    if formatted and isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        left = _text(node.func.value, known)
        return None if left is None else re.sub(r"\{[^}]*\}", UNKNOWN, left)
    return None


def _part(node: ast.expr, known: dict[str, str]) -> str:
    """Return a part of a text."""
    inner = node.value if isinstance(node, ast.FormattedValue) else node
    if isinstance(inner, ast.Name):
        return known.get(inner.id, UNKNOWN)
    text = _text(inner, known)
    return UNKNOWN if text is None else text


def installs(name: str, tree: ast.AST) -> list[Requirement]:
    """Return what a program installs: pip by subprocess, os.system or a nox session."""
    result: list[Requirement] = []
    for given in program_lists.installed(tree):
        texts = _mentioned(_written(given.elts, {}))
        result += [replace(item, role=COMMAND) for item in _listed(name, texts)]
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = getattr(node.func, "attr", getattr(node.func, "id", ""))
        if called == INSTALL and isinstance(node.func, ast.Attribute):
            tokens = ["pip", INSTALL, *(text for text, _ in _texts(node.args))]
            result += installers.command(tokens, name, node.lineno)
        elif called in MAGICS:
            line = " ".join(text for text, _ in _texts(node.args))
            for command in installers.split(line):
                result += installers.command(command, name, node.lineno)
        elif called in RUNNERS:
            for tokens in _commands(node.args):
                result += installers.command(tokens, name, node.lineno)
    return result


def _commands(arguments: list[ast.expr]) -> Iterator[list[str]]:
    """Return the commands that a call is given, each as its words."""
    for item in arguments:
        if isinstance(item, (ast.List, ast.Tuple)):
            # sys.executable, -m, pip: what is no text is some Python.
            tokens = [
                entry.value
                if isinstance(entry, ast.Constant) and isinstance(entry.value, str)
                else "python"
                for entry in item.elts
            ]
            yield tokens
        for text, _ in _texts([item]):
            yield from installers.split(text)


def _texts(nodes: list[ast.expr]) -> Iterator[tuple[str, int]]:
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value, node.lineno
