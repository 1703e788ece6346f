"""Check pods: each container's image, its access to the GPU, and its command."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Optional

from mediapipe_jetson.doctor.files import containers, dockerfiles
from mediapipe_jetson.doctor.files.containers import Part, items, last
from mediapipe_jetson.doctor.files.documents import Node
from mediapipe_jetson.doctor.files.facts import BaseImage, Service
from mediapipe_jetson.doctor.files.kubernetes_objects import name_of, text_of
from mediapipe_jetson.doctor.files.kustomizations import DIRECTIVE, Layers

# Where a pod's description is: of a CronJob, of what makes pods, of a pod.
PODS = (
    ("spec", "jobTemplate", "spec", "template", "spec"),
    ("spec", "template", "spec"),
    ("spec",),
)
ARCHITECTURES = ("kubernetes.io/arch", "beta.kubernetes.io/arch")
BOARD = "arm64"
OPEN = re.compile(r"\{\{|\$[{(\w]")
OF_SHELL = re.compile(r"-[a-z]*c")
DEVICES = re.compile(r"/dev/(nv|dri\b)")


@dataclasses.dataclass(frozen=True)
class PodContents:
    """What files contain; `missing` are resources that are not in the project."""

    services: list[Service]
    images: list[BaseImage]
    commands: list[tuple[str, int, str]]
    missing: list[str]


def read_pods(layers: Layers, own: frozenset[str], handlers: Mapping[str, str]) -> PodContents:
    """Return what the pods of documents are, by the programs of the project and its classes."""
    result = PodContents([], [], [], layers.missing)
    for number, parts in enumerate(layers.chains):
        if not parts:  # a patch has deleted it
            continue
        pod, base = pod_of(parts), parts[0].node
        label = f"{text_of(base.get('kind'))} {name_of(base)}"
        started = _started(label, pod, layers.names, handlers)
        shown = any(item.asks not in ("", containers.HIDING) for item, _, main in started if main)
        chosen = _chosen(started)
        for service, chain, main in started:
            why = service.open or layers.patched.get(number, "")
            image = image_of(service, chain, pod, own, chosen=chain in chosen)
            elsewhere = not image.packages and _foreign(pod) is not None
            # One that hides the GPU beside another that has it does so on purpose.
            if main and not elsewhere and not (shown and service.asks == containers.HIDING):
                result.services.append(dataclasses.replace(service, open=why))
            if service.image:
                result.images.append(image)
            for node in _commands(chain):
                if command := containers.line(node):
                    result.commands.append((chain[0].file, node.line, command))
    return result


def _started(
    label: str, pod: list[Part], names: Mapping[str, tuple[str, str]], handlers: Mapping[str, str]
) -> list[tuple[Service, list[Part], bool]]:
    """Return each container of a pod, and whether it is none that only prepares."""
    result = []
    for key in ("initContainers", "containers"):
        for (name, _), chain in containers_in(pod, key).items():
            image = last(chain, "image")
            text = _renamed(text_of(image[1]), names) if image is not None else ""
            service = service_of(f"{name} of {label}", chain, pod, text, handlers)
            result.append((service, chain, key == "containers"))
    return result


def _chosen(started: list[tuple[Service, list[Part], bool]]) -> list[list[Part]]:
    """Return the containers that a pod's class is for: those that ask, else the first."""
    shown = [(chain, main) for _, chain, main in started if _hidden(chain) is None]
    asking = [chain for chain, _ in shown if _reserved(chain) or _visible(chain) is not None]
    first = [chain for chain, main in shown if main]
    first = first or [chain for _, chain, main in started if main]
    return asking or first[:1]


def pod_of(chain: list[Part]) -> list[Part]:
    """Return a pod's description as the chain of what it is made of."""
    result = []
    for path in PODS:
        for part in chain:
            node: Optional[Node] = part.node
            for key in path:
                node = node.get(key) if node is not None else None
            if node is not None:
                result.append(Part(part.file, node))
        if last(result, "containers") is not None:
            return result
        result = []
    return []


def containers_in(pod: list[Part], key: str) -> dict[tuple[str, int], list[Part]]:
    """Return the containers by their names; one without a name is by its number."""
    result: dict[tuple[str, int], list[Part]] = {}
    for part in pod:
        for number, node in enumerate(items(part.node.get(key))):
            text = text_of(node.get("name"))
            name = (text, 0 if text else number)
            if text_of(node.get(DIRECTIVE)) == "delete":
                result.pop(name, None)
            else:
                result.setdefault(name, []).append(Part(part.file, node))
    return result


def _renamed(image: str, names: Mapping[str, tuple[str, str]]) -> str:
    name = re.sub(r"(@[\w:]+|:[\w.-]+)$", "", image)
    if name not in names:
        return image
    new, end = names[name]
    return f"{new}{end or image[len(name) :]}"


def service_of(
    label: str, chain: list[Part], pod: list[Part], image: str, handlers: Mapping[str, str]
) -> Service:
    """Return a container's way to the GPU."""
    asks, open_, (file, line) = _asks(chain, pod, handlers)
    return Service(file, line, label, asks, (), image, open_, pod=True)


