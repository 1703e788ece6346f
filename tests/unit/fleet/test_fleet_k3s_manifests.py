"""Manifests for clusters: the service's own data, which nodes, what a pod can't have."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from jetson_kit.core.errors import BadInputError
from jetson_kit.fleet.k3s import command, kustomize, labels
from jetson_kit.fleet.k3s.labels import Overlay
from jetson_kit.fleet.k3s.manifests import Options, daemon_set
from jetson_kit.fleet.rollout.plan import Plan
from jetson_kit.service import contract as service
from jetson_kit.targets import table as targets
from tests.unit.fleet.k3s_files import CHECK, IMAGE, daemon_sets, release, written

APPLICATION = {"io.mediapipe-jetson.app": "door", "io.mediapipe-jetson.app.service": "{}"}


def made(folder: Path, options: Options | None = None, **more: Any) -> Any:
    options = options or Options((44, 104))
    return daemon_set(release(folder, **more), IMAGE, Plan(), options)


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
    assert {item["mountPath"] for item in container["volumeMounts"]} == {
        *table.tmpfs,
        *(place.target for place in table.folders),
    }
    env = {item["name"]: item["value"] for item in container["env"]}
    assert env == table.env("sha256:" + "a" * 64, service.Device(nvidia_runtime=True))


def test_only_boards_of_the_release_get_it(tmp_path: Path) -> None:
    pod = made(tmp_path)["spec"]["template"]["spec"]
    assert pod["runtimeClassName"] == "nvidia"
    assert pod["nodeSelector"] == {"kubernetes.io/arch": "arm64", labels.L4T: "36.4.4"}
    other = made(tmp_path, l4t="")["spec"]["template"]["spec"]
    assert "runtimeClassName" not in other
    assert "NVIDIA_VISIBLE_DEVICES" not in str(other)


@pytest.mark.parametrize("target", targets.load().all, ids=lambda item: item.name)
def test_every_targets_label_is_its_number(tmp_path: Path, target: targets.Target) -> None:
    # As a build's plan writes it into the release: jetson_kit/fleet/release/release.py.
    selector = labels.node_selector(release(tmp_path, l4t=dataclasses.asdict(target)["l4t"]))
    assert f"r{selector[labels.L4T]}" == target.name


def test_a_node_is_the_canarys_or_the_others(tmp_path: Path) -> None:
    result = {}
    for name, body in daemon_sets(written(tmp_path)).items():
        required = body["spec"]["template"]["spec"]["affinity"]["nodeAffinity"]
        (term,) = required["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
        (result[name],) = term["matchExpressions"]
    assert result == {
        "mediapipe-canary": {"key": labels.WAVE, "operator": "In", "values": ["canary"]},
        "mediapipe-rest": {"key": labels.WAVE, "operator": "NotIn", "values": ["canary"]},
    }


def test_each_site_has_waves_of_its_own(tmp_path: Path) -> None:
    result = daemon_sets(written(tmp_path, sites=("north", "south")))
    sites = {
        name: body["spec"]["template"]["spec"]["nodeSelector"][labels.SITE]
        for name, body in result.items()
    }
    assert sites == {
        "mediapipe-north-canary": "north",
        "mediapipe-north-rest": "north",
        "mediapipe-south-canary": "south",
        "mediapipe-south-rest": "south",
    }
    selectors = [json.dumps(body["spec"]["selector"]) for body in result.values()]
    assert len(set(selectors)) == 4


@pytest.mark.parametrize("site", ["North", "a b", "-a", "a-", "a/b", "x" * 41, "ä"])
def test_a_site_without_a_name_for_kubernetes_is_refused(site: str) -> None:
    with pytest.raises(BadInputError, match="no name of a site"):
        Overlay("rest", site)


def test_the_plan_says_how_many_and_how_long(tmp_path: Path) -> None:
    result = daemon_sets(written(tmp_path, plan=Plan(batches=("20%",), soak_s=90)))
    rest, canary = result["mediapipe-rest"]["spec"], result["mediapipe-canary"]["spec"]
    assert rest["minReadySeconds"] == canary["minReadySeconds"] == 90
    assert rest["updateStrategy"]["rollingUpdate"]["maxUnavailable"] == "20%"
    assert canary["updateStrategy"]["rollingUpdate"]["maxUnavailable"] == 1


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
        kustomize.write(release(tmp_path), image, tmp_path / "out", Plan())
    assert not (tmp_path / "out").exists()


def test_folders_come_in_the_order_in_which_they_are_applied(tmp_path: Path) -> None:
    paths = kustomize.write(release(tmp_path), IMAGE, tmp_path / "out", Plan())
    names = [str(path.relative_to(tmp_path / "out")) for path in paths]
    assert names == ["cluster", "overlays/canary", "overlays/rest"]
    kinds = {
        yaml.safe_load((paths[0] / name).read_text())["kind"]
        for name in yaml.safe_load((paths[0] / "kustomization.yaml").read_text())["resources"]
    }
    assert kinds == {"Namespace", "RuntimeClass", "NetworkPolicy"}


def test_a_service_with_a_network_gets_no_policy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = dataclasses.replace(service.load(), network="bridge")
    monkeypatch.setattr(service, "load", lambda: table)
    assert not (written(tmp_path) / "cluster" / "networkpolicy.yaml").exists()


def test_an_applications_own_command_runs(tmp_path: Path) -> None:
    (container,) = made(tmp_path, labels=APPLICATION)["spec"]["template"]["spec"]["containers"]
    assert "args" not in container


@pytest.mark.parametrize(
    ("given", "resources", "refused"),
    [
        ({"devices": ["/dev/video0"]}, (), "device plugin"),
        ({"devices": ["/dev/video0"]}, ("nvidia.com/gpu",), "device plugin"),
        ({"devices": ["/dev/video0"]}, ("squat.ai/video",), ""),
        ({"volumes": ["/etc/door:/door:ro"]}, (), "Pod Security"),
    ],
)
def test_what_no_pod_gets_is_refused(
    tmp_path: Path, given: Any, resources: tuple[str, ...], refused: str
) -> None:
    own = {**APPLICATION, "io.mediapipe-jetson.app.service": json.dumps(given)}
    options = Options(resources=resources)
    if refused:
        with pytest.raises(BadInputError, match=refused):
            made(tmp_path, options, labels=own)
        return
    (container,) = made(tmp_path, options, labels=own)["spec"]["template"]["spec"]["containers"]
    assert container["resources"]["limits"][resources[0]] == "1"


def test_metrics_are_an_applications(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="no application"):
        written(tmp_path, Options(metrics=9100))
    folder = written(tmp_path, Options(metrics=9100), labels=APPLICATION)
    monitor = yaml.safe_load((folder / "cluster" / "podmonitor.yaml").read_text())
    policy = yaml.safe_load((folder / "cluster" / "networkpolicy.yaml").read_text())
    for body in daemon_sets(folder).values():
        (container,) = body["spec"]["template"]["spec"]["containers"]
        (port,) = container["ports"]
        (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
        assert port == {"name": endpoint["port"], "containerPort": 9100}
        assert monitor["spec"]["selector"]["matchLabels"].items() <= (
            body["spec"]["template"]["metadata"]["labels"].items()
        )
    assert policy["spec"]["ingress"] == [{"ports": [{"protocol": "TCP", "port": 9100}]}]
    assert "egress" not in policy["spec"]


# https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
RESTRICTED_VOLUMES = {
    "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim",
    "projected", "secret",
}  # fmt: skip


def test_the_namespaces_level_takes_the_pod(tmp_path: Path) -> None:
    folder = written(tmp_path, Options((44,), ("nvidia.com/gpu",), 9100), labels=APPLICATION)
    space = yaml.safe_load((folder / "cluster" / "namespace.yaml").read_text())
    assert space["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    for body in daemon_sets(folder).values():
        pod = body["spec"]["template"]["spec"]
        assert body["metadata"]["namespace"] == space["metadata"]["name"]
        assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
        assert all(volume.keys() - {"name"} <= RESTRICTED_VOLUMES for volume in pod["volumes"])
        assert pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"
        assert pod["securityContext"]["runAsNonRoot"] and pod["securityContext"]["runAsUser"]
        for container in pod["containers"]:
            rights = container["securityContext"]
            assert rights["allowPrivilegeEscalation"] is rights["privileged"] is False
            assert rights["capabilities"] == {"drop": ["ALL"]}
            assert not any("hostPort" in port for port in container.get("ports", ()))


def test_a_site_that_is_named_twice_is_refused() -> None:
    with pytest.raises(BadInputError, match="--sites names rest more than once"):
        command.write("r36.4.4", "", Options(), ("rest", "north", "rest"), None, None)
