"""Read Kubernetes' manifests pod by pod, through kustomizations, and the values of Helm charts."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Optional

from mediapipe_jetson.doctor.files import documents
from mediapipe_jetson.doctor.files.containers import Part
from mediapipe_jetson.doctor.files.documents import Node
from mediapipe_jetson.doctor.files.kubernetes_objects import flat, name_of, text_of
from mediapipe_jetson.doctor.files.kustomizations import Layers, Reader, layers_of
from mediapipe_jetson.doctor.files.pods import (
    PodContents,
    containers_in,
    image_of,
    pod_of,
    read_pods,
    service_of,
)

MANIFEST, CHART, TEMPLATE, KUSTOMIZATION = "kubernetes", "helm", "helm_template", "kustomize"
KINDS = (MANIFEST, CHART, TEMPLATE, KUSTOMIZATION)
# A manifest's own keys, not those of a text or a task that contains one.
SIGNS = (
    re.compile(rb"^(- )?apiVersion\s*:", re.MULTILINE),
    re.compile(rb"^(- |  )?kind\s*:", re.MULTILINE),
    re.compile(rb"\b(containers|handler)\s*:"),
)
VALUES = re.compile(r"values[\w.-]*\.ya?ml$")
BY_CHART = "the chart's templates decide what becomes of it, and are not read"
UNFILLED = "it is a template, and what it makes depends on values that are not filled in"


def kind(path: Path, content: bytes) -> Optional[str]:
    """Return what a YAML file is to Kubernetes, None for nothing."""
    if VALUES.match(path.name) and path.with_name("Chart.yaml").is_file():
        return CHART
    if not all(sign.search(content) for sign in SIGNS):
        return None
    chart = any(folder.joinpath("Chart.yaml").is_file() for folder in list(path.parents)[1:3])
    return TEMPLATE if chart and "templates" in path.parts and b"{{" in content else MANIFEST


def classes(files: Iterable[tuple[str, bytes]]) -> dict[str, str]:
    """Return what each RuntimeClass of a project starts containers by."""
    result = {"nvidia": "nvidia"}
    for _, content in files:
        if b"RuntimeClass" not in content:
            continue
        try:
            yaml_documents = flat(documents.yaml(content))
        except (ValueError, RecursionError):
            continue
        for document in yaml_documents:
            handler = document.get("handler")
            if text_of(document.get("kind")) == "RuntimeClass" and handler is not None:
                result[name_of(document)] = str(handler.value)
    return result


def read(
    name: str, content: bytes, own: frozenset[str], handlers: Mapping[str, str]
) -> PodContents:
    """Return what the pods of a manifest are. Raises ValueError."""
    layers = Layers([[Part(name, document)] for document in flat(documents.yaml(content))])
    return read_pods(layers, own, handlers)


def kustomized(
    name: str, reader: Reader, own: frozenset[str], handlers: Mapping[str, str]
) -> PodContents:
    """Return what the pods are that a kustomization makes. Raises ValueError."""
    return read_pods(layers_of(name, reader, 0), own, handlers)


def values(
    name: str, content: bytes, own: frozenset[str], handlers: Mapping[str, str]
) -> PodContents:
    """Return what a chart's values set for pods, as far as they set it plainly."""
    result = PodContents([], [], [], [])
    chart = f"values of the chart {PurePosixPath(name).parent.name}"
    for document in documents.yaml(content):
        for node in with_image(document):
            image = node.get("image")
            text = _repository(image) if image is not None else ""
            if not text:
                continue
            part = [Part(name, node)]
            service = service_of(chart, part, part, text, handlers)
            result.services.append(dataclasses.replace(service, open=service.open or BY_CHART))
            result.images.append(image_of(service, part, part, own, chosen=True))
    return result


def containers_of(document: Node) -> Iterable[Node]:
    """Yield the containers that are read in a document."""
    for item in flat([document]):
        pod = pod_of([Part("", item)])
        for key in ("initContainers", "containers"):
            for chain in containers_in(pod, key).values():
                yield from (part.node for part in chain)


def with_image(node: Node, depth: int = 0) -> list[Node]:
    """Return the mappings of a chart's values that name an image."""
    if depth > 3 or not isinstance(node.value, dict):
        return []
    inner = [item for value in node.value.values() for item in with_image(value, depth + 1)]
    return [node, *inner] if "image" in node.value else inner


def _repository(image: Node) -> str:
    if not isinstance(image.value, dict):
        return str(image.value or "")
    registry, name, tag = (text_of(image.get(key)) for key in ("registry", "repository", "tag"))
    digest = text_of(image.get("digest"))
    whole = f"{registry}/{name}" if registry else name
    return f"{whole}@{digest}" if digest else f"{whole}:{tag}" if tag else whole
