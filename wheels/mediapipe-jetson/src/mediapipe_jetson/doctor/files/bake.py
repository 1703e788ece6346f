"""Read docker buildx bake's files: what targets build, with which arguments, for which machines."""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any, Optional

from mediapipe_jetson.doctor.files import containers, dockerfiles, documents, hcl, stages
from mediapipe_jetson.doctor.files.facts import BaseImage
from mediapipe_jetson.doctor.files.hcl import Attribute, Block, Value

NAMES = re.compile(r".*docker-bake(\.[\w-]+)*\.(hcl|json)$")
SIGNS = re.compile(
    rb"^[ \t]*target[ \t]+\"[^\"\n]*\"[ \t]*\{"
    rb"(?=.*?\b(dockerfile|context|args|platforms|inherits|tags)\b)",
    re.MULTILINE | re.DOTALL,
)
USUAL = "Dockerfile"
BOARDS = re.compile(r"linux/(arm64|aarch64)")
MOST = 200


@dataclasses.dataclass(frozen=True)
class Target:
    """A target: its Dockerfile, the arguments that are known, and what it is built for.

    `foreign` is the first platform where no board is among them; `line` is that of the platforms.
    """

    name: str
    dockerfile: str
    arguments: Mapping[str, str]
    line: int
    foreign: str = ""
    named: bool = False
    """Whether a board's platform is named."""
    inline: str = ""
    inline_line: int = 0
    stage: str = ""
    """The stage that is built: stages.ALL where a variable names it, which who builds may set."""


def targets(name: str, content: bytes) -> list[Target]:
    """Return a file's targets, with what they inherit. Raises ValueError."""
    text = documents.decoded(content)
    blocks = _of_json(text) if name.endswith(".json") else hcl.blocks(text)
    variables = {
        block.label: hcl.filled(block.attributes["default"].value, {})
        for block in blocks
        if block.kind == "variable" and "default" in block.attributes
    }
    for block in (item for item in blocks if not item.kind):
        for key, item in block.attributes.items():
            variables[key] = hcl.filled(item.value, variables)
    known = {block.label: block for block in blocks if block.kind == "target"}
    result = []
    templates = _templates(blocks, variables)
    for label, block in known.items():
        if label in templates:
            continue
        for matrix in _matrix(block, variables):
            attributes = _inherited(label, known, {**variables, **matrix}, 0)
            stage = _inherited(label, known, matrix, 0).get("target")
            result.append(_target(name, label, block, attributes, stage))
    return result[:MOST]


def _templates(blocks: list[Block], variables: Mapping[str, Value]) -> set[str]:
    """Return the targets that others inherit and that are not built themselves, by their names."""

    def attribute_values(key: str) -> list[Value]:
        given = (block.attributes[key].value for block in blocks if key in block.attributes)
        return [item for value in given for item in _items(hcl.filled(value, variables))]

    of_groups = attribute_values("targets")
    if None in of_groups:
        return set()  # any target may be built
    # Other images may be made from a target's, too.
    built = {
        str(name).removeprefix("target:") for name in [*of_groups, *attribute_values("contexts")]
    }
    return {str(name) for name in attribute_values("inherits") if str(name).startswith("_")} - built


def _items(value: Value) -> list[Value]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else [value]


def chosen(all_targets: Iterable[Target]) -> list[Target]:
    """Return the targets for boards: if one names a board's platform, foreign ones are left out."""
    all_targets = list(all_targets)
    boards = [item for item in all_targets if not item.foreign]
    return boards if any(item.named for item in boards) else all_targets


def foreign(name: str, all_targets: Iterable[Target]) -> list[BaseImage]:
    """Return the targets that are built for other machines alone, where none is for boards."""
    result: list[BaseImage] = []
    all_targets = list(all_targets)
    if any(not item.foreign for item in all_targets):
        return result
    for item in all_targets:
        if item.foreign:
            about = f"target {item.name}"
            image = BaseImage(name, item.line, about, True, packages=True, foreign=item.foreign)
            result += [image] if image not in result else []
    return result


def inline(all_targets: Iterable[Target]) -> list[tuple[int, str]]:
    """Return the inline Dockerfiles of targets, each with the line before its first."""
    return [(item.inline_line, item.inline) for item in chosen(all_targets) if item.inline]


