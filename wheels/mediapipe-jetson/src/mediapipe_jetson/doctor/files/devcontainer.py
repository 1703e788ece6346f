"""Read devcontainer.json: its image, the Python in it, what it installs and how it is started."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Any, Optional

from mediapipe_jetson.doctor.files import containers, documents, stages
from mediapipe_jetson.doctor.files.facts import BaseImage
from mediapipe_jetson.doctor.files.unreadable import FormError

# JSON as editors take it: a text or a comment, then a text or a comma before a closing bracket.
TEXT = r'"(?:[^"\\]|\\.)*"'
COMMENTS = re.compile(TEXT + r"|//[^\n]*|/\*.*?\*/", re.DOTALL)
COMMAS = re.compile(TEXT + r"|,(?=\s*[}\]])", re.DOTALL)
COMMANDS = (
    *("initializeCommand", "onCreateCommand", "updateContentCommand", "postCreateCommand"),
    *("postStartCommand", "postAttachCommand"),
)
PYTHON = re.compile(r"/python(:|@|$)")


@dataclasses.dataclass(frozen=True)
class Container:
    """A file's content: `commands` with their lines, `built` a Dockerfile and its arguments.

    `target` is the stage of that which is built.
    """

    images: list[BaseImage]
    commands: list[tuple[int, str]]
    run: Optional[tuple[int, list[str]]]
    built: Optional[tuple[str, dict[str, str]]]
    target: str


def read(name: str, content: bytes) -> Container:
    """Return a file's content. Raises ValueError."""
    text = COMMAS.sub(_plain, COMMENTS.sub(_plain, documents.decoded(content)))
    document = json.loads(text)
    if not isinstance(document, dict):
        raise FormError("it is no mapping")
    images = []
    if isinstance(document.get("image"), str):
        line = documents.line_of(text, "image")
        python = _python(document)
        images.append(BaseImage(name, line, document["image"], True, python, packages=True))
    commands = [
        (documents.line_of(text, key), line)
        for key in COMMANDS
        for line in _commands(document.get(key))
    ]
    arguments = document.get("runArgs")
    run = None
    if isinstance(arguments, list) and arguments:
        run = documents.line_of(text, "runArgs"), [str(argument) for argument in arguments]
    return Container(images, commands, run, _built(name, document), _target(document))


def _plain(match: re.Match[str]) -> str:
    """Return a text as it is; of a comment its ends of lines, of a comma nothing."""
    text = match.group(0)
    return text if text.startswith('"') else "\n" * text.count("\n")


def _commands(value: Any) -> list[str]:  # noqa: ANN401 # whatever the document holds
    """Return commands as lines: a text, words, or several by their names."""
    if isinstance(value, dict):
        return [line for item in value.values() for line in _commands(item)]
    if isinstance(value, list):
        return [json.dumps([str(word) for word in value])]
    return [value.replace("\n", " ; ")] if isinstance(value, str) else []


def _python(document: dict[str, Any]) -> str:
    """Return the Python that a feature installs besides the image's own."""
    features = document.get("features")
    for key, value in features.items() if isinstance(features, dict) else ():
        if PYTHON.search(key):
            version = value.get("version", "") if isinstance(value, dict) else value
            match = re.match(r"3\.\d+", str(version))
            return "" if version == "os-provided" else match.group(0) if match else "?"
    return ""


def targets(files: Iterable[tuple[str, str, bytes]]) -> dict[str, set[str]]:
    """Return the stages that editors' containers are built of, by their Dockerfiles' paths.

    `files` are kind, name and content.
    """
    result: dict[str, set[str]] = {}
    for kind, name, content in files:
        try:
            container = read(name, content) if kind == "devcontainer" else None
        except (ValueError, RecursionError):
            continue  # its own reader reports it
        if container and container.built:
            result.setdefault(container.built[0], set()).add(container.target)
    return result


def _target(document: dict[str, Any]) -> str:
    """Return the stage that is built, as the last that names one has it."""
    build = document.get("build")
    build = build if isinstance(build, dict) else {}
    options = build.get("options")
    arguments = [str(word) for word in options] if isinstance(options, list) else []
    stage = stages.target([f"--target={build.get('target') or ''}", *arguments])
    return stages.ALL if "$" in stage else stage


def _built(name: str, document: dict[str, Any]) -> Optional[tuple[str, dict[str, str]]]:
    """Return the Dockerfile that is built, and the arguments that it is given."""
    build = document.get("build")
    build = build if isinstance(build, dict) else {}
    file = build.get("dockerfile", document.get("dockerFile"))
    arguments = build.get("args")
    if not isinstance(file, str):
        return None
    arguments = arguments if isinstance(arguments, dict) else {}
    known_arguments = {key: value for key, value in arguments.items() if "$" not in str(value)}
    path = containers.beside(name, str(PurePosixPath(file)))
    return path, {key: str(value) for key, value in known_arguments.items()}
