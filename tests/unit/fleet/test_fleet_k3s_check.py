"""What a cluster makes of the service: verdicts, faults, files that are none."""

from __future__ import annotations

import contextlib
import copy
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from jetson_kit.core.errors import BadInputError, CheckFailedError, KitError
from jetson_kit.fleet.k3s import check, cluster, command
from jetson_kit.fleet.k3s.manifests import Options
from tests.unit.fleet.k3s_files import IMAGE, daemon_sets, node, written

BOARD = {"mediapipe-jetson.io/l4t": "36.4.4"}
CANARY = {**BOARD, "mediapipe-jetson.io/wave": "canary"}
RUNTIME = {"kind": "RuntimeClass", "metadata": {"name": "nvidia"}, "handler": "nvidia"}
OLD = IMAGE.replace("a" * 64, "b" * 64)


def pod(owner: str, on: str, image: str = IMAGE, **status: Any) -> dict[str, Any]:
    return {
        "kind": "Pod",
        "metadata": {
            "name": f"{owner}-{on}",
            "namespace": "mediapipe-jetson",
            "labels": {"app.kubernetes.io/name": "mediapipe-jetson"},
            "ownerReferences": [{"kind": "DaemonSet", "name": owner}],
        },
        "spec": {"nodeName": on, "containers": [{"image": image}]},
        "status": status,
    }


def numbers(desired: int, **other: int) -> dict[str, int]:
    same = dict.fromkeys((*check.STATUS[:3], "currentNumberScheduled"), desired)
    return {**same, "numberMisscheduled": 0, **other}


@pytest.fixture
def objects(tmp_path: Path) -> dict[str, Any]:
    """A cluster in order: a canary, two others, and a machine that is no board."""
    sets = daemon_sets(written(tmp_path))
    sets["mediapipe-canary"]["status"] = numbers(1)
    sets["mediapipe-rest"]["status"] = numbers(2)
    return {
        **sets,
        "camera-1": node("camera-1", CANARY),
        "camera-2": node("camera-2", BOARD),
        "camera-3": node("camera-3", BOARD),
        "server": node("server", {"kubernetes.io/arch": "amd64"}),
        "nvidia": copy.deepcopy(RUNTIME),
        "pod-1": pod("mediapipe-canary", "camera-1"),
        "pod-2": pod("mediapipe-rest", "camera-2"),
        "pod-3": pod("mediapipe-rest", "camera-3"),
    }


def judged(objects: dict[str, Any], folder: Path) -> check.Result:
    path = folder / "cluster.json"
    path.write_text(json.dumps({"kind": "List", "items": list(objects.values())}))
    return check.check(cluster.read([path]))


def test_a_cluster_in_order(objects: dict[str, Any], tmp_path: Path) -> None:
    result = judged(objects, tmp_path)
    assert result.faults == ()
    verdicts = {(row.node, row.daemon_set.partition("/")[2]): row.verdict for row in result.rows}
    gets = {pair for pair, verdict in verdicts.items() if verdict == check.GETS}
    assert gets == {
        ("camera-1", "mediapipe-canary"),
        ("camera-2", "mediapipe-rest"),
        ("camera-3", "mediapipe-rest"),
    }
    (server, *_) = (row for row in result.rows if row.node == "server")
    assert "label kubernetes.io/arch is amd64, the DaemonSet selects arm64" in server.reasons


def test_labels_of_another_form_select_nobody(objects: dict[str, Any], tmp_path: Path) -> None:
    for name in ("camera-1", "camera-2", "camera-3"):
        objects[name]["metadata"]["labels"]["mediapipe-jetson.io/l4t"] = "r36.4.4"
    for name in ("mediapipe-canary", "mediapipe-rest"):
        objects[name]["status"] = numbers(0)
    for name in ("pod-1", "pod-2", "pod-3"):
        del objects[name]
    faults = judged(objects, tmp_path).faults
    assert "mediapipe-jetson/mediapipe-rest: selects none of 4 nodes" in faults
    assert any(
        "wants 0 pods, which `kubectl rollout status` calls a success" in fault for fault in faults
    )
    assert "camera-2: has the label mediapipe-jetson.io/l4t, and no DaemonSet selects it" in faults


def _taint(o: dict[str, Any]) -> None:
    o["camera-2"]["spec"]["taints"] = [{"key": "own", "value": "x", "effect": "NoSchedule"}]


def _not_ready(o: dict[str, Any]) -> None:
    o["camera-2"]["status"]["conditions"] = [
        {"type": "Ready", "status": "Unknown", "message": "Kubelet stopped posting node status."}
    ]


