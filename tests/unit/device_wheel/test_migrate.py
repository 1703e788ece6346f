"""`migrate`: small old programs and exactly what becomes of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from mediapipe_jetson.migrate import project, view

from tests.unit.migrate_cases import (
    FOLDER,
    HEAD,
    MARK,
    OLD_FACE,
    OLD_HANDS,
    OLD_POSE,
    TASKS,
    after,
    refused,
    rows,
)


@pytest.mark.parametrize(("gpu", "words"), [(True, "MEDIAPIPE_JETSON_DELEGATE=CPU"),
                                            (False, "with --gpu the new code asks")])  # fmt: skip
def test_where_the_new_code_runs_is_said(tmp_path: Path, gpu: bool, words: str) -> None:
    program = tmp_path / "program.py"
    program.write_text(HEAD + MARK + OLD_HANDS, encoding="utf-8")
    outcome = project.migrate(program, gpu=gpu)
    assert words in view.text(outcome, written=False)
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


REFUSED = {
    "a star import": "from mediapipe.python.solutions.hands import *\n",
    "a class derived from it": "class A(mp.solutions.hands.Hands): pass\n",
    "what no task has": "mp.solutions.objectron.Objectron()\n",
    "reset": "h = mp.solutions.hands.Hands()\nh.reset()\n",
    "keywords": "mp.solutions.hands.Hands(**options)\n",
    "an argument that it never had": "mp.solutions.pose.Pose(upper_body_only=True)\n",
    "a guard": 'if hasattr(mp, "solutions"):\n    p = mp.solutions.pose.Pose()\np.process(x)\n',
    "a field by a name at run time": OLD_HANDS + "getattr(r, input())\n",
    "protobuf": "from google.protobuf.json_format import MessageToDict\n"
    + OLD_HANDS
    + "MessageToDict(r.multi_handedness[0], including_default_value_fields=True)\n",
    "protobuf of a box": "from google.protobuf.json_format import MessageToDict\n"
    + OLD_FACE
    + "MessageToDict(r.detections[0])\n",
    "a message's own": OLD_HANDS + "r.multi_hand_landmarks[0].landmark[0].ListFields()\n",
    "protobuf by map": "from google.protobuf.json_format import MessageToDict\n"
    + OLD_HANDS
    + "list(map(MessageToDict, r.multi_handedness))\n",
    "protobuf by another map": "from google.protobuf import json_format\n"
    + OLD_HANDS
    + "f = json_format.MessageToJson\nsorted(r.multi_handedness, key=f)\n",
    "protobuf by partial": "import functools\nfrom google.protobuf import json_format\n"
    + OLD_HANDS
    + "functools.partial(json_format.MessageToDict, r.multi_handedness[0])()\n",
    "a side's fields by a name": OLD_HANDS
    + "f = r.multi_handedness[0].ListFields()\nprint(f[0][1][0].label)\n",
    "another of a side's fields": OLD_HANDS + "r.multi_handedness[0].ListFields()[0][0].name\n",
    "where it comes from": OLD_HANDS + "def f(a): return a.multi_hand_landmarks\n",
    "set by the program": OLD_HANDS + "r.multi_hand_landmarks = []\n",
    "partial": "import functools\nf = functools.partial(mp.solutions.hands.Hands, True)\nf()\n",
    "one of several classes": "all = [mp.solutions.hands.Hands, mp.solutions.pose.Pose]\n"
    "for one in all: one()\n",
    "pictures here and videos there": "def f(a): return a.process(x)\n"
    "f(mp.solutions.hands.Hands(True))\nf(mp.solutions.hands.Hands())\n",
    "made by who knows whom": "def f(a: mp.solutions.hands.Hands): return a.process(x)\n",
    "taken apart by match": OLD_HANDS
    + "match r.multi_hand_landmarks[0].landmark[0]:\n    case object(x=a): print(a)\n",
    "a message matched as a list": OLD_HANDS
    + "match r.multi_hand_landmarks[0]:\n    case [one, *_]: print(one)\n",
    "a match of two things": OLD_HANDS
    + "a = r.multi_hand_landmarks if x else r\nmatch a:\n    case None: print(1)\n",
    "a dictionary that may lack an entry": "C = {}\nif x: C['max_num_hands'] = 1\n"
    "mp.solutions.hands.Hands(**C)\n",
    "a dictionary with no name": "C = {'max num': 1}\nmp.solutions.hands.Hands(**C)\n",
    "two dictionaries": "C = {'max_num_hands': 1}\nmp.solutions.hands.Hands(**C, **C)\n",
    "a dictionary of a call": "mp.solutions.hands.Hands(**dict(max_num_hands=1))\n",
    "a dictionary that others have": "C = {'max_num_hands': 1}\nother(C)\n"
    "mp.solutions.hands.Hands(**C)\n",
    "a dictionary with more": "C = {'upper_body_only': True}\nmp.solutions.pose.Pose(**C)\n",
    "a chain of comparisons": OLD_HANDS + "r.multi_hand_landmarks is x is None\n",
    "isinstance": OLD_HANDS + "isinstance(r.multi_hand_landmarks, list)\n",
    "its class": OLD_HANDS + "type(r.multi_hand_landmarks) is list\n",
    "its names": OLD_HANDS + "'multi_hand_landmarks' in dir(r)\n",
    "hasattr of another field": OLD_HANDS + "hasattr(r, 'pose_landmarks')\n",
    "hasattr of two things": "class B: pass\n"
    + OLD_HANDS
    + "for a in (r, B()): hasattr(a, 'multi_hand_landmarks')\n",
    "a process by keywords": "import asyncio\n"
    + OLD_HANDS
    + "asyncio.to_thread(hands.process, image=x)\n",
    "process is handed on": "p = mp.solutions.hands.Hands().process\np(x)\n",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_is_named_with_its_line(name: str, tmp_path: Path) -> None:
    reasons = refused(tmp_path, HEAD + REFUSED[name])
    assert reasons
    lines = HEAD + REFUSED[name]
    for reason in reasons:
        file, line, column, why = reason.split(":", 3)
        assert (file, why.count("\n")) == ("program.py", 0)
        assert 4 < int(line) <= lines.count("\n")
        assert int(column) > 0


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("holistic.UPPER_BODY_POSE_CONNECTIONS", "POSE_CONNECTIONS"),
        ("drawing_styles.get_default_hand_landmark_style()", "get_default_hand_landmarks_style"),
        ("drawing_utils.VISIBILITY_THRESHOLD", "0.5"),
    ],
)
def test_a_name_of_2021_is_refused_with_what_to_write(
    name: str, write: str, tmp_path: Path
) -> None:
    (reason,) = refused(tmp_path, f"{HEAD}x = mp.solutions.{name}\n")
    assert "is gone since 0.8." in reason
    assert f"write {write}" in reason


FOLLOWED = {
    "walrus": (
        "if (a := hands.process(x)).multi_hand_landmarks: a.multi_handedness\n",
        "if (a := hands.detect_for_video(to_image(x), next_ms(hands))).hand_landmarks: "
        "a.handedness\n",
    ),
    "a text": (
        'f"{r.multi_handedness[0].classification[0].label!r:>5} {len(r.multi_hand_landmarks)}"\n',
        'f"{hand_side(r.handedness[0][0])!r:>5} {len(r.hand_landmarks)}"\n',
    ),
    "texts that say a thing twice": (
        "for c in r.multi_handedness:\n    d = c.classification[0]\n    dd = d\n"
        "    f\"{dd.label} {d.label} {d.label:>{len(d.label)}}\" f'ä {d.label=} {{d.label}}'\n",
        "for c in r.handedness:\n    d = c[0]\n    dd = d\n"
        '    f"{hand_side(dd)} {hand_side(d)} {hand_side(d):>{len(hand_side(d))}}" '
        "f'ä {hand_side(d)=} {{d.label}}'\n",
    ),
    "texts of several lines": (
        'f"""a\n{r.multi_hand_landmarks[0].landmark[0].x}\n  {len(r.multi_handedness)}"""\n',
        'f"""a\n{r.hand_landmarks[0][0].x}\n  {len(r.handedness)}"""\n',
    ),
    "texts in several lines": (
        '(f"{len(r.multi_handedness)}"\n "b"\n f"{len(r.multi_handedness)}")\n',
        '(f"{len(r.handedness)}"\n "b"\n f"{len(r.handedness)}")\n',
    ),
    "a key": (
        "sorted(r.multi_hand_landmarks, key=lambda h: h.landmark[0].x)[0].landmark[0]\n",
        "sorted(r.hand_landmarks, key=lambda h: h[0].x)[0][0]\n",
    ),
    "a list of results": (
        "old = []\nold.append(r)\nold[-1].multi_hand_landmarks\n",
        "old = []\nold.append(r)\nold[-1].hand_landmarks\n",
    ),
    "several targets": (
        "a, b = r.multi_hand_landmarks\nb.landmark[0]\n",
        "a, b = r.hand_landmarks\nb[0]\n",
    ),
    "a line that goes on": (
        "r.multi_hand_landmarks[0] \\\n    .landmark[0]\n",
        "r.hand_landmarks[0][0]\n",
    ),
    "a class": (
        "class A:\n    def f(self):\n        self.r = r\n    @property\n"
        "    def tips(self): return self.r.multi_hand_landmarks[0].landmark\n",
        "class A:\n    def f(self):\n        self.r = r\n    @property\n"
        "    def tips(self): return self.r.hand_landmarks[0]\n",
    ),
    "words in texts": ('"mp.solutions.hands .landmark"\n', '"mp.solutions.hands .landmark"\n'),
}


@pytest.mark.parametrize(("old", "new"), rows(hands=FOLLOWED))
def test_results_are_followed(old: str, new: str, tmp_path: Path) -> None:
    assert after(tmp_path, old) == new


MESSAGES = {
    "empty": ("a = pb.NormalizedLandmarkList()\n", "a = []\n"),
    "of a list": (
        "a = pb.LandmarkList(landmark=old)\n",
        "a = [dataclasses.replace(one) for one in old]\n",
    ),
    "filled": (
        "a = pb.NormalizedLandmarkList()\na.landmark.extend([pb.NormalizedLandmark(x=1)])\n"
        "b = a.landmark.add(x=2)\nb.visibility = 0.5\n",
        "a = []\na.extend([new_landmark(x=1)])\nb = add_landmark(a, x=2)\nb.visibility = 0.5\n",
    ),
    "filled with one that changes": (
        "a = pb.NormalizedLandmarkList()\nb = pb.NormalizedLandmark()\nfor c in d:\n"
        "    b.x = c\n    a.landmark.append(b)\na.landmark.append(pb.NormalizedLandmark(x=1))\n",
        "a = []\nb = new_landmark()\nfor c in d:\n    b.x = c\n"
        "    a.append(dataclasses.replace(b))\na.append(new_landmark(x=1))\n",
    ),
    "filled with those of another": (
        "a = pb.NormalizedLandmarkList()\nb = pb.NormalizedLandmarkList()\n"
        "b.landmark.extend(a.landmark)\nb.landmark.extend([a.landmark[0]])\n"
        "b.landmark.extend(list(a.landmark))\n",
        "a = []\nb = []\nb.extend(dataclasses.replace(one) for one in a)\n"
        "b.extend(dataclasses.replace(one) for one in [a[0]])\n"
        "b.extend(dataclasses.replace(one) for one in list(a))\n",
    ),
}


@pytest.mark.parametrize(("old", "new"), rows(none=MESSAGES))
def test_messages_become_lists(old: str, new: str, tmp_path: Path) -> None:
    head = HEAD + "from mediapipe.framework.formats import landmark_pb2 as pb\n"
    assert after(tmp_path, old, head) == new
