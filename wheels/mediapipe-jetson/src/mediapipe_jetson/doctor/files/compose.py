"""Read compose files service by service: anchors, extends, includes, overrides, profiles."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import PurePosixPath
from typing import Optional

from mediapipe_jetson.doctor.files import dockerfiles, documents
from mediapipe_jetson.doctor.files.containers import (
    CDI,
    HIDDEN,
    HIDING,
    RESERVED,
    RUNTIME,
    VISIBLE,
    Part,
    beside,
    last,
    line,
    packages,
)
from mediapipe_jetson.doctor.files.documents import Node
from mediapipe_jetson.doctor.files.facts import BaseImage, Service
from mediapipe_jetson.doctor.files.unreadable import FormError

Reader = Callable[[str], bytes]
MAIN = re.compile(r"(docker-)?compose\.ya?ml$", re.IGNORECASE)
OVERRIDE = re.compile(r"(docker-)?compose\.override\.ya?ml$", re.IGNORECASE)
OWN_FOLDER = re.compile(r"\.|\$\{?PWD\b")


def is_compose(yaml_documents: list[Node]) -> bool:
    """Return whether a YAML file is a compose file, by what is in it."""
    for document in yaml_documents:
        services = document.get("services")
        if services is not None and isinstance(services.value, dict):
            return True
    return False


def read(
    name: str,
    content: bytes,
    reader: Reader,
    override: Optional[str] = None,
    own: frozenset[str] = frozenset(),
) -> tuple[list[Service], list[BaseImage]]:
    """Return a file's services, as they are with what they extend and what overrides them.

    `reader` gives another file of the project by its path, `own` are its programs and the scripts
    that install packages. Raises ValueError.
    """
    parts = _parts(name, content, reader, 0)
    if override is not None:
        for key, more in _parts(override, reader(override), reader, 0).items():
            parts[key] = [*parts.get(key, []), *more]
    services = [_service(key, chain) for key, chain in parts.items()]
    images = [_image(item, parts[item.name], own) for item in services]
    return services, [image for image in images if image is not None]


def commands(content: bytes) -> list[tuple[int, str]]:
    """Return what services start, as lines of a shell, and the line of each."""
    result = []
    for document in documents.yaml(content):
        for service in _services(document):
            for key in ("entrypoint", "command"):
                node = service.get(key)
                if node is not None and (text := line(node)):
                    result.append((node.line, text))
    return result


def templates(files: Iterable[tuple[str, bytes]]) -> dict[str, set[str]]:
    """Return the services that others extend, by their files; not those that are started so."""
    result: dict[str, set[str]] = {}
    for name, content in files:
        try:
            yaml_documents = documents.yaml(content)
        except (ValueError, RecursionError):
            continue  # its own reader reports it
        for service in (item for document in yaml_documents for item in _services(document)):
            extends = service.get("extends")
            file = extends.get("file") if extends is not None else None
            if extends is not None and file is not None:
                own = extends.get("service")
                path = beside(name, str(file.value))
                result.setdefault(path, set()).add(str(own.value) if own is not None else "")
    return {path: names for path, names in result.items() if not MAIN.search(path)}


def is_named(name: str, texts: Iterable[bytes]) -> bool:
    """Return whether texts name a file."""
    own = rf"(?<![\w.-]){re.escape(PurePosixPath(name).name)}(?![\w.-])".encode()
    return any(re.search(own, text) for text in texts)


def overrides(name: str, composed: set[str]) -> bool:
    """Return whether a file overrides another one of these in the same folder."""
    folder = PurePosixPath(name).parent
    return OVERRIDE.search(name) is not None and any(
        MAIN.search(item) and PurePosixPath(item).parent == folder for item in composed
    )


def _services(document: Node) -> list[Node]:
    services = document.get("services")
    entries = services.value if services is not None else None
    return list(entries.values()) if isinstance(entries, dict) else []


def inline(content: bytes) -> list[tuple[int, str]]:
    """Return the inline Dockerfiles of services, each with the line before its first."""
    result = []
    for document in documents.yaml(content):
        for service in _services(document):
            build = service.get("build")
            node = build.get("dockerfile_inline") if build is not None else None
            if node is not None and isinstance(node.value, str):
                result.append((node.line, node.value))
    return result


def _parts(name: str, content: bytes, reader: Reader, depth: int) -> dict[str, list[Part]]:
    """Return each service as the chain of what it is made of, the last one on top."""
    if depth > 8:
        raise FormError("files include each other too deep")
    result: dict[str, list[Part]] = {}
    for document in documents.yaml(content):
        included = document.get("include")
        for item in included.value if included and isinstance(included.value, list) else ():
            path = (
                item.value
                if isinstance(item.value, str)
                else getattr(item.get("path"), "value", None)
            )
            if isinstance(path, str):
                other = beside(name, path)
                result.update(_parts(other, reader(other), reader, depth + 1))
        services = document.get("services")
        if services is None or not isinstance(services.value, dict):
            continue
        for key, node in services.value.items():
            result[key] = _extended(Part(name, node), services, reader, depth)
    return result


def _extended(part: Part, services: Node, reader: Reader, depth: int) -> list[Part]:
    """Return a service with what it extends below it."""
    if depth > 8:
        raise FormError("services extend each other too deep")
    extends = part.node.get("extends")
    if extends is None:
        return [part]
    value = (
        extends.value
        if isinstance(extends.value, str)
        else getattr(extends.get("service"), "value", "")
    )
    file = extends.get("file")
    if file is not None:
        other = beside(part.file, str(file.value))
        chains = _parts(other, reader(other), reader, depth + 1)
        if value not in chains:
            raise FormError(f"{other} has no service {value}")
        return [*chains[value], part]
    base = services.get(str(value))
    if base is None:
        raise FormError(f"there is no service {value}, which another one extends")
    return [*_extended(Part(part.file, base), services, reader, depth + 1), part]


def _service(name: str, chain: list[Part]) -> Service:
    """Return one service's way to the GPU."""
    top = chain[-1]
    asks, where = _asks(chain)
    file, line = where if where is not None else (top.file, top.node.line)
    image = last(chain, "image")
    built = last(chain, "build")
    text = str(image[1].value) if image is not None and built is None else ""
    profiles = last(chain, "profiles")
    names = (
        profiles[1].value if profiles is not None and isinstance(profiles[1].value, list) else []
    )
    values = [str(node.value) for _, node in filter(None, (last(chain, "runtime"),))]
    open_ = next((f"runtime is {value}" for value in values if "$" in value), "")
    return Service(file, line, name, asks, tuple(str(item.value) for item in names), text, open_)


