"""Which nodes get a DaemonSet's pod; cases and verdicts are those of Kubernetes' own tests.

They are TestPodMatchesNodeSelectorAndAffinityTerms and TestNodeSelectorMatch (component-helpers,
nodeaffinity), TestTolerationToleratesTaint (api, core/v1) and TestNodeShouldRunDaemonPod (daemon
controller), written as tables of our own.
"""

from __future__ import annotations

from typing import Any

import pytest

from jetson_kit.fleet.k3s import selection
from tests.unit.fleet.k3s_files import node


def gets(pod: dict[str, Any], labels: dict[str, str], name: str = "host_1", **more: Any) -> bool:
    return not selection.refusals(pod, node(name, labels, **more))


def required(*terms: Any) -> dict[str, Any]:
    body = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": list(terms)}}
    return {"affinity": {"nodeAffinity": body}}


def labelled(key: str, operator: str, *values: str) -> dict[str, Any]:
    return {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}


def named(operator: str, *values: str, key: str = "metadata.name") -> dict[str, Any]:
    return {"matchFields": [{"key": key, "operator": operator, "values": list(values)}]}


@pytest.mark.parametrize(
    ("selector", "labels", "verdict"),
    [
        ({}, {}, True),
        ({"foo": "bar"}, {}, False),
        ({"foo": "bar"}, {"foo": "bar"}, True),
        ({"foo": "bar"}, {"foo": "bar", "baz": "blah"}, True),
        ({"foo": "bar", "baz": "blah"}, {"foo": "bar"}, False),
        ({"foo": ""}, {}, False),
        ({"foo": ""}, {"foo": ""}, True),
        ({"foo": "36.4.4"}, {"foo": "r36.4.4"}, False),
    ],
)
def test_node_selectors(selector: Any, labels: Any, verdict: bool) -> None:
    assert gets({"nodeSelector": selector}, labels) is verdict


@pytest.mark.parametrize(
    ("terms", "labels", "verdict"),
    [
        ([labelled("foo", "In", "bar", "value2")], {"foo": "bar"}, True),
        ([labelled("foo", "In", "value1", "value2")], {"foo": "bar"}, False),
        ([labelled("foo", "In")], {"foo": "bar"}, False),
        ([labelled("kernel-version", "Gt", "0204")], {"kernel-version": "0206"}, True),
        ([labelled("kernel-version", "Lt", "0204")], {"kernel-version": "0206"}, False),
        ([labelled("kernel-version", "Gt", "0204")], {}, False),
        ([labelled("kernel-version", "Gt", "0204")], {"kernel-version": "new"}, False),
        ([labelled("kernel-version", "Gt", "1", "2")], {"kernel-version": "3"}, False),
        ([labelled("kernel-version", "Gt", "1_0")], {"kernel-version": "11"}, False),
        ([labelled("mem-type", "NotIn", "DDR", "DDR2")], {"mem-type": "DDR3"}, True),
        ([labelled("mem-type", "NotIn", "DDR", "DDR2")], {}, True),
        ([labelled("mem-type", "NotIn", "DDR")], {"mem-type": "DDR"}, False),
        ([labelled("mem-type", "NotIn")], {"mem-type": "DDR"}, False),
        ([labelled("GPU", "Exists")], {"GPU": "NVIDIA-GRID-K1"}, True),
        ([labelled("GPU", "Exists")], {}, False),
        ([labelled("GPU", "Exists", "a")], {"GPU": "a"}, False),
        ([labelled("GPU", "DoesNotExist")], {}, True),
        ([labelled("GPU", "DoesNotExist")], {"GPU": ""}, False),
        ([labelled("GPU", "Near", "a")], {"GPU": "a"}, False),
        ([], {"foo": "bar"}, False),
        ([{}], {"foo": "bar"}, False),
        ([{"matchExpressions": []}], {"foo": "bar"}, False),
        ([{}, labelled("foo", "Exists")], {"foo": "bar"}, True),
        ([labelled("foo", "In", "no"), labelled("foo", "In", "bar")], {"foo": "bar"}, True),
        ([named("In", "host_1")], {}, True),
        ([named("In", "host_2")], {}, False),
        ([named("NotIn", "host_1")], {}, False),
        ([named("In", "host_1", "host_2")], {}, False),
        ([named("Exists")], {}, False),
        ([named("In", "host_1", key="metadata.namespace")], {}, False),
        ([named("In", "host_1") | labelled("label_1", "In", "yes")], {}, False),
        ([named("In", "host_1") | labelled("label_1", "In", "yes")], {"label_1": "yes"}, True),
        ([labelled("label_1", "In", "yes"), named("In", "host_1")], {}, True),
        ([named("In", "host_1", "host_2"), labelled("a", "Exists")], {"a": ""}, True),
    ],
)
def test_node_affinity(terms: Any, labels: Any, verdict: bool) -> None:
    assert gets(required(*terms), labels) is verdict


