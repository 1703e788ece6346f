"""Kubernetes' manifests, kustomizations and charts: each container's way to the GPU."""

from __future__ import annotations

from pathlib import Path

import pytest
from mediapipe_jetson.doctor.files import kubernetes
from mediapipe_jetson.doctor.scanned_containers import OTHER
from mediapipe_jetson.doctor.sources import Scan

from tests.unit.doctor.kubernetes_objects import INSTALL, LIMITS, asks, pod
from tests.unit.doctor_scenes import judged, lines, plant

NODE = {"etc/rancher/k3s/config.yaml": "write-kubeconfig-mode: '0644'\n"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (pod("runtimeClassName: nvidia"), "runtime"),
        (pod("runtimeClassName: nvidia", LIMITS), "runtime"),
        (pod("", LIMITS), "reserved"),
        (pod("", LIMITS.replace("limits", "requests")), "reserved"),
        (pod(), ""),
        (pod("runtimeClassName: nvidia", "env: [{name: NVIDIA_VISIBLE_DEVICES, value: none}]"),
         "hidden"),
        (pod("runtimeClassName: nvidia", "env: [{name: NVIDIA_VISIBLE_DEVICES, value: all}]"),
         "runtime"),
        (pod("runtimeClassName: gvisor"), "runtimeClassName is gvisor"),
        (pod("runtimeClassName: ${CLASS}"), "runtimeClassName is ${CLASS}"),
        (pod("volumes: [{name: d, hostPath: {path: /dev/nvmap}}]"),
         "it mounts /dev/nvmap, which brings no driver"),
        (pod("volumes: [{name: d, hostPath: {path: /var/lib/x}}]"), ""),
        (pod("runtimeClassName: nvidia", kind="Deployment"), "runtime"),
        (pod("", "resources: {limits: {nvidia.com/gpu: 0}}"), ""),
        (pod("", "resources: {limits: {nvidia.com/gpu: '0'}, requests: {nvidia.com/gpu: }}"), ""),
        ("---\n" + pod("runtimeClassName: nvidia") + "---\n", "runtime"),
    ],
)  # fmt: skip
def test_how_a_container_asks(tmp_path: Path, text: str, expected: str) -> None:
    assert list(asks(tmp_path, {"k8s/app.yaml": text}).values()) == [expected]


POD = """\
apiVersion: v1
kind: Pod
metadata: {name: one}
spec:
  initContainers: [{name: first, image: busybox}]
  containers: [{name: a, image: me/a:1}, {name: b, image: me/b:1}]
  runtimeClassName: nvidia
"""
CRON = """\
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly}
spec: {jobTemplate: {spec: {template: {spec: {containers: [{name: a, image: me/a:1}]}}}}}
"""
CLASS = """\
apiVersion: node.k8s.io/v1
kind: RuntimeClass
metadata: {name: jetson}
handler: nvidia
"""


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"pod.yaml": POD}, {"a of Pod one": "runtime", "b of Pod one": "runtime"}),
        ({"job.yml": CRON}, {"a of CronJob nightly": ""}),
        (
            {"list.yaml": "apiVersion: v1\nkind: List\nitems:\n- "
             + "\n  ".join(POD.splitlines()) + "\n"},
            {"a of Pod one": "runtime", "b of Pod one": "runtime"},
        ),
        (
            {"class.yaml": CLASS, "app.yaml": pod("runtimeClassName: jetson")},
            {"app of DaemonSet camera": "runtime"},
        ),
        (
            {"class.yaml": CLASS.replace("handler: nvidia", "handler: kata"),
             "app.yaml": pod("runtimeClassName: jetson")},
            {"app of DaemonSet camera": "runtimeClassName is jetson, which starts it by kata"},
        ),
        # Of other programs' files nothing is said.
        ({"crd.yaml": "apiVersion: x/v1\nkind: Camera\nspec: {containers: 5}\n"}, {}),
        ({"crd.yaml": "apiVersion: x/v1\nkind: [a]\nspec: {template: {spec: {containers: [5]}}}\n"},
         {" of  ": ""}),
    ],
)  # fmt: skip
def test_kinds_of_manifests(
    tmp_path: Path, files: dict[str, str], expected: dict[str, str]
) -> None:
    assert asks(tmp_path, files) == expected


