"""Manifests of a small release, and what kustomize makes of them."""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from jetson_kit.fleet.k3s import kustomize
from jetson_kit.fleet.k3s.manifests import Options
from jetson_kit.fleet.release.release import Release
from jetson_kit.fleet.rollout.plan import Plan

IMAGE = "registry.example:5000/mediapipe-jetson@sha256:" + "a" * 64
CHECK: dict[str, Any] = {
    "Test": ["CMD", "/opt/python3", "-m", "mediapipe_jetson", "healthcheck"],
    "Interval": 30_000_000_000,
    "Timeout": 20_000_000_000,
    "StartPeriod": 60_000_000_000,
    "Retries": 3,
}


def release(
    folder: Path,
    l4t: str = "36.4.4",
    check: Any = CHECK,
    labels: Mapping[str, str] | None = None,
) -> Release:
    config = json.dumps({"config": {"Healthcheck": check, "Labels": dict(labels or {})}})
    (folder / "release.json").write_text(json.dumps({"config": config}))
    digest = "sha256:" + hashlib.sha256(config.encode()).hexdigest()
    now = datetime.datetime.now(datetime.UTC)
    return Release(folder, "r36.4.4", digest, digest, "arm64", l4t, (), 1, now, now)


def written(folder: Path, options: Options | None = None, **more: Any) -> Path:
    """Write manifests below a folder and return where."""
    sites = more.pop("sites", ())
    plan = more.pop("plan", Plan())
    kustomize.write(release(folder, **more), IMAGE, folder / "k3s", plan, options, sites)
    return folder / "k3s"


def daemon_sets(manifests: Path) -> dict[str, Any]:
    """Return the DaemonSets of the overlays by name; tests/fleet compares this with kustomize."""
    result = {}
    for folder in sorted((manifests / "overlays").iterdir()):
        own = _read(folder / "kustomization.yaml")
        (base,) = own["resources"]
        body = _merged(_read(folder / base / "daemonset.yaml"), _read(folder / "nodes.yaml"))
        body["metadata"]["name"] += own["nameSuffix"]
        body["metadata"]["namespace"] = own["namespace"]
        (row,) = own["labels"]
        for place in (
            body["metadata"]["labels"],
            body["spec"]["selector"]["matchLabels"],
            body["spec"]["template"]["metadata"]["labels"],
        ):
            place.update(row["pairs"])
        result[body["metadata"]["name"]] = body
    return result


def _merged(base: Any, patch: Any) -> Any:
    if not isinstance(base, dict) or not isinstance(patch, dict):
        return patch
    return {**base, **{key: _merged(base.get(key), value) for key, value in patch.items()}}


def _read(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def node(name: str, labels: Mapping[str, str] | None = None, **status: Any) -> dict[str, Any]:
    """Return a node as an API server shows it."""
    taints = status.pop("taints", None)
    unschedulable = status.pop("unschedulable", False)
    ready = {"type": "Ready", "status": "True"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {"kubernetes.io/arch": "arm64", **(labels or {})}},
        "spec": {"taints": taints, "unschedulable": unschedulable},
        "status": {"conditions": [ready], **status},
    }
