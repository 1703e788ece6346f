"""`migrate`: models chosen at run time, fields by getattr, classes in annotations, old names."""

from __future__ import annotations

from pathlib import Path

import pytest
from mediapipe_jetson.migrate import project

from tests.unit.migrate_cases import (
    HANDS,
    HEAD,
    NEW_HANDS,
    OLD_HANDS,
    TASKS,
    after,
    refused,
    rows,
)

FOLDER = 'f"{MODEL_FOLDER}/" + '
POSES = '("pose_landmarker_lite.task", "pose_landmarker_full.task", "pose_landmarker_heavy.task")'
SELFIES = '("selfie_segmenter.tflite", "selfie_segmentation_landscape.tflite")'
MODELS = {
    "a pose by keyword": (
        "mp.solutions.pose.Pose(True, model_complexity=int(input()))",
        f"model_asset_path={FOLDER}{POSES}[int(input())]",
    ),
    "a pose by place": (
        "mp.solutions.pose.Pose(True, one.level)",
        f"model_asset_path={FOLDER}{POSES}[one.level]",
    ),
    "each of several": (
        "for level in (0, 2): mp.solutions.pose.Pose(model_complexity=level)",
        f"model_asset_path={FOLDER}{POSES}[level]",
    ),
    "a mask": (
        "mp.solutions.selfie_segmentation.SelfieSegmentation(model_selection=one.kind)",
        f"model_asset_path={FOLDER}{SELFIES}[one.kind]",
    ),
    "a face": (
        "mp.solutions.face_detection.FaceDetection(model_selection=one.kind)",
        "model_asset_buffer=face_model(one.kind)",
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_model_is_chosen_at_run_time(name: str, tmp_path: Path) -> None:
    old, new = MODELS[name]
    assert f"BaseOptions({new})" in after(tmp_path, f"{old}\n")


def test_each_model_that_may_be_chosen_is_named(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(HEAD + "mp.solutions.pose.Pose(model_complexity=int(input()))\n")
    outcome = project.migrate(program)
    assert [name.split("_")[2] for name in outcome.models] == [
        "lite.task",
        "full.task",
        "heavy.task",
    ]
    assert any("decided at run time" in note.text for note in outcome.differs)


FIELDS = {
    "for truth": ('if getattr(r, "multi_hand_landmarks"): pass\n', "if r.hand_landmarks: pass\n"),
    "with a default": (
        'a = getattr(r, "multi_hand_landmarks", None)\nif a is None: pass\n',
        "a = r.hand_landmarks\nif not a: pass\n",
    ),
    "compared": (
        'if getattr(r, "multi_handedness", None) is not None: pass\n',
        "if r.handedness: pass\n",
    ),
    "by another name": (
        'g = getattr\ng(r, "multi_handedness")\n',
        "g = getattr\nr.handedness\n",
    ),
    "an item": (
        'getattr(r, "multi_hand_landmarks")[0].landmark[8].x\n',
        "r.hand_landmarks[0][8].x\n",
    ),
}


POSE_FIELDS = {
    "kept": ('a = getattr(r, "pose_landmarks")\n', "a = next(iter(r.pose_landmarks), None)\n"),
    "none": ('a = getattr(r, "pose_landmarks", 0) is None\n', "a = not r.pose_landmarks\n"),
    "some": (
        'if getattr(r, "pose_landmarks") != None: pass\n',
        "if r.pose_landmarks: pass\n",
    ),
}


@pytest.mark.parametrize(("old", "new"), rows(hands=FIELDS, pose=POSE_FIELDS))
def test_a_field_by_getattr(old: str, new: str, tmp_path: Path) -> None:
    assert after(tmp_path, old) == new


def test_a_task_that_a_function_gives_is_asked_once(tmp_path: Path) -> None:
    old = "def given():\n    return hands\ngiven().process(x)\n"
    new = old.replace("given().process(x)", "detect_frame(given(), to_image(x))")
    assert after(tmp_path, "hands = mp.solutions.hands.Hands()\n" + old) == HANDS + new


@pytest.mark.parametrize("method", ["lower()", "upper()[0]", 'startswith("L")', "strip().title()"])
def test_a_side_has_the_methods_of_a_text(method: str, tmp_path: Path) -> None:
    old = f"r.multi_handedness[0].classification[0].label.{method}\n"
    assert (
        after(tmp_path, OLD_HANDS + old) == f"{NEW_HANDS}hand_side(r.handedness[0][0]).{method}\n"
    )


PB = "from mediapipe.framework.formats import landmark_pb2 as pb\n"
NOTES = {
    "plain": ("def f(a: pb.NormalizedLandmarkList): pass\n", "def f(a: list): pass\n"),
    "given": (
        "def f() -> Optional[List[pb.LandmarkList]]: pass\n",
        "def f() -> Optional[List[list]]: pass\n",
    ),
    "a point": (
        "a: pb.NormalizedLandmark | None = None\n",
        "a: NormalizedLandmark | None = None\n",
    ),
    "of a field": (
        "class A:\n    a: Dict[str, pb.Landmark] = {}\n",
        "class A:\n    a: Dict[str, Landmark] = {}\n",
    ),
}


@pytest.mark.parametrize("name", NOTES)
def test_annotations_name_what_there_is(name: str, tmp_path: Path) -> None:
    old, new = NOTES[name]
    typing = "from typing import Dict, List, Optional\n"
    assert after(tmp_path, old, HEAD + PB + typing) == new


def test_annotations_name_what_was_imported_by_its_name(tmp_path: Path) -> None:
    head = f"{HEAD}from mediapipe.framework.formats.landmark_pb2 import NormalizedLandmarkList\n"
    assert after(tmp_path, "def f(a: NormalizedLandmarkList): pass\n", head) == (
        "def f(a: list): pass\n"
    )


OTHERWISE = ("isinstance(a, pb.NormalizedLandmarkList)\n", "A = pb.NormalizedLandmark\n")


@pytest.mark.parametrize("line", OTHERWISE)
def test_a_class_of_messages_elsewhere_is_refused(line: str, tmp_path: Path) -> None:
    (reason,) = refused(tmp_path, HEAD + PB + line)
    assert "only where it is called or annotates" in reason


@pytest.mark.parametrize("module", ["face_mesh", "holistic"])
def test_face_connections_of_2021_are_the_contours(module: str, tmp_path: Path) -> None:
    contours = f"{TASKS}.FaceLandmarksConnections.FACE_LANDMARKS_CONTOURS"
    old = f"a = mp.solutions.{module}.FACE_CONNECTIONS\n"
    assert after(tmp_path, old) == f"a = connection_pairs({contours})\n"
    head = f"{HEAD}from mediapipe.python.solutions.{module} import FACE_CONNECTIONS\n"
    drawn = "mp.solutions.drawing_utils.draw_landmarks(x, None, FACE_CONNECTIONS)\n"
    assert "(x, None, vision.FaceLandmarksConnections.FACE_LANDMARKS_CONTOURS)" in after(
        tmp_path, drawn, head
    )


def test_a_class_that_a_function_makes_may_be_made_by_others_too(tmp_path: Path) -> None:
    old = "def run(): return Poses()\nclass Poses:\n    def __init__(self, level=1, still=False):\n"
    old += "        self.pose = mp.solutions.pose.Pose(still, model_complexity=level)\n"
    old += "    def find(self, x): return self.pose.process(x).pose_landmarks\n"
    body = after(tmp_path, old)
    assert f"{POSES}[level]" in body
    assert "RunningMode.IMAGE if still else" in body
    assert "detect_next(self.pose, to_image(x))" in body
