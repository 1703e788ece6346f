"""A cluster as kubectl shows it, live or in files: nodes, DaemonSets, pods, RuntimeClasses."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from jetson_kit.core.errors import BadInputError, CheckFailedError, StepFailedError
from jetson_kit.core.reasons import why
from jetson_kit.core.text import plain
from jetson_kit.fleet.k3s import kubectl, labels

REQUESTS: tuple[tuple[str, ...], ...] = (
    ("get", "nodes,runtimeclasses"),
    (
        "get",
        "daemonsets,pods",
        "--all-namespaces",
        f"--selector={labels.APP_KEY}={labels.APP_NAME}",
    ),
    (
        *("get", "events", "--all-namespaces"),
        "--field-selector=involvedObject.kind=DaemonSet,reason=FailedCreate",
    ),
)
KINDS = ("Node", "RuntimeClass", "DaemonSet", "Pod", "Event")
SCHEMA = Path(__file__).with_name("objects.schema.json")
PARSERS = (yaml.YAMLError, jsonschema.ValidationError)
Document = dict[str, Any]


@dataclass(frozen=True)
class Cluster:
    """What of a cluster decides who gets the service."""

    nodes: tuple[Document, ...]
    runtime_classes: tuple[Document, ...]
    daemon_sets: tuple[Document, ...]
    """Those of the service alone."""
    pods: tuple[Document, ...]
    events: tuple[Document, ...]
    """Of DaemonSets whose pods the API server refused to create."""


def read(files: Sequence[Path] = ()) -> Cluster:
    """Return the cluster of kubectl's context, or of files of `kubectl get ... --output json`.

    Raises BadInputError for a file that is none of those, CheckFailedError for a cluster without
    nodes, and as kubectl.ask.
    """
    documents = [item for path in files for item in _file(path)] if files else list(_live())
    by_kind: dict[str, list[Document]] = {kind: [] for kind in KINDS}
    for item in documents:
        by_kind.get(str(item.get("kind")), []).append(item)
    if not by_kind["Node"] and not files:
        raise CheckFailedError("the cluster has no node, so no board gets the service",
                               "let boards join it: docs/kubernetes.md")  # fmt: skip
    if not by_kind["Node"]:
        raise BadInputError(
            f"{', '.join(map(str, files))}: there is no node in it",
            f"write one: kubectl {' '.join(REQUESTS[0])} --output json",
        )
    own = [item for item in by_kind["DaemonSet"] if _ours(item)]
    return Cluster(
        tuple(_latest(by_kind["Node"])),
        tuple(_latest(by_kind["RuntimeClass"])),
        tuple(_latest(own)),
        tuple(item for item in _latest(by_kind["Pod"]) if _ours(item)),
        tuple(by_kind["Event"]),
    )


def key(document: Mapping[str, Any]) -> str:
    """Return namespace and name of an object."""
    metadata = document["metadata"]
    space = metadata.get("namespace")
    return f"{space}/{metadata['name']}" if space else str(metadata["name"])


def _live() -> Iterator[Document]:
    """Yield the objects of kubectl's cluster."""
    for arguments in REQUESTS:
        try:
            yield from _items(json.loads(kubectl.ask(arguments)))
        except (ValueError, RecursionError, *PARSERS) as error:
            reason = error.message if isinstance(error, jsonschema.ValidationError) else why(error)
            raise StepFailedError(
                f"what the cluster answers is no list of objects: {plain(reason, 200)}",
                "look at kubectl cluster-info: is it an API server?",
            ) from error


def _file(path: Path) -> Iterator[Document]:
    """Yield the objects of a file: JSON, or YAML with several documents."""
    try:
        text = path.read_text(encoding="utf-8")
        # Each JSON is YAML, but a hundred times slower to read.
        yaml_loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        as_json = text.lstrip()[:1] == "{"
        bodies = [json.loads(text)] if as_json else list(yaml.load_all(text, yaml_loader))
        yield from (item for body in bodies if body is not None for item in _items(body))
    except (OSError, ValueError, RecursionError, *PARSERS) as error:
        reason = error.message if isinstance(error, jsonschema.ValidationError) else why(error)
        raise BadInputError(
            f"{path} is not what kubectl wrote: {reason[:200]}",
            "write it by kubectl get ... --output json",
        ) from error


def _items(body: object) -> Iterator[Document]:
    """Yield the objects of a List, or the one. Raises ValueError for anything else."""
    if not isinstance(body, dict) or not isinstance(body.get("kind"), str):
        raise ValueError("it has no kind")  # noqa: TRY004 # the file's fault, caught above
    if body["kind"].endswith("List"):
        kind = body["kind"].removesuffix("List")
        for item in body.get("items") or ():
            # Items of a NodeList from the API itself do not repeat their kind.
            yield from _items({"kind": kind, **item} if isinstance(item, dict) and kind else item)
        return
    if body["kind"] in KINDS:
        _schema().validate(body)
        yield body


@functools.cache
def _schema() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))


def _ours(item: Document) -> bool:
    return (item["metadata"].get("labels") or {}).get(labels.APP_KEY) == labels.APP_NAME


def _latest(documents: Iterable[Document]) -> list[Document]:
    """Return each object once: the last of its name, with the status of one that had it.

    So manifests in a later file stand for what they would change in the cluster.
    """
    result: dict[str, Document] = {}
    for item in documents:
        before = result.pop(key(item), {})
        status = {"status": before["status"]} if "status" in before else {}
        result[key(item)] = status | item
    return list(result.values())