@pytest.mark.parametrize(
    ("text", "files", "status", "expected"),
    [
        (pod("", LIMITS), NODE, "bad", "k.yaml:10: container app of DaemonSet camera: a GPU is"),
        (pod("", LIMITS), {}, "unknown", "it works where the node's default is nvidia"),
        (pod("", LIMITS), {"etc/rancher/k3s/config.yaml": "default-runtime: nvidia\n"}, "ok", ""),
        (pod("", LIMITS), {"etc/containerd/config.toml":
          '[plugins]\n  default_runtime_name = "nvidia"\n'}, "ok", ""),
        (pod("", LIMITS), {"etc/containerd/config.toml":
          '[plugins]\n  default_runtime_name = "runc"\n'}, "bad", "without runtimeClassName"),
        (pod("", LIMITS), {"etc/containerd/config.toml": 'disabled_plugins = ["cri"]\n'},
         "unknown", "it works where"),
        (pod("", LIMITS), {"etc/containerd/config.toml":
          "disabled_plugins = [\n  'io.containerd.grpc.v1.cri',\n]\n"}, "unknown", "it works"),
        (pod("", LIMITS), {"etc/containerd/config.toml": "version = 2\n"}, "unknown", "it works"),
        (pod("", LIMITS), {"etc/containerd/config.toml": 'disabled_plugins = []\n'
          '[plugins."io.containerd.grpc.v1.cri".containerd]\n'}, "bad", "without runtimeClassName"),
        (pod("", LIMITS), {**NODE, "etc/containerd/config.toml": 'disabled_plugins = ["cri"]\n'},
         "bad", "without runtimeClassName"),
        (pod("runtimeClassName: nvidia"), NODE, "ok", ""),
        (pod("runtimeClassName: nvidia", "env: [{name: NVIDIA_VISIBLE_DEVICES, value: void}]"),
         NODE, "bad", "hides the GPU"),
        (pod(), NODE, "unknown", "it asks for no GPU"),
        (pod(image="postgres:16"), NODE, "ok", ""),
    ],
)  # fmt: skip
def test_the_judgement(
    tmp_path: Path, text: str, files: dict[str, str], status: str, expected: str
) -> None:
    plant(tmp_path, files)
    answer = judged(tmp_path, {"k.yaml": text}, device="orin", outputs={"docker-containers": ""})[
        "gpus-flag"
    ]
    assert answer.result.status == status, lines(answer)
    assert expected in lines(answer)


@pytest.mark.parametrize(
    ("spec", "foreign"),
    [
        ("nodeSelector: {kubernetes.io/arch: amd64}", "linux/amd64"),
        ("nodeSelector: {kubernetes.io/arch: arm64}", ""),
        ("nodeSelector: {beta.kubernetes.io/arch: amd64}", "linux/amd64"),
        ("nodeSelector: {kubernetes.io/arch: '${ARCH}'}", ""),
        ("affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: "
         "{nodeSelectorTerms: [{matchExpressions: [{key: kubernetes.io/arch, operator: In, "
         "values: [amd64]}]}]}}}", "linux/amd64"),
        ("affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: "
         "{nodeSelectorTerms: [{matchExpressions: [{key: kubernetes.io/arch, operator: In, "
         "values: [amd64, arm64]}]}]}}}", ""),
    ],
)  # fmt: skip
def test_nodes_that_are_no_boards(tmp_path: Path, spec: str, foreign: str) -> None:
    scan = Scan(plant(tmp_path, {"k.yaml": pod(spec, image="me/mediapipe:1")}))
    assert [item.foreign for item in scan.images] == [foreign]


@pytest.mark.parametrize("image", ["nginx", "postgres:16", "me/web:2"])
def test_what_runs_on_other_nodes_is_no_fault(tmp_path: Path, image: str) -> None:
    other = pod("nodeSelector: {kubernetes.io/arch: amd64}", image=image)
    board = pod("runtimeClassName: nvidia", image="dustynv/mediapipe:r36.2.0")
    scan = Scan(plant(tmp_path, {"web.yaml": other, "camera.yaml": board}))
    assert [(item.packages, item.foreign) for item in scan.images] == [(True, ""), (False, "")]


def test_an_image_of_another_l4t_and_what_a_command_installs(tmp_path: Path) -> None:
    command = 'command: [sh, -c, "pip install mediapipe==0.10.9 && python app.py"]'
    files = {
        "k.yaml": pod("runtimeClassName: nvidia", command, image="nvcr.io/nvidia/l4t-base:r32.7.1"),
        "app.py": "import mediapipe\n",
    }  # fmt: skip
    answers = judged(tmp_path, files, device="orin")
    assert "k.yaml:10: nvcr.io/nvidia/l4t-base:r32.7.1 is for L4T 32.7.1" in lines(
        answers["image-for-another-l4t"]
    )
    requirements = Scan(tmp_path / "app").requirements
    assert [(item.file, item.line, item.name) for item in requirements] == [
        ("k.yaml", 11, "mediapipe")
    ]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("- {path: a.jpg, kind: x}\n" * 40_000, None),
        ("apiVersion: v1\n" * 70_000, None),
        ("kind: a\napiVersion: v1\n" * 40_000 + "containers:\n", "kubernetes"),
        ("- apiVersion: v1\n  kind: Pod\n  spec: {containers: []}\n", "kubernetes"),
        ("run: |\n  apiVersion: v1\n  kind: Pod\n  spec: {containers: []}\n", None),
        ("k8s:\n  definition:\n    apiVersion: v1\n    kind: Pod\n    containers: []\n", None),
    ],
)
def test_what_is_a_manifest(text: str, kind: str | None) -> None:
    assert kubernetes.kind(Path("data.yaml"), text.encode()) == kind


