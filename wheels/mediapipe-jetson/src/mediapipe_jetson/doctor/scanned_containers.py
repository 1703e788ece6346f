"""Read a project's containers: Dockerfiles, compose files, manifests of Kubernetes."""

from __future__ import annotations

import dataclasses
from pathlib import PurePosixPath

from mediapipe_jetson.doctor import projects, scripted
from mediapipe_jetson.doctor.files import (
    bake,
    compose,
    containers,
    devcontainer,
    docker_run,
    dockerfiles,
    documents,
    kinds,
    kubernetes,
    pods,
    pods_rest,
    started,
)
from mediapipe_jetson.doctor.files.facts import (
    UV,
    UV_ALONE,
    BaseImage,
)
from mediapipe_jetson.doctor.files.unreadable import FormError
from mediapipe_jetson.doctor.finding import Finding, Unread
from mediapipe_jetson.doctor.scanned import INSTEAD, WHAT, Scanned

OTHER = "it names MediaPipe, but this kind of file is not read"


class ScannedContainers(Scanned):
    """Reads what containers are built from and started with."""

    def _dockerfile(self, name: str, content: bytes) -> None:
        text = documents.decoded(content)
        for given in self._relations.arguments.get(name, [{}]):
            for base in map(
                _of_uv, dockerfiles.bases(name, content, given, self._relations.scripts)
            ):
                # Into an editor's container packages are installed after it is built.
                runs = name in self._relations.edited or self._runs(base, text)
                image = dataclasses.replace(base, packages=True) if base.final and runs else base
                images = self.aside if self.leads_nowhere(name, base.line) else self.images
                images += [image] if image not in images else []
            self._commands(name, scripted.alive(name, dockerfiles.filled(text, given)), None, 0)

    def _runs(self, base: BaseImage, text: str) -> bool:
        """Return whether an image is one of MediaPipe's, or starts a program of the project."""
        if containers.MEDIAPIPES.match(base.image):
            return True
        return started.is_own(dockerfiles.started(text), self._relations.own, there=True)

    def _devcontainer(self, name: str, content: bytes) -> None:
        container = devcontainer.read(name, content)
        self.images += container.images
        for line, text in container.commands:
            self._shell(name, b"\n" * (line - 1) + text.encode())
        if container.run and docker_run.gpus_alone(["docker", "run", *container.run[1]]):
            self.commands.append(Finding(name, 0, container.run[0], 1, WHAT, INSTEAD))

    def _compose(self, name: str, content: bytes, composed: set[str]) -> None:
        override = None
        if compose.MAIN.search(name):
            folder = PurePosixPath(name).parent
            same = [item for item in composed if PurePosixPath(item).parent == folder]
            override = next(filter(compose.OVERRIDE.search, sorted(same)), None)
        services, images = compose.read(name, content, self._other, override, self._relations.own)
        # A template and its image are judged in the services that extend it.
        own = self._relations.templates.get(name, set())
        self.services += [item for item in services if item.name not in own]
        self.images += images if name not in self._relations.templates else []
        for line, text in compose.commands(content):
            self._commands(name, "\n" * (line - 1) + text, None, 0)
        for line, text in compose.inline(content):
            # As many empty lines before it as make its lines the file's.
            self._dockerfile(name, b"\n" * line + text.encode())

    def _kubernetes(self, name: str, content: bytes) -> None:
        try:
            self._pods(
                name, kubernetes.read(name, content, self._relations.own, self._relations.handlers)
            )
        except FormError as error:
            if b"{{" in content:
                raise FormError(kubernetes.UNFILLED) from error
            raise

    def _helm(self, name: str, content: bytes) -> None:
        self._pods(
            name, kubernetes.values(name, content, self._relations.own, self._relations.handlers)
        )

    def _helm_template(self, name: str, content: bytes) -> None:
        settings = kinds.only_settings(name, content)
        self.unread.append(Unread(name, kubernetes.UNFILLED, settings))

    def _kustomize(self, name: str, content: bytes) -> None:
        del content
        self._pods(
            name,
            kubernetes.kustomized(name, self._other, self._relations.own, self._relations.handlers),
        )

    def _rest(self, kind: str, name: str, content: bytes) -> None:
        """Note a file of Kubernetes that names MediaPipe beside what is read of its pods."""
        rest = pods_rest.text(kind, content)
        if kinds.USES.search(rest):
            self.unread.append(Unread(name, OTHER, kinds.only_settings(name, rest)))

    def _pods(self, name: str, contents: pods.PodContents) -> None:
        """Note what the pods of a file are."""
        self.services += contents.services
        self.images += contents.images
        for file, line, text in contents.commands:
            self._commands(file, "\n" * (line - 1) + text, None, 0)
        for path in contents.missing:
            why = f"it takes {path}, which is not in the project"
            self.unread.append(Unread(name, why, settings=True))

    def _bake(self, name: str, content: bytes) -> None:
        targets = bake.targets(name, content)
        self.images += bake.foreign(name, targets)
        for line, text in bake.inline(targets):
            self._dockerfile(name, b"\n" * line + text.encode())


def _of_uv(base: BaseImage) -> BaseImage:
    """Return an image with what uv takes there: its own Python, where it has one from the start."""
    if base.installs != UV_ALONE:
        return base
    known = projects.image(base.image)
    return dataclasses.replace(base, installs=UV if known is None or known.ready else "?")
