"""Kubernetes' manifests, kustomizations and charts: each container's way to the GPU."""

from __future__ import annotations

from pathlib import Path

import pytest
from mediapipe_jetson.doctor.files import kubernetes
from mediapipe_jetson.doctor.scanned_containers import OTHER
from mediapipe_jetson.doctor.sources import Scan

from tests.unit.doctor_scenes import judged, lines, plant

LIMITS = "resources: {limits: {nvidia.com/gpu: 1}}"
NODE = {"etc/rancher/k3s/config.yaml": "write-kubeconfig-mode: '0644'\n"}


def pod(
    spec: str = "", container: str = "", kind: str = "DaemonSet", image: str = "me/app:1"
) -> str:
    """Return a manifest whose pod has these lines of its own."""
    head = f"apiVersion: apps/v1\nkind: {kind}\nmetadata: {{name: camera}}\n"
    body = [spec, "containers:", "- name: app", f"  image: {image}", f"  {container}"]
    return f"{head}spec:\n  template:\n    spec:\n" + "".join(
        f"      {row}\n" for row in body if row.strip()
    )


def asks(tmp_path: Path, files: dict[str, str]) -> dict[str, str]:
    """Return how each container asks for a GPU, or what of it is not known."""
    scan = Scan(plant(tmp_path, files))
    assert not scan.unread, scan.unread
    return {item.name: item.asks or item.open for item in scan.services}


@pytest.mark.parametrize(
    ("text", "told"),
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
def test_how_a_container_asks(tmp_path: Path, text: str, told: str) -> None:
    assert list(asks(tmp_path, {"k8s/app.yaml": text}).values()) == [told]


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
    ("files", "told"),
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
def test_kinds_of_manifests(tmp_path: Path, files: dict[str, str], told: dict[str, str]) -> None:
    assert asks(tmp_path, files) == told


BASE = "resources: [app.yaml]\n"
PATCH = (
    "kind: DaemonSet\nmetadata: {name: camera}\n"
    "spec: {template: {spec: {runtimeClassName: nvidia}}}\n"
)


@pytest.mark.parametrize(
    ("overlay", "told"),
    [
        ("resources: [../base]\n", "reserved"),
        ("resources: [../base]\npatches: [{path: gpu.yaml}]\n", "runtime"),
        ("bases: [../base/]\npatchesStrategicMerge: [gpu.yaml]\n", "runtime"),
        ("resources: [../base]\npatches:\n- target: {kind: DaemonSet}\n  patch: |\n"
         + "".join(f"    {row}\n" for row in PATCH.splitlines()), "runtime"),
        ("resources: [../base]\npatches: [{path: gpu.yaml, target: {kind: Deployment}}]\n",
         "reserved"),
        ("resources: [../base]\npatches: [{path: gpu.yaml, target: {name: other}}]\n", "reserved"),
    ],
)  # fmt: skip
def test_a_kustomization_is_judged_with_what_it_patches(
    tmp_path: Path, overlay: str, told: str
) -> None:
    files = {
        "base/kustomization.yaml": BASE, "base/app.yaml": pod("", LIMITS),
        "over/kustomization.yaml": overlay, "over/gpu.yaml": PATCH,
    }  # fmt: skip
    # The base is taken by another one: it is judged there alone.
    assert asks(tmp_path, files) == {"app of DaemonSet camera": told}


def test_images_of_a_kustomization_have_their_other_names(tmp_path: Path) -> None:
    files = {
        "base/kustomization.yml": BASE, "base/app.yaml": pod(image="app:1"),
        "over/kustomization.yaml": "resources: [../base]\n"
        "images: [{name: app, newName: dustynv/mediapipe, newTag: r36.2.0}]\n",
    }  # fmt: skip
    scan = Scan(plant(tmp_path, files))
    assert [(item.file, item.image) for item in scan.images] == [
        ("base/app.yaml", "dustynv/mediapipe:r36.2.0")
    ]


def test_what_a_json_patch_does_is_not_known(tmp_path: Path) -> None:
    files = {
        "kustomization.yaml": "resources: [app.yaml]\npatches: [{path: p.yaml, target: "
        "{kind: DaemonSet}}]\n", "app.yaml": pod(),
        "p.yaml": "- {op: add, path: /spec/template/spec/runtimeClassName, value: nvidia}\n",
    }  # fmt: skip
    assert asks(tmp_path, files) == {
        "app of DaemonSet camera": "a JSON patch changes it, which is not followed"
    }


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"kustomization.yaml": "resources: ['https://x.example/a.yaml']\n"}, "not in the project"),
        ({"kustomization.yaml": "resources: [gone]\n"}, "it takes gone, which is not"),
        ({"kustomization.yaml": "resources: [../kustomization.yaml]\n"}, "it takes ../kust"),
        ({"a/kustomization.yaml": "resources: [../b]\n", "b/kustomization.yaml":
          "resources: [../a]\n", "c/kustomization.yaml": "resources: [../a]\n"}, "too deep"),
        ({"chart/Chart.yaml": "name: c\n", "chart/templates/app.yaml":
          pod("runtimeClassName: {{ .Values.class }}")}, "values that are not filled in"),
        ({"app.yaml": pod("{{- if .Values.gpu }}")}, "values that are not filled in"),
        ({"app.yaml": pod("a: [")}, "it is not valid YAML"),
        ({"app.yaml": pod(), "kustomization.yaml":
          "resources: [app.yaml]\npatches: [{patch: '{a: b}\n\n', target: {name: '['}}]\n"},
         "no pattern"),
    ],
)  # fmt: skip
def test_what_is_not_read_is_told(tmp_path: Path, files: dict[str, str], words: str) -> None:
    answer = judged(tmp_path, files, device="orin", outputs={"docker-containers": ""})["gpus-flag"]
    assert answer.result.status == "unknown", lines(answer)
    assert words in lines(answer)
    # Of programs such a file says nothing.
    assert all(item.says_nothing for item in Scan(tmp_path / "app").unread)


