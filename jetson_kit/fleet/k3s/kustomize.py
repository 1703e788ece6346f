"""The folder that `kubectl apply -k` takes: the cluster's own objects, a base, an overlay a wave.

A DaemonSet knows no canary: nodes with a label of their own get theirs first, from its own overlay.
Fields are those of kustomize.config.k8s.io/v1beta1 (Kustomization) and v1alpha1 (Component).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from jetson_kit.core.files import write_text
from jetson_kit.fleet.k3s import labels
from jetson_kit.fleet.k3s.labels import CANARY, Overlay
from jetson_kit.fleet.k3s.manifests import SECRET, Document, Options, daemon_set, volume_name
from jetson_kit.fleet.release.release import Release
from jetson_kit.fleet.rollout.plan import Plan
from jetson_kit.service import contract as service

HEAD = """\
# Made by ./inv fleet.k3s out of jetson_kit/service/service.toml; make it again rather than edit it.
"""
FILE = "kustomization.yaml"
MODES = ("enforce", "audit", "warn")


def write(
    release: Release,
    image: str,
    folder: Path,
    plan: Plan,
    options: Options | None = None,
    sites: Sequence[str] = (),
) -> tuple[Path, ...]:
    """Write the manifests; return the folders to apply, in order: cluster first, then overlays.

    Raises BadInputError as manifests.daemon_set and labels.Overlay do.
    """
    options = options or Options()
    overlays = [Overlay(wave, site) for site in (sites or ("",)) for wave in labels.WAVES]
    base = {"daemonset.yaml": daemon_set(release, image, plan, options)}
    files = _kustomized("cluster", _cluster(release, options)) | _kustomized("base", base)
    for overlay in overlays:
        files |= _overlay(overlay)
    files |= _host_folders()
    for name, document in files.items():
        write_text(folder / name, HEAD + yaml.safe_dump(document, sort_keys=False))
    return (folder / "cluster", *(folder / "overlays" / item.name for item in overlays))


def _kustomized(folder: str, files: Mapping[str, Document]) -> dict[str, Document]:
    own = {**_kustomization(), "resources": list(files)}
    return {f"{folder}/{name}": body for name, body in {FILE: own, **files}.items()}


def _kustomization() -> Document:
    return {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}


def _cluster(release: Release, options: Options) -> dict[str, Document]:
    """Return what a cluster needs once, by file: namespace, NVIDIA's runtime, no network."""
    table = service.load()
    level = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in MODES}
    result: dict[str, Document] = {
        "namespace.yaml": {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": labels.NAMESPACE, "labels": {**labels.APP, **level}},
        }
    }
    if release.l4t:
        result["runtimeclass.yaml"] = {
            "apiVersion": "node.k8s.io/v1",
            "kind": "RuntimeClass",
            "metadata": {"name": table.nvidia_runtime},
            "handler": table.nvidia_runtime,
        }
    if table.network == "none":
        result["networkpolicy.yaml"] = _network_policy(table.name, options)
    if options.metrics:
        result["podmonitor.yaml"] = _pod_monitor()
    return result


def _network_policy(name: str, options: Options) -> Document:
    spec: Document = {
        "podSelector": {"matchLabels": labels.APP},
        "policyTypes": ["Ingress", "Egress"],
    }
    if options.metrics:
        # Who may scrape is Prometheus' namespace's affair; the port asks for a password.
        spec["ingress"] = [{"ports": [{"protocol": "TCP", "port": options.metrics}]}]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": labels.NAMESPACE, "labels": labels.APP},
        "spec": spec,
    }


def _pod_monitor() -> Document:
    """Return the Prometheus operator's PodMonitor (monitoring.coreos.com/v1)."""
    keys = {key: {"name": SECRET, "key": key} for key in ("username", "password")}
    endpoint = {"port": "metrics", "path": "/metrics", "interval": "15s", "basicAuth": keys}
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PodMonitor",
        "metadata": {
            "name": service.load().name,
            "namespace": labels.NAMESPACE,
            "labels": labels.APP,
        },
        "spec": {"selector": {"matchLabels": labels.APP}, "podMetricsEndpoints": [endpoint]},
    }


def _overlay(overlay: Overlay) -> dict[str, Document]:
    folder = f"overlays/{overlay.name}"
    own = {
        **_kustomization(),
        "namespace": labels.NAMESPACE,
        "nameSuffix": f"-{overlay.name}",
        "resources": ["../../base"],
        "labels": [{"includeSelectors": True, "pairs": overlay.labels}],
        "patches": [{"path": "nodes.yaml"}],
    }
    return {f"{folder}/{FILE}": own, f"{folder}/nodes.yaml": nodes_patch(overlay)}


def nodes_patch(overlay: Overlay) -> Document:
    """Return what an overlay changes in the base's DaemonSet: which nodes, how many at once."""
    operator = "In" if overlay.wave == CANARY else "NotIn"
    term = {"key": labels.WAVE, "operator": operator, "values": [CANARY]}
    pod: Document = {
        "affinity": {
            "nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {
                    "nodeSelectorTerms": [{"matchExpressions": [term]}]
                }
            }
        }
    }
    if overlay.site:
        pod["nodeSelector"] = {labels.SITE: overlay.site}
    spec: Document = {"template": {"spec": pod}}
    if overlay.wave == CANARY:
        spec["updateStrategy"] = {"rollingUpdate": {"maxUnavailable": 1}}
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": service.load().name},
        "spec": spec,
    }


def _host_folders() -> dict[str, Document]:
    """Return a component that keeps the service's folders on the board, beyond the pod's life.

    Pod Security's level restricted takes no hostPath, nor does baseline.
    """
    table = service.load()
    volumes = [
        # fleet.provision makes it with the right owner; Kubernetes would make it root's.
        {
            "name": volume_name(place),
            "emptyDir": None,
            "hostPath": {"path": place.source, "type": "Directory"},
        }
        for place in table.folders
    ]
    patch = {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": table.name},
        "spec": {"template": {"spec": {"volumes": volumes}}},
    }
    own = {
        "apiVersion": "kustomize.config.k8s.io/v1alpha1",
        "kind": "Component",
        "patches": [{"path": "volumes.yaml"}],
    }
    return {
        f"components/host-folders/{FILE}": own,
        "components/host-folders/volumes.yaml": patch,
    }
