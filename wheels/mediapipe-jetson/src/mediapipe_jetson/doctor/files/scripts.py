"""Read what Python programs themselves say that they need: setup.py, script blocks, installers."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from mediapipe_jetson.doctor.files import documents, requirements
from mediapipe_jetson.doctor.files.facts import PythonPin, Requirement

# https://packaging.python.org/en/latest/specifications/inline-script-metadata/
BLOCK = re.compile(r"^# /// script\s*$\n(?P<body>(?:^#(?:| .*)$\n?)+?)^# ///\s*$", re.MULTILINE)
# What runs a command that is given as a text or as words; nox calls its own `install`.
RUNNERS = {"system", "run", "call", "check_call", "check_output", "Popen", "popen", "getoutput"}
INSTALL = "install"


def block(name: str, content: bytes) -> tuple[list[Requirement], list[PythonPin]]:
    """Return what a script's inline metadata asks for. Raises ValueError."""
    match = BLOCK.search(documents.decoded(content))
    if match is None:
        return [], []
    text = documents.decoded(content)
    body = "\n".join(line[2:] for line in match.group("body").splitlines())
    document = documents.toml(body.encode())
    entries = document.get("dependencies")
    found = [
        requirements.one(item, name, documents.line_of(text, item))
        for item in (entries if isinstance(entries, list) else ())
        if isinstance(item, str)
    ]
    needs = document.get("requires-python")
    pythons = []
    if isinstance(needs, str):
        line = documents.line_of(text, "requires-python")
        pythons.append(PythonPin(name, line, needs, f"requires-python = {needs}"))
    return [item for item in found if item is not None], pythons


def setup(name: str, tree: ast.AST) -> tuple[list[Requirement], list[PythonPin]]:
    """Return the requirements in the lists of a setup.py, and its python_requires."""
    found: list[Requirement] = []
    pythons: list[PythonPin] = []
    for node in ast.walk(tree):
        if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
            entries = (requirements.one(text, name, line) for text, line in _texts(node.elts))
            found += [item for item in entries if item is not None]
        if isinstance(node, ast.keyword) and node.arg == "python_requires":
            for text, line in _texts([node.value]):
                pythons.append(PythonPin(name, line, text, f"python_requires = {text}"))
    return found, pythons


def installs(name: str, tree: ast.AST) -> list[Requirement]:
    """Return what a program installs: pip by subprocess, os.system or a nox session."""
    found: list[Requirement] = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = getattr(node.func, "attr", getattr(node.func, "id", ""))
        if called == INSTALL and isinstance(node.func, ast.Attribute):
            words = ["pip", INSTALL, *(text for text, _ in _texts(node.args))]
            found += requirements.command(words, name, node.lineno)
        elif called in RUNNERS:
            for words in _commands(node.args):
                found += requirements.command(words, name, node.lineno)
    return found


def _commands(arguments: list[ast.expr]) -> Iterator[list[str]]:
    """Return the commands that a call is given, each as its words."""
    for item in arguments:
        if isinstance(item, (ast.List, ast.Tuple)):
            # sys.executable, -m, pip: what is no text is some Python.
            words = [
                entry.value
                if isinstance(entry, ast.Constant) and isinstance(entry.value, str)
                else "python"
                for entry in item.elts
            ]
            yield words
        for text, _ in _texts([item]):
            yield from requirements.split(text)


def _texts(nodes: list[ast.expr]) -> Iterator[tuple[str, int]]:
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value, node.lineno
