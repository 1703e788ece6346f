"""Judges what a cluster makes of the service's DaemonSets: which nodes get a pod, and why not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jetson_kit.core.text import counted, verb
from jetson_kit.fleet.k3s import labels, selection
from jetson_kit.fleet.k3s.cluster import Cluster, Document, key

GETS, WAITS, NOT = "gets it", "can't run it", "not"
STATUS = ("desiredNumberScheduled", "numberReady", "updatedNumberScheduled", "numberMisscheduled")
CORDONED = "cordoned, which a DaemonSet passes over"


@dataclass(frozen=True)
class Row:
    """What one node gets of one DaemonSet."""

    node: str
    daemon_set: str
    verdict: str
    reasons: tuple[str, ...]
    notes: tuple[str, ...] = ()
    """What keeps no pod away."""


@dataclass(frozen=True)
class Result:
    """All rows, and what is wrong: a line each."""

    rows: tuple[Row, ...]
    faults: tuple[str, ...]


def check(cluster: Cluster) -> Result:
    """Judge a cluster."""
    rows = tuple(
        _row(cluster, daemon_set, node)
        for daemon_set in cluster.daemon_sets
        for node in cluster.nodes
    )
    return Result(rows, tuple(_faults(cluster, rows)))


def _row(cluster: Cluster, daemon_set: Document, node: Document) -> Row:
    pod = daemon_set["spec"]["template"]["spec"]
    name = key(node)
    against = selection.refusals(pod, node)
    if against:
        return Row(name, key(daemon_set), NOT, tuple(against))
    lacking = [*_runtime(cluster, pod, node), *_resources(pod, node), *_readiness(node)]
    own = [item for item in cluster.pods if _of(item, daemon_set) and _node_of(item) == name]
    lacking += [line for item in own for line in _waiting(item)]
    cordoned = (CORDONED,) if (node.get("spec") or {}).get("unschedulable") else ()
    verdict = WAITS if lacking else GETS
    return Row(name, key(daemon_set), verdict, tuple(lacking), cordoned)


def _runtime(cluster: Cluster, pod: Document, node: Document) -> Iterator[str]:
    """Yield why the pod's RuntimeClass keeps it from a node."""
    name = pod.get("runtimeClassName")
    if not name:
        return
    known = {key(item): item for item in cluster.runtime_classes}
    if name not in known:
        yield f"the cluster has no RuntimeClass {name}"
        return
    scheduling = known[name].get("scheduling") or {}
    node_labels = node["metadata"].get("labels") or {}
    yield from (
        f"RuntimeClass {name}: {line}"
        for line in [
            *selection.selector_refusals(scheduling.get("nodeSelector") or {}, node_labels),
            *selection.taint_refusals(pod, node, scheduling.get("tolerations") or ()),
        ]
    )
    handler = known[name].get("handler")
    # Kubelets say it from Kubernetes 1.30 on, with a container engine that says it to them.
    handlers = [item.get("name") for item in _status(node).get("runtimeHandlers") or ()]
    if handlers and handler not in handlers:
        yield f"its container engine has no runtime {handler}"


def _resources(pod: Document, node: Document) -> Iterator[str]:
    """Yield the device plugins' resources that a node does not offer."""
    needed: dict[str, int] = {}
    for container in pod["containers"]:
        for name, value in ((container.get("resources") or {}).get("limits") or {}).items():
            if "/" in name and str(value).isascii() and str(value).isdecimal():
                needed[name] = needed.get(name, 0) + int(value)
    offered = _status(node).get("allocatable") or {}
    for name, count in needed.items():
        word = str(offered.get(name, "0"))
        if not (word.isascii() and word.isdecimal() and int(word) >= count):
            yield f"it offers {word} of {name}, {count} needed: is its device plugin there?"


def _readiness(node: Document) -> Iterator[str]:
    for item in _status(node).get("conditions") or ():
        if item.get("type") == "Ready" and item.get("status") != "True":
            why = item.get("message") or item.get("reason") or "no reason"
            yield f"the node is not ready: {why}"


def _waiting(pod: Document) -> Iterator[str]:
    """Yield why a pod that is there does not run."""
    status = _status(pod)
    for item in status.get("conditions") or ():
        if item.get("type") == "PodScheduled" and item.get("status") == "False":
            yield f"pod {key(pod)}: {item.get('message') or item.get('reason')}"
    for container in status.get("containerStatuses") or ():
        if (container.get("state") or {}).get("running") and container.get("ready") is False:
            yield f"pod {key(pod)} runs and is not ready: its health check has not passed"
        for state in ("waiting", "terminated"):
            why = (container.get("state") or {}).get(state)
            if why:
                parts = [str(why[part]) for part in ("reason", "message") if why.get(part)]
                yield f"pod {key(pod)} is {state}: {': '.join(parts) or 'no reason'}"


