"""`migrate`: each kind of expression that it replaces, in each place where no blank parts them."""

from __future__ import annotations

import ast
import bisect
from collections.abc import Sequence
from pathlib import Path

import pytest
from mediapipe_jetson.migrate import project

from tests.unit.migrate_cases import HEAD

HANDS = "hands = mp.solutions.hands.Hands()\n"
POSE = "pose = mp.solutions.pose.Pose(True)\n"
FACE = "faces = mp.solutions.face_detection.FaceDetection()\n"
SELFIE = "selfie = mp.solutions.selfie_segmentation.SelfieSegmentation()\n"
NAMED = (
    "from mediapipe.python.solutions.hands import HAND_CONNECTIONS\n"
    "from mediapipe.python.solutions.face_detection import FaceKeyPoint, get_key_point\n"
    "from mediapipe.framework.formats import landmark_pb2\n"
    "from google.protobuf.json_format import MessageToDict\n"
)
H, P, F = "hands.process(x)", "pose.process(x)", "faces.process(x)"
KINDS = {
    "a side": f"{H}.multi_handedness[0].classification[0].label",
    "a side's list": f"{H}.multi_handedness[0].classification",
    "a score": f"{H}.multi_handedness[0].classification[0].score",
    "points": f"{H}.multi_hand_landmarks[0].landmark",
    "a point": f"{H}.multi_hand_landmarks[0].landmark[8]",
    "a list": f"{H}.multi_hand_landmarks",
    "none": f"{H}.multi_hand_landmarks is None",
    "some": f"{H}.multi_hand_landmarks is not None",
    "none before": f"None is {H}.multi_hand_landmarks",
    "a pose": f"{P}.pose_landmarks",
    "a pose's points": f"{P}.pose_landmarks.landmark",
    "visibility": f"{P}.pose_landmarks.landmark[0].visibility",
    "visibility of a hand": f"{H}.multi_hand_landmarks[0].landmark[8].visibility",
    "a field": f'{P}.pose_landmarks.landmark[0].HasField("visibility")',
    "a mask": f"{P}.segmentation_mask",
    "another mask": "selfie.process(x).segmentation_mask",
    "boxes": f"{F}.detections",
    "a box": f"{F}.detections[0].location_data.relative_bounding_box.xmin",
    "a face's score": f"{F}.detections[0].score[0]",
    "scores": f"{F}.detections[0].score",
    "labels": f"{F}.detections[0].label_id",
    "a key point": f"get_key_point({F}.detections[0], FaceKeyPoint.NOSE_TIP)",
    "a number": "FaceKeyPoint.NOSE_TIP",
    "a number by its path": "mp.solutions.face_detection.FaceKeyPoint.NOSE_TIP",
    "an enumeration": "mp.solutions.hands.HandLandmark.WRIST",
    "an enumeration's number": "mp.solutions.pose.PoseLandmark.NOSE.value",
    "connections": "HAND_CONNECTIONS",
    "connections by their path": "mp.solutions.face_mesh.FACEMESH_IRISES",
    "a module": "mp.solutions.hands",
    "a module's class": "mp.solutions.hands.Hands",
    "drawing": "mp.solutions.drawing_utils",
    "a task": "mp.solutions.hands.Hands(True)",
    "a task of faces": "mp.solutions.face_detection.FaceDetection()",
    "a result": H,
    "a result of faces": F,
    "a result of the selfie": "selfie.process(x)",
    "what a name gives": f'getattr({H}, "multi_handedness")',
    "asked for": f'hasattr({H}, "multi_handedness")',
    "asked for in a list": f'hasattr({H}.multi_hand_landmarks[0], "landmark")',
    "a side of messages": f"{H}.multi_handedness[0].ListFields()[0][1]",
    "a dictionary": f"MessageToDict({H}.multi_hand_landmarks[0])",
    "a message": "landmark_pb2.NormalizedLandmark(x=1)",
    "a list of messages": "landmark_pb2.NormalizedLandmarkList()",
    "a list of some messages": "landmark_pb2.NormalizedLandmarkList(landmark=x)",
}
# Where a value stands; what stands before it is asked by its truth, or taken as it is.
PLACES = (
    "return(@)",
    "return(@)if(@)else(@)",
    "return 1if(@)else(2)",
    "return((@))",
    "if(@):pass",
    "while(@):break",
    "assert(@)",
    "assert(1),(@)",
    "print(not(@))",
    "print((@))",
    "print(y in(@))",
    "print((@)in(y))",
    "print(y is(@),(@)is y)",
    "print(y and(@),(@)and y, y or(@),(@)or y)",
    "print(lambda:(@))",
    "print([(@)for(y)in(z)if(@)])",
    "print([y for(y)in(@)])",
    "print({(1):(@)})",
    "print(*(@))",
    "print(y[(@)])",
    "print(f'{(@)}', f'{(@)!r}', f'{ @ }')",
    "y = yield(@)",
    "yield(@)",
    "yield from(@)",
    "del(y)[(@)]",
    "raise(y)from(@)",
    "for(y)in(@):pass",
    "with(y)as(z):(@)",
    "y=(@)",
    "y+=(@)",
    "if(y:=(@)):pass",
    "try:(@)\n    except(y):pass",
    "y = (  # why\n        @\n        )",
    "print(\n        (\n            @  # why\n        )\n        )",
    "y = \\\n        (@)",
    "print(@ if y else 0)",
    "print(y)if @ else(z)",
    "@;@",
)
# Without parentheses around the whole of it.
BARE = ("return(hands).process(x).multi_hand_landmarks is None", "return(hands).process(x)",
        "print((r).multi_handedness[0].classification[0].label)",
        "return(r).multi_handedness[0].classification[0].label",
        "return(r).multi_handedness[0].classification[0].label.upper()",
        "return not(r).multi_hand_landmarks is None",
        "return 1 if(r).multi_hand_landmarks is None else 2",
        "return y in(r).multi_handedness[0].classification[0].label",
        "return(faces).process(x)",
        "return(faces.process(x)).detections[0].score[0]if y else 2",
        "return y and(faces.process(x)).detections[0].score[0]or 2",
        "return(r).multi_hand_landmarks[0].landmark[0]if y else 2",
        "return(r\n        .multi_hand_landmarks[0]\n        .landmark)",
        "return(r.multi_handedness[0]\n        .classification[0]\n        .label)",
        "return(r\n        .multi_hand_landmarks\n        is None)",
        "return(r).multi_hand_landmarks[0].landmark[0].visibility",
        "return[landmark_pb2.NormalizedLandmarkList(landmark=y)if y else 1]",
        "return(r).multi_hand_landmarks[0].landmark[-1].x",
        "async def f():\n        await(hands).process(x)")  # fmt: skip


