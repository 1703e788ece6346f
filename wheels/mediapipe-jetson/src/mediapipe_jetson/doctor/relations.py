"""How a project's files refer to each other: builds, templates, what scripts start."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from mediapipe_jetson.doctor import scripted
from mediapipe_jetson.doctor.files import (
    builds,
    compose,
    devcontainer,
    documents,
    kubernetes,
    kustomizations,
    rosdep,
    stages,
    started,
)

File = tuple[str, str, bytes]
STARTING = ("shell", "env")


@dataclasses.dataclass(frozen=True)
class Relations:
    """What is known of a project's files before each is read by itself.

    `files` are kind, name and content, with values from the other files filled in; `arguments` and
    `contexts` what Dockerfiles are built with, `scripts` those that install packages, `own` the
    project's programs, `edited` the Dockerfiles of editors' containers, `layered` the files that
    kustomizations take, `elsewhere` the Dockerfiles that are built for other machines alone,
    `aside` the rows, from 0, of stages that lead nowhere in others.
    """

    files: list[File]
    arguments: dict[str, list[builds.Arguments]]
    contexts: dict[str, set[str]]
    scripts: frozenset[str]
    own: frozenset[str]
    edited: set[str]
    ros: frozenset[str]
    layered: set[str]
    handlers: dict[str, str]
    elsewhere: set[str]
    composed: set[str]
    aside: dict[str, frozenset[int]]
    templates: dict[str, set[str]]


def of(files: list[File], targets: frozenset[str]) -> Relations:
    """Return those of files; `targets` are what any file names so, and may be stages."""
    files = _with(files, builds.with_environment(files))
    on_boards = _on_boards(files)
    arguments = builds.given(on_boards)
    contexts = builds.contexts(on_boards)
    build_targets = builds.targets(on_boards)
    edited = devcontainer.targets(files)
    # An editor's target is not all that is built: without another target, the last stage may be.
    requested = {
        path: build_targets.get(path, {""}) | edited.get(path, set())
        for path in {*build_targets, *edited}
    }
    unbuilt = builds.unbuilt(files, requested, arguments, targets)
    aside = {name: rows for name, rows in unbuilt.items() if name not in build_targets}
    aside = {} if stages.ALL in targets else aside
    built = build_targets.keys() & unbuilt.keys()
    files = _with(
        files,
        {name: stages.without(text, unbuilt[name]) for _, name, text in files if name in built},
    )
    return Relations(
        files,
        arguments,
        contexts,
        started.scripts(files),
        started.programs(files),
        set(edited),
        rosdep.names(files),
        kustomizations.listed(
            _of_kind(files, kubernetes.KUSTOMIZATION), {name for _, name, _ in files}.__contains__
        ),
        kubernetes.classes(_of_kind(files, kubernetes.MANIFEST)),
        builds.elsewhere(files),
        {name for name, _ in _of_kind(files, "compose")},
        aside,
        _templates(files),
    )


def _templates(files: list[File]) -> dict[str, set[str]]:
    """Return the services that others extend; a file that a script starts itself has none."""
    scripts = [text for kind, _, text in files if kind in STARTING]
    return {
        name: services
        for name, services in compose.templates(_of_kind(files, "compose")).items()
        if not compose.is_named(name, scripts)
    }


def _with(files: Iterable[File], texts: dict[str, bytes]) -> list[File]:
    return [(kind, name, texts.get(name, content)) for kind, name, content in files]


def _of_kind(files: Iterable[File], kind: str) -> list[tuple[str, bytes]]:
    return [(name, content) for own, name, content in files if own == kind]


def _on_boards(files: list[File]) -> list[File]:
    """Return files, scripts without what boards do not run of them."""
    return [
        (kind, name, scripted.alive(name, documents.decoded(content)).encode())
        if kind == "shell"
        else (kind, name, content)
        for kind, name, content in files
    ]
