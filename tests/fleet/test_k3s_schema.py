"""The manifests as kustomize makes them, against schemas that packages carry.

kubectl, Kubernetes' schemas and the Prometheus operator's come out of pinned packages.
"""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from jetson_kit.core.errors import (
    BadInputError,
    CheckFailedError,
    KitError,
    NetworkError,
    StepFailedError,
    ToolMissingError,
)
from jetson_kit.fleet.k3s import cluster, command
from jetson_kit.fleet.k3s.manifests import Options
from tests.support import kubernetes_packages, small_api_server
from tests.unit.fleet.k3s_files import daemon_sets, node, written

pytestmark = pytest.mark.network
SCHEMAS = "kubernetes_validate/kubernetes-json-schema/v1.{minor}.0-local-strict/"
APPLICATION = {"io.mediapipe-jetson.app": "door"}


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return kubernetes_packages.fetch(tmp_path_factory.mktemp("wheels"))


@pytest.fixture(scope="module")
def carrier(wheels: dict[str, Path]) -> Path:
    return wheels["kubernetes_validate"]


@pytest.fixture(scope="module")
def kubectl(wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return kubernetes_packages.kubectl(wheels, tmp_path_factory.mktemp("kubectl"))


def kustomized(kubectl: Path, folder: Path) -> list[dict[str, Any]]:
    done = subprocess.run([kubectl, "kustomize", folder], check=True, capture_output=True)
    assert not done.stderr, done.stderr
    return list(yaml.safe_load_all(done.stdout))


@functools.cache
def validator(carrier: Path, minor: int, name: str) -> jsonschema.Draft202012Validator:
    """Return the judge of one kind of document, which takes no name that it does not know."""
    with zipfile.ZipFile(carrier) as archive:
        folder = SCHEMAS.format(minor=minor)
        schema = json.loads(archive.read(folder + name))
        shared = json.loads(archive.read(folder + "_definitions.json"))
    text = re.sub(r'"[^" ]*_definitions\.json#', '"#', json.dumps({**shared, **schema}))
    return jsonschema.Draft202012Validator(json.loads(text))


def check(carrier: Path, minor: int, document: dict[str, Any]) -> None:
    """Raise ValidationError for what that Kubernetes would not take."""
    group = document["apiVersion"].rpartition("/")[0].split(".")[0]
    name = "-".join(filter(None, (document["kind"].lower(), group, "v1"))) + ".json"
    validator(carrier, minor, name).validate(document)


CASES = [
    {},
    {"l4t": ""},
    {"options": Options((44, 104), ("nvidia.com/gpu",))},
    {"options": Options(metrics=9100), "labels": APPLICATION},
    {"sites": ("north", "south")},
]


@pytest.mark.parametrize("case", CASES)
def test_kubernetes_takes_what_kustomize_makes(
    carrier: Path, kubectl: Path, tmp_path: Path, case: dict[str, Any]
) -> None:
    folder = written(tmp_path, **case)
    for place in (folder / "cluster", *sorted((folder / "overlays").iterdir())):
        for document in kustomized(kubectl, place):
            if document["apiVersion"] == "monitoring.coreos.com/v1":
                continue  # judged below
            for minor in (25, 34):
                check(carrier, minor, document)


def _fields(source: str, name: str) -> set[str]:
    """Return the names that a class of the operator's models takes."""
    match = re.search(rf"^class {name}\(.*?(?=^class |\Z)", source, re.MULTILINE | re.DOTALL)
    assert match
    rows = re.finditer(r"^    (\w+): (.*?)(?=^    \w|\Z)", match[0], re.MULTILINE | re.DOTALL)
    aliases = ((row[1], re.search(r'alias="(\w+)"', row[2])) for row in rows)
    return {alias[1] if alias else own for own, alias in aliases}


def test_the_prometheus_operator_knows_every_name(
    wheels: dict[str, Path], kubectl: Path, tmp_path: Path
) -> None:
    with zipfile.ZipFile(wheels["cloudcoil_models_prometheus_operator"]) as wheel:
        source = wheel.read("cloudcoil/models/prometheus_operator/v1.py").decode()
    folder = written(tmp_path, Options(metrics=9100), labels=APPLICATION)
    (monitor,) = (item for item in kustomized(kubectl, folder / "cluster")
                  if item["apiVersion"] == "monitoring.coreos.com/v1")  # fmt: skip
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    assert monitor.keys() <= _fields(source, "PodMonitor")
    assert monitor["spec"].keys() <= _fields(source, "PodMonitorSpec")
    assert endpoint.keys() <= _fields(source, "PodMetricsEndpoint")
    assert endpoint["basicAuth"].keys() <= _fields(source, "BasicAuth")
    assert "interval" in endpoint and "every" not in _fields(source, "PodMetricsEndpoint")


@pytest.mark.parametrize("sites", [(), ("north", "south")])
def test_kustomize_makes_what_the_unit_tests_judge(
    kubectl: Path, tmp_path: Path, sites: tuple[str, ...]
) -> None:
    folder = written(tmp_path, sites=sites)
    result = [item for place in sorted((folder / "overlays").iterdir())
             for item in kustomized(kubectl, place)]  # fmt: skip
    assert {item["metadata"]["name"]: item for item in result} == daemon_sets(folder)


def test_an_overlay_of_ones_own_keeps_folders_on_the_board(
    carrier: Path, kubectl: Path, tmp_path: Path
) -> None:
    folder = written(tmp_path)
    own = folder / "overlays" / "mine"
    own.mkdir()
    body = {"resources": ["../rest"], "components": ["../../components/host-folders"]}
    (own / "kustomization.yaml").write_text(yaml.safe_dump(body))
    (document,) = kustomized(kubectl, own)
    check(carrier, 34, document)
    paths = {
        volume["hostPath"]["path"]
        for volume in document["spec"]["template"]["spec"]["volumes"]
        if "hostPath" in volume
    }
    assert paths == {"/var/lib/mediapipe-jetson/reports", "/var/cache/mediapipe-jetson"}


def test_a_wrong_manifest_is_seen(carrier: Path, tmp_path: Path) -> None:
    document = daemon_sets(written(tmp_path))["mediapipe-rest"]
    document["spec"]["template"]["spec"]["containers"][0]["securityContext"]["readOnly"] = True
    with pytest.raises(jsonschema.ValidationError):
        check(carrier, 34, document)


@pytest.fixture
def context(kubectl: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """kubectl first in PATH; return its configuration, which names no server yet."""
    monkeypatch.setenv("PATH", f"{kubectl.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    return tmp_path / "kubeconfig"


def _named(path: Path, url: str, **changes: Any) -> None:
    body = {
        "apiVersion": "v1", "kind": "Config", "current-context": "a",
        "clusters": [{"name": "a", "cluster": {"server": url}}],
        "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
        "users": [{"name": "a", "user": {}}],
        **changes,
    }  # fmt: skip
    path.write_text(yaml.safe_dump(body))


def test_the_check_asks_a_cluster_by_kubectl(context: Path, tmp_path: Path) -> None:
    sets = daemon_sets(written(tmp_path))
    board = {"mediapipe-jetson.io/l4t": "36.4.4"}
    event = {"kind": "Event", "metadata": {"name": "a", "namespace": "b"}, "reason": "FailedCreate"}
    objects = [
        node("camera-1", {**board, "mediapipe-jetson.io/wave": "canary"}),
        node("camera-2", board),
        {"kind": "RuntimeClass", "metadata": {"name": "nvidia"}, "handler": "nvidia"},
        *sets.values(),
        {**sets["mediapipe-rest"], "metadata": {"name": "other", "namespace": "x"}},
        {**event, "involvedObject": {"kind": "DaemonSet", "name": "mediapipe-rest"}},
        {**event, "involvedObject": {"kind": "ReplicaSet", "name": "mediapipe-rest"}},
    ]
    with small_api_server.serving(objects) as url:
        _named(context, url)
        result = cluster.read()
        assert [item["metadata"]["name"] for item in result.nodes] == ["camera-1", "camera-2"]
        assert [daemon_set["metadata"]["name"] for daemon_set in result.daemon_sets] == list(sets)
        assert len(result.runtime_classes) == len(result.events) == 1
        command.check(())
        objects[1]["metadata"]["labels"]["mediapipe-jetson.io/l4t"] = "r36.4.4"
        with pytest.raises(CheckFailedError):
            command.check(())


def test_a_cluster_that_does_not_answer(context: Path) -> None:
    _named(context, "http://127.0.0.1:1")
    with pytest.raises(NetworkError, match="does not answer"):
        cluster.read()


@pytest.mark.parametrize("refused", ["nodes", "daemonsets", "events"])
def test_a_user_who_may_not_look(context: Path, refused: str) -> None:
    with small_api_server.serving([node("camera-1")], refused) as url:
        _named(context, url)
        with pytest.raises(StepFailedError, match=f"{refused} is forbidden") as caught:
            cluster.read()
    assert "lets kubectl's user not look" in caught.value.line()


def test_a_cluster_without_nodes_runs_the_service_nowhere(context: Path) -> None:
    with small_api_server.serving([]) as url:
        _named(context, url)
        with pytest.raises(CheckFailedError, match="has no node"):
            command.check(())


def _exec(program: str) -> list[dict[str, Any]]:
    plugin = {"apiVersion": "client.authentication.k8s.io/v1", "command": program,
              "interactiveMode": "Never"}  # fmt: skip
    return [{"name": "a", "user": {"exec": plugin}}]


@pytest.mark.parametrize(
    ("changes", "kind", "expected"),
    [
        ({"current-context": "b"}, BadInputError, "can't be used: .*context was not found"),
        ({"current-context": ""}, BadInputError, "names no cluster"),
        ({"clusters": []}, BadInputError, "names no cluster"),
        ({"clusters": [{"name": "a", "cluster": {"server": "http://a b"}}]}, BadInputError,
         "can't be used: host must be a URL"),
        ({"users": [{"name": "a", "user": {"client-certificate": "/none", "client-key": "/none"}}]},
         BadInputError, "can't be used: .*client-cert /none"),
        ({"users": _exec("no-such-plugin")}, ToolMissingError, "no-such-plugin not found"),
        ({"users": _exec("/no/such-plugin")}, ToolMissingError, "can't log in.* /no/such-plugin"),
        ({"users": _exec("false")}, StepFailedError, "can't log in.* false failed"),
        ({}, StepFailedError, "can't log in to the cluster: EOF"),
    ],
)  # fmt: skip
def test_a_configuration_that_leads_nowhere(
    context: Path, changes: dict[str, Any], kind: type[KitError], expected: str
) -> None:
    _named(context, "https://127.0.0.1:1", **changes)
    with pytest.raises(kind, match=expected) as caught:
        cluster.read()
    assert "\n" not in caught.value.line()
    assert "memcache" not in caught.value.line()


@pytest.mark.parametrize(
    "text", ["", "a: [", "hello", "\x00\x01", "apiVersion: v9\nkind: Config\n"]
)
def test_a_configuration_that_is_none(context: Path, text: str) -> None:
    context.write_text(text)
    with pytest.raises(BadInputError, match="kubectl's configuration"):
        cluster.read()