def _image(service: Service, chain: list[Part], own: frozenset[str]) -> Optional[BaseImage]:
    """Return the image that a service starts, and whether its Python is the project's there."""
    image = last(chain, "image")
    platform = last(chain, "platform")
    foreign = dockerfiles.foreign(str(platform[1].value)) if platform is not None else ""
    if platform is not None and foreign:
        name = service.image or f"service {service.name}"
        place = platform[0].file, platform[1].line
        return BaseImage(*place, name, True, packages=True, foreign=foreign)
    if image is None or not service.image:
        return None
    nodes = [node for key in ("entrypoint", "command") if (node := _at(chain, key)) is not None]
    python = packages(service.image, nodes, own, asks=bool(service.asks), mounts=_mounts(chain))
    return BaseImage(image[0].file, image[1].line, service.image, True, packages=python)


def _mounts(chain: list[Part]) -> bool:
    """Return whether a service sees a folder of the project."""
    node = _at(chain, "volumes")
    items = node.value if node is not None and isinstance(node.value, list) else []
    sources = (item.get("source") or item for item in items)
    return any(OWN_FOLDER.match(str(source.value)) for source in sources)


def _at(chain: list[Part], key: str) -> Optional[Node]:
    entry = last(chain, key)
    return entry[1] if entry is not None else None


def _asks(chain: list[Part]) -> tuple[str, Optional[tuple[str, int]]]:
    """Return how a service asks for a GPU, and where."""
    runtime = last(chain, "runtime")
    if runtime is not None and runtime[1].value == "nvidia":
        hidden = _hidden(chain)
        return (HIDING, hidden) if hidden else (RUNTIME, (runtime[0].file, runtime[1].line))
    for part in reversed(chain):
        for node in (part.node.get("gpus"), _reserved(part.node)):
            if node is not None:
                return RESERVED, (part.file, node.line)
        devices = part.node.get("devices")
        for item in devices.value if devices and isinstance(devices.value, list) else ():
            if "nvidia.com/gpu" in str(item.value):
                return CDI, (part.file, item.line)
    return "", None


def _reserved(service: Node) -> Optional[Node]:
    """Return the device request for a GPU."""
    node: Optional[Node] = service
    for key in ("deploy", "resources", "reservations", "devices"):
        node = node.get(key) if node is not None else None
    requests: list[Node] = node.value if node is not None and isinstance(node.value, list) else []
    for item in requests:
        driver, capabilities = item.get("driver"), item.get("capabilities")
        held = capabilities.value if capabilities and isinstance(capabilities.value, list) else []
        names = {str(capability.value) for capability in held}
        if driver is not None and driver.value == "nvidia":
            return driver
        if names & {"gpu", "nvidia"} and not (driver is not None and driver.value == "cdi"):
            return capabilities
    return None


def _hidden(chain: list[Part]) -> Optional[tuple[str, int]]:
    """Return where NVIDIA_VISIBLE_DEVICES hides the GPU."""
    for part in reversed(chain):
        given = part.node.get("environment")
        entries = given.value if given is not None else None
        if isinstance(entries, dict) and VISIBLE in entries:
            node = entries[VISIBLE]
            return (part.file, node.line) if str(node.value or "") in HIDDEN else None
        for item in entries if isinstance(entries, list) else ():
            key, _, value = str(item.value).partition("=")
            if key == VISIBLE:
                return (part.file, item.line) if value in HIDDEN else None
    return None
