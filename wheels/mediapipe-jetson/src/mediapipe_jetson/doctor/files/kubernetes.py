"""Read Kubernetes' manifests pod by pod, through kustomizations, and the values of Helm charts."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Optional

from mediapipe_jetson.doctor.files import containers, dockerfiles, documents
from mediapipe_jetson.doctor.files.containers import Part, beside, items, last
from mediapipe_jetson.doctor.files.documents import Node
from mediapipe_jetson.doctor.files.facts import BaseImage, Service
from mediapipe_jetson.doctor.files.unreadable import FormError

Reader = Callable[[str], bytes]
MANIFEST, CHART, TEMPLATE, KUSTOMIZATION = "kubernetes", "helm", "helm_template", "kustomize"
KINDS = (MANIFEST, CHART, TEMPLATE, KUSTOMIZATION)
# A manifest's own keys, not those of a text or a task that holds one.
SIGNS = (
    re.compile(rb"^(- )?apiVersion\s*:", re.MULTILINE),
    re.compile(rb"^(- |  )?kind\s*:", re.MULTILINE),
    re.compile(rb"\b(containers|handler)\s*:"),
)
VALUES = re.compile(r"values[\w.-]*\.ya?ml$")
FILES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
# Where a pod's description lies: of a CronJob, of what makes pods, of a pod.
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
MOST_DEPTH = 8
BY_CHART = "the chart's templates decide what becomes of it, and are not read"
UNFILLED = "it is a template, and what it makes depends on values that are not filled in"
BY_JSON = "a JSON patch changes it, which is not followed"
BY_SELECTOR = "a patch may be for it, whose target is not followed"
BY_DIRECTIVE = "a patch takes parts of it away, which is not followed"
DIRECTIVE = "$patch"
SELECTORS = ("labelSelector", "annotationSelector", "namespace")


@dataclasses.dataclass(frozen=True)
class Found:
    """What files tell; `missing` are resources that are not in the project."""

    services: list[Service]
    images: list[BaseImage]
    commands: list[tuple[str, int, str]]
    missing: list[str]


@dataclasses.dataclass
class Layers:
    """Documents with what is patched on them, the images' other names, and what is not followed."""

    chains: list[list[Part]] = dataclasses.field(default_factory=list)
    names: dict[str, tuple[str, str]] = dataclasses.field(default_factory=dict)
    missing: list[str] = dataclasses.field(default_factory=list)
    patched: dict[int, str] = dataclasses.field(default_factory=dict)
    """Of the chains of which not all is known, by their numbers, why."""


def kind(path: Path, content: bytes) -> Optional[str]:
    """Return what a YAML file is to Kubernetes, None for nothing."""
    if VALUES.match(path.name) and path.with_name("Chart.yaml").is_file():
        return CHART
    if not all(sign.search(content) for sign in SIGNS):
        return None
    chart = any(folder.joinpath("Chart.yaml").is_file() for folder in list(path.parents)[1:3])
    return TEMPLATE if chart and "templates" in path.parts and b"{{" in content else MANIFEST


def listed(files: Iterable[tuple[str, bytes]], there: Callable[[str], bool]) -> set[str]:
    """Return the files that kustomizations take; they are judged in these."""
    result = set()
    for name, content in files:
        try:
            read_ones = documents.yaml(content)
        except (ValueError, RecursionError):
            continue  # its own reader says so
        for path in (path for document in read_ones for path in _resources(document)):
            other = beside(name, path)
            result |= {other, *(f"{other}/{file}" for file in FILES if there(f"{other}/{file}"))}
        patches = (row for document in read_ones for row in _written(document))
        result |= {beside(name, str(node.value)) for node, inline, _ in patches if not inline}
    return result