def _plugin(o: dict[str, Any]) -> None:
    (container,) = o["mediapipe-rest"]["spec"]["template"]["spec"]["containers"]
    container["resources"]["limits"]["nvidia.com/gpu"] = "1"
    o["camera-3"]["status"]["allocatable"] = {"nvidia.com/gpu": "1"}


def _handlers(o: dict[str, Any]) -> None:
    o["camera-2"]["status"]["runtimeHandlers"] = [{"name": ""}, {"name": "runc"}]
    o["camera-3"]["status"]["runtimeHandlers"] = [{"name": "nvidia"}, {"name": "runc"}]


def _scheduling(o: dict[str, Any]) -> None:
    o["nvidia"]["scheduling"] = {"nodeSelector": {"gpu": "yes"}}
    for name in ("camera-1", "camera-3"):
        o[name]["metadata"]["labels"]["gpu"] = "yes"


def _waiting(o: dict[str, Any]) -> None:
    why = {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}
    o["pod-2"]["status"] = {"containerStatuses": [{"ready": False, "state": {"waiting": why}}]}


def _unhealthy(o: dict[str, Any]) -> None:
    running = {"ready": False, "state": {"running": {"startedAt": "2026-11-28T00:00:00Z"}}}
    o["pod-2"]["status"] = {"containerStatuses": [running]}


def _pending(o: dict[str, Any]) -> None:
    del o["pod-2"]["spec"]["nodeName"]
    fields = [{"key": "metadata.name", "operator": "In", "values": ["camera-2"]}]
    o["pod-2"]["spec"]["affinity"] = {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [{"matchFields": fields}]
            }
        }
    }
    why = {"type": "PodScheduled", "status": "False", "message": "Insufficient memory"}
    o["pod-2"]["status"] = {"conditions": [why]}


def _event(o: dict[str, Any]) -> None:
    o["event"] = {
        "kind": "Event",
        "metadata": {"name": "x", "namespace": "mediapipe-jetson"},
        "involvedObject": {"name": "mediapipe-rest", "namespace": "mediapipe-jetson"},
        "message": 'pods "mediapipe-rest-" is forbidden: violates PodSecurity "restricted:latest"',
    }


def _second(o: dict[str, Any]) -> None:
    o["second"] = copy.deepcopy(o["mediapipe-rest"])
    o["second"]["metadata"]["name"] = "mediapipe"


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (_taint, "camera-2: has the label mediapipe-jetson.io/l4t, and no DaemonSet selects it"),
        (_not_ready, "the node is not ready: Kubelet stopped posting node status."),
        (_plugin, "camera-2: selected by mediapipe-jetson/mediapipe-rest, and it offers 0 of "
                  "nvidia.com/gpu, 1 needed"),
        (_handlers, "camera-2: selected by mediapipe-jetson/mediapipe-rest, and its container "
                    "engine has no runtime nvidia"),
        (_scheduling, "and RuntimeClass nvidia: label gpu is missing"),
        (_waiting, "is waiting: ImagePullBackOff: Back-off pulling image"),
        (_unhealthy, "runs and is not ready: its health check has not passed"),
        (_pending, "camera-2: selected by mediapipe-jetson/mediapipe-rest, and pod "
                   "mediapipe-jetson/mediapipe-rest-camera-2: Insufficient memory"),
        (_event, "violates PodSecurity"),
        (_second, "camera-2: gets a pod of each of"),
        (lambda o: o.pop("nvidia"), "the cluster has no RuntimeClass nvidia"),
        (lambda o: o["mediapipe-rest"].update(status=numbers(2, numberReady=1)),
         "mediapipe-jetson/mediapipe-rest: 1 of 2 pods is ready"),
        (lambda o: o["mediapipe-rest"].update(status=numbers(2, updatedNumberScheduled=0)),
         "0 of 2 pods are of its newest version"),
        (lambda o: o["mediapipe-rest"].update(status=numbers(2, numberMisscheduled=1)),
         "1 node runs a pod of it and should not"),
        (lambda o: o["mediapipe-rest"].update(status=numbers(3)),
         "the cluster wants 3 pods, by labels and taints it is 2"),
        (lambda o: (o["mediapipe-rest"]["metadata"].update(generation=2),
                    o["mediapipe-rest"].update(status=numbers(2, observedGeneration=1))),
         "has not taken up its newest version"),
        (lambda o: o["pod-3"]["spec"].update(containers=[{"image": OLD}]),
         f"camera-3: still on {OLD}"),
        (lambda o: (o.pop("mediapipe-canary"), o.pop("mediapipe-rest")),
         "no DaemonSet has the label"),
    ],
)  # fmt: skip
def test_faults(
    objects: dict[str, Any], tmp_path: Path, change: Callable[[Any], object], fault: str
) -> None:
    change(objects)
    assert [item for item in judged(objects, tmp_path).faults if fault in item]


