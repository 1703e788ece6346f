"""Documents and manifests agree: every kubectl line names what the manifests have."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from jetson_kit.core.paths import ROOT
from jetson_kit.fleet.k3s import cluster, labels, selection
from jetson_kit.fleet.k3s.manifests import SECRET, Options
from tests.unit.fleet.k3s_files import daemon_sets, node, written

PAGE = ROOT / "docs" / "kubernetes.md"
DIST = "dist/r36.4.4/k3s/"
APPLICATION = {"io.mediapipe-jetson.app": "door"}
LABEL = re.compile(r"mediapipe-jetson\.io/[a-z0-9]+(?:=[A-Za-z0-9._-]+)?")


def commands(page: Path) -> Iterator[list[str]]:
    """Yield the arguments of each kubectl command of a page's blocks, without redirection."""
    for block in re.findall(r"^```sh\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            for command in line.split("&&"):
                if command.strip().startswith("kubectl "):
                    arguments = shlex.split(command, comments=True)
                    yield arguments[1 : arguments.index(">") if ">" in arguments else None]


PAGES = [page for page in sorted((ROOT / "docs").rglob("*.md")) if list(commands(page))]
COMMANDS = [(page, words) for page in PAGES for words in commands(page)]


@pytest.fixture
def manifests(tmp_path: Path) -> Path:
    options = Options((44, 104), metrics=9100)
    return written(tmp_path, options, labels=APPLICATION, sites=())


def of(verb: str, *more: str) -> list[list[str]]:
    start = [verb, *more]
    return [
        arguments[len(start) :] for _, arguments in COMMANDS if arguments[: len(start)] == start
    ]


def test_every_command_is_one_that_these_tests_read() -> None:
    known = (["label", "node"], ["label", "namespace"], ["apply", "-k"], ["rollout"], ["get"],
             ["kustomize"], ["create", "secret"])  # fmt: skip
    assert COMMANDS
    for page, arguments in COMMANDS:
        assert any(arguments[: len(item)] == item for item in known), (
            f"{page.name}: kubectl {arguments}"
        )


def test_labels_have_values_that_the_manifests_select(manifests: Path) -> None:
    nodes: dict[str, dict[str, str]] = {}
    for arguments in of("label", "node"):
        given = dict(
            word.split("=") for word in arguments if "=" in word and not word.startswith("--")
        )
        for name in (word for word in arguments if "=" not in word and not word.startswith("--")):
            nodes.setdefault(name, {}).update(given)
    assert set(nodes) == {"camera-1", "camera-2"}
    gets = {
        name: [
            daemon_set
            for daemon_set, body in daemon_sets(manifests).items()
            if not selection.refusals(body["spec"]["template"]["spec"], node(name, given))
        ]
        for name, given in nodes.items()
    }
    assert gets == {"camera-1": ["mediapipe-canary"], "camera-2": ["mediapipe-rest"]}


def test_a_sites_label_is_its_overlays(tmp_path: Path) -> None:
    text = PAGE.read_text()
    sites = re.findall(r"--sites ([a-z,]+)", text)
    (value,) = {word.split("=")[1] for arguments in of("label", "node") for word in arguments
                if word.startswith(labels.SITE)}  # fmt: skip
    assert value in sites[0].split(",")
    folder = written(tmp_path, sites=sites[0].split(","))
    (overlay,) = re.findall(rf"`overlays/({value}-[a-z]+)`", text)
    assert (folder / "overlays" / overlay).is_dir()


def test_every_label_anywhere_is_one_of_ours(manifests: Path) -> None:
    selected = {
        f"{key}={value}"
        for body in daemon_sets(manifests).values()
        for key, value in (
            *body["spec"]["template"]["spec"]["nodeSelector"].items(),
            *body["spec"]["selector"]["matchLabels"].items(),
        )
    }
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        for label in LABEL.findall(page.read_text()):
            key, equals, _ = label.partition("=")
            assert key in (labels.WAVE, labels.L4T, labels.SITE), page
            assert not equals or key == labels.SITE or label in selected, f"{page}: {label}"


def test_folders_are_written(manifests: Path) -> None:
    places = [arguments[0] for arguments in (*of("apply", "-k"), *of("kustomize"))]
    assert places
    for place in places:
        assert place.startswith(DIST)
        assert (manifests / place.removeprefix(DIST) / "kustomization.yaml").is_file()
    for place in re.findall(r"^\| `([a-z/-]+)`", PAGE.read_text(), re.MULTILINE):
        if place not in ("base",):
            assert (manifests / place).is_dir(), place


def test_names_and_namespaces_are_those_of_the_manifests(manifests: Path) -> None:
    names = set(daemon_sets(manifests))
    space = yaml.safe_load((manifests / "cluster" / "namespace.yaml").read_text())
    rollouts = of("rollout")
    assert {arguments[0] for arguments in rollouts} == {"status", "undo"}
    for arguments in rollouts:
        assert arguments[1].removeprefix("daemonset/") in names
    for arguments in (*rollouts, *of("create", "secret")):
        assert arguments[arguments.index("--namespace") + 1] == space["metadata"]["name"]
    for arguments in of("label", "namespace"):
        assert arguments[0] == space["metadata"]["name"]
        assert arguments[1].partition("=")[0] in space["metadata"]["labels"]


def test_the_secret_has_the_keys_that_are_read(manifests: Path) -> None:
    ((_, name, *arguments),) = of("create", "secret")
    keys = {word.split("=")[1] for word in arguments if word.startswith("--from-")}
    monitor = yaml.safe_load((manifests / "cluster" / "podmonitor.yaml").read_text())
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    assert name == SECRET
    assert {item["key"] for item in endpoint["basicAuth"].values()} == keys
    for body in daemon_sets(manifests).values():
        (container,) = body["spec"]["template"]["spec"]["containers"]
        env = {item["name"]: item["value"] for item in container["env"]}
        file = env["MEDIAPIPE_JETSON_SERVE_PASSWORD_FILE"]
        assert Path(file).name in keys


def test_files_are_written_by_what_the_check_itself_asks() -> None:
    documented = [" ".join(arguments) for arguments in of("get")]
    own = [
        " ".join(request[1:])
        .replace("--selector=", "--selector ")
        .replace("--field-selector=", "--field-selector ")
        for request in cluster.REQUESTS
    ]
    assert documented == [f"{item} --output json" for item in own]
