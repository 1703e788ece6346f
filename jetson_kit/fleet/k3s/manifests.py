"""The service as a DaemonSet, out of service.toml.

Names and fields are those of the Kubernetes API (apps/v1, core/v1).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jetson_kit.core.errors import BadInputError
from jetson_kit.fleet.k3s import labels
from jetson_kit.fleet.release.release import Release
from jetson_kit.fleet.rollout.plan import Plan
from jetson_kit.service import contract as service
from jetson_kit.service.contract import Device, Folder, Service

PINNED = re.compile(r"[a-z0-9.:\[\]/_-]+@sha256:[0-9a-f]{64}")
SIZE = re.compile(r"(\d+)([kmg])")
GRACE_S = 10
# What a folder may grow to where it is the pod's own: a board's disk is small.
FOLDER_LIMIT = "2Gi"
SECRET = "mediapipe-serve"  # noqa: S105 # a name
SECRET_FOLDER = "/run/mediapipe-serve"  # noqa: S105
APPLICATION = "io.mediapipe-jetson.app"
Document = dict[str, Any]


@dataclass(frozen=True)
class Options:
    """What a cluster gives the service beyond service.toml."""

    groups: tuple[int, ...] = ()
    """Numbers of the groups that own the GPU's device nodes on the boards."""
    resources: tuple[str, ...] = ()
    """Names of device plugins' resources, such as nvidia.com/gpu; one of each."""
    metrics: int = 0
    """The port of the application's metrics; 0 is none."""


def daemon_set(release: Release, image: str, plan: Plan, options: Options) -> Document:
    """Return the DaemonSet of all boards of one release; the overlays divide it into waves.

    Raises BadInputError where the image is not named by its digest, or a pod can't run it.
    """
    if not PINNED.fullmatch(image):
        raise BadInputError(
            f"{image} is not named by its digest", "write it as NAME@sha256:HEX, or push it first"
        )
    table = service.load()
    first = plan.batches[0]
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": table.name, "labels": labels.APP},
        "spec": {
            "selector": {"matchLabels": labels.APP},
            # As long as a rollout would watch a board.
            "minReadySeconds": int(plan.soak_s),
            "revisionHistoryLimit": 3,
            "updateStrategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {
                    "maxUnavailable": first.strip() if isinstance(first, str) else first
                },
            },
            "template": {
                "metadata": {"labels": labels.APP},
                "spec": _pod(release, image, table, options),
            },
        },
    }


def _pod(release: Release, image: str, table: Service, options: Options) -> Document:
    user, group = (int(word) for word in table.user.split(":"))
    config = _config(release)
    volumes, mounts = _volumes(table, options)
    device = Device(nvidia_runtime=bool(release.l4t), groups=options.groups)
    variables = table.env(image.partition("@")[2], device)
    if options.metrics:
        variables["MEDIAPIPE_JETSON_SERVE_PASSWORD_FILE"] = f"{SECRET_FOLDER}/password"
    container: Document = {
        "name": table.name,
        "image": image,
        **_command(config, table, options),
        "env": [{"name": name, "value": value} for name, value in variables.items()],
        "securityContext": {
            "allowPrivilegeEscalation": "no-new-privileges" not in table.security_opt,
            "privileged": False,
            "readOnlyRootFilesystem": table.read_only,
            "capabilities": {"drop": list(table.cap_drop)},
        },
        "resources": {
            "limits": {"memory": _quantity(table.memory), **dict.fromkeys(options.resources, "1")},
            "requests": {"memory": "512Mi", "cpu": "100m"},
        },
        "volumeMounts": mounts,
        **_probes(config),
    }
    if options.metrics:
        container["ports"] = [{"name": "metrics", "containerPort": options.metrics}]
    spec: Document = {
        "nodeSelector": labels.node_selector(release),
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        # The pause container then reaps, as docker's --init does.
        "shareProcessNamespace": table.init,
        "terminationGracePeriodSeconds": GRACE_S,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": user,
            "runAsGroup": group,
            # The pod's own volumes belong to it.
            "fsGroup": group,
            "supplementalGroups": list(options.groups),
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": volumes,
    }
    return {"runtimeClassName": table.nvidia_runtime, **spec} if release.l4t else spec


def _config(release: Release) -> Mapping[str, Any]:
    """Return the image's configuration, which the release carries."""
    body = json.loads(release.path.read_text(encoding="utf-8"))
    result: Mapping[str, Any] = json.loads(body["config"])["config"]
    return result


def _command(config: Mapping[str, Any], table: Service, options: Options) -> Document:
    """Return what runs: an application's own command, else service.toml's.

    Raises BadInputError for an application whose devices or volumes no pod gets.
    """
    image_labels = config.get("Labels") or {}
    if APPLICATION not in image_labels:
        if options.metrics:
            raise BadInputError(
                "this image has no application, so nothing serves metrics in it",
                "build one: ./inv build --jetson --app DIR, whose command has --metrics PORT",
            )
        return {"args": list(table.command)}
    given = json.loads(image_labels.get(f"{APPLICATION}.service", "{}"))
    if given.get("volumes"):
        raise BadInputError(
            f"the application has volumes of the board ({', '.join(given['volumes'])}), which "
            "Pod Security refuses",
            "roll it out by ./inv fleet.rollout, or leave them out of jetson.toml",
        )
    others = [name for name in options.resources if not name.startswith("nvidia.com/")]
    if given.get("devices") and not others:
        raise BadInputError(
            f"the application needs {', '.join(given['devices'])}, and a pod gets a device by a "
            "device plugin alone",
            "name its resource: --resources NAME/RESOURCE",
        )
    return {}


def _volumes(table: Service, options: Options) -> tuple[list[Document], list[Document]]:
    volumes: list[Document] = []
    mounts: list[Document] = []
    for number, (path, given) in enumerate(table.tmpfs.items()):
        size = dict(word.partition("=")[::2] for word in given.split(",")).get("size", "64m")
        memory = {"medium": "Memory", "sizeLimit": _quantity(size)}
        volumes.append({"name": f"memory-{number}", "emptyDir": memory})
        mounts.append({"name": f"memory-{number}", "mountPath": path})
    for place in table.folders:
        volumes.append({"name": volume_name(place), "emptyDir": {"sizeLimit": FOLDER_LIMIT}})
        mounts.append({"name": volume_name(place), "mountPath": place.target})
    if options.metrics:
        secret = {"secretName": SECRET, "defaultMode": 0o440}
        volumes.append({"name": "serve", "secret": secret})
        mounts.append({"name": "serve", "mountPath": SECRET_FOLDER, "readOnly": True})
    return volumes, mounts


def volume_name(place: Folder) -> str:
    """Return the name of the volume of one of the service's folders."""
    return place.target.strip("/").replace("/", "-")


def _probes(config: Mapping[str, Any]) -> Document:
    """Return the probes: the image's own health check, with its own times."""
    result: Mapping[str, Any] = config.get("Healthcheck") or {}
    test = list(result.get("Test") or [])
    if test[:1] == ["CMD"]:
        command = test[1:]
    elif test[:1] == ["CMD-SHELL"]:
        command = ["/bin/sh", "-c", *test[1:]]
    else:
        return {}
    times = {
        "periodSeconds": _seconds(result.get("Interval"), 30),
        "timeoutSeconds": _seconds(result.get("Timeout"), 30),
    }
    probe = {"exec": {"command": command}, **times}
    tries = int(result.get("Retries") or 3)
    start = _seconds(result.get("StartPeriod"), 0)
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