VALUES = """\
image: {registry: r.example, repository: dustynv/mediapipe, tag: r32.7.1}
runtimeClassName: nvidia
worker: {image: me/worker}
empty: {image: {}}
"""


def test_values_of_a_chart_as_far_as_they_are_plain(tmp_path: Path) -> None:
    files = {"c/Chart.yaml": "name: c\n", "c/values-jetson.yaml": VALUES, "values.yaml": VALUES}
    scan = Scan(plant(tmp_path, files))
    assert [item.image for item in scan.services] == [
        "r.example/dustynv/mediapipe:r32.7.1", "me/worker",
    ]  # fmt: skip
    assert {item.asks for item in scan.services} == {"runtime", ""}
    assert all("templates" in item.open for item in scan.services)


@pytest.mark.parametrize(
    ("text", "files", "status", "words"),
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
    tmp_path: Path, text: str, files: dict[str, str], status: str, words: str
) -> None:
    plant(tmp_path, files)
    told = judged(tmp_path, {"k.yaml": text}, device="orin", outputs={"docker-containers": ""})[
        "gpus-flag"
    ]
    assert told.result.status == status, lines(told)
    assert words in lines(told)


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
INSTALL = "pip install mediapipe==0.9.0"
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


def _patched(target: str, patch: str) -> str:
    """Return a kustomization with a patch in itself."""
    rows = "".join(f"    {row}\n" for row in patch.splitlines())
    return f"resources: [app.yaml]\npatches:\n- target: {target}\n  patch: |\n{rows}"


NO_TARGET = "a patch may be for it, whose target is not followed"
DELETE = "$patch: delete\nkind: DaemonSet\nmetadata: {name: camera}\n"
ONE_LINE = "{spec: {template: {spec: {runtimeClassName: nvidia}}}}"
POD_SPEC = "spec: {{template: {{spec: {{{}}}}}}}"


@pytest.mark.parametrize(
    ("base", "overlay", "told"),
    [
        ("", _patched("{labelSelector: 'gpu=yes'}", PATCH), [NO_TARGET]),
        ("", _patched("{annotationSelector: 'gpu=yes'}", PATCH), [NO_TARGET]),
        ("", _patched("{namespace: other}", PATCH), [NO_TARGET]),
        ("", _patched("{kind: Deployment, labelSelector: 'gpu=yes'}", PATCH), [""]),
        ("", _patched("{group: batch}", PATCH), [""]),
        ("", _patched("{group: apps, version: v1}", PATCH), ["runtime"]),
        ("", _patched("{version: v2}", PATCH), [""]),
        ("", _patched("{kind: DaemonSet|Deployment}", PATCH), ["runtime"]),
        ("", _patched("{kind: DaemonSet}", "$patch: delete\n"), []),
        ("", f"resources: [app.yaml]\npatchesStrategicMerge:\n- '{{{DELETE[:14]}, kind: DaemonSet, "
         "metadata: {name: camera}}'\n", []),
        ("", _patched("{kind: DaemonSet}", POD_SPEC.format(
            "containers: [{name: app, $patch: delete}]")), []),
        ("", _patched("{kind: DaemonSet}", POD_SPEC.format("nodeSelector: {$patch: replace}")),
         ["a patch takes parts of it away, which is not followed"]),
        ("runtimeClassName: nvidia",
         _patched("{kind: DaemonSet}", POD_SPEC.format("runtimeClassName: null")), [""]),
        ("", "resources: [app.yaml]\npatches: [{target: {kind: DaemonSet}, patch: "
         f"'{ONE_LINE}'}}]\n", ["runtime"]),
        ("", "resources: [app.yaml]\npatches: [{target: {kind: DaemonSet}, patch: "
         "'[{op: add, path: /a, value: b}]'}]\n",
         ["a JSON patch changes it, which is not followed"]),
    ],
)  # fmt: skip
def test_what_patches_are_for(tmp_path: Path, base: str, overlay: str, told: list[str]) -> None:
    files = {"kustomization.yaml": overlay, "app.yaml": pod(base)}
    assert list(asks(tmp_path, files).values()) == told


