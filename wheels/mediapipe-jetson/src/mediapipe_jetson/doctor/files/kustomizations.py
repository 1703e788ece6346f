"""Read kustomizations: the documents that they take, patched."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable
from pathlib import PurePosixPath
from typing import Optional

from mediapipe_jetson.doctor.files import documents
from mediapipe_jetson.doctor.files.containers import Part, beside, items
from mediapipe_jetson.doctor.files.documents import Node
from mediapipe_jetson.doctor.files.kubernetes_objects import flat, name_of, text_of
from mediapipe_jetson.doctor.files.unreadable import FormError

Reader = Callable[[str], bytes]
FILES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
MOST_DEPTH = 8
BY_JSON = "a JSON patch changes it, which is not followed"
BY_SELECTOR = "a patch may be for it, whose target is not followed"
BY_DIRECTIVE = "a patch takes parts of it away, which is not followed"
DIRECTIVE = "$patch"
SELECTORS = ("labelSelector", "annotationSelector", "namespace")


@dataclasses.dataclass
class Layers:
    """Documents with what is patched on them, the images' other names, and what is not followed."""

    chains: list[list[Part]] = dataclasses.field(default_factory=list)
    names: dict[str, tuple[str, str]] = dataclasses.field(default_factory=dict)
    missing: list[str] = dataclasses.field(default_factory=list)
    patched: dict[int, str] = dataclasses.field(default_factory=dict)
    """Of the chains of which not all is known, by their numbers, why."""


def listed(files: Iterable[tuple[str, bytes]], there: Callable[[str], bool]) -> set[str]:
    """Return the files that kustomizations take; they are checked as parts of these."""
    result = set()
    for name, content in files:
        try:
            yaml_documents = documents.yaml(content)
        except (ValueError, RecursionError):
            continue  # its own reader reports it
        for path in (path for document in yaml_documents for path in _resources(document)):
            other = beside(name, path)
            result |= {other, *(f"{other}/{file}" for file in FILES if there(f"{other}/{file}"))}
        patches = (row for document in yaml_documents for row in _written(document))
        result |= {beside(name, str(node.value)) for node, inline, _ in patches if not inline}
    return result


def layers_of(name: str, reader: Reader, depth: int) -> Layers:
    """Return what a kustomization takes, patched. Raises ValueError."""
    if depth > MOST_DEPTH:
        raise FormError("kustomizations take each other too deep")
    result = Layers()
    for document in documents.yaml(reader(name)):
        for path in _resources(document):
            _add(result, beside(name, path), reader, depth) if "://" not in path else (
                result.missing.append(path)
            )
        for file, patch, target in _patches(name, document, reader):
            _patch(result, Part(file, patch), target)
        for row in items(document.get("images")):
            old = text_of(row.get("name"))
            tag, digest = text_of(row.get("newTag")), text_of(row.get("digest"))
            end = f"@{digest}" if digest else f":{tag}" if tag else ""
            result.names[old] = (text_of(row.get("newName")) or old, end)
    return result


def _add(result: Layers, path: str, reader: Reader, depth: int) -> None:
    """Add the documents of a file or a folder that a kustomization takes."""
    for place in (path, *(f"{path}/{file}" for file in FILES)):
        try:
            content = reader(place)
        except (OSError, FormError):
            continue
        if PurePosixPath(place).name in FILES:
            inner = layers_of(place, reader, depth + 1)
            start = len(result.chains)
            result.chains += inner.chains
            result.names |= inner.names
            result.missing += inner.missing
            result.patched |= {start + number: why for number, why in inner.patched.items()}
        else:
            rows = flat(documents.yaml(content))
            result.chains += [[Part(place, document)] for document in rows]
        return
    result.missing.append(path)


def _patches(
    name: str, document: Node, reader: Reader
) -> Iterable[tuple[str, Node, Optional[Node]]]:
    """Yield each patch with its file and its target."""
    for node, inline, target in _written(document):
        text = str(node.value)
        file = name if inline else beside(name, text)
        for patch in documents.yaml(text.encode() if inline else reader(file)):
            # Of a patch in the file itself its own line is all that is known.
            yield file, patch if not inline else _at_line(patch, node.line), target


def _written(document: Node) -> list[tuple[Node, bool, Optional[Node]]]:
    """Return each patch or its file's name, whether it is the patch, and its target."""
    plain: list[tuple[Node, bool, Optional[Node]]] = []
    for node in items(document.get("patchesStrategicMerge")):
        text = str(node.value)
        plain.append((node, "\n" in text or text.lstrip().startswith("{"), None))
    for row in (*items(document.get("patches")), *items(document.get("patchesJson6902"))):
        for key in ("path", "patch"):
            written = row.get(key)
            if written is not None and written.value:
                plain.append((written, key == "patch", row.get("target")))
    return plain


def _at_line(node: Node, line: int) -> Node:
    value = node.value
    if isinstance(value, dict):
        value = {key: _at_line(item, line) for key, item in value.items()}
    elif isinstance(value, list):
        value = [_at_line(item, line) for item in value]
    return Node(value, line)


def _patch(result: Layers, patch: Part, target: Optional[Node]) -> None:
    """Put a patch on the documents that it is for."""
    chosen = [
        number
        for number, chain in enumerate(result.chains)
        if chain and _is_for(patch.node, target, chain[0].node)
    ]
    open_ = any(target.get(key) is not None for key in SELECTORS) if target is not None else False
    for number in chosen:
        if open_:
            result.patched[number] = BY_SELECTOR
        elif isinstance(patch.node.value, list):
            result.patched[number] = BY_JSON
        elif text_of(patch.node.get(DIRECTIVE)) == "delete":
            result.chains[number].clear()
        else:
            result.chains[number].append(patch)
            if _has_directive(patch.node):
                result.patched[number] = BY_DIRECTIVE


def _is_for(patch: Node, target: Optional[Node], own: Node) -> bool:
    """Return whether a patch is for a document, by kinds and names alone."""
    if target is None:
        return text_of(patch.get("kind")) in ("", text_of(own.get("kind"))) and name_of(patch) in (
            "", name_of(own),
        )  # fmt: skip
    group, _, version = text_of(own.get("apiVersion")).rpartition("/")
    properties = {
        "kind": text_of(own.get("kind")),
        "name": name_of(own),
        "group": group,
        "version": version,
    }
    criteria = ((text_of(target.get(key)), value) for key, value in properties.items())
    return all(not pattern or _matches(pattern, value) for pattern, value in criteria)


def _has_directive(node: Node) -> bool:
    """Return whether a part of a patch takes something away but for a container."""
    if isinstance(node.value, list):
        return any(map(_has_directive, node.value))
    if not isinstance(node.value, dict):
        return False
    if DIRECTIVE in node.value:
        return not ("name" in node.value and text_of(node.get(DIRECTIVE)) == "delete")
    return any(map(_has_directive, node.value.values()))


def _matches(pattern: str, name: str) -> bool:
    try:
        return re.fullmatch(pattern, name) is not None
    except re.error as error:
        raise FormError(f"the target of a patch is no pattern: {pattern}") from error


def _resources(document: Node) -> list[str]:
    rows = [row for key in ("resources", "bases", "components") for row in items(document.get(key))]
    return [str(row.value).rstrip("/") for row in rows]
