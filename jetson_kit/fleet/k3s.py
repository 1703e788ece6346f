"""Manifests for k3s or any Kubernetes: the service as a DaemonSet, out of service.toml.

Names and fields are those of the Kubernetes API (apps/v1, node.k8s.io/v1, networking.k8s.io/v1).
A DaemonSet knows no canary: nodes with a label of their own get theirs first, from its own file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from jetson_kit.core.errors import BadInputError
from jetson_kit.core.files import write_text
from jetson_kit.fleet.release.release import Release
from jetson_kit.fleet.rollout.plan import Plan
from jetson_kit.service import contract as service
from jetson_kit.service.contract import Device, Service

PREFIX = "mediapipe-jetson.io"
WAVE, RELEASE = f"{PREFIX}/wave", f"{PREFIX}/l4t"
CANARY, REST = "canary", "rest"
APP = {"app.kubernetes.io/name": "mediapipe-jetson"}
PINNED = re.compile(r"[a-z0-9.:\[\]/_-]+@sha256:[0-9a-f]{64}")
SIZE = re.compile(r"(\d+)([kmg])")
GRACE_S = 10
HEAD = """\
# Made by ./inv fleet.k3s out of jetson_kit/service/service.toml; make it again rather than edit it.
"""
Document = dict[str, Any]


def write(
    release: Release, image: str, folder: Path, plan: Plan, groups: Sequence[int] = ()
) -> tuple[Path, ...]:
    """Write the manifests into a folder, in the order in which they are applied.

    `groups` own the GPU's device nodes on the boards. Raises BadInputError where the image is not
    named by its digest.
    """
    files = {
        "0-cluster.yaml": cluster(release),
        "1-canary.yaml": [daemon_set(release, image, plan, groups, CANARY)],
        "2-rest.yaml": [daemon_set(release, image, plan, groups, REST)],
    }
    for name, documents in files.items():
        write_text(folder / name, HEAD + yaml.safe_dump_all(documents, sort_keys=False))
    return tuple(folder / name for name in files)


def cluster(release: Release) -> list[Document]:
    """Return what stands once in a cluster: NVIDIA's runtime, and that the pods have no network."""
    table = service.load()
    found: list[Document] = []
    if release.l4t:
        found.append(
            {
                "apiVersion": "node.k8s.io/v1",
                "kind": "RuntimeClass",
                "metadata": {"name": table.nvidia_runtime},
                "handler": table.nvidia_runtime,
            }
        )
    if table.network == "none":
        found.append(
            {
                "apiVersion": "networking.k8s.io/v1",
                "kind": "NetworkPolicy",
                "metadata": {"name": table.name, "labels": APP},
                "spec": {
                    "podSelector": {"matchLabels": APP},
                    "policyTypes": ["Ingress", "Egress"],
                },
            }
        )
    return found


def daemon_set(
    release: Release, image: str, plan: Plan, groups: Sequence[int], wave: str
) -> Document:
    """Return the DaemonSet of the canary's nodes, or of all others, for boards of one release."""
    if not PINNED.fullmatch(image):
        raise BadInputError(
            f"{image} is not named by its digest", "write it as NAME@sha256:HEX, or push it first"
        )
    table = service.load()
    labels = {**APP, WAVE: wave}
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": f"{table.name}-{wave}", "labels": labels},
        "spec": {
            "selector": {"matchLabels": labels},
            # As long as a rollout would watch a board.
            "minReadySeconds": int(plan.soak_s),
            "revisionHistoryLimit": 3,
            "updateStrategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {"maxUnavailable": _at_once(plan, wave)},
            },
            "template": {
                "metadata": {"labels": labels},
                "spec": _pod(release, image, table, groups, wave),
            },
        },
    }


def _at_once(plan: Plan, wave: str) -> int | str:
    """Return how many boards of a wave may be without the service: the plan's first batch."""
    if wave == CANARY:
        return 1
    first = plan.batches[0]
    return first.strip() if isinstance(first, str) else first


