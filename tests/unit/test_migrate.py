"""`migrate`: small old programs and exactly what becomes of them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from jetson_kit import migrate
from jetson_kit.device_side import module
from jetson_kit.errors import BadInputError, CheckFailedError
from jetson_kit.paths import ROOT

project = module("migrate.project")
MARK = "# here\n"
HEAD = "import mediapipe as mp\nimport numpy as np\nimport os\n\n"
TASKS = "mp.tasks.vision"
FOLDER = 'model_asset_path=f"{MODEL_FOLDER}/'


def after(folder: Path, old: str, head: str = HEAD) -> str:
    """Return what stands after the mark once a program with this end was migrated."""
    program = folder / "program.py"
    program.write_text(head + MARK + old, encoding="utf-8")
    outcome = project.migrate(program)
    assert not outcome.refused, [str(note) for note in outcome.refused]
    (change,) = outcome.changes
    compile(change.after, "program.py", "exec")
    return str(change.after.decode().split(MARK)[1])


def refused(folder: Path, text: str, name: str = "program.py") -> list[str]:
    """Return why a program was refused."""
    (folder / name).write_text(text, encoding="utf-8")
    outcome = project.migrate(folder)
    assert not outcome.changes
    return [str(note) for note in outcome.refused]


HANDS = (
    f"hands = {TASKS}.HandLandmarker.create_from_options({TASKS}.HandLandmarkerOptions("
    f'base_options=mp.tasks.BaseOptions({FOLDER}hand_landmarker.task"), '
    f"running_mode={TASKS}.RunningMode.VIDEO, num_hands=2))\n"
)
OLD_HANDS = "hands = mp.solutions.hands.Hands()\nr = hands.process(x)\n"
NEW_HANDS = HANDS + "r = hands.detect_for_video(to_image(x), next_ms(hands))\n"
OLD_POSE = "pose = mp.solutions.pose.Pose(True)\nr = pose.process(x)\n"
NEW_POSE = (
    f"pose = {TASKS}.PoseLandmarker.create_from_options({TASKS}.PoseLandmarkerOptions("
    f'base_options=mp.tasks.BaseOptions({FOLDER}pose_landmarker_full.task"), '
    f"running_mode={TASKS}.RunningMode.IMAGE))\nr = pose.detect(to_image(x))\n"
)
OLD_FACE = "faces = mp.solutions.face_detection.FaceDetection()\nr = faces.process(x)\n"
NEW_FACE = (
    f"faces = {TASKS}.FaceDetector.create_from_options({TASKS}.FaceDetectorOptions("
    "base_options=mp.tasks.BaseOptions("
    'model_asset_buffer=model_part("face_landmarker.task", "face_detector.tflite"))))\n'
    "r = detect_faces(faces, x)\n"
)
HAND_LINES = {
    "a truth": ("if r.multi_hand_landmarks:\n    pass\n", "if r.hand_landmarks:\n    pass\n"),
    "is None": ("if r.multi_hand_landmarks is None: pass\n", "if not r.hand_landmarks: pass\n"),
    "== None": ("if r.multi_hand_landmarks == None: pass\n", "if not r.hand_landmarks: pass\n"),
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


@pytest.mark.parametrize("name", HAND_LINES)
def test_hands(name: str, tmp_path: Path) -> None:
    old, new = HAND_LINES[name]
    assert after(tmp_path, OLD_HANDS + old) == NEW_HANDS + new


@pytest.mark.parametrize("name", POSE_LINES)
def test_pose(name: str, tmp_path: Path) -> None:
    old, new = POSE_LINES[name]
    assert after(tmp_path, OLD_POSE + old) == NEW_POSE + new


@pytest.mark.parametrize("name", FACE_LINES)
def test_face_detection(name: str, tmp_path: Path) -> None:
    old, new = FACE_LINES[name]
    assert after(tmp_path, OLD_FACE + old) == NEW_FACE + new


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
        "import mediapipe.tasks.python.vision as p\n",
        "p.PoseLandmark\n",
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
    "a model that is decided later": "mp.solutions.pose.Pose(model_complexity=int(input()))\n",
    "an argument that it never had": "mp.solutions.pose.Pose(upper_body_only=True)\n",
    "a guard": 'if hasattr(mp, "solutions"):\n    mp.solutions.pose.Pose()\n',
    "a field by its name": OLD_HANDS + 'getattr(r, "multi_hand_landmarks")\n',
    "protobuf": "from google.protobuf.json_format import MessageToDict\n"
    + OLD_HANDS
    + "MessageToDict(r.multi_handedness[0])\n",
    "a message's own": OLD_HANDS + "r.multi_hand_landmarks[0].landmark[0].ListFields()\n",
    "where it comes from": OLD_HANDS + "def f(a): return a.multi_hand_landmarks\n",
    "evaluated twice": "def h(): return mp.solutions.hands.Hands()\nh().process(x)\n",
    "set by the program": OLD_HANDS + "r.multi_hand_landmarks = []\n",
    "partial": "import functools\nf = functools.partial(mp.solutions.hands.Hands, True)\nf()\n",
    "one of several classes": "all = [mp.solutions.hands.Hands, mp.solutions.pose.Pose]\n"
    "for one in all: one()\n",
    "pictures here and videos there": "def f(a): return a.process(x)\n"
    "f(mp.solutions.hands.Hands(True))\nf(mp.solutions.hands.Hands())\n",
    "made by who knows whom": "def f(a: mp.solutions.hands.Hands): return a.process(x)\n",
    "taken apart by match": OLD_HANDS
    + "match r.multi_hand_landmarks:\n    case [one]: one.landmark\n",
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


@pytest.mark.parametrize("name", FOLLOWED)
def test_results_are_followed(name: str, tmp_path: Path) -> None:
    old, new = FOLLOWED[name]
    assert after(tmp_path, OLD_HANDS + old) == NEW_HANDS + new


MESSAGES = {
    "empty": ("a = pb.NormalizedLandmarkList()\n", "a = []\n"),
    "of a list": ("a = pb.LandmarkList(landmark=old)\n", "a = list(old)\n"),
    "filled": (
        "a = pb.NormalizedLandmarkList()\na.landmark.extend([pb.NormalizedLandmark(x=1)])\n"
        "b = a.landmark.add(x=2)\nb.visibility = 0.5\n",
        "a = []\na.extend([new_landmark(x=1)])\nb = add_landmark(a, x=2)\nb.visibility = 0.5\n",
    ),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_messages_become_lists(name: str, tmp_path: Path) -> None:
    old, new = MESSAGES[name]
    head = HEAD + "from mediapipe.framework.formats import landmark_pb2 as pb\n"
    assert after(tmp_path, old, head) == new


def test_files_that_work_together_are_migrated_or_left_together(tmp_path: Path) -> None:
    (tmp_path / "tools.py").write_text("def tip(hand): return hand.landmark[8]\n", encoding="utf-8")
    (tmp_path / "alone.py").write_text(HEAD + OLD_POSE, encoding="utf-8")
    main = HEAD + "import tools\n" + OLD_HANDS + "tools.tip(r.multi_hand_landmarks[0])\n"
    (tmp_path / "main.py").write_text(main, encoding="utf-8")
    outcome = project.migrate(tmp_path)
    assert [one.name for one in outcome.changes] == ["alone.py", "main.py", "tools.py"]
    assert outcome.changes[2].after == b"def tip(hand): return hand[8]\n"
    (tmp_path / "main.py").write_text(main + "hands.reset()\n", encoding="utf-8")
    outcome = project.migrate(tmp_path)
    assert [one.name for one in outcome.changes] == ["alone.py"]
    assert {note.file for note in outcome.refused} == {"main.py", "tools.py"}


def test_only_what_has_to_do_with_mediapipe_is_read(tmp_path: Path) -> None:
    reach = module("migrate.reach")
    contents = {
        "app/main.py": b"from . import view\nimport tools.draw as d\n",
        "app/view.py": b"import mediapipe\nimport maths\n",
        "app/__init__.py": b"",
        "tools/draw.py": b"",
        "maths.py": b"import deeper\n",
        "deeper.py": b"",
        "other.py": b"import nothing\n",
    }
    chosen, reached = reach.reached(contents)
    assert chosen == ["app/main.py", "app/view.py"]
    assert reached == ["app/main.py", "app/view.py", "deeper.py", "maths.py", "tools/draw.py"]
    assert reach.reached({"a.py": b"import b\n", "b.py": b""}) == ([], [])
    (tmp_path / "broken.py").write_text("x.solutions = (\n", encoding="utf-8")
    (tmp_path / "program.py").write_text(HEAD + OLD_POSE, encoding="utf-8")
    outcome = project.migrate(tmp_path)
    assert ([one.name for one in outcome.changes], outcome.refused) == (["program.py"], [])


def test_what_stands_elsewhere_keeps_its_bytes(tmp_path: Path) -> None:
    old = (HEAD + "if x:\n\ty = 'ä'   # \ttabs\n\x0c\n" + OLD_POSE).replace("\n", "\r\n")
    program = tmp_path / "program.py"
    program.write_bytes(b"\xef\xbb\xbf" + old.encode())
    (change,) = project.migrate(program).changes
    assert change.after.startswith(b"\xef\xbb\xbfimport mediapipe as mp\r\n")
    assert change.after.count(b"\n") == change.after.count(b"\r\n")
    assert "if x:\r\n\ty = 'ä'   # \ttabs\r\n\x0c\r\n".encode() in change.after


def test_latin_1_stays_latin_1(tmp_path: Path) -> None:
    old = (
        "# -*- coding: latin-1 -*-\n" + HEAD + "y = 'ä'\nz = 'ä', mp.solutions.pose.PoseLandmark\n"
    )
    program = tmp_path / "program.py"
    program.write_bytes(old.encode("latin-1"))
    (change,) = project.migrate(program).changes
    assert f"z = 'ä', {TASKS}.PoseLandmark\n".encode("latin-1") in change.after


ODD = {
    "a syntax error": b"import mediapipe as mp\nmp.solutions.(\n",
    "Python 2": b"import mediapipe as mp\nprint mp.solutions\n",
    "no UTF-8": b"import mediapipe as mp\nmp.solutions  # \xff\n",
    "an unknown encoding": b"# coding: nonsense\nimport mediapipe as mp\nmp.solutions\n",
    "a zero byte": b"import mediapipe as mp\nmp.solutions\0\n",
    "too large": b"import mediapipe as mp\nmp.solutions\n" + b"#" * 4_000_001,
    "too deep": b"import mediapipe as mp\nmp.solutions\n" + b"(" * 5000 + b")" * 5000,
}


@pytest.mark.parametrize("name", ODD)
def test_what_can_not_be_read_is_one_line(name: str, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_bytes(ODD[name])
    outcome = project.migrate(tmp_path)
    assert (len(outcome.refused), outcome.changes) == (1, [])
    assert program.read_bytes() == ODD[name]


@pytest.mark.parametrize(
    "deep", ["not " * 300 + "x", "x" + ".a()" * 150, "+".join("x" * 300), "[" * 150 + "]" * 150]
)
def test_what_is_nested_deeply_is_migrated(deep: str, tmp_path: Path) -> None:
    assert after(tmp_path, f"{OLD_POSE}y = {deep}\n") == f"{NEW_POSE}y = {deep}\n"


def test_what_is_used_where_it_is_imported_is_refused(tmp_path: Path) -> None:
    text = "import mediapipe as mp; hands = mp.solutions.hands.Hands()\n"
    assert "two of it" in refused(tmp_path, text)[0]
    text = "try:\n    import mediapipe as mp\n    h = mp.solutions.hands.Hands()\nfinally: pass\n"
    assert "two of it" in refused(tmp_path, text)[0]


def test_notebooks_links_and_folders_of_tools(tmp_path: Path) -> None:
    text = HEAD + OLD_POSE
    for name in (".venv/a.py", "node_modules/a.py", ".git/a.py", "build/a.py", "sub/b.py"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "book.ipynb").write_text('{"cells": ["mp.solutions"]}', encoding="utf-8")
    (tmp_path / "link.py").symlink_to("sub/b.py")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "dead.py").symlink_to("nothing")
    outcome = project.migrate(tmp_path)
    assert [one.name for one in outcome.changes] == ["sub/b.py"]
    assert [note.file for note in outcome.refused] == ["book.ipynb", "link.py"]


def test_without_write_nothing_is_written(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(HEAD + OLD_POSE, encoding="utf-8")
    shown = migrate.run(tmp_path, write=False)
    assert program.read_text(encoding="utf-8") == HEAD + OLD_POSE
    assert shown.text.startswith("--- a/program.py\n+++ b/program.py\n@@ ")
    done = subprocess.run(
        ["git", "apply", "--check"], cwd=tmp_path, input=shown.text, text=True, check=False
    )
    assert done.returncode == 0


def test_a_name_that_is_no_text_is_shown_escaped(tmp_path: Path) -> None:
    (tmp_path / "bad\udcff.py").write_text(HEAD + OLD_POSE, encoding="utf-8")
    shown = migrate.run(tmp_path, write=True).text
    shown.encode()
    assert "  bad\\xff.py:5:8: models" in shown


def test_written_files_keep_their_mode_and_nothing_is_left_beside_them(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(HEAD + OLD_POSE, encoding="utf-8")
    program.chmod(0o750)
    migrate.run(tmp_path, write=True).check()
    assert NEW_POSE in program.read_text(encoding="utf-8")
    assert program.stat().st_mode & 0o777 == 0o750
    assert [path.name for path in tmp_path.iterdir()] == ["program.py"]
    # There is nothing to do any more.
    assert migrate.run(tmp_path, write=True).text.startswith("0 files")


def test_a_file_that_changed_meanwhile_stops_all(tmp_path: Path) -> None:
    for name in ("a.py", "b.py"):
        (tmp_path / name).write_text(HEAD + OLD_POSE, encoding="utf-8")
    outcome = project.migrate(tmp_path)
    (tmp_path / "b.py").write_text("", encoding="utf-8")
    with pytest.raises(project.MigrateError, match=r"b\.py has changed"):
        project.write(outcome.changes)
    assert (tmp_path / "a.py").read_text(encoding="utf-8") == HEAD + OLD_POSE
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.py", "b.py"]


def test_what_will_differ_is_said_at_its_place(tmp_path: Path) -> None:
    text = HEAD + OLD_HANDS + "r.multi_handedness[0].classification[0].label\n"
    (tmp_path / "program.py").write_text(text, encoding="utf-8")
    notes = [str(note) for note in project.migrate(tmp_path).differs]
    words = {(note.split(":")[1], note.split(":")[3].strip()) for note in notes}
    assert {("5", "models"), ("5", "order"), ("5", "thresholds")} <= words
    assert {("6", "timestamps"), ("7", "handedness")} <= words


def test_a_refused_file_ends_with_1_and_a_missing_folder_with_2(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(HEAD + REFUSED["reset"], encoding="utf-8")
    with pytest.raises(CheckFailedError):
        migrate.run(tmp_path, write=True).check()
    with pytest.raises(BadInputError):
        migrate.run(tmp_path / "nothing", write=True)


def test_the_device_wheel_has_the_command(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(HEAD + OLD_POSE, encoding="utf-8")
    source = str(ROOT / "wheels/mediapipe-jetson/src")

    def run(*words: str, path: str = source) -> tuple[int, str]:
        command = [sys.executable, "-m", "mediapipe_jetson", "migrate", *words]
        variables = {**os.environ, "PYTHONPATH": path}
        done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    assert run(str(tmp_path / "nothing"))[0] == 2
    code, text = run(str(tmp_path), "--write")
    assert (code, text.splitlines()[-1]) == (0, "1 file rewritten, 0 refused")
    hidden = tmp_path / "without"
    hidden.mkdir()
    (hidden / "libcst.py").write_text(
        "raise ModuleNotFoundError('no', name='libcst')", encoding="utf-8"
    )
    code, text = run(str(tmp_path), path=f"{hidden}{os.pathsep}{source}")
    assert (code, text.count("\n")) == (3, 1)
    assert "pip install 'mediapipe-jetson[migrate]'" in text