CONFIG = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: code}
data:
  app.py: |
    import mediapipe as mp
    hands = mp.solutions.hands
  requirements.txt: |
    mediapipe==0.10.9
"""
WORKFLOW = """\
jobs:
  test:
    steps:
    - run: pip install mediapipe==0.9.0
    - run: |
        kubectl apply -f - <<EOF
        apiVersion: v1
        kind: Pod
        spec: {containers: [{name: a, image: me/a:1}]}
        EOF
"""
PLAYS = """\
- hosts: all
  tasks:
  - kubernetes.core.k8s:
      definition:
        apiVersion: v1
        kind: Pod
        spec: {containers: [{name: a, command: [pip, install, mediapipe==0.9.0]}]}
"""
BUSY = f"lifecycle: {{postStart: {{exec: {{command: [sh, -c, {INSTALL}]}}}}}}"


@pytest.mark.parametrize(
    ("files", "named", "programs"),
    [
        ({"k.yaml": f"{CONFIG}---\n{pod('runtimeClassName: nvidia')}"}, True, True),
        ({"kustomization.yaml": "resources: [c.yaml, k.yaml]\n", "c.yaml": CONFIG,
          "k.yaml": pod()}, True, True),
        ({".github/workflows/ci.yml": WORKFLOW}, True, False),
        ({"play.yml": PLAYS}, True, False),
        ({"k.yaml": pod("", f"env: [{{name: RUN, value: {INSTALL}}}]")}, True, False),
        ({"k.yaml": pod("", BUSY)}, True, False),
        ({"c/Chart.yaml": "name: c\n", "c/values.yaml":
          f"image: me/mediapipe:1\nargs: [sh, -c, {INSTALL}]\n"}, True, False),
        ({"c/Chart.yaml": "name: c\n", "c/values.yaml": "image: me/mediapipe:1\n"}, False, False),
        ({"k.yaml": pod("", f"command: [sh, -c, {INSTALL}]", image="me/mediapipe:1")}, False,
         False),
        ({"k.yaml": pod() + f"# {INSTALL}\n"}, False, False),
        ({"kustomization.yaml": "resources: [k.yaml]\n", "k.yaml": pod(image="me/mediapipe:1")},
         False, False),
        ({"kustomization.yaml": "resources: [k.yaml]\npatches:\n- patch: |\n    " + "    ".join(
            pod("", f"args: [{INSTALL}]").splitlines(keepends=True)), "k.yaml": pod()},
         False, False),
        ({"kustomization.yaml": "resources: [k.yaml]\npatches:\n- patch: |\n    " + "    ".join(
            pod("", BUSY).splitlines(keepends=True)), "k.yaml": pod()}, True, False),
        ({"kustomization.yaml": "resources: [k.yaml]\nconfigMapGenerator:\n- literals: "
          f"[RUN={INSTALL}]\n", "k.yaml": pod()}, True, False),
    ],
)  # fmt: skip
def test_what_else_names_mediapipe(
    tmp_path: Path, files: dict[str, str], named: bool, programs: bool
) -> None:
    unread = Scan(plant(tmp_path, {**files, "app.py": "print()\n"})).unread
    assert [item.why for item in unread] == [OTHER] * named
    assert any(not item.says_nothing for item in unread) == programs


@pytest.mark.parametrize(
    ("image", "images", "unread"),
    [
        ("{{ image }}", [], ["it is a template, and what it makes depends on values that are not "
                             "filled in"]),
        ("", [], []),
        ("null", [], []),
        ("{name: a}", [], []),
        ("'{{ image }}'", ["{{ image }}"], []),
    ],
)  # fmt: skip
def test_an_image_that_is_no_name(
    tmp_path: Path, image: str, images: list[str], unread: list[str]
) -> None:
    scan = Scan(plant(tmp_path, {"k.yaml": pod(image=image)}))
    assert [item.image for item in scan.images] == images
    assert [item.image for item in scan.services] == (images or [""] * (not unread))
    assert [item.why for item in scan.unread] == unread
