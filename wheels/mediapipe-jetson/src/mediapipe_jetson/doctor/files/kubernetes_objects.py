"""What all objects of Kubernetes have: kind, name, lists of them."""

from __future__ import annotations

from typing import Optional

from mediapipe_jetson.doctor.files.containers import items
from mediapipe_jetson.doctor.files.documents import Node


def flat(yaml_documents: list[Node]) -> list[Node]:
    """Return documents, those of lists among them."""
    result = []
    for document in yaml_documents:
        inner = items(document.get("items")) if text_of(document.get("kind")) == "List" else []
        result += inner or [document]
    return result


def name_of(document: Node) -> str:
    """Return an object's name, "" without one."""
    metadata = document.get("metadata")
    return text_of(metadata.get("name")) if metadata is not None else ""


def text_of(node: Optional[Node]) -> str:
    """Return a plain value as text, "" for none and for what has parts."""
    return str(node.value) if node is not None and isinstance(node.value, (str, int)) else ""
