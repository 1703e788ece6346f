"""`migrate`: small old programs and exactly what becomes of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from mediapipe_jetson.migrate import project, view

from tests.unit.migrate_cases import FOLDER, HEAD, MARK, OLD_HANDS, OLD_POSE, TASKS, after, rows


@pytest.mark.parametrize(
    ("gpu", "expected"),
    [(True, "MEDIAPIPE_JETSON_DELEGATE=CPU"), (False, "with --gpu the new code asks")],
)
def test_where_the_new_code_runs_is_said(tmp_path: Path, gpu: bool, expected: str) -> None:
    program = tmp_path / "program.py"
    program.write_text(HEAD + MARK + OLD_HANDS, encoding="utf-8")
    outcome = project.migrate(program, gpu=gpu)
    assert expected in view.text(outcome, written=False)
    assert (b"delegate=mp.tasks.BaseOptions.Delegate.GPU" in outcome.changes[0].after) == gpu


HAND_LINES = {
    "a truth": ("if r.multi_hand_landmarks:\n    pass\n", "if r.hand_landmarks:\n    pass\n"),
    "is None": ("if r.multi_hand_landmarks is None: pass\n", "if not r.hand_landmarks: pass\n"),
    "== None": ("if r.multi_hand_landmarks == None: pass\n", "if not r.hand_landmarks: pass\n"),
    "a value of two": (
        "a = r.multi_hand_landmarks is not None and x\n",
        "a = bool(r.hand_landmarks) and x\n",
    ),
    "a truth of two": (
        "while r.multi_hand_landmarks is not None and x: pass\n",
        "while r.hand_landmarks and x: pass\n",
    ),
    "None is": ("if None is r.multi_hand_landmarks: pass\n", "if not r.hand_landmarks: pass\n"),
    "None !=": ("a = None != r.multi_hand_landmarks\n", "a = bool(r.hand_landmarks)\n"),
    "taken apart": (
        "try: a, *b = r.multi_hand_landmarks\nexcept TypeError: pass\n",
        "try: a, *b = found(r.hand_landmarks, TypeError)\nexcept TypeError: pass\n",
    ),
    "a class that is told": (
        "print(type(r.multi_hand_landmarks), isinstance(hands, mp.solutions.hands.Hands))\n",
        "print(type(r.hand_landmarks), isinstance(hands, mp.tasks.vision.HandLandmarker))\n",
    ),
    "is not None": (
        "if (r.multi_hand_landmarks is not None): pass\n",
        "if (r.hand_landmarks): pass\n",
    ),
    "a value": ("a = r.multi_hand_landmarks is not None\n", "a = bool(r.hand_landmarks)\n"),
    "by a name": (
        "found = r.multi_hand_landmarks\nif found is not None and x: pass\n",
        "found = r.hand_landmarks\nif found and x: pass\n",
    ),
    "a loop": (
        "for a in r.multi_hand_landmarks:  # each\n    for i, p in enumerate(a.landmark): p.x\n",
        "for a in r.hand_landmarks:  # each\n    for i, p in enumerate(a): p.x\n",
    ),
    "a function": (
        "def tip(hand): return hand.landmark[8].x\n"
        "print([tip(h) for h in r.multi_hand_landmarks])\n",
        "def tip(hand): return hand[8].x\nprint([tip(h) for h in r.hand_landmarks])\n",
    ),
    "a slice": (
        "for a in r.multi_hand_landmarks[:1]: len(a.landmark)\n",
        "for a in r.hand_landmarks[:1]: len(a)\n",
    ),
    "a side": (
        'for h in r.multi_handedness:\n    s = h.classification[0].label == "Left"\n',
        'for h in r.handedness:\n    s = hand_side(h[0]) == "Left"\n',
    ),
    "both": (
        "for a, b in zip(r.multi_hand_landmarks, r.multi_handedness):\n"
        "    a.landmark, b.classification[0].score\n",
        "for a, b in zip(r.hand_landmarks, r.handedness):\n    a, b[0].score\n",
    ),
    "drawn": (
        "mp.solutions.drawing_utils.draw_landmarks("
        "x, r.multi_hand_landmarks[0], mp.solutions.hands.HAND_CONNECTIONS)\n",
        f"{TASKS}.drawing_utils.draw_landmarks(x, r.hand_landmarks[0], "
        f"{TASKS}.HandLandmarksConnections.HAND_CONNECTIONS)\n",
    ),
    "own connections": (
        "mp.solutions.drawing_utils.draw_landmarks(x, r.multi_hand_landmarks[0], {(0, 1)})\n",
        f"{TASKS}.drawing_utils.draw_landmarks("
        "x, r.hand_landmarks[0], as_connections({(0, 1)}))\n",
    ),
    "pairs": (
        "for a, b in mp.solutions.hands.HAND_CONNECTIONS: pass\n",
        f"for a, b in connection_pairs({TASKS}.HandLandmarksConnections.HAND_CONNECTIONS): pass\n",
    ),
    "a number": ("mp.solutions.hands.HandLandmark.WRIST\n", "HandLandmark.WRIST\n"),
    "None is caught": (
        "try:\n    for a in r.multi_hand_landmarks: pass\nexcept TypeError: pass\n",
        "try:\n    for a in found(r.hand_landmarks, TypeError): pass\nexcept TypeError: pass\n",
    ),
}
POSE_LINES = {
    "guarded": (
        "if r.pose_landmarks:\n    y = r.pose_landmarks.landmark[0].y\n    z = r.pose_landmarks\n",
        "if r.pose_landmarks:\n    y = r.pose_landmarks[0][0].y\n    z = r.pose_landmarks[0]\n",
    ),
    "not guarded": ("z = r.pose_landmarks\n", "z = next(iter(r.pose_landmarks), None)\n"),
    "bound anew": (
        "if r.pose_landmarks:\n    r = pose.process(x)\n    z = r.pose_landmarks\n",
        "if r.pose_landmarks:\n    r = pose.detect(to_image(x))\n"
        "    z = next(iter(r.pose_landmarks), None)\n",
    ),
    "left before": (
        "def f():\n    if not r.pose_landmarks:\n        return\n"
        "    print(r.pose_landmarks.landmark[0])\n",
        "def f():\n    if not r.pose_landmarks:\n        return\n"
        "    print(r.pose_landmarks[0][0])\n",
    ),
    "None is caught": (
        "try: r.pose_landmarks.landmark[0]\nexcept AttributeError: pass\n",
        "try: found(r.pose_landmarks)[0][0]\nexcept AttributeError: pass\n",
    ),
    "a name": ("mp.solutions.pose.PoseLandmark.NOSE.value\n", f"{TASKS}.PoseLandmark.NOSE.value\n"),
    "a field": (
        'r.pose_landmarks.landmark[0].HasField("visibility")\n',
        "(r.pose_landmarks[0][0].visibility is not None)\n",
    ),
}
FACE_LINES = {
    "a box": (
        "for d in r.detections:\n    b = d.location_data.relative_bounding_box\n"
        "    b.xmin, b.width\n",
        "for d in r.detections:\n    b = d.bounding_box\n    b.origin_x, b.width\n",
    ),
    "a score": (
        "for d in r.detections: d.score[0], d.label_id[0]\n",
        "for d in r.detections: d.categories[0].score, d.categories[0].index\n",
    ),
    "all scores": (
        "for d in r.detections:\n    s = d.score\n    s[0], d.label_id\n",
        "for d in r.detections:\n    s = [category.score for category in d.categories]\n"
        "    s[0], [category.index for category in d.categories]\n",
    ),
    "a point": (
        "f = mp.solutions.face_detection\n"
        "for d in r.detections or []: f.get_key_point(d, f.FaceKeyPoint.NOSE_TIP).x\n",
        f"f = {TASKS}\nfor d in r.detections or []: d.keypoints[2].x\n",
    ),
    "drawn": (
        "mp.solutions.drawing_utils.draw_detection(x, r.detections[0])\n",
        "draw_face(x, r.detections[0])\n",
    ),
}


@pytest.mark.parametrize(("old", "new"), rows(hands=HAND_LINES, pose=POSE_LINES, face=FACE_LINES))
def test_lines(old: str, new: str, tmp_path: Path) -> None:
    assert after(tmp_path, old) == new


@pytest.mark.parametrize(
    ("old", "new"),
    [("", "f.landmark"), ("refine_landmarks=False", "f.landmark"), ("refine_landmarks=True", "f")],
)
def test_a_face_has_as_many_points_as_before(old: str, new: str, tmp_path: Path) -> None:
    body = (
        f"m = mp.solutions.face_mesh.FaceMesh({old})\n"
        "for f in m.process(x).multi_face_landmarks: len(f.landmark), f.landmark[1]\n"
    )
    expected = "f" if new == "f" else "f[:468]"
    assert after(tmp_path, body).splitlines()[1].endswith(f"face_landmarks: len({expected}), f[1]")


def test_arguments_keep_their_lines_and_comments(tmp_path: Path) -> None:
    old = """\