def test_null_in_a_patch_takes_away_what_the_base_says(tmp_path: Path) -> None:
    overlay = _patched("{kind: DaemonSet}", POD_SPEC.format("nodeSelector: null"))
    base = pod("nodeSelector: {kubernetes.io/arch: amd64}", image="me/mediapipe:1")
    scan = Scan(plant(tmp_path, {"kustomization.yaml": overlay, "app.yaml": base}))
    assert [item.foreign for item in scan.images] == [""]


def two(first: str, second: str, spec: str = "runtimeClassName: nvidia") -> str:
    """Return a pod of two containers, each by its flow mapping."""
    rows = f"containers:\n  - {first}\n  - {second}\n  {spec}\n"
    return f"apiVersion: v1\nkind: Pod\nmetadata: {{name: one}}\nspec:\n  {rows}"


HIDES = "env: [{name: NVIDIA_VISIBLE_DEVICES, value: none}]"
APP = "{name: a, image: me/a:1}"
LOG = f"{{name: log, image: fluent/fluent-bit, {HIDES}}}"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (two(APP, LOG), {"a of Pod one": "runtime"}),
        (two(LOG, APP), {"a of Pod one": "runtime"}),
        (two(f"{{name: a, image: me/a:1, {HIDES}}}", f"{{name: b, image: me/b:1, {HIDES}}}"),
         {"a of Pod one": "hidden", "b of Pod one": "hidden"}),
        # Without names each is one of its own.
        (two("{image: me/a:1}", f"{{image: me/b:1, {LIMITS}}}", ""), {" of Pod one": "reserved"}),
    ],
)  # fmt: skip
def test_a_container_beside_one_with_the_gpu(
    tmp_path: Path, text: str, told: dict[str, str]
) -> None:
    assert asks(tmp_path, {"k.yaml": text}) == told


def test_containers_without_names_are_not_one(tmp_path: Path) -> None:
    text = two("{image: me/a:1}", "{image: me/b:1}")
    scan = Scan(plant(tmp_path, {"k.yaml": text}))
    assert [item.image for item in scan.services] == ["me/a:1", "me/b:1"]


@pytest.mark.parametrize(
    ("text", "pythons"),
    [
        (two(APP, "{name: side, image: 'python:3.7'}"), ["me/a:1"]),
        (two("{name: side, image: 'python:3.7'}", f"{{name: a, image: me/a:1, {LIMITS}}}"),
         ["me/a:1"]),
        (two(f"{{name: side, image: 'python:3.7', {HIDES}}}", APP), ["me/a:1"]),
        (two(APP, "{name: side, image: 'python:3.7', command: [python, app.py]}"),
         ["me/a:1", "python:3.7"]),
        (pod("runtimeClassName: nvidia", HIDES), ["me/app:1"]),
    ],
)  # fmt: skip
def test_whose_python_counts_in_a_pod(tmp_path: Path, text: str, pythons: list[str]) -> None:
    scan = Scan(plant(tmp_path, {"k.yaml": text, "app.py": "import mediapipe\n"}))
    assert [item.image for item in scan.images if item.packages] == pythons


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


def test_a_patch_is_no_pod_of_its_own(tmp_path: Path) -> None:
    files = {
        "kustomization.yaml": "resources: [app.yaml]\npatches: [{path: gpu.yaml}]\n",
        "app.yaml": pod("runtimeClassName: nvidia"), "gpu.yaml": pod("", f"args: [{INSTALL}]"),
    }  # fmt: skip
    scan = Scan(plant(tmp_path, files))
    assert [item.asks for item in scan.services] == ["runtime"]
    assert len(scan.images) == len(scan.requirements) == 1
    assert not scan.unread


@pytest.mark.parametrize(
    "started",
    [
        f"command: [sh, -c, {INSTALL}]",
        f"command: [sh, -c]\n        args: [{INSTALL}]",
        f"command: [bash]\n        args: [-lc, '{INSTALL} && python app.py']",
        f"args: [-c, {INSTALL}]",
        f"args: [{INSTALL}]",
        "command: [pip]\n        args: [install, mediapipe==0.9.0]",
    ],
)
def test_a_command_is_read_with_its_arguments(tmp_path: Path, started: str) -> None:
    scan = Scan(plant(tmp_path, {"k.yaml": pod("", started)}))
    assert [(item.name, item.specifier) for item in scan.requirements] == [("mediapipe", "==0.9.0")]
    assert not scan.unread
