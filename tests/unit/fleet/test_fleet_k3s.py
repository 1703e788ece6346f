"""Manifests for clusters: the service's own data, and Kubernetes' own schemas."""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from jetson_kit.core.errors import BadInputError
from jetson_kit.fleet import k3s
from jetson_kit.fleet.release.release import Release
from jetson_kit.fleet.rollout.plan import Plan
from jetson_kit.service import contract as service

IMAGE = "registry.example:5000/mediapipe-jetson@sha256:" + "a" * 64
CHECK: dict[str, Any] = {
    "Test": ["CMD", "/opt/python3", "-m", "mediapipe_jetson", "healthcheck"],
    "Interval": 30_000_000_000,
    "Timeout": 20_000_000_000,
    "StartPeriod": 60_000_000_000,
    "Retries": 3,
}


def release(folder: Path, l4t: str = "r36.4.4", check: Any = CHECK) -> Release:
    config = json.dumps({"config": {"Healthcheck": check}})
    (folder / "release.json").write_text(json.dumps({"config": config}))
    digest = "sha256:" + hashlib.sha256(config.encode()).hexdigest()
    now = datetime.datetime.now(datetime.UTC)
    return Release(folder, "r36", digest, digest, "arm64", l4t, (), 1, now, now)


def made(folder: Path, wave: str = k3s.REST, plan: Plan | None = None, **more: Any) -> Any:
    return k3s.daemon_set(release(folder, **more), IMAGE, plan or Plan(), (44, 104), wave)


def test_the_pod_has_the_services_rights(tmp_path: Path) -> None:
    table = service.load()
    pod = made(tmp_path)["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "privileged": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == int(table.user.split(":")[0])
    assert pod["securityContext"]["supplementalGroups"] == [44, 104]
    assert container["args"] == list(table.command)
    assert container["resources"]["limits"] == {"memory": "3Gi"}
    assert {one["mountPath"] for one in container["volumeMounts"]} == {
        *table.tmpfs,
        "/var/lib/mediapipe-jetson/reports",
    }
    env = {one["name"]: one["value"] for one in container["env"]}
    assert env == table.env("sha256:" + "a" * 64, service.Device(nvidia_runtime=True))


def test_only_boards_of_the_release_get_it(tmp_path: Path) -> None:
    pod = made(tmp_path)["spec"]["template"]["spec"]
    assert pod["runtimeClassName"] == "nvidia"
    assert pod["nodeSelector"] == {"kubernetes.io/arch": "arm64", k3s.RELEASE: "r36.4.4"}
    other = made(tmp_path, l4t="")["spec"]["template"]["spec"]
    assert "runtimeClassName" not in other
    assert "NVIDIA_VISIBLE_DEVICES" not in str(other)


def test_a_node_is_the_canarys_or_the_others(tmp_path: Path) -> None:
    found = {}
    for wave in (k3s.CANARY, k3s.REST):
        body = made(tmp_path, wave)
        required = body["spec"]["template"]["spec"]["affinity"]["nodeAffinity"]
        (term,) = required["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
        found[wave] = term["matchExpressions"]
    assert found[k3s.CANARY] == [{"key": k3s.WAVE, "operator": "In", "values": ["canary"]}]
    assert found[k3s.REST] == [{"key": k3s.WAVE, "operator": "NotIn", "values": ["canary"]}]


def test_the_plan_says_how_many_and_how_long(tmp_path: Path) -> None:
    plan = Plan(batches=("20%",), soak_s=90)
    spec = made(tmp_path, plan=plan)["spec"]
    assert spec["minReadySeconds"] == 90
    assert spec["updateStrategy"]["rollingUpdate"]["maxUnavailable"] == "20%"
    canary = made(tmp_path, k3s.CANARY, plan)["spec"]["updateStrategy"]
    assert canary["rollingUpdate"]["maxUnavailable"] == 1


def test_the_probes_are_the_images_health_check(tmp_path: Path) -> None:
    (container,) = made(tmp_path)["spec"]["template"]["spec"]["containers"]
    probe = container["livenessProbe"]
    assert probe["exec"]["command"] == CHECK["Test"][1:]
    assert (probe["periodSeconds"], probe["timeoutSeconds"], probe["failureThreshold"]) == (
        30, 20, 3,
    )  # fmt: skip
    # Its start period counts before any failure does.
    assert container["startupProbe"]["failureThreshold"] * 30 >= 60
    (bare,) = made(tmp_path, check=None)["spec"]["template"]["spec"]["containers"]
    assert not {name for name in bare if name.endswith("Probe")}


@pytest.mark.parametrize("image", ["mediapipe:r36", "a/b@sha256:12", "", "a b@sha256:" + "a" * 64])
def test_an_image_without_its_digest_is_refused(tmp_path: Path, image: str) -> None:
    with pytest.raises(BadInputError, match="digest"):
        k3s.write(release(tmp_path), image, tmp_path / "out", Plan())


def test_files_come_in_the_order_in_which_they_are_applied(tmp_path: Path) -> None:
    paths = k3s.write(release(tmp_path), IMAGE, tmp_path / "out", Plan(), (44,))
    assert [path.name for path in paths] == sorted(path.name for path in paths)
    kinds = [one["kind"] for path in paths for one in yaml.safe_load_all(path.read_text())]
    assert kinds == ["RuntimeClass", "NetworkPolicy", "DaemonSet", "DaemonSet"]


def test_a_service_with_a_network_gets_no_policy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = dataclasses.replace(service.load(), network="bridge")
    monkeypatch.setattr(service, "load", lambda: table)
    assert [one["kind"] for one in k3s.cluster(release(tmp_path))] == ["RuntimeClass"]
