"""Every cause of the doctor on small trees: at work, not at work, not to be seen."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from mediapipe_jetson.doctor import causes, docker, report
from mediapipe_jetson.doctor.scene import Scene

from tests.unit.device_wheel_trees import schema
from tests.unit.doctor.cases import CASES
from tests.unit.doctor_scenes import DOCKERENV, GLVND, VENDOR_PATH, answer, package, plant, scene


@pytest.mark.parametrize(("cause", "status", "given", "expected"), CASES)
def test_cause(
    tmp_path: Path, cause: str, status: str, given: dict[str, Any], expected: str
) -> None:
    given = dict(given)
    if "code" in given:
        given["code"] = tmp_path / given["code"]
    result = answer(scene(tmp_path, **given), cause)
    assert result.result.status == status, result.result
    assert all(result.result.evidence)
    text = result.cure if status == "bad" else " ".join(result.result.evidence)
    assert expected in text
    if status == "bad":
        assert "{" not in result.cure
        assert "{" not in result.why


def test_every_cause_has_a_case_on_each_side() -> None:
    sides = {(cause, status) for cause, status, *_ in CASES}
    known, _ = causes.load()
    for cause in known:
        if cause.id in ("device-permissions", "camera-busy"):  # need more than files: tested below
            continue
        assert (cause.id, "bad") in sides
        assert (cause.id, "ok") in sides
    # What is always to be seen: the Python that runs, and an environment variable.
    always = {"python-too-old", "egl-platform-ignored"}
    unseen = {cause for cause, status in sides if status == "unknown"}
    assert {cause.id for cause in known} - unseen == always


def nodes(root: Path, mode: int) -> int:
    (root / "dev").mkdir()
    for name in ("nvmap", "nvhost-gpu", "nvhost-prof-gpu"):
        node = root / "dev" / name
        node.write_text("")
        node.chmod(0o600 if name == "nvhost-prof-gpu" else mode)
    return (root / "dev/nvmap").stat().st_gid


def test_closed_nodes_give_the_exact_groups(tmp_path: Path) -> None:
    gid = nodes(tmp_path, 0o660)
    result = answer(scene(tmp_path, files=DOCKERENV, uid=54321), "device-permissions")
    assert result.bad
    assert result.cure == f"start the container with --group-add {gid}"
    assert not any("prof" in line for line in result.result.evidence)
    inside = scene(tmp_path, uid=54321, groups=frozenset({gid}))
    assert answer(inside, "device-permissions").result.status == "ok"


def camera(root: Path, **given: Any) -> Scene:
    node = root / "dev" / "video0"
    node.parent.mkdir()
    node.write_text("")
    node.chmod(0o660)
    return scene(root, environment={"MEDIAPIPE_JETSON_SOURCE": "0"}, uid=54321, **given)


def test_a_closed_camera_gives_the_exact_group(tmp_path: Path) -> None:
    result = answer(camera(tmp_path, files=DOCKERENV), "camera-node")
    assert result.cure == f"start the container with --group-add {os.getgid()}"


def test_a_closed_camera_on_the_board_names_the_group(tmp_path: Path) -> None:
    assert "usermod -aG video" in answer(camera(tmp_path), "camera-node").cure


def test_who_holds_a_camera_is_named(tmp_path: Path) -> None:
    result = camera(tmp_path, files={"proc/77/comm": "guvcview\n"})
    held = tmp_path / "proc/77/fd/5"
    held.parent.mkdir()
    held.symlink_to("/dev/video0")
    message = answer(result, "camera-busy")
    assert message.bad
    assert message.result.evidence == ("guvcview (77) holds /dev/video0",)
    assert message.cure.startswith("end process 77")


def test_who_holds_the_camera_of_a_link_is_named(tmp_path: Path) -> None:
    link = tmp_path / "dev/v4l/by-id/usb-x-index0"
    link.parent.mkdir(parents=True)
    link.symlink_to("../../video0")
    plant(tmp_path, {"dev/video0": "", "proc/77/comm": "guvcview\n"})
    held = tmp_path / "proc/77/fd/5"
    held.parent.mkdir()
    held.symlink_to("/dev/video0")
    named = {"MEDIAPIPE_JETSON_SOURCE": "/dev/v4l/by-id/usb-x-index0"}
    message = answer(scene(tmp_path, environment=named), "camera-busy")
    assert message.result.evidence == ("guvcview (77) holds /dev/v4l/by-id/usb-x-index0",)


def test_closed_nodes_on_the_board_name_the_group(tmp_path: Path) -> None:
    gid = nodes(tmp_path, 0o660)
    plant(tmp_path, {"etc/group": f"root2:x:9999:\nvideo:x:{gid}:\n"})
    result = answer(scene(tmp_path, uid=54321, environment={"USER": "me"}), "device-permissions")
    assert result.cure == "sudo usermod -aG video me, and log in again"


def test_nodes_closed_to_their_group_need_another_cure(tmp_path: Path) -> None:
    nodes(tmp_path, 0o600)
    result = answer(scene(tmp_path, files=DOCKERENV, uid=54321), "device-permissions")
    assert result.cure == (
        "give the group read and write rights: sudo chmod g+rw /dev/nvmap /dev/nvhost-gpu"
    )


def test_a_dangling_vendor_file_is_told(tmp_path: Path) -> None:
    here = scene(tmp_path, "nano")
    link = tmp_path / VENDOR_PATH
    link.parent.mkdir(parents=True)
    link.symlink_to("/nonexistent/nvidia.json")
    result = answer(here, "egl-vendor-missing")
    assert result.bad
    assert "leads nowhere" in result.result.evidence[0]


def test_thor_is_known_by_its_release_where_the_tree_is_hidden(tmp_path: Path) -> None:
    here = scene(tmp_path, "thor", files=package("nvidia-container-toolkit", "1.17.5-1"))
    (tmp_path / "proc/device-tree/model").unlink()
    assert here.soc is None
    assert "Thor is taken" in answer(here, "toolkit-broken").why


def test_removed_packages_do_not_count(tmp_path: Path) -> None:
    status = package("docker-ce", "5:28.0.1-1")["var/lib/dpkg/status"]
    gone = status.replace("install ok installed", "deinstall ok config-files")
    here = scene(tmp_path, files={"var/lib/dpkg/status": gone})
    assert answer(here, "docker-iptable-raw").result.status == "unknown"


def test_order_and_shape_of_the_document(tmp_path: Path) -> None:
    here = scene(
        tmp_path,
        "nano",
        {
            **DOCKERENV,
            **GLVND,
            "app/a.py": "import mediapipe as mp\nx = mp.solutions.pose.Pose(model_complexity=2)\n",
        },
        environment={"EGL_PLATFORM": "surfaceless"},
        uid=0,
        code=tmp_path / "app",
    )
    document = report.document(here, causes.examine(here))
    jsonschema.validate(json.loads(json.dumps(document)), schema("doctor"))
    assert document["exit_code"] == 1
    bad = [item["id"] for item in document["causes"] if item["status"] == "bad"]
    assert bad == [
        "cpu-too-old",
        "legacy-api",
        "egl-vendor-missing",
        "egl-platform-ignored",
        "vulkan-icd-missing",
    ]
    text = report.text(document)
    assert text.index("1. The wheel is built for a newer CPU") < text.index("2. The program uses")
    assert "a.py:2: Pose(model_complexity=...)" in text
    assert text.count("   cure: ") == len(bad)
    assert text.endswith("5 found, 8 ruled out, 17 not known")


def test_nothing_bad_is_exit_code_0(tmp_path: Path) -> None:
    here = scene(tmp_path)
    document = report.document(here, causes.examine(here))
    jsonschema.validate(json.loads(json.dumps(document)), schema("doctor"))
    assert (document["exit_code"], document["place"]) == (0, "machine")


def test_a_failing_check_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_scene: Scene, _facts: dict[str, Any]) -> Any:
        raise RuntimeError("two\nlines")

    monkeypatch.setattr(docker, "toolkit", fails)
    result = answer(scene(tmp_path), "toolkit-broken")
    assert result.result.status == "unknown"
    assert result.result.evidence == ("the check failed: RuntimeError: two lines",)


@pytest.mark.parametrize(
    "name", sorted({path for case in CASES for path in case[2].get("files", {})})
)
def test_damaged_files_raise_nothing(tmp_path: Path, name: str) -> None:
    """Every file that a check reads may be garbage, a folder, or closed."""
    here = scene(tmp_path, "orin", code=tmp_path / "app", outputs={"docker-version": "28.0.1"})
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\xff\xfe{[\0" * 9)
    for item in causes.examine(here):
        assert "the check failed" not in item.result.evidence[0], (item.cause.id, name)
    path.unlink()
    path.mkdir()
    second = scene(tmp_path, code=tmp_path / "app", outputs={"docker-version": "28.0.1"})
    for item in causes.examine(second):
        assert "the check failed" not in item.result.evidence[0], (item.cause.id, name)


def test_garbage_from_programs_raises_nothing(tmp_path: Path) -> None:
    for text in ("", "\n", "\t\t\t\t", "28.0", "v", "{", "NV Power Mode:"):
        names = ("docker-version", "docker-runtimes", "docker-containers", "toolkit-version")
        here = scene(tmp_path, "orin", outputs=dict.fromkeys([*names, "nvpmodel"], text))
        for item in causes.examine(here):
            assert "the check failed" not in item.result.evidence[0], (item.cause.id, text)


def test_ids_are_unique_and_cures_one_line() -> None:
    known, _ = causes.load()
    ids = [cause.id for cause in known]
    assert len(ids) == len(set(ids))
    assert all(os.linesep not in cause.cure for cause in known)