def _pod(
    release: Release, image: str, table: Service, groups: Sequence[int], wave: str
) -> Document:
    user, group = (int(word) for word in table.user.split(":"))
    volumes, mounts = _volumes(table)
    device = Device(nvidia_runtime=bool(release.l4t), groups=tuple(groups))
    variables = table.env(image.partition("@")[2], device)
    check = _check(release)
    container: Document = {
        "name": table.name,
        "image": image,
        "args": list(table.command),
        "env": [{"name": name, "value": value} for name, value in variables.items()],
        "securityContext": {
            "allowPrivilegeEscalation": "no-new-privileges" not in table.security_opt,
            "privileged": False,
            "readOnlyRootFilesystem": table.read_only,
            "capabilities": {"drop": list(table.cap_drop)},
        },
        "resources": {
            "limits": {"memory": _quantity(table.memory)},
            "requests": {"memory": "512Mi", "cpu": "100m"},
        },
        "volumeMounts": mounts,
        **check,
    }
    nodes: Document = {"kubernetes.io/arch": release.architecture}
    if release.l4t:
        nodes[RELEASE] = release.l4t
    operator = "In" if wave == CANARY else "NotIn"
    term = {"key": WAVE, "operator": operator, "values": [CANARY]}
    spec: Document = {
        "nodeSelector": nodes,
        "affinity": {
            "nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {
                    "nodeSelectorTerms": [{"matchExpressions": [term]}]
                }
            }
        },
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        # The pause container then reaps, as docker's --init does.
        "shareProcessNamespace": table.init,
        "terminationGracePeriodSeconds": GRACE_S,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": user,
            "runAsGroup": group,
            "supplementalGroups": list(groups),
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": volumes,
    }
    return {"runtimeClassName": table.nvidia_runtime, **spec} if release.l4t else spec


def _volumes(table: Service) -> tuple[list[Document], list[Document]]:
    volumes: list[Document] = []
    mounts: list[Document] = []
    for number, (path, options) in enumerate(table.tmpfs.items()):
        size = dict(word.partition("=")[::2] for word in options.split(",")).get("size", "64m")
        memory = {"medium": "Memory", "sizeLimit": _quantity(size)}
        volumes.append({"name": f"memory-{number}", "emptyDir": memory})
        mounts.append({"name": f"memory-{number}", "mountPath": path})
    if table.reports:
        # fleet.provision makes it with the right owner; Kubernetes would make it root's.
        place = {"path": table.reports.source, "type": "Directory"}
        volumes.append({"name": "reports", "hostPath": place})
        mounts.append({"name": "reports", "mountPath": table.reports.target})
    return volumes, mounts


def _check(release: Release) -> Document:
    """Return the probes: the image's own health check, with its own times."""
    body = json.loads(release.path.read_text(encoding="utf-8"))
    found: Mapping[str, Any] = json.loads(body["config"])["config"].get("Healthcheck") or {}
    words = list(found.get("Test") or [])
    if words[:1] == ["CMD"]:
        command = words[1:]
    elif words[:1] == ["CMD-SHELL"]:
        command = ["/bin/sh", "-c", *words[1:]]
    else:
        return {}
    times = {
        "periodSeconds": _seconds(found.get("Interval"), 30),
        "timeoutSeconds": _seconds(found.get("Timeout"), 30),
    }
    probe = {"exec": {"command": command}, **times}
    tries = int(found.get("Retries") or 3)
    start = _seconds(found.get("StartPeriod"), 0)
    return {
        "startupProbe": {**probe, "failureThreshold": tries + start // times["periodSeconds"]},
        "livenessProbe": {**probe, "failureThreshold": tries},
        "readinessProbe": {**probe, "failureThreshold": 1},
    }


def _seconds(nanoseconds: int | None, otherwise: int) -> int:
    return max(1, round(nanoseconds / 1e9)) if nanoseconds else otherwise


def _quantity(size: str) -> str:
    """Return docker's size, such as 256m, as Kubernetes writes it."""
    match = SIZE.fullmatch(size)
    if not match:
        raise BadInputError(f"service.toml has the size {size!r}", "write it as 256m or 3g")
    return f"{match[1]}{match[2].upper()}i"
