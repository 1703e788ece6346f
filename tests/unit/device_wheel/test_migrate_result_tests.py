"""`migrate`: programs that ask results what they have, and match them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.unit.migrate_cases import after, rows

ASKED = {
    "a value of two": (
        "a = r.pose_landmarks and len(r.pose_landmarks.landmark)\n",
        "a = next(iter(r.pose_landmarks), None) and len(r.pose_landmarks[0])\n",
    ),
    "whether one of two is None": (
        "a = (r.pose_landmarks and x) is None\n",
        "a = (next(iter(r.pose_landmarks), None) and x) is None\n",
    ),
    "a field": (
        "if hasattr(r, 'pose_landmarks'): pass\n",
        'if hasattr(r, "pose_landmarks"): pass\n',
    ),
    "a mask": ("a = hasattr(r, 'segmentation_mask')\n", 'a = hasattr(r, "segmentation_masks")\n'),
    "a message": (
        "if hasattr(r.pose_landmarks, 'landmark'): pass\n",
        "if next(iter(r.pose_landmarks), None): pass\n",
    ),
    "a message by a name": (
        "p = r.pose_landmarks\na = hasattr(p, 'landmark')\n",
        "p = next(iter(r.pose_landmarks), None)\na = (p is not None)\n",
    ),
    "a point": (
        "if r.pose_landmarks:\n    hasattr(r.pose_landmarks.landmark[0], 'visibility')\n",
        "if r.pose_landmarks:\n    hasattr(r.pose_landmarks[0][0], 'visibility')\n",
    ),
    "a dictionary": (
        "from google.protobuf.json_format import MessageToDict\nif r.pose_landmarks:\n"
        "    a = MessageToDict(r.pose_landmarks)['landmark']\n",
        "if r.pose_landmarks:\n"
        "    a = landmarks_dict(r.pose_landmarks[0], \"visibility\")['landmark']\n",
    ),
    "a dictionary of a point": (
        "from google.protobuf import json_format, text_format\nif r.pose_landmarks:\n"
        "    a = [json_format.MessageToDict(p) for p in r.pose_landmarks.landmark]\n"
        "text_format.Parse(b, c)\n",
        "from google.protobuf import text_format\nif r.pose_landmarks:\n"
        '    a = [landmark_dict(p, "visibility") for p in r.pose_landmarks[0]]\n'
        "text_format.Parse(b, c)\n",
    ),
}


ASKED_OF_HANDS = {
    "a task": (
        "if hasattr(hands, 'close'): hands.close()\n",
        "if hasattr(hands, 'close'): hands.close()\n",
    ),
    "a field": ("hasattr(r, 'multi_handedness')\n", 'hasattr(r, "handedness")\n'),
    "a message": (
        "for a in r.multi_hand_landmarks:\n    b = hasattr(a, 'landmark')\n",
        "for a in r.hand_landmarks:\n    b = bool(a)\n",
    ),
    "dictionaries": (
        "import google.protobuf.json_format as j\nfor a in r.multi_hand_landmarks:\n"
        "    j.MessageToDict(a, preserving_proto_field_name=True)\n",
        "for a in r.hand_landmarks:\n    landmarks_dict(a)\n",
    ),
    "a side by its fields": (
        "print(r.multi_handedness[0].ListFields()[0][1][0].label)\n",
        "print(hand_side(r.handedness[0][0]))\n",
    ),
    "a side's": (
        "from google.protobuf.json_format import MessageToDict\nfor a in r.multi_handedness:\n"
        "    MessageToDict(a)['classification'][0]['label']\n",
        "for a in r.handedness:\n    sides_dict(a)['classification'][0]['label']\n",
    ),
}


@pytest.mark.parametrize(("old", "new"), rows(pose=ASKED, hands=ASKED_OF_HANDS))
def test_what_asks_results(old: str, new: str, tmp_path: Path) -> None:
    assert after(tmp_path, old) == new


MATCHED = {
    "None": (
        "match r.multi_hand_landmarks:\n    case None: print(1)\n"
        "    case a: print(a[0].landmark[0])\n",
        "match r.hand_landmarks or None:\n    case None: print(1)\n    case a: print(a[0][0])\n",
    ),
    "by a name": (
        "a = r.multi_hand_landmarks\nmatch a:\n    case None: print(1)\n",
        "a = r.hand_landmarks\nmatch a or None:\n    case None: print(1)\n",
    ),
    "a list": (
        "match r.multi_hand_landmarks:\n    case [one]: print(one.landmark[0].x)\n"
        "    case [one, *more]: print([a.landmark for a in more])\n",
        "match r.hand_landmarks or None:\n    case [one]: print(one[0].x)\n"
        "    case [one, *more]: print([a for a in more])\n",
    ),
    "a label": (
        "match r.multi_handedness[0].classification[0].label:\n    case 'Left': print(1)\n",
        "match hand_side(r.handedness[0][0]):\n    case 'Left': print(1)\n",
    ),
    "a guard": (
        "match x:\n    case 1 if r.multi_hand_landmarks is None: print(1)\n",
        "match x:\n    case 1 if not r.hand_landmarks: print(1)\n",
    ),
    "two of a tuple": (
        "match (r.multi_hand_landmarks, r.multi_handedness):\n    case (None, None): print(1)\n"
        "    case [[a], _]: print(a.landmark[0])\n",
        "match (r.hand_landmarks or None, r.handedness or None):\n    case (None, None): print(1)\n"
        "    case [[a], _]: print(a[0])\n",
    ),
    "two": (
        "match (r.multi_hand_landmarks, x):\n    case (None, _): print(1)\n",
        "match (r.hand_landmarks or None, x):\n    case (None, _): print(1)\n",
    ),
}


@pytest.mark.skipif(sys.version_info < (3, 10), reason="match is Python 3.10's")
@pytest.mark.parametrize(("old", "new"), rows(hands=MATCHED))
def test_what_is_matched(old: str, new: str, tmp_path: Path) -> None:
    assert after(tmp_path, old) == new