hands = mp.solutions.hands.Hands(
    static_image_mode=False,  # a video
    model_complexity=1,  # the full one
    max_num_hands=1,
    min_detection_confidence = .7,  # sure
)
hands.close()
"""
    new = f"""\
hands = {TASKS}.HandLandmarker.create_from_options({TASKS}.HandLandmarkerOptions(
    base_options=mp.tasks.BaseOptions({FOLDER}hand_landmarker.task"),
    running_mode={TASKS}.RunningMode.VIDEO,  # a video
    # the full one
    num_hands=1,
    min_hand_detection_confidence = .7,  # sure
))
hands.close()
"""
    assert after(tmp_path, old) == new


def test_a_mode_that_a_caller_decides(tmp_path: Path) -> None:
    body = after(
        tmp_path, "def f(still):\n    p = mp.solutions.pose.Pose(still)\n    p.process(x)\n"
    )
    assert f"running_mode={TASKS}.RunningMode.IMAGE if still else {TASKS}.RunningMode.VIDEO" in body
    assert ")), still)\n    detect_next(p, to_image(x))\n" in body


IMPORTS = {
    "a module": (
        "from mediapipe.python.solutions import pose as p, drawing_utils\n",
        "p.Pose; drawing_utils.DrawingSpec\n",
        "from mediapipe.tasks.python import vision as p\n"
        "from mediapipe.tasks.python.vision import drawing_utils\n",
        "p.PoseLandmarker; drawing_utils.DrawingSpec\n",
    ),
    "solutions": (
        "from mediapipe import solutions  # old\n",
        "solutions.pose.PoseLandmark\n",
        "from mediapipe.tasks.python import vision as solutions  # old\n",
        "solutions.PoseLandmark\n",
    ),
    "dotted": (
        "import mediapipe.python.solutions.pose as p\n",
        "p.PoseLandmark\n",
        "from mediapipe.tasks.python import vision as p\n",
        "p.PoseLandmark\n",
    ),
    "dotted among others": (
        "import numpy, mediapipe.python.solutions.pose as p, mediapipe\n",
        "p.PoseLandmark\n",
        "import numpy, mediapipe\nfrom mediapipe.tasks.python import vision as p\n",
        "p.PoseLandmark\n",
    ),
    "dotted drawing": (
        "import mediapipe.python.solutions.drawing_utils as drawing_utils\n",
        "drawing_utils.RED_COLOR\n",
        "from mediapipe.tasks.python.vision import drawing_utils\n",
        "drawing_utils.RED_COLOR\n",
    ),
    "whole": (
        "import mediapipe.python.solutions.pose\n",
        "mediapipe.python.solutions.pose.PoseLandmark\n",
        "import mediapipe\n",
        "mediapipe.tasks.vision.PoseLandmark\n",
    ),
    "names": (
        "from mediapipe.python.solutions.pose import PoseLandmark, POSE_CONNECTIONS\n",
        "PoseLandmark.NOSE, list(POSE_CONNECTIONS)\n",
        "from mediapipe.tasks.python.vision import PoseLandmark\n"
        "from mediapipe.tasks.python import vision\n",
        "PoseLandmark.NOSE, "
        "list(connection_pairs(vision.PoseLandmarksConnections.POSE_LANDMARKS))\n",
    ),
}


@pytest.mark.parametrize("name", IMPORTS)
def test_imports(name: str, tmp_path: Path) -> None:
    head, body, new_head, new_body = IMPORTS[name]
    program = tmp_path / "program.py"
    program.write_text(head + MARK + body, encoding="utf-8")
    (change,) = project.migrate(program).changes
    before, rest = change.after.decode().split(MARK)
    assert before.startswith(new_head)
    assert rest == new_body


def test_the_whole_of_a_program(tmp_path: Path) -> None:
    old = '"""Doc."""\nimport cv2\nimport mediapipe as mp\n\np = mp.solutions.pose.Pose()\n'
    program = tmp_path / "program.py"
    program.write_text(old, encoding="utf-8")
    (change,) = project.migrate(program).changes
    assert (
        change.after.decode()
        == f'''"""Doc."""
import cv2
import mediapipe as mp
import os

# Models of MediaPipe Tasks, in the kit's images or a folder of yours:
# pose_landmarker_full.task: ./inv models.fetch pose
MODEL_FOLDER = os.environ.get("MEDIAPIPE_JETSON_MODELS") or "/opt/mediapipe/models"


p = {TASKS}.PoseLandmarker.create_from_options({TASKS}.PoseLandmarkerOptions(\
base_options=mp.tasks.BaseOptions({FOLDER}pose_landmarker_full.task"), \
running_mode={TASKS}.RunningMode.VIDEO))
'''
    )


def test_helpers_get_names_that_are_free(tmp_path: Path) -> None:
    body = after(tmp_path, "def to_image(a): return a\n" + OLD_POSE)
    assert "pose.detect(to_image_(x))" in body
