"""Kustomizations and charts: what patches, names of images and values make of manifests."""

from __future__ import annotations

from pathlib import Path

import pytest
from mediapipe_jetson.doctor.sources import Scan

from tests.unit.doctor.kubernetes_objects import INSTALL, LIMITS, asks, pod
from tests.unit.doctor_scenes import judged, lines, plant

BASE = "resources: [app.yaml]\n"
PATCH = (
    "kind: DaemonSet\nmetadata: {name: camera}\n"
    "spec: {template: {spec: {runtimeClassName: nvidia}}}\n"
)


@pytest.mark.parametrize(
    ("overlay", "expected"),
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
    tmp_path: Path, overlay: str, expected: str
) -> None:
    files = {
        "base/kustomization.yaml": BASE, "base/app.yaml": pod("", LIMITS),
        "over/kustomization.yaml": overlay, "over/gpu.yaml": PATCH,
    }  # fmt: skip
    # The base is taken by another one: it is judged there alone.
    assert asks(tmp_path, files) == {"app of DaemonSet camera": expected}


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
    ("files", "expected"),
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
def test_what_is_not_read_is_told(tmp_path: Path, files: dict[str, str], expected: str) -> None:
    answer = judged(tmp_path, files, device="orin", outputs={"docker-containers": ""})["gpus-flag"]
    assert answer.result.status == "unknown", lines(answer)
    assert expected in lines(answer)
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


def _patched(target: str, patch: str) -> str:
    """Return a kustomization with a patch in itself."""
    rows = "".join(f"    {row}\n" for row in patch.splitlines())
    return f"resources: [app.yaml]\npatches:\n- target: {target}\n  patch: |\n{rows}"


NO_TARGET = "a patch may be for it, whose target is not followed"
DELETE = "$patch: delete\nkind: DaemonSet\nmetadata: {name: camera}\n"
ONE_LINE = "{spec: {template: {spec: {runtimeClassName: nvidia}}}}"
POD_SPEC = "spec: {{template: {{spec: {{{}}}}}}}"


@pytest.mark.parametrize(
    ("base", "overlay", "expected"),
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
def test_what_patches_are_for(tmp_path: Path, base: str, overlay: str, expected: list[str]) -> None:
    files = {"kustomization.yaml": overlay, "app.yaml": pod(base)}
    assert list(asks(tmp_path, files).values()) == expected


def test_null_in_a_patch_takes_away_what_the_base_says(tmp_path: Path) -> None:
    overlay = _patched("{kind: DaemonSet}", POD_SPEC.format("nodeSelector: null"))
    base = pod("nodeSelector: {kubernetes.io/arch: amd64}", image="me/mediapipe:1")
    scan = Scan(plant(tmp_path, {"kustomization.yaml": overlay, "app.yaml": base}))
    assert [item.foreign for item in scan.images] == [""]


def test_a_patch_is_no_pod_of_its_own(tmp_path: Path) -> None:
    files = {
        "kustomization.yaml": "resources: [app.yaml]\npatches: [{path: gpu.yaml}]\n",
        "app.yaml": pod("runtimeClassName: nvidia"), "gpu.yaml": pod("", f"args: [{INSTALL}]"),
    }  # fmt: skip
    scan = Scan(plant(tmp_path, files))
    assert [item.asks for item in scan.services] == ["runtime"]
    assert len(scan.images) == len(scan.requirements) == 1
    assert not scan.unread
