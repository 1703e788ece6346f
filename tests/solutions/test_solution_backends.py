"""Backends of the legacy solutions: each one's numbers beside MediaPipe 0.10.21's, and refusals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jetson_kit.models import legacy as legacy_models
from jetson_kit.onnx_export import commands
from tests.solutions.conftest import Program
from tests.solutions.nearness import TOLERANCE, apart, counts, pairs
from tests.vision import media

pytestmark = pytest.mark.vision
STILLS = {
    "face_still": "astronaut.jpg",
    "face_refined_still": "astronaut.jpg",
    "hands_still": "right04.jpg",
    "pose_still": "messi5.jpg",
    "holistic": "messi5.jpg",
    "detection": "astronaut.jpg",
    "detection_far": "messi5.jpg",
    "selfie": "astronaut.jpg",
    "selfie_wide": "messi5.jpg",
}
LITE, HEAVY = "pose_lite_still", "pose_heavy_still"


@pytest.fixture(scope="module")
def onnx_folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a folder with the ONNX files of all models, the lite pose's too."""
    folder = tmp_path_factory.mktemp("onnx")
    lite = next(str(path) for path in legacy_models.fetch_pose() if "lite" in path.name)
    names = ("face", "hand", "pose", "selfie", "legacy", lite)
    commands.export(names, folder=folder, precision="fp32")
    return str(folder)


@pytest.fixture(scope="module")
def frame_file(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a file with a picture for each case."""
    path = tmp_path_factory.mktemp("frames") / "frames.npz"
    cases = {**STILLS, LITE: "messi5.jpg", HEAVY: "messi5.jpg"}
    np.savez(path, **{case: media.rgb(name)[None] for case, name in cases.items()})
    return str(path)


@pytest.fixture(scope="module")
def legacy(under_legacy: Program, frame_file: str, legacy_site: str) -> Any:
    """Return what MediaPipe 0.10.21 finds."""
    return under_legacy("landmarks.py", frame_file, PYTHONPATH=legacy_site)


@pytest.fixture(scope="module")
def by_onnx(under_kit: Program, frame_file: str, onnx_folder: str, pose_models: str) -> Any:
    """Return what the kit finds on ONNX Runtime; the heavy pose, without a file, on LiteRT."""
    return under_kit(
        "landmarks.py",
        frame_file,
        MEDIAPIPE_JETSON_BACKEND="onnx,litert",
        MEDIAPIPE_JETSON_ENGINES=onnx_folder,
        MEDIAPIPE_JETSON_MODELS=pose_models,
    )


def numbers(output: Any) -> list[Any]:
    """Return all numbers of detections or a mask as one array."""
    if isinstance(output, np.ndarray):
        return [output]
    return [np.hstack([score, *box, np.ravel(points)]) for score, box, points in output]


@pytest.mark.parametrize("case", [item for item in (*STILLS, LITE, HEAVY) if "_still" in item])
def test_landmarks_are_the_legacy_ones(legacy: Any, by_onnx: Any, case: str) -> None:
    assert counts(by_onnx[case]) == counts(legacy[case])
    result = list(pairs(legacy[case], by_onnx[case]))
    assert result
    for expected, got in result:
        assert apart(expected, got) < TOLERANCE[case.split("_", maxsplit=1)[0]]


def test_the_parts_of_a_person_are_the_legacy_ones(legacy: Any, by_onnx: Any) -> None:
    assert counts(by_onnx["holistic"]) == counts(legacy["holistic"])
    for expected, got in pairs(legacy["holistic"], by_onnx["holistic"]):
        # A hand has some thirty pixels.
        assert apart(expected, got) < 0.01


@pytest.mark.parametrize("case", ["detection", "detection_far", "selfie", "selfie_wide"])
def test_detections_and_masks_are_the_legacy_ones(legacy: Any, by_onnx: Any, case: str) -> None:
    expected, got = numbers(legacy[case][0]), numbers(by_onnx[case][0])
    assert len(got) == len(expected) > 0
    for item, other in zip(expected, got, strict=True):
        assert np.abs(item - other).mean() < 0.002


@pytest.fixture(scope="module")
def chosen(under_kit: Program, picture: str, onnx_folder: str) -> Any:
    """Return logs or errors of solutions for which a program chose backends."""
    names = {"face", "hands", "detection_far"}
    arguments = [*(f"{name}@onnx" for name in sorted(names)), *REFUSED,
                 "hands@mediapipe-gpu, litert", "face@auto", LOST]  # fmt: skip
    return under_kit("backends.py", picture, *arguments, MEDIAPIPE_JETSON_ENGINES=onnx_folder)


LOST = "face@onnx,litert!"
REFUSED = {
    "face@nose": ("UnknownBackendError", "no backend 'nose' for the legacy solutions: choose auto"),
    "face@litert,": ("UnknownBackendError", "no backend ''"),
    "face@tensorrt": ("SolutionsError", "no backend can run FaceMesh: tensorrt: no module"),
    "face@mediapipe-gpu": ("SolutionsError", "GPU tasks have other weights than face_mesh"),
    "hands@mediapipe-gpu": ("SolutionsError", "these weights in another graph"),
}


@pytest.mark.parametrize(
    ("name", "solution"),
    [("face", "FaceMesh"), ("hands", "Hands"), ("detection_far", "FaceDetection")],
)
def test_the_backend_in_use_is_logged_once_at_the_first_frame(
    chosen: Any, name: str, solution: str
) -> None:
    assert chosen[f"{name}@onnx"] == ([], [f"{solution} runs on onnx"])


@pytest.mark.parametrize("name", REFUSED)
def test_a_backend_that_can_not_be_is_refused_with_the_reason(chosen: Any, name: str) -> None:
    kind, reason = REFUSED[name]
    assert chosen[name][0] == kind
    assert reason in chosen[name][1]
    assert "\n" not in chosen[name][1]


def test_a_refused_backend_gives_way_to_the_next_one(chosen: Any) -> None:
    assert chosen["hands@mediapipe-gpu, litert"] == ([], ["Hands runs on litert"])


def test_a_backend_that_fails_gives_way_between_two_frames(chosen: Any) -> None:
    before, lines = chosen[LOST]
    assert before == []
    assert lines == ["FaceMesh runs on onnx",
                     "FaceMesh: onnx: this onnx session is closed; now on litert"]  # fmt: skip


def test_auto_takes_litert_where_no_gpu_is(chosen: Any) -> None:
    assert chosen["face@auto"] == ([], ["FaceMesh runs on litert"])


def test_what_is_missing_says_how_to_get_it(
    under_kit: Program, picture: str, tmp_path: Path
) -> None:
    result = under_kit("backends.py", picture, "face", "pose_lite", "pose_heavy",
                      MEDIAPIPE_JETSON_BACKEND="onnx", MEDIAPIPE_JETSON_ENGINES="/nonexistent",
                      XDG_CACHE_HOME=str(tmp_path))  # fmt: skip
    for digest in ("b4578f35940b", "bbff11cebd1e"):
        assert f"face_detector-{digest}-fp32.onnx" in result["face"][1]
    for name in ("pose_lite", "pose_heavy"):
        kind, reason = result[name]
        assert kind == "ModelMissingError"
        assert reason.endswith("get it: python -m mediapipe_jetson.solutions fetch --pose")
