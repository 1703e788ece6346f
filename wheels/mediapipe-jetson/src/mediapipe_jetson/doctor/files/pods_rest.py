"""The rest of Kubernetes' files besides what is read of pods: programs, hooks, variables."""

from __future__ import annotations

from collections.abc import Iterator

from mediapipe_jetson.doctor.files import documents, kubernetes
from mediapipe_jetson.doctor.files.documents import Node

READ = ("image", "command", "args")


def text(kind: str, content: bytes) -> bytes:
    """Return a file's text without comments and without what is read of its containers."""
    try:
        yaml_documents = documents.yaml(content)
    except (ValueError, RecursionError):
        return content
    known = {id(node) for document in yaml_documents for node in _known(kind, document)}
    return "\n".join(line for node in yaml_documents for line in _lines(node, known)).encode()


def _known(kind: str, document: Node) -> Iterator[Node]:
    """Yield the entries that are read elsewhere."""
    if kind == kubernetes.CHART:
        yield from (node.value["image"] for node in kubernetes.with_image(document))
    for container in kubernetes.containers_of(document):
        yield from (node for key in READ if (node := container.get(key)) is not None)


def _lines(node: Node, known: set[int]) -> Iterator[str]:
    if isinstance(node.value, list):
        plain = [item for item in node.value if not isinstance(item.value, (dict, list))]
        yield " ".join(str(item.value) for item in plain)
        for item in node.value:
            yield from _lines(item, known) if item not in plain else ()
    elif isinstance(node.value, dict):
        for key, item in node.value.items():
            if id(item) in known:
                continue
            if isinstance(item.value, (dict, list)):
                yield f"{key}:"
                yield from _lines(item, known)
            elif "\n" in str(item.value):
                yield f"{key}:\n{_patch(key, str(item.value))}"
            else:
                yield f"{key}: {_patch(key, str(item.value))}"
    else:
        yield str(node.value)


def _patch(key: str, written: str) -> str:
    """Return a text, of a kustomization's patch what is not read of it."""
    return text(kubernetes.MANIFEST, written.encode()).decode() if key == "patch" else written