def classes(files: Iterable[tuple[str, bytes]]) -> dict[str, str]:
    """Return what each RuntimeClass of a project starts containers by."""
    result = {"nvidia": "nvidia"}
    for _, content in files:
        if b"RuntimeClass" not in content:
            continue
        try:
            read_ones = _flat(documents.yaml(content))
        except (ValueError, RecursionError):
            continue
        for document in read_ones:
            handler = document.get("handler")
            if _text(document.get("kind")) == "RuntimeClass" and handler is not None:
                result[_name(document)] = str(handler.value)
    return result


def read(name: str, content: bytes, own: frozenset[str], handlers: Mapping[str, str]) -> Found:
    """Return what the pods of a manifest are. Raises ValueError."""
    layers = Layers([[Part(name, document)] for document in _flat(documents.yaml(content))])
    return _found(layers, own, handlers)


def kustomized(
    name: str, reader: Reader, own: frozenset[str], handlers: Mapping[str, str]
) -> Found:
    """Return what the pods are that a kustomization makes. Raises ValueError."""
    return _found(_layers(name, reader, 0), own, handlers)


def values(name: str, content: bytes, own: frozenset[str], handlers: Mapping[str, str]) -> Found:
    """Return what a chart's values say of pods, as far as they say it plainly."""
    result = Found([], [], [], [])
    chart = f"values of the chart {PurePosixPath(name).parent.name}"
    for document in documents.yaml(content):
        for node in with_image(document):
            image = node.get("image")
            text = _repository(image) if image is not None else ""
            if not text:
                continue
            part = [Part(name, node)]
            service = _service(chart, part, part, text, handlers)
            result.services.append(dataclasses.replace(service, open=service.open or BY_CHART))
            result.images.append(_image(service, part, part, own, chosen=True))
    return result


def containers_of(document: Node) -> Iterable[Node]:
    """Yield the containers that are read in a document."""
    for item in _flat([document]):
        pod = _pod([Part("", item)])
        for key in ("initContainers", "containers"):
            for chain in _containers(pod, key).values():
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
    registry, name, tag = (_text(image.get(key)) for key in ("registry", "repository", "tag"))
    digest = _text(image.get("digest"))
    whole = f"{registry}/{name}" if registry else name
    return f"{whole}@{digest}" if digest else f"{whole}:{tag}" if tag else whole


def _layers(name: str, reader: Reader, depth: int) -> Layers:
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
            old = _text(row.get("name"))
            tag, digest = _text(row.get("newTag")), _text(row.get("digest"))
            end = f"@{digest}" if digest else f":{tag}" if tag else ""
            result.names[old] = (_text(row.get("newName")) or old, end)
    return result


def _add(result: Layers, path: str, reader: Reader, depth: int) -> None:
    """Add the documents of a file or a folder that a kustomization takes."""
    for place in (path, *(f"{path}/{file}" for file in FILES)):
        try:
            content = reader(place)
        except (OSError, FormError):
            continue
        if PurePosixPath(place).name in FILES:
            inner = _layers(place, reader, depth + 1)
            start = len(result.chains)
            result.chains += inner.chains
            result.names |= inner.names
            result.missing += inner.missing
            result.patched |= {start + number: why for number, why in inner.patched.items()}
        else:
            flat = _flat(documents.yaml(content))
            result.chains += [[Part(place, document)] for document in flat]
        return
    result.missing.append(path)


def _patches(
    name: str, document: Node, reader: Reader
) -> Iterable[tuple[str, Node, Optional[Node]]]:
    """Yield each patch with the file that it stands in and whom it is for."""
    for node, inline, target in _written(document):
        text = str(node.value)
        file = name if inline else beside(name, text)
        for patch in documents.yaml(text.encode() if inline else reader(file)):
            # Of a patch in the file itself its own line is all that is known.
            yield file, patch if not inline else _at_line(patch, node.line), target


def _written(document: Node) -> list[tuple[Node, bool, Optional[Node]]]:
    """Return each patch or its file's name, whether it is the patch, and whom it is for."""
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
        elif _text(patch.node.get(DIRECTIVE)) == "delete":
            result.chains[number].clear()
        else:
            result.chains[number].append(patch)
            if _has_directive(patch.node):
                result.patched[number] = BY_DIRECTIVE


