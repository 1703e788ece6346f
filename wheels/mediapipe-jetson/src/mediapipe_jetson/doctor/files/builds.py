"""What Dockerfiles are built with: arguments and folders, by compose files and docker build."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import PurePosixPath
from typing import Optional, TypeVar

from mediapipe_jetson.doctor.files import (
    bake,
    containers,
    devcontainer,
    docker_run,
    dockerfiles,
    documents,
    stages,
    variables,
)
from mediapipe_jetson.doctor.files.documents import Node

Arguments = dict[str, str]
Item = TypeVar("Item")
ROW = re.compile(r"^(?:export\s+)?([A-Za-z_]\w*)=([^#\n]*)", re.MULTILINE)
USUAL = "Dockerfile"
BUILDERS = re.compile(rb"docker|podman|nerdctl")
# Options of docker build that take no value.
FLAGS = {"--no-cache", "--pull", "--push", "--load", "--rm", "--force-rm", "-q", "--quiet"}
FLAGS |= {"--squash", "--compress"}
# A stage that a variable names, which the caller of the build may set.
TARGET = re.compile(
    r"--target(?:=|\s+)[^\s${]{0,64}(?:\{\{[^}\n]*\}\}|\$+(?:\([^)\n]*\)|\{[^}\n]*\}|[\w@*<%]+))\S*"
)


def given(files: Iterable[tuple[str, str, bytes]]) -> dict[str, list[Arguments]]:
    """Return the arguments that each Dockerfile is built with somewhere, by its path.

    `files` are kind, name and content.
    """
    result: dict[str, list[Arguments]] = {}
    for path, arguments in _read_all(files, _given):
        if arguments and arguments not in result.setdefault(path, []):
            result[path].append(arguments)
    return result


def _read_all(
    files: Iterable[tuple[str, str, bytes]], reader: Callable[[str, str, bytes], Iterable[Item]]
) -> Iterator[Item]:
    """Yield what a reader finds in files; an unreadable file is reported by its own reader."""
    for kind, name, content in files:
        try:
            results = list(reader(kind, name, content))
        except (ValueError, RecursionError):
            continue
        yield from results


def _given(kind: str, name: str, content: bytes) -> Iterator[tuple[str, Arguments]]:
    """Return the Dockerfiles that a file has built, with their arguments. Raises ValueError."""
    if kind == "compose":
        yield from _composed(name, content)
    elif kind == "devcontainer":
        built = devcontainer.read(name, content).built
        yield from [built] if built else []
    elif kind == "bake":
        for item in bake.chosen(bake.targets(name, content)):
            yield item.dockerfile, dict(item.arguments)
    elif kind == "shell" and BUILDERS.search(content):
        yield from _scripted(name, variables.filled(name, documents.decoded(content)))


def contexts(files: Iterable[tuple[str, str, bytes]]) -> dict[str, set[str]]:
    """Return the folders whose files each Dockerfile is built with somewhere, by its path.

    `files` are kind, name and content.
    """
    result: dict[str, set[str]] = {}
    for path, context in _read_all(files, _contexts):
        result.setdefault(path, set()).add(context)
    return result


def targets(files: Iterable[tuple[str, str, bytes]]) -> dict[str, set[str]]:
    """Return the stages of each Dockerfile that the project's builds ask for, by its path."""
    result: dict[str, set[str]] = {}
    for path, target in _read_all(files, _targets):
        result.setdefault(path, set()).add(stages.ALL if "$" in target else target)
    return result


def unbuilt(
    files: list[tuple[str, str, bytes]],
    requested: dict[str, set[str]],
    arguments: dict[str, list[Arguments]],
    others: frozenset[str],
) -> dict[str, frozenset[int]]:
    """Return the rows of stages that no build makes, by their Dockerfiles' paths.

    `requested` are the stages that builds ask for; without a request it is the last stage.
    `arguments` are what each is built with somewhere, `others` names that may be stages which are
    requested elsewhere.
    """
    result = {}
    for kind, name, content in files:
        if kind == "dockerfile":
            text = documents.decoded(content)
            builds: list[Arguments] = [{}, *arguments.get(name, ())]
            filled = [dockerfiles.filled(text, given) for given in builds]
            result[name] = stages.unbuilt(text, requested.get(name, {""}), filled, others)
    return result


def _targets(kind: str, name: str, content: bytes) -> Iterator[tuple[str, str]]:
    """Return the Dockerfiles that a file has built, each with its stage. Raises ValueError."""
    if kind == "compose":
        for build in _composed_builds(content):
            # The caller sets its variables, whatever their defaults.
            yield _composed_file(name, build), _plain(build.get("target"), "")
    elif kind == "bake":
        for item in bake.chosen(bake.targets(name, content)):
            yield item.dockerfile, item.stage
    elif kind in ("shell", "markdown"):
        for tokens in _shell_commands(kind, name, content):
            built = _built(tokens)
            if built is not None:
                for place in (name, ""):
                    yield containers.beside(place, built[0]), stages.target(tokens)


def _shell_commands(kind: str, name: str, content: bytes) -> Iterator[list[str]]:
    if not BUILDERS.search(content):
        return  # to read all commands is slow
    text = documents.decoded(content)
    text = TARGET.sub(f"--target={stages.ALL}", text)
    text = docker_run.shown(text) if kind == "markdown" else variables.filled(name, text)
    yield from (tokens for _, tokens, _ in dockerfiles.commands(text))


