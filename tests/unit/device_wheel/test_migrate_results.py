"""`migrate`: results followed through names, loops and calls, and messages that become lists."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.migrate_cases import HEAD, after, rows

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