def program(bodies: Sequence[str]) -> tuple[str, list[int]]:
    """Return a program with each body in a function, and the line where each one ends."""
    text, last_lines = f"{HEAD}{NAMED}{HANDS}{POSE}{FACE}{SELFIE}", []
    for number, body in enumerate(bodies):
        text += f"def f{number}(x, y, z):\n    r = hands.process(x)\n    {body}\n"
        last_lines.append(text.count("\n"))
    ast.parse(text)
    return text, last_lines


def migrated(folder: Path, bodies: Sequence[str]) -> int:
    """Return how many bodies can be migrated; the new code of all of these is compiled."""
    text, last_lines = program(bodies)
    (folder / "program.py").write_text(text, encoding="utf-8")
    outcome = project.migrate(folder)
    for note in outcome.refused:
        assert "does not fit" not in note.text, str(note)
        assert "can't be read" not in note.text, str(note)
    if outcome.refused:
        bad = {bisect.bisect_left(last_lines, note.line) for note in outcome.refused}
        good = [body for number, body in enumerate(bodies) if number not in bad]
        assert len(good) < len(bodies)
        return migrated(folder, good) if good else 0
    compile(outcome.changes[0].after, "program.py", "exec")
    return len(bodies)


@pytest.mark.filterwarnings("ignore::SyntaxWarning")
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_replaced_fits_where_it_stands(kind: str, tmp_path: Path) -> None:
    assert migrated(tmp_path, [place.replace("@", KINDS[kind]) for place in PLACES])


def test_what_begins_or_ends_otherwise_fits(tmp_path: Path) -> None:
    assert migrated(tmp_path, BARE) == len(BARE)


@pytest.mark.parametrize(
    ("line", "wider"),
    [
        ("return(x if y else z)", "return (x if y else z)"),
        ("return(lambda: x)", "return (lambda: x)"),
        ("return(\n        (x if y else z))", "return (\n        (x if y else z))"),
        ("if(x if y else z):\n        pass", "if (x if y else z):\n        pass"),
        ("print(not(lambda: x))", "print(not (lambda: x))"),
        ("for y in(x if y else z).y: pass", "for y in (x if y else z).y: pass"),
        ("assert(\n        x if y else z)", "assert (\n        x if y else z)"),
        ("x = y if(x if y else z)else z", "x = y if (x if y else z) else z"),
        ("x = (x if y else z)and y", "x = (x if y else z) and y"),
        (f"return({' ' * 300}x if y else z)", f"return ({' ' * 300}x if y else z)"),
        (
            f"return({'(' * 30}x if y else z{')' * 30})",
            f"return ({'(' * 30}x if y else z{')' * 30})",
        ),
    ],
)
@pytest.mark.parametrize("mark", ["", "\ufeff", "# -*- coding: latin-1 -*-\n# \xe9\n"])
def test_parentheses_glued_to_a_word_get_a_blank(
    line: str, wider: str, mark: str, tmp_path: Path
) -> None:
    path = tmp_path / "program.py"
    encoding = "latin-1" if "latin" in mark else "utf-8"
    path.write_text(mark + program(["pass", line])[0], encoding=encoding, newline="\r\n")
    (change,) = project.migrate(tmp_path).changes
    assert change.before == path.read_bytes()
    after = change.after.decode(encoding)
    assert after.startswith(mark.replace("\n", "\r\n"))
    assert f"    {wider}\n" in after.replace("\r\n", "\n")


def test_a_file_that_would_get_nothing_but_blanks_stays(tmp_path: Path) -> None:
    text = "import mediapipe as mp\n\n\ndef f(a):\n    return(mp.solutions_ if a else a)\n"
    (tmp_path / "program.py").write_text(text)
    outcome = project.migrate(tmp_path)
    assert (outcome.changes, outcome.refused) == ([], [])
