"""Faces that are drawn: without the irises, and nothing where nothing was found."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.migrate_cases import after

HOLISTIC = "r = mp.solutions.holistic.Holistic().process(x)\n"
MESH = "r = mp.solutions.face_mesh.FaceMesh().process(x)\n"
DRAW = "mp.solutions.drawing_utils.draw_landmarks(x, {})\n"
CASES = {
    "a field": (HOLISTIC, "r.face_landmarks", "r.face_landmarks[:468]"),
    "a field that is printed": (
        f"{HOLISTIC}print(r.face_landmarks)\n",
        "r.face_landmarks",
        "r.face_landmarks[:468]",
    ),
    "a name": (
        f"{HOLISTIC}face = r.face_landmarks\nprint(face)\n",
        "face",
        "(face or [])[:468]",
    ),
    "a name that is looked at": (
        f"{HOLISTIC}face = r.face_landmarks\nprint(face)\nif not face: raise SystemExit\n",
        "face",
        "face[:468]",
    ),
    "a choice": (
        HOLISTIC,
        "r.face_landmarks if y else None",
        "((r.face_landmarks if y else None) or [])[:468]",
    ),
    "None before": (
        f"{MESH}face = None\nif r.multi_face_landmarks: face = r.multi_face_landmarks[0]\n",
        "face",
        "(face or [])[:468]",
    ),
    "a call": (
        MESH,
        "next(iter(r.multi_face_landmarks or []), None)",
        "(next(iter(r.face_landmarks or []), None) or [])[:468]",
    ),
    "an item": (MESH, "r.multi_face_landmarks[0]", "r.face_landmarks[0][:468]"),
    "with irises": (
        f"{MESH.replace('()', '(refine_landmarks=True)', 1)}face = None\n"
        "if r.multi_face_landmarks: face = r.multi_face_landmarks[0]\n",
        "face",
        "face",
    ),
}


@pytest.mark.parametrize(("before", "old", "new"), CASES.values(), ids=CASES.keys())
def test_what_may_be_none_is_drawn_as_nothing(
    before: str, old: str, new: str, tmp_path: Path
) -> None:
    last = after(tmp_path, before + DRAW.format(old)).splitlines()[-1]
    assert last == f"mp.tasks.vision.drawing_utils.draw_landmarks(x, {new})"


def test_a_face_that_a_class_has_as_none_is_drawn_as_nothing(tmp_path: Path) -> None:
    old = (
        f"class A:\n    face = None\n    def see(self, x):\n        {MESH.strip()}\n"
        "        if r.multi_face_landmarks:\n            self.face = r.multi_face_landmarks[0]\n"
        f"        {DRAW.format('self.face')}"
    )
    assert after(tmp_path, old).endswith("draw_landmarks(x, (self.face or [])[:468])\n")


def test_an_argument_that_becomes_an_owner_is_in_parentheses(tmp_path: Path) -> None:
    module = "mp.solutions.face_detection"
    old = (
        f"d = {module}.FaceDetection().process(x).detections[0]\n"
        f"p = {module}.get_key_point(d if y else d, {module}.FaceKeyPoint.NOSE_TIP)\n"
    )
    assert after(tmp_path, old).endswith("p = (d if y else d).keypoints[2]\n")
