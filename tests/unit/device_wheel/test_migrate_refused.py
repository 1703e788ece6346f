"""`migrate`: what it refuses, named with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.migrate_cases import HEAD, OLD_FACE, OLD_HANDS, refused

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
