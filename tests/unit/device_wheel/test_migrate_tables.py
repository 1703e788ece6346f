"""`migrate`: results in dictionaries, under keys that are known or not, and beside other things."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.migrate_cases import HEAD, NEW_HANDS, OLD_HANDS, after, refused

OLD_SIDE = "c.classification[0].label"
NEW_SIDE = "hand_side(c[0])"
OLD_LOOP = f"for h, c in zip(r.multi_hand_landmarks, r.multi_handedness):\n    by[{OLD_SIDE}] = h\n"
NEW_LOOP = f"for h, c in zip(r.hand_landmarks, r.handedness):\n    by[{NEW_SIDE}] = h\n"
# How the dictionary begins, and how an entry is read.
TABLES = {
    "empty": ("{}", 'by["Left"]{}[8].x'),
    "with keys": ('{"Left": None, "Right": None}', 'by["Left"]{}[8].x'),
    "by get": ("{}", 'by.get("Left"){}[8].x'),
    "by get, with keys": ('{"Left": None}', 'by.get("Left", None){}[8].x'),
    "by pop": ("dict()", 'by.pop("Right"){}[0].y'),
    "by a loop": ('{"Left": None}', "for k in by: by[k]{}[8].x"),
    "by its values": ('{"Left": None}', "for v in by.values(): v{}[8].x"),
}


@pytest.mark.parametrize("name", TABLES)
def test_what_a_key_of_a_result_leads_to_is_followed(name: str, tmp_path: Path) -> None:
    begin, read = TABLES[name]
    old = f"by = {begin}\n{OLD_LOOP}{read.format('.landmark')}\n"
    new = f"by = {begin}\n{NEW_LOOP}{read.format('')}\n"
    assert after(tmp_path, OLD_HANDS + old) == NEW_HANDS + new


LISTS = {
    "at a place": "[0, 0]",
    "of nothing": "[None, None]",
    "empty": "[]",
    "of lists": "list((None, None))",
}


@pytest.mark.parametrize("name", LISTS)
def test_what_is_put_into_a_list_at_a_place_is_followed(name: str, tmp_path: Path) -> None:
    old = "for i, h in enumerate(r.multi_hand_landmarks): kept[i] = h\nkept[1].landmark[0].x\n"
    new = "for i, h in enumerate(r.hand_landmarks): kept[i] = h\nkept[1][0].x\n"
    begin = f"kept = {LISTS[name]}\n"
    assert after(tmp_path, OLD_HANDS + begin + old) == NEW_HANDS + begin + new


HOLISTIC = "h = mp.solutions.holistic.Holistic(enable_segmentation=True)\nr = h.process(x)\n"
# Results that can't be told from others: a mask or nothing, of a queue or not set yet.
OTHERS = {
    "a mask by getattr": 'for n in ("pose_landmarks", "segmentation_mask"): getattr(r, n)\n',
    "set by who knows whom": "import ui\nlast = None\nif ui.ready: last = ui.result()\n"
    "last.pose_landmarks.landmark[0].x\n",
    "never set": "class A:\n    last = None\n"
    "    def show(self): self.last.pose_landmarks.landmark\n",
    "set by a text": "class A:\n    def __init__(self): self.left = None\n"
    "    def put(self, n): setattr(self, n, r.left_hand_landmarks)\n"
    "    def show(self): self.left.landmark[0].x\n",
    "a number at first": "import ui\nclass A:\n    def __init__(self): self.last = 0\n"
    "    def take(self): self.last = ui.take()\n"
    "    def show(self): return self.last.pose_landmarks\n",
    "never more than a number": "last = 0\nlast.pose_landmarks\n",
    "in an array": "a = np.zeros(2, object)\na[0] = r.pose_landmarks\na[0].landmark\n",
    "out of a queue": "import ui\nclass A:\n    def __init__(self): self.last = None\n"
    "    def take(self): self.last = ui.queue.get()\n"
    "    def show(self): return self.last.pose_landmarks\n",
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_may_be_something_else_is_refused(name: str, tmp_path: Path) -> None:
    assert refused(tmp_path, HEAD + HOLISTIC + OTHERS[name])