def _composed_file(name: str, build: Node) -> str:
    """Return the Dockerfile of a compose file's build."""
    context = _plain(build if isinstance(build.value, str) else build.get("context"), ".")
    file = _plain(build.get("dockerfile"), USUAL)
    return containers.beside(name, str(PurePosixPath(context, file)))


def _contexts(kind: str, name: str, content: bytes) -> Iterator[tuple[str, str]]:
    """Return the Dockerfiles that a file has built, each with its context. Raises ValueError."""
    if kind == "compose":
        for build in _composed_builds(content):
            context = _plain(build if isinstance(build.value, str) else build.get("context"), ".")
            path = _composed_file(name, build)
            yield path, containers.beside(name, context)
            if build.get("additional_contexts") is not None:
                yield path, ""  # of folders that are named there, too
    elif kind == "devcontainer":
        # An editor's container is for all of the project.
        yield from ((path, "") for path, _ in _given(kind, name, content))
    elif kind == "bake":
        for item in bake.chosen(bake.targets(name, content)):
            yield item.dockerfile, ""  # its variables name the folder
    elif kind in ("shell", "markdown"):
        for tokens in _shell_commands(kind, name, content):
            built = _built(tokens)
            if built is not None:
                path, _, context = built
                for place in (name, ""):
                    yield containers.beside(place, path), containers.beside(place, context)


def elsewhere(files: Iterable[tuple[str, str, bytes]]) -> set[str]:
    """Return the Dockerfiles that bake's files build for other machines alone."""
    own: set[str] = set()
    other: set[str] = set()
    for kind, name, content in files:
        if kind != "bake":
            continue
        try:
            bake_targets = bake.targets(name, content)
        except (ValueError, RecursionError):
            continue  # its own reader reports it
        other |= bake.elsewhere(bake_targets)
        own |= {item.dockerfile for item in bake.chosen(bake_targets)}
    return other - own


def with_environment(files: list[tuple[str, str, bytes]]) -> dict[str, bytes]:
    """Return the compose files with the variables of the .env beside each, by their paths."""
    env_files = {
        str(PurePosixPath(name).parent): text for kind, name, text in files if kind == "env"
    }
    result = {}
    for kind, name, content in files:
        given = env_files.get(str(PurePosixPath(name).parent)) if kind == "compose" else None
        if given is not None:
            rows = ROW.findall(documents.decoded(given))
            values = {key: value.strip().strip("\"'") for key, value in rows}
            result[name] = dockerfiles.substituted(documents.decoded(content), values).encode()
    return result


def _composed(name: str, content: bytes) -> Iterator[tuple[str, Arguments]]:
    for build in _composed_builds(content):
        arguments = build.get("args")
        if arguments is not None:
            yield _composed_file(name, build), dict(_pairs(arguments))


def _composed_builds(content: bytes) -> Iterator[Node]:
    """Yield the builds of services in a compose file that use a Dockerfile. Raises ValueError."""
    for document in documents.yaml(content):
        services = document.get("services")
        entries = services.value if services is not None else None
        for service in entries.values() if isinstance(entries, dict) else ():
            build = service.get("build")
            if build is not None and build.get("dockerfile_inline") is None:
                yield build


def _plain(node: Optional[Node], usual: str) -> str:
    return usual if node is None or not isinstance(node.value, str) else node.value


def _pairs(node: Node) -> Iterator[tuple[str, str]]:
    """Return the arguments of a compose file, with the defaults of its own variables.

    One whose value is not known still has a variable in it.
    """
    if isinstance(node.value, dict):
        rows = [(key, item.value) for key, item in node.value.items()]
    else:
        entries = node.value if isinstance(node.value, list) else []
        texts = (str(item.value).partition("=") for item in entries)
        rows = [(key, value) for key, _, value in texts]
    for key, value in rows:
        text = dockerfiles.substituted("" if value is None else str(value), {})
        if text:
            yield key, text


def _scripted(name: str, text: str) -> Iterator[tuple[str, Arguments]]:
    for _, tokens, _ in dockerfiles.commands(text):
        built = _built(tokens)
        if built is not None:
            path, arguments, _ = built
            # Scripts are started in their own folder or at the top.
            for place in dict.fromkeys(
                (containers.beside(name, path), containers.beside("", path))
            ):
                yield place, arguments


def _built(tokens: list[str]) -> Optional[tuple[str, Arguments, str]]:
    """Return Dockerfile, arguments and context of docker build, None for another command."""
    tools = [word.rsplit("/", 1)[-1] for word in tokens]
    at = next((n for n, word in enumerate(tools) if word in ("docker", "podman", "nerdctl")), None)
    rest = tokens[at + 1 :] if at is not None else []
    rest = rest[1:] if rest[:1] == ["buildx"] else rest
    if rest[:1] != ["build"]:
        return None
    arguments: Arguments = {}
    file, context, position = "", ".", 1
    while position < len(rest):
        name, equals, value = rest[position].partition("=")
        if name.startswith("-") and not equals and name not in FLAGS:
            position += 1
            value = rest[position] if position < len(rest) else ""
        if name == "--build-arg":
            key, _, text = value.partition("=")
            arguments.update({key: text} if text else {})
        elif name in ("-f", "--file"):
            file = value
        elif not name.startswith("-"):
            context = rest[position]
        position += 1
    return file or str(PurePosixPath(context, USUAL)), arguments, context