def _is_for(patch: Node, target: Optional[Node], own: Node) -> bool:
    """Return whether a patch is for a document, as far as kinds and names tell."""
    if target is None:
        return _text(patch.get("kind")) in ("", _text(own.get("kind"))) and _name(patch) in (
            "", _name(own),
        )  # fmt: skip
    group, _, version = _text(own.get("apiVersion")).rpartition("/")
    told = {"kind": _text(own.get("kind")), "name": _name(own), "group": group, "version": version}
    asked = ((_text(target.get(key)), value) for key, value in told.items())
    return all(not pattern or _matches(pattern, value) for pattern, value in asked)


def _has_directive(node: Node) -> bool:
    """Return whether a part of a patch takes something away but for a container."""
    if isinstance(node.value, list):
        return any(map(_has_directive, node.value))
    if not isinstance(node.value, dict):
        return False
    if DIRECTIVE in node.value:
        return not ("name" in node.value and _text(node.get(DIRECTIVE)) == "delete")
    return any(map(_has_directive, node.value.values()))


def _matches(pattern: str, name: str) -> bool:
    try:
        return re.fullmatch(pattern, name) is not None
    except re.error as error:
        raise FormError(f"the target of a patch is no pattern: {pattern}") from error


def _resources(document: Node) -> list[str]:
    rows = [row for key in ("resources", "bases", "components") for row in items(document.get(key))]
    return [str(row.value).rstrip("/") for row in rows]


def _flat(read_ones: list[Node]) -> list[Node]:
    """Return documents, those of lists among them."""
    result = []
    for document in read_ones:
        inner = items(document.get("items")) if _text(document.get("kind")) == "List" else []
        result += inner or [document]
    return result


def _found(layers: Layers, own: frozenset[str], handlers: Mapping[str, str]) -> Found:
    result = Found([], [], [], layers.missing)
    for number, documents_of in enumerate(layers.chains):
        if not documents_of:  # a patch has deleted it
            continue
        pod, base = _pod(documents_of), documents_of[0].node
        label = f"{_text(base.get('kind'))} {_name(base)}"
        started = _started(label, pod, layers.names, handlers)
        shown = any(item.asks not in ("", containers.HIDING) for item, _, main in started if main)
        chosen = _chosen(started)
        for service, chain, main in started:
            why = service.open or layers.patched.get(number, "")
            image = _image(service, chain, pod, own, chosen=chain in chosen)
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
        for (name, _), chain in _containers(pod, key).items():
            image = last(chain, "image")
            text = _renamed(_text(image[1]), names) if image is not None else ""
            service = _service(f"{name} of {label}", chain, pod, text, handlers)
            result.append((service, chain, key == "containers"))
    return result


def _chosen(started: list[tuple[Service, list[Part], bool]]) -> list[list[Part]]:
    """Return the containers that a pod's class is for: those that ask, else the first."""
    shown = [(chain, main) for _, chain, main in started if _hidden(chain) is None]
    asking = [chain for chain, _ in shown if _reserved(chain) or _visible(chain) is not None]
    first = [chain for chain, main in shown if main]
    first = first or [chain for _, chain, main in started if main]
    return asking or first[:1]


def _pod(chain: list[Part]) -> list[Part]:
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


def _containers(pod: list[Part], key: str) -> dict[tuple[str, int], list[Part]]:
    """Return the containers by their names; one without a name is by its number."""
    result: dict[tuple[str, int], list[Part]] = {}
    for part in pod:
        for number, node in enumerate(items(part.node.get(key))):
            text = _text(node.get("name"))
            name = (text, 0 if text else number)
            if _text(node.get(DIRECTIVE)) == "delete":
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


