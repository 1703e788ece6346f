"""Which nodes get a DaemonSet's pod, by the rules of Kubernetes' own DaemonSet controller.

The rules are those of nodeShouldRunDaemonPod in pkg/controller/daemon/daemon_controller.go, of
k8s.io/component-helpers/scheduling/corev1/nodeaffinity, and of the tolerations that the controller
adds (https://kubernetes.io/docs/concepts/workloads/controllers/daemonset/#taints-and-tolerations).
So a cordoned node gets the pod, and one that is not ready keeps it but gets no new one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Document = Mapping[str, Any]
INTEGER = re.compile(r"[+-]?[0-9]+")
WISHES = {
    "In": "selects",
    "NotIn": "leaves out",
    "Exists": "selects nodes that have it",
    "DoesNotExist": "leaves out nodes that have it",
    "Gt": "selects more than",
    "Lt": "selects less than",
}
HARD = ("NoSchedule", "NoExecute")
ADDED: tuple[Document, ...] = (
    *(
        {"key": f"node.kubernetes.io/{name}", "operator": "Exists", "effect": "NoExecute"}
        for name in ("not-ready", "unreachable")
    ),
    *(
        {"key": f"node.kubernetes.io/{name}", "operator": "Exists", "effect": "NoSchedule"}
        for name in ("disk-pressure", "memory-pressure", "pid-pressure", "unschedulable")
    ),
)
ADDED_WITH_HOST_NETWORK: Document = {
    "key": "node.kubernetes.io/network-unavailable", "operator": "Exists", "effect": "NoSchedule",
}  # fmt: skip


def refusals(pod: Document, node: Document) -> list[str]:
    """Return why a node does not get the pod of such a template, none where it gets it."""
    name, labels = _name(node), _labels(node)
    result = []
    if pod.get("nodeName") not in (None, "", name):
        result.append(f"the DaemonSet is for the node {pod['nodeName']} alone")
    result += selector_refusals(pod.get("nodeSelector") or {}, labels)
    result += list(_affinity(pod, name, labels))
    return result + taint_refusals(pod, node)


def selector_refusals(selector: Mapping[str, str], labels: Mapping[str, str]) -> list[str]:
    """Return a line for each label that is missing or has another value."""
    return [
        f"label {key} is {_value(labels, key)}, the DaemonSet selects {value}"
        for key, value in selector.items()
        if labels.get(key) != value
    ]


def taint_refusals(pod: Document, node: Document, further: Sequence[Document] = ()) -> list[str]:
    """Return a line for each taint that keeps the pod away; `further` tolerations count too."""
    given = [*(pod.get("tolerations") or ()), *ADDED, *further]
    if pod.get("hostNetwork"):
        given.append(ADDED_WITH_HOST_NETWORK)
    taints = (node.get("spec") or {}).get("taints") or ()
    return [
        f"taint {_taint(taint)} is not tolerated"
        for taint in taints
        if taint.get("effect") in HARD and not any(tolerates(item, taint) for item in given)
    ]


def tolerates(toleration: Document, taint: Document) -> bool:
    """Tell whether a toleration is for a taint."""
    for field in ("effect", "key"):
        if toleration.get(field) and toleration[field] != taint.get(field):
            return False
    operator = toleration.get("operator") or "Equal"
    if operator == "Exists":
        return True
    return operator == "Equal" and (toleration.get("value") or "") == (taint.get("value") or "")


def _affinity(pod: Document, name: str, labels: Mapping[str, str]) -> Iterator[str]:
    """Yield why no term of the required node affinity is for a node."""
    node_affinity = (pod.get("affinity") or {}).get("nodeAffinity") or {}
    required = node_affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    if required is None:
        return
    terms = required.get("nodeSelectorTerms") or []
    reasons = [_term(term, name, labels) for term in terms]
    if all(reasons):
        yield "; or ".join(reasons) or "its node affinity has no term, so it selects no node"


def _term(term: Document, name: str, labels: Mapping[str, str]) -> str:
    """Return why a term is not for a node, "" if it is."""
    expressions, fields = term.get("matchExpressions") or [], term.get("matchFields") or []
    if not expressions and not fields:
        return "an empty term of its node affinity selects no node"
    for item in expressions:
        if not _meets(item, labels):
            return f"label {item['key']} is {_value(labels, item['key'])}, {_wish(item)}"
    for item in fields:
        known = item.get("key") == "metadata.name" and item.get("operator") in ("In", "NotIn")
        if not known or len(item.get("values") or ()) != 1:
            return f"its node affinity has a field that Kubernetes does not take: {item}"
        if not _meets(item, {"metadata.name": name}):
            return f"the node's name is {name}, {_wish(item)}"
    return ""


def _meets(expression: Document, labels: Mapping[str, str]) -> bool:
    """Tell whether labels meet a NodeSelectorRequirement; one that is not valid is never met."""
    key, operator = expression.get("key", ""), expression.get("operator")
    values = list(expression.get("values") or ())
    if operator == "In":
        return key in labels and labels[key] in values
    if operator == "NotIn":
        return bool(values) and labels.get(key) not in values
    if operator in ("Exists", "DoesNotExist"):
        return not values and (key in labels) == (operator == "Exists")
    if operator in ("Gt", "Lt") and key in labels and len(values) == 1:
        operands = (labels[key], values[0])
        if all(INTEGER.fullmatch(operand, 0) for operand in operands):
            have, limit = map(int, operands)
            return have > limit if operator == "Gt" else have < limit
    return False


def _wish(expression: Document) -> str:
    values = " or ".join(expression.get("values") or ())
    operator = str(expression.get("operator"))
    return f"the DaemonSet {WISHES.get(operator, operator)} {values}".rstrip()


def _value(labels: Mapping[str, str], key: str) -> str:
    return (labels[key] or "empty") if key in labels else "missing"


def _taint(taint: Document) -> str:
    value = f"={taint['value']}" if taint.get("value") else ""
    return f"{taint.get('key')}{value}:{taint.get('effect')}"


def _name(node: Document) -> str:
    return str((node.get("metadata") or {}).get("name", ""))


def _labels(node: Document) -> Mapping[str, str]:
    return (node.get("metadata") or {}).get("labels") or {}