def elsewhere(all_targets: Iterable[Target]) -> set[str]:
    """Return the Dockerfiles that are built for other machines, where others are for boards."""
    all_targets = list(all_targets)
    own = {item.dockerfile for item in chosen(all_targets)}
    return {item.dockerfile for item in all_targets} - own


def _target(
    name: str,
    label: str,
    block: Block,
    attributes: Mapping[str, Attribute],
    stage: Optional[Attribute],
) -> Target:
    def text(key: str, usual: str) -> str:
        value = attributes[key].value if key in attributes else usual
        return value if isinstance(value, str) else "?"

    given = attributes["args"].value if "args" in attributes else {}
    arguments = {
        key: value
        for key, value in (given.items() if isinstance(given, dict) else ())
        if isinstance(value, str)
    }
    path = str(PurePosixPath(text("context", "."), text("dockerfile", USUAL)))
    platforms = attributes["platforms"].value if "platforms" in attributes else None
    entries = platforms if isinstance(platforms, list) else []
    known_platforms = [item for item in entries if isinstance(item, str)]
    named = any(BOARDS.match(item) for item in known_platforms)
    other = (
        dockerfiles.foreign(known_platforms[0])
        if known_platforms and len(known_platforms) == len(entries) and not named
        else ""
    )
    line = attributes["platforms"].line if "platforms" in attributes else block.line
    inline = attributes.get("dockerfile-inline")
    own = inline.value if inline is not None and isinstance(inline.value, str) else ""
    return Target(
        label,
        containers.beside(name, path) if not own else "",
        arguments,
        line,
        other,
        named,
        own,
        inline.line if inline is not None else 0,
        "" if stage is None else stage.value if isinstance(stage.value, str) else stages.ALL,
    )


def _inherited(
    label: str, known: Mapping[str, Block], variables: Mapping[str, Value], depth: int
) -> dict[str, Attribute]:
    """Return a target's attributes with those that it inherits; arguments are joined."""
    block = known.get(label)
    if block is None or depth > hcl.DEEPEST:
        return {}
    own = {
        key: Attribute(hcl.filled(item.value, variables), item.line)
        for key, item in block.attributes.items()
    }
    result: dict[str, Attribute] = {}
    parents = own["inherits"].value if "inherits" in own else []
    for parent in parents if isinstance(parents, list) else ():
        inner = _inherited(str(parent), known, variables, depth + 1)
        result = _joined(result, inner)
    return _joined(result, own)


def _joined(below: dict[str, Attribute], above: dict[str, Attribute]) -> dict[str, Attribute]:
    result = {**below, **above}
    if "args" in below and "args" in above:
        first, second = below["args"].value, above["args"].value
        if isinstance(first, dict) and isinstance(second, dict):
            result["args"] = Attribute({**first, **second}, above["args"].line)
    return result


def _matrix(block: Block, variables: Mapping[str, Value]) -> Iterator[dict[str, Value]]:
    """Return the values of a target's matrix, one for each of its builds."""
    matrix = block.attributes.get("matrix")
    value = hcl.filled(matrix.value, variables) if matrix is not None else {}
    rows = value if isinstance(value, dict) else {}
    ways = [(key, items) for key, items in rows.items() if isinstance(items, list)]
    for combination in itertools.islice(itertools.product(*(items for _, items in ways)), MOST):
        assignment: dict[str, Value] = {}
        for (key, _), item in zip(ways, combination):  # noqa: B905 # Python 3.9 has no strict
            assignment[key] = item
            if isinstance(item, dict):
                assignment.update({f"{key}.{inner}": part for inner, part in item.items()})
        yield assignment


def _of_json(text: str) -> list[Block]:
    """Return the blocks of a file in JSON."""
    document = documents.json_of(text.encode())
    result = []
    for kind in ("variable", "target", "group"):
        rows = document.get(kind) if isinstance(document, dict) else None
        for label, body in rows.items() if isinstance(rows, dict) else ():
            line = documents.line_of(text, kind, label)
            attributes = {
                key: Attribute(_plain(item), documents.line_of(text, kind, label, key))
                for key, item in (body.items() if isinstance(body, dict) else ())
            }
            result.append(Block(kind, label, line, attributes))
    return result


def _plain(item: Any) -> Value:  # noqa: ANN401 # whatever the document holds
    if isinstance(item, list):
        return [_plain(entry) for entry in item]
    if isinstance(item, dict):
        return {str(key): _plain(entry) for key, entry in item.items()}
    if isinstance(item, bool):
        return str(item).lower()
    return None if item is None else str(item)