def _service(
    label: str, chain: list[Part], pod: list[Part], image: str, handlers: Mapping[str, str]
) -> Service:
    """Return a container's way to the GPU."""
    asks, open_, (file, line) = _asks(chain, pod, handlers)
    return Service(file, line, label, asks, (), image, open_, pod=True)


def _asks(
    chain: list[Part], pod: list[Part], handlers: Mapping[str, str]
) -> tuple[str, str, tuple[str, int]]:
    """Return how a container asks for a GPU, what of it is not known, and where it stands."""
    place = chain[-1].file, chain[-1].node.line
    runtime, hidden = last(pod, "runtimeClassName"), _hidden(chain)
    if runtime is not None and (name := _text(runtime[1])):
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
            text = _text(path.get("path")) if path is not None else ""
            if DEVICES.match(text):
                return "", f"it mounts {text}, which brings no driver", (part.file, volume.line)
    return "", "", place


def _reserved(chain: list[Part]) -> Optional[tuple[str, int]]:
    """Return where a container takes at least one GPU."""
    for key in ("limits", "requests"):
        rows = last(chain, "resources", key)
        for name, node in rows[1].value.items() if rows and isinstance(rows[1].value, dict) else ():
            if rows and name.startswith("nvidia.com/") and _text(node) not in ("", "0"):
                return rows[0].file, node.line
    return None


def _visible(chain: list[Part]) -> Optional[tuple[str, int, str]]:
    """Return where NVIDIA_VISIBLE_DEVICES is set, and the value, "*" for one that is not told."""
    for part in reversed(chain):
        entries = part.node.get("env")
        if entries is not None and entries.value is None:
            return None
        if entries is not None and isinstance(entries.value, dict):
            node = entries.get(containers.VISIBLE)
            if node is not None:
                return part.file, node.line, _text(node)
        for row in items(entries):
            if _text(row.get("name")) == containers.VISIBLE:
                value = row.get("value")
                return part.file, row.line, _text(value) if value is not None else "*"
    return None


def _hidden(chain: list[Part]) -> Optional[tuple[str, int]]:
    """Return where NVIDIA_VISIBLE_DEVICES hides the GPU."""
    found = _visible(chain)
    return found[:2] if found is not None and found[2] in containers.HIDDEN else None


def _image(
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
        found = last(pod, "nodeSelector", key)
        if found is not None and not OPEN.search(str(found[1].value)):
            platform = dockerfiles.foreign(f"linux/{found[1].value}")
            return (platform, found[0].file, found[1].line) if platform else None
    found = last(
        pod, "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution",
        "nodeSelectorTerms",
    )  # fmt: skip
    terms = [_architectures(term) for term in items(found[1])] if found is not None else []
    if found is None or not terms or any(not term or BOARD in term for term in terms):
        return None
    return f"linux/{terms[0][0]}", found[0].file, found[1].line


def _architectures(term: Node) -> list[str]:
    for row in items(term.get("matchExpressions")):
        if _text(row.get("key")) in ARCHITECTURES and _text(row.get("operator")) == "In":
            return [str(item.value) for item in items(row.get("values"))]
    return []


def _commands(chain: list[Part]) -> list[Node]:
    """Return what a container is started with: its command with the arguments as one."""
    found = [item[1] for key in ("command", "args") if (item := last(chain, key)) is not None]
    if not found or not all(isinstance(node.value, list) for node in found):
        return found
    rows = [row for node in found for row in node.value]
    first = _text(rows[0]) if rows else ""
    if len(rows) == 1 and " " in first:
        return [Node(first, found[-1].line)]
    # Arguments alone are the image's entrypoint's, which is a shell then.
    shell = [Node("sh", found[0].line)] if OF_SHELL.fullmatch(first) else []
    return [Node([*shell, *rows], found[-1].line)]


def _name(document: Node) -> str:
    metadata = document.get("metadata")
    return _text(metadata.get("name")) if metadata is not None else ""


def _text(node: Optional[Node]) -> str:
    return str(node.value) if node is not None and isinstance(node.value, (str, int)) else ""
