"""How the project's services and scripts ask for a GPU, one by one."""

from __future__ import annotations

import re
from typing import Optional

from mediapipe_jetson.doctor import projects
from mediapipe_jetson.doctor.files import containers, kubernetes
from mediapipe_jetson.doctor.files.facts import Service
from mediapipe_jetson.doctor.finding import Finding, Unread
from mediapipe_jetson.doctor.result import Result, bad
from mediapipe_jetson.doctor.scene import Scene
from mediapipe_jetson.doctor.sources import Scan

RUNTIME, SHOWING = "runtime: nvidia", "NVIDIA_VISIBLE_DEVICES=all"
CLASS = "runtimeClassName: nvidia"
CURES = {RUNTIME: "service", SHOWING: "hidden", CLASS: "pod"}
RESERVED = "a GPU is reserved without runtimeClassName; it works where the node's default is nvidia"
# Where a node's containerd has its default runtime, for pods that name none.
K3S = "/etc/rancher/k3s/config.yaml"
CONTAINERD = (
    "/var/lib/rancher/k3s/agent/etc/containerd/config.toml",
    "/etc/containerd/config.toml",
)
DEFAULT = re.compile(r"^\s*default[-_]runtime(?:_name)?\s*[:=]\s*[\"']?([\w-]+)", re.MULTILINE)
# Docker's containerd has no part for pods.
CRI = re.compile(r"^\s*\[plugins\.[^\]\n]*\bcri\b", re.MULTILINE)
NO_CRI = re.compile(
    r"^\s*disabled_plugins\s*=\s*\[[^\]]*[\"'](io\.containerd\.grpc\.v1\.)?cri[\"']", re.MULTILINE
)


def findings(scene: Scene, default_runtime: str) -> tuple[Finding, ...]:
    """Return the services and commands that ask for a GPU in a way that does not work on Jetson."""
    if scene.scan is None:
        return ()
    commands = list(scene.scan.commands) if default_runtime != "nvidia" else []
    cluster = _cluster_runtime(scene)
    for item in scene.scan.services:
        what = _wrong(item, cluster if item.pod else default_runtime)
        if what:
            instead = CLASS if item.pod else RUNTIME
            instead = instead if item.asks != containers.HIDING else SHOWING
            commands.append(Finding(item.file, 0, item.line, 1, f"{_name(item)}: {what}", instead))
    # A service that others include or extend is the same one.
    return tuple(sorted(set(commands)))


def wrong(written: tuple[Finding, ...]) -> Result:
    """Return the result, with a cure for the kind of file that the first one is in."""
    first = written[0]
    cure = CURES.get(first.instead, "")
    return bad(first.what, cure=cure, findings=written, place=first.place())


def _cluster_runtime(scene: Scene) -> Optional[str]:
    """Return what a node's containerd takes where a pod names no class, None where unseen."""
    configurations = ((path, scene.text(path)) for path in (K3S, *CONTAINERD))
    texts = [
        text
        for path, text in configurations
        if text is not None and (path == K3S or _of_node(text))
    ]
    for text in texts:
        if match := DEFAULT.search(text):
            return match[1]
    return "" if texts else None


def _of_node(text: str) -> bool:
    """Return whether a containerd's configuration is one that a cluster's node starts pods by."""
    return not NO_CRI.search(text) and bool(CRI.search(text) or DEFAULT.search(text))


def _wrong(item: Service, default_runtime: Optional[str]) -> str:
    known = default_runtime is not None and not default_runtime.startswith("nvidia")
    if item.asks == containers.RESERVED and known and not item.open:
        return f"a GPU is reserved without {CLASS if item.pod else RUNTIME}"
    if item.asks == containers.HIDING:
        return "NVIDIA_VISIBLE_DEVICES hides the GPU"
    return ""


def doubts(scene: Scene, default_runtime: str) -> list[str]:
    """Return the services of which it is not known whether they get the GPU."""
    if scene.scan is None:
        return []
    lines, cluster = [], _cluster_runtime(scene)
    for item in scene.scan.services:
        runtime = cluster if item.pod else default_runtime
        place = f"{item.file}:{item.line}: {_name(item)}"
        if item.open:
            lines.append(f"{place}: {item.open}")
        elif item.asks == containers.RESERVED and runtime is None:
            lines.append(f"{place}: {RESERVED}")
        elif item.asks == containers.CDI:
            lines.append(f"{place}: it names the GPU by CDI, which needs the toolkit in cdi mode")
        elif not item.asks and runtime != "nvidia" and not projects.plain(item.image):
            lines.append(f"{place}: it asks for no GPU")
    lines += [
        f"not read: {item.file} ({item.why})"
        for item in scene.scan.unread
        if _of_containers(scene.scan, item)
    ]
    return lines


def _of_containers(scan: Scan, item: Unread) -> bool:
    """Return whether a file that was not read may start containers."""
    cluster = scan.kinds.get(item.file) in kubernetes.KINDS
    return "compose" in item.file or "ocker" in item.file or item.editors or cluster


def _name(item: Service) -> str:
    if item.pod:
        return f"container {item.name}"
    profiles = f" (profile {', '.join(item.profiles)})" if item.profiles else ""
    return f"service {item.name}{profiles}"