def test_selector_and_affinity_both_count() -> None:
    pod = {"nodeSelector": {"foo": "bar"}, **required(labelled("foo", "Exists"))}
    assert gets(pod, {"foo": "bar"})
    assert not gets(pod, {"foo": "other"})


def test_a_preference_keeps_nobody_away() -> None:
    term = {"weight": 1, "preference": labelled("foo", "In", "bar")}
    body = {"preferredDuringSchedulingIgnoredDuringExecution": [term]}
    assert gets({"affinity": {"nodeAffinity": body}}, {})


def test_a_node_by_its_name() -> None:
    assert gets({"nodeName": "host_1"}, {})
    assert not gets({"nodeName": "host_2"}, {})


TAINT = {"key": "foo", "value": "bar", "effect": "NoSchedule"}


@pytest.mark.parametrize(
    ("toleration", "verdict"),
    [
        ({"key": "foo", "operator": "Exists", "effect": "NoSchedule"}, True),
        ({"key": "foo", "operator": "Exists"}, True),
        ({"operator": "Exists"}, True),
        ({"key": "foo", "operator": "Equal", "value": "bar", "effect": "NoSchedule"}, True),
        ({"key": "foo", "value": "bar"}, True),
        ({"key": "foo", "value": "other"}, False),
        ({"key": "foo"}, False),
        ({"key": "other", "operator": "Exists"}, False),
        ({"key": "foo", "operator": "Exists", "effect": "NoExecute"}, False),
        ({"key": "foo", "operator": "Near", "value": "bar"}, False),
    ],
)
def test_tolerations(toleration: Any, verdict: bool) -> None:
    assert selection.tolerates(toleration, TAINT) is verdict
    assert gets({"tolerations": [toleration]}, {}, taints=[TAINT]) is verdict


@pytest.mark.parametrize(
    ("taint", "verdict"),
    [
        (("unschedulable", "NoSchedule"), True),
        (("disk-pressure", "NoSchedule"), True),
        (("memory-pressure", "NoSchedule"), True),
        (("pid-pressure", "NoSchedule"), True),
        (("not-ready", "NoExecute"), True),
        (("unreachable", "NoExecute"), True),
        # So a board that never came up is not counted as one that lacks the service.
        (("not-ready", "NoSchedule"), False),
        (("unreachable", "NoSchedule"), False),
        (("network-unavailable", "NoSchedule"), False),
        (("out-of-service", "NoExecute"), False),
        (("anything", "PreferNoSchedule"), True),
    ],
)
def test_what_a_daemon_set_tolerates_by_itself(taint: tuple[str, str], verdict: bool) -> None:
    name, effect = taint
    own = {"key": f"node.kubernetes.io/{name}", "effect": effect}
    assert gets({}, {}, taints=[own]) is verdict


def test_the_hosts_network_tolerates_that_there_is_none() -> None:
    own = {"key": "node.kubernetes.io/network-unavailable", "effect": "NoSchedule"}
    assert gets({"hostNetwork": True}, {}, taints=[own])


@pytest.mark.parametrize(
    ("pod", "labels", "expected"),
    [
        ({"nodeSelector": {"a": "b"}}, {}, "label a is missing, the DaemonSet selects b"),
        ({"nodeSelector": {"a": "b"}}, {"a": "c"}, "label a is c, the DaemonSet selects b"),
        ({"nodeSelector": {"a": "b"}}, {"a": ""}, "label a is empty, the DaemonSet selects b"),
        (
            required(labelled("a", "NotIn", "x")),
            {"a": "x"},
            "label a is x, the DaemonSet leaves out x",
        ),
        (required(), {}, "its node affinity has no term, so it selects no node"),
    ],
)  # fmt: skip
def test_reasons(pod: Any, labels: Any, expected: str) -> None:
    assert selection.refusals(pod, node("a", labels)) == [expected]


def test_every_reason_is_named() -> None:
    pod = {"nodeSelector": {"a": "b", "c": "d"}}
    assert len(selection.refusals(pod, node("a", {}, taints=[TAINT]))) == 3