def _asks(
    chain: list[Part], pod: list[Part], handlers: Mapping[str, str]
) -> tuple[str, str, tuple[str, int]]:
    """Return how a container asks for a GPU, what is not known about that, and its place."""
    place = chain[-1].file, chain[-1].node.line
    runtime, hidden = last(pod, "runtimeClassName"), _hidden(chain)
    if runtime is not None and (name := text_of(runtime[1])):
        place = runtime[0].file, runtime[1].line
        handler = handlers.get(name, "")
        if handler.startswith("nvidia"):
            return (containers.HIDING, "", hidden) if hidden else (containers.RUNTIME, "", place)
        known = f", which starts it by {handler}" if handler else ""
        return "", f"runtimeClassName is {name}{known}", place
    reserved = _reserved(chain)
    if reserved is not None:
        return containers.RESERVED, "", reserved
    for part in pod:
        for volume in items(part.node.get("volumes")):
            path = volume.get("hostPath")
            text = text_of(path.get("path")) if path is not None else ""
            if DEVICES.match(text):
                return "", f"it mounts {text}, which brings no driver", (part.file, volume.line)
    return "", "", place


def _reserved(chain: list[Part]) -> Optional[tuple[str, int]]:
    """Return where a container takes at least one GPU."""
    for key in ("limits", "requests"):
        rows = last(chain, "resources", key)
        for name, node in rows[1].value.items() if rows and isinstance(rows[1].value, dict) else ():
            if rows and name.startswith("nvidia.com/") and text_of(node) not in ("", "0"):
                return rows[0].file, node.line
    return None


def _visible(chain: list[Part]) -> Optional[tuple[str, int, str]]:
    """Return where NVIDIA_VISIBLE_DEVICES is set, and the value, "*" for an unknown one."""
    for part in reversed(chain):
        entries = part.node.get("env")
        if entries is not None and entries.value is None:
            return None
        if entries is not None and isinstance(entries.value, dict):
            node = entries.get(containers.VISIBLE)
            if node is not None:
                return part.file, node.line, text_of(node)
        for row in items(entries):
            if text_of(row.get("name")) == containers.VISIBLE:
                value = row.get("value")
                return part.file, row.line, text_of(value) if value is not None else "*"
    return None


def _hidden(chain: list[Part]) -> Optional[tuple[str, int]]:
    """Return where NVIDIA_VISIBLE_DEVICES hides the GPU."""
    visible = _visible(chain)
    return visible[:2] if visible is not None and visible[2] in containers.HIDDEN else None


def image_of(
    service: Service, chain: list[Part], pod: list[Part], own: frozenset[str], *, chosen: bool
) -> BaseImage:
    """Return the image that a container starts, and whether its Python is the project's there.

    `chosen`: the pod's class is for this container.
    """
    image = last(chain, "image")
    file, line = (image[0].file, image[1].line) if image is not None else (service.file, 1)
    asks = chosen and (bool(service.asks) or "runtimeClassName" in service.open)
    python = containers.packages(service.image, _commands(chain), own, asks=asks, mounts=False)
    foreign = _foreign(pod)
    if python and foreign is not None:
        platform, file, line = foreign
        return BaseImage(file, line, service.image, True, packages=True, foreign=platform)
    return BaseImage(file, line, service.image, True, packages=python)


def _foreign(pod: list[Part]) -> Optional[tuple[str, str, int]]:
    """Return the architecture that a pod's nodes must have where no board has it."""
    for key in ARCHITECTURES:
        entry = last(pod, "nodeSelector", key)
        if entry is not None and not OPEN.search(str(entry[1].value)):
            platform = dockerfiles.foreign(f"linux/{entry[1].value}")
            return (platform, entry[0].file, entry[1].line) if platform else None
    entry = last(
        pod, "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution",
        "nodeSelectorTerms",
    )  # fmt: skip
    terms = [_architectures(term) for term in items(entry[1])] if entry is not None else []
    if entry is None or not terms or any(not term or BOARD in term for term in terms):
        return None
    return f"linux/{terms[0][0]}", entry[0].file, entry[1].line


def _architectures(term: Node) -> list[str]:
    for row in items(term.get("matchExpressions")):
        if text_of(row.get("key")) in ARCHITECTURES and text_of(row.get("operator")) == "In":
            return [str(item.value) for item in items(row.get("values"))]
    return []


def _commands(chain: list[Part]) -> list[Node]:
    """Return what a container is started with: its command with the arguments as one."""
    nodes = [item[1] for key in ("command", "args") if (item := last(chain, key)) is not None]
    if not nodes or not all(isinstance(node.value, list) for node in nodes):
        return nodes
    rows = [row for node in nodes for row in node.value]
    first = text_of(rows[0]) if rows else ""
    if len(rows) == 1 and " " in first:
        return [Node(first, nodes[-1].line)]
    # Arguments alone are the image's entrypoint's, which is a shell then.
    shell = [Node("sh", nodes[0].line)] if OF_SHELL.fullmatch(first) else []
    return [Node([*shell, *rows], nodes[-1].line)]