def _faults(cluster: Cluster, rows: tuple[Row, ...]) -> Iterator[str]:
    if not cluster.daemon_sets:
        yield f"no DaemonSet has the label {labels.APP_KEY}={labels.APP_NAME}: apply the manifests"
    for daemon_set in cluster.daemon_sets:
        own = [row for row in rows if row.daemon_set == key(daemon_set)]
        yield from _of_daemon_set(cluster, daemon_set, own)
    for node in cluster.nodes:
        chosen = [row.daemon_set for row in rows if row.node == key(node) and row.verdict != NOT]
        if len(chosen) > 1:
            yield f"{key(node)}: gets a pod of each of {', '.join(chosen)}"
        marked = [item for item in (node["metadata"].get("labels") or {}) if _prefixed(item)]
        if marked and not chosen and cluster.daemon_sets:
            yield f"{key(node)}: has the label {marked[0]}, and no DaemonSet selects it"


def _of_daemon_set(cluster: Cluster, daemon_set: Document, rows: list[Row]) -> Iterator[str]:
    name, selected = key(daemon_set), [row for row in rows if row.verdict != NOT]
    if not selected:
        yield f"{name}: selects none of {counted(len(rows), 'node')}"
    yield from (
        f"{row.node}: selected by {name}, and {reason}"
        for row in selected
        if row.verdict == WAITS
        for reason in row.reasons
    )
    yield from _status_faults(daemon_set, len(selected))
    for event in cluster.events:
        about = event.get("involvedObject") or {}
        if (about.get("namespace"), about.get("name")) == _place(daemon_set):
            yield f"{name}: {event.get('message') or 'its pods are not created'}"
    images = _images(daemon_set["spec"]["template"]["spec"])
    for pod in cluster.pods:
        if _of(pod, daemon_set) and _images(pod["spec"]) != images:
            yield f"{_node_of(pod) or key(pod)}: still on {', '.join(_images(pod['spec']))}"


def _status_faults(daemon_set: Document, selected: int) -> Iterator[str]:
    """Yield what the controller's own numbers say; a manifest that was not applied has none."""
    status, name = _status(daemon_set), key(daemon_set)
    if not status:
        return
    generation = daemon_set["metadata"].get("generation")
    if generation is not None and status.get("observedGeneration", 0) < generation:
        yield f"{name}: the cluster has not taken up its newest version yet"
        return
    desired, ready, updated, wrong = (int(status.get(item) or 0) for item in STATUS)
    if desired != selected:
        pods = counted(desired, "pod")
        yield f"{name}: the cluster wants {pods}, by labels and taints it is {selected}"
    elif not desired:
        yield f"{name}: the cluster wants 0 pods, which `kubectl rollout status` calls a success"
    for count, what in ((ready, "ready"), (updated, "of its newest version")):
        if count < desired:
            yield f"{name}: {count} of {counted(desired, 'pod')} {verb(count, 'be')} {what}"
    if wrong:
        yield f"{name}: {counted(wrong, 'node')} {verb(wrong, 'run')} a pod of it and should not"


def _status(item: Document) -> dict[str, Any]:
    return item.get("status") or {}


def _of(pod: Document, daemon_set: Document) -> bool:
    """Tell whether a pod belongs to a DaemonSet."""
    owners = pod["metadata"].get("ownerReferences") or ()
    named = (("DaemonSet", daemon_set["metadata"]["name"]),)
    return _place(pod)[0] == _place(daemon_set)[0] and any(
        (item.get("kind"), item.get("name")) in named for item in owners
    )


def _node_of(pod: Document) -> str:
    """Return the node of a pod; one that waits for the scheduler is bound by its affinity."""
    if name := pod["spec"].get("nodeName"):
        return str(name)
    affinity = (pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    for term in required.get("nodeSelectorTerms") or ():
        for item in term.get("matchFields") or ():
            if item["key"] == "metadata.name" and item.get("values"):
                return str(item["values"][0])
    return ""


def _images(pod: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(item.get("image")) for item in pod["containers"])


def _place(item: Document) -> tuple[str, str]:
    metadata = item["metadata"]
    return metadata.get("namespace", "default"), metadata["name"]


def _prefixed(label: str) -> bool:
    return label.startswith(f"{labels.PREFIX}/")