def test_a_cordoned_node_gets_it_all_the_same(objects: dict[str, Any], tmp_path: Path) -> None:
    objects["camera-2"]["spec"] = {
        "unschedulable": True,
        "taints": [{"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}],
    }
    result = judged(objects, tmp_path)
    assert result.faults == ()
    (row,) = (item for item in result.rows if item.node == "camera-2" and item.notes)
    assert (row.verdict, row.notes) == (check.GETS, (check.CORDONED,))


def test_a_manifest_in_a_later_file_is_judged_before_it_is_applied(
    objects: dict[str, Any], tmp_path: Path
) -> None:
    live = tmp_path / "cluster.json"
    live.write_text(json.dumps({"kind": "List", "items": list(objects.values())}))
    planned = tmp_path / "rest.yaml"
    body = daemon_sets(written(tmp_path, l4t="36.5.0"))["mediapipe-rest"]
    planned.write_text(yaml.safe_dump_all([body]))
    faults = check.check(cluster.read([live, planned])).faults
    assert "mediapipe-jetson/mediapipe-rest: selects none of 4 nodes" in faults


def test_the_command_ends_as_the_table_says(
    objects: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "cluster.json"
    path.write_text(json.dumps({"kind": "List", "items": list(objects.values())}))
    command.check([path])
    assert "every node that is selected" in capsys.readouterr().out
    planned = tmp_path / "planned.json"
    rows = [{**item, "status": {}} for item in objects.values() if item["kind"] == "DaemonSet"]
    planned.write_text(json.dumps({"kind": "List", "items": rows}))
    command.check([path, planned])
    assert "not applied yet: mediapipe-jetson/mediapipe-canary" in capsys.readouterr().out
    del objects["nvidia"]
    path.write_text(json.dumps({"kind": "List", "items": list(objects.values())}))
    with pytest.raises(CheckFailedError, match="3 faults"):
        command.check([path])
    assert "camera-3: selected by" in capsys.readouterr().out


def test_a_list_of_one_kind_does_not_repeat_it(tmp_path: Path) -> None:
    path = tmp_path / "nodes.json"
    path.write_text(json.dumps({"kind": "NodeList", "items": [{"metadata": {"name": "a"}}]}))
    assert [item["metadata"]["name"] for item in cluster.read([path]).nodes] == ["a"]


@pytest.mark.parametrize(
    "text",
    [
        "", "{}", "[]", "null", "{", "a: [", '{"kind": "List", "items": []}', '{"kind": 1}',
        '{"kind": "Node"}', '{"kind": "Node", "metadata": {"name": ""}}', '"Node"', "- a",
        '{"kind": "Node", "metadata": {"name": "a", "labels": {"a": 1}}}',
        '{"kind": "List", "items": [1]}', '{"kind": "List", "items": {"a": 1}}', "\x00", "[" * 9999,
        '{"kind": "DaemonSet", "metadata": {"name": "a"}, "spec": {}}', "{" * 9999,
    ],
)  # fmt: skip
def test_files_that_kubectl_did_not_write(tmp_path: Path, text: str) -> None:
    path = tmp_path / "cluster.json"
    path.write_text(text)
    with pytest.raises(BadInputError, match=r"cluster\.json"):
        cluster.read([path])


def test_random_damage_is_never_a_traceback(objects: dict[str, Any], tmp_path: Path) -> None:
    for change in (_pending, _event, _handlers, _taint):
        change(objects)
    chance = random.Random(7)  # noqa: S311 # a seed that names the damage
    values: tuple[Any, ...] = (None, "", "x", 7, -1, 1.5, True, [], {}, [1], {"a": 1}, [None])
    for _ in range(300):
        damaged = copy.deepcopy(objects)
        places: list[tuple[Any, Any]] = []
        stack: list[Any] = [damaged]
        while stack:
            parent = stack.pop()
            items = parent.items() if isinstance(parent, dict) else enumerate(parent)
            for key, value in list(items):
                places.append((parent, key))
                stack += [value] if isinstance(value, dict | list) else []
        owner, key = chance.choice(places)
        owner[key] = chance.choice(values)
        path = tmp_path / "cluster.json"
        path.write_text(json.dumps({"kind": "List", "items": list(damaged.values())}))
        with contextlib.suppress(KitError):
            check.check(cluster.read([path]))


def test_a_pod_that_asks_for_a_resource(tmp_path: Path) -> None:
    result = daemon_sets(written(tmp_path, Options(resources=("nvidia.com/gpu",))))
    for body in result.values():
        (container,) = body["spec"]["template"]["spec"]["containers"]
        assert container["resources"]["limits"]["nvidia.com/gpu"] == "1"
