"""`migrate`: nothing found is an empty list now; what looks at None itself still sees it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.migrate_cases import after, rows

KEPT = "history = []\nhistory.append(r.multi_hand_landmarks)\n"
NONE = "history = []\nhistory.append(r.hand_landmarks or None)\n"
SOME = "history = []\nhistory.append(r.hand_landmarks)\n"
NAMED, WITH_NONE = "a = r.multi_hand_landmarks\n", "a = r.hand_landmarks or None\n"
# What looks at None, or gives it to what may: it has to be there.
LOOKS = {
    "in a list": (f"{KEPT}None in history\n", f"{NONE}None in history\n"),
    "counted": (f"{KEPT}history.count(None)\n", f"{NONE}history.count(None)\n"),
    "removed": (
        f"{KEPT}while None in history: history.remove(None)\n",
        f"{NONE}while None in history: history.remove(None)\n",
    ),
    "a value of two": (
        f"{NAMED}n = a and len(a)\nb = n is None\n",
        f"{WITH_NONE}n = a and len(a)\nb = n is None\n",
    ),
    "a field of two": (
        "n = r.multi_hand_landmarks and len(r.multi_hand_landmarks)\n",
        "n = (r.hand_landmarks or None) and len(r.hand_landmarks)\n",
    ),
    "in a tuple of names": (
        "a, b = r.multi_hand_landmarks, r.multi_handedness\nif None in (a, b): pass\n",
        "a, b = r.hand_landmarks or None, r.handedness or None\nif None in (a, b): pass\n",
    ),
    "among values": (
        "d = {1: r.multi_hand_landmarks}\nNone in d.values()\n",
        "d = {1: (r.hand_landmarks or None)}\nNone in d.values()\n",
    ),
    "in a comprehension": (
        "a = [i.multi_hand_landmarks for i in [r]]\nNone in a\n",
        "a = [(i.hand_landmarks or None) for i in [r]]\nNone in a\n",
    ),
    "beside an own list": (
        "a = []\nif x: a = r.multi_hand_landmarks\nif a is None: pass\n",
        "a = []\nif x: a = r.hand_landmarks or None\nif a is None: pass\n",
    ),
    "beside a number": (
        "a = 0\nif x: a = r.multi_hand_landmarks\nif a is not None: pass\n",
        "a = 0\nif x: a = r.hand_landmarks or None\nif a is not None: pass\n",
    ),
    "printed": ("print(r.multi_hand_landmarks)\n", "print(r.hand_landmarks or None)\n"),
    "in a text": ('f"{r.multi_hand_landmarks}"\n', 'f"{(r.hand_landmarks or None)}"\n'),
    "in a text by its place": (
        "'%s' % r.multi_hand_landmarks\n'%s %s' % (1, r.multi_handedness)\n",
        "'%s' % (r.hand_landmarks or None)\n'%s %s' % (1, r.handedness or None)\n",
    ),
    "written": (
        "import pickle\npickle.dump({1: r.multi_hand_landmarks}, f)\n",
        "import pickle\npickle.dump({1: (r.hand_landmarks or None)}, f)\n",
    ),
    "given away": (
        "import ui\nui.show(r.multi_hand_landmarks)\nui.app.hands = r.multi_hand_landmarks\n",
        "import ui\nui.show(r.hand_landmarks or None)\nui.app.hands = r.hand_landmarks or None\n",
    ),
    "beside others": (f"{NAMED}a in (None, [])\n", f"{WITH_NONE}a in (None, [])\n"),
    "like the one before": (f"{NAMED}a == b\n", f"{WITH_NONE}a == b\n"),
    "an empty list": (
        "if r.multi_hand_landmarks == []: pass\n",
        "if (r.hand_landmarks or None) == []: pass\n",
    ),
    "an error that is caught": (
        f"{NAMED}try:\n    for h in a: pass\nexcept TypeError: pass\n",
        f"{WITH_NONE}try:\n    for h in a: pass\nexcept TypeError: pass\n",
    ),
    "in one place of two": (
        f"{NAMED}a is None\na in (None, x)\n",
        f"{WITH_NONE}a is None\na in (None, x)\n",
    ),
}
# What only asks whether there is anything.
ASKS = {
    "any": (f"{KEPT}any(a is None for a in history)\n", f"{SOME}any(not a for a in history)\n"),
    "filter": (f"{KEPT}list(filter(None, history))\n", f"{SOME}list(filter(None, history))\n"),
    "those that are there": (
        f"{KEPT}[a for a in history if a is not None]\n",
        f"{SOME}[a for a in history if a]\n",
    ),
    "a truth": ("b = bool(r.multi_hand_landmarks)\n", "b = bool(r.hand_landmarks)\n"),
    "a negation": ("b = not r.multi_hand_landmarks\n", "b = not r.hand_landmarks\n"),
    "a list instead": ("b = r.multi_hand_landmarks or []\n", "b = r.hand_landmarks or []\n"),
    "a choice": (
        f"{NAMED}b = None if a is None else len(a)\n",
        "a = r.hand_landmarks\nb = None if not a else len(a)\n",
    ),
    "a name on the way": (
        "if (a := r.multi_hand_landmarks) is not None: pass\n",
        "if (a := r.hand_landmarks): pass\n",
    ),
    "a function's": (
        "def f(): return r.multi_hand_landmarks\nif f() == None: pass\n",
        "def f(): return r.hand_landmarks\nif not f(): pass\n",
    ),
    "a dictionary's": (
        "d = {1: r.multi_hand_landmarks}\nif d.get(1) is None: pass\n",
        "d = {1: r.hand_landmarks}\nif not d.get(1): pass\n",
    ),
}
OF_POSE = {
    "in a list": (
        "history = [r.pose_landmarks]\nNone in history\n",
        "history = [next(iter(r.pose_landmarks), None)]\nNone in history\n",
    ),
    "an error that is caught": (
        "a = r.pose_landmarks\ntry: b = a.landmark\nexcept AttributeError: pass\n",
        "a = next(iter(r.pose_landmarks), None)\ntry: b = found(a)\nexcept AttributeError: pass\n",
    ),
}
OF_HOLISTIC = {
    "counted": (
        "history = [r.left_hand_landmarks, r.face_landmarks]\nhistory.count(None)\n",
        "history = [r.left_hand_landmarks or None, r.face_landmarks or None]\n"
        "history.count(None)\n",
    ),
    "an error that is caught": (
        "a = r.left_hand_landmarks\ntry: b = a.landmark\nexcept AttributeError: pass\n",
        "a = r.left_hand_landmarks or None\ntry: b = found(a)\nexcept AttributeError: pass\n",
    ),
    "a mask beside": (
        "for p in (r.pose_landmarks, r.segmentation_mask): print(p is None)\n",
        "for p in (r.pose_landmarks or None, mask_array(r.segmentation_mask)): print(p is None)\n",
    ),
    "points beside": (
        "for p in (r.pose_landmarks, r.face_landmarks.landmark): print(p is None)\n",
        "for p in (r.pose_landmarks or None, r.face_landmarks[:468]): print(p is None)\n",
    ),
}


@pytest.mark.parametrize(
    ("old", "new"),
    rows(hands_looked_at=LOOKS, hands_asked_for=ASKS, pose=OF_POSE, holistic=OF_HOLISTIC),
)
def test_none(old: str, new: str, tmp_path: Path) -> None:
    assert after(tmp_path, old) == new
