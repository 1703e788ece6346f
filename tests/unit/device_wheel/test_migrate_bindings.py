"""`migrate`: constants and defaults by name, and names that are bound in other ways too."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.migrate_cases import CONNECTED, FROM_HANDS, HEAD, after, reasons, refused, write

DEFAULTS = {
    "def f(x, c=HAND_CONNECTIONS): return c\n": f"def f(x, c={CONNECTED}): return c\n",
    "def f(HAND_CONNECTIONS=HAND_CONNECTIONS): return HAND_CONNECTIONS\n": (
        f"def f(HAND_CONNECTIONS={CONNECTED}): return HAND_CONNECTIONS\n"
    ),
    "class A:\n    HAND_CONNECTIONS = HAND_CONNECTIONS\n": (
        f"class A:\n    HAND_CONNECTIONS = {CONNECTED}\n"
    ),
    "class A:\n    b: set = HAND_CONNECTIONS\n": f"class A:\n    b: set = {CONNECTED}\n",
    "@f(HAND_CONNECTIONS)\ndef g(*, c: HAND_CONNECTIONS = HAND_CONNECTIONS): pass\n": (
        f"@f({CONNECTED})\ndef g(*, c: {CONNECTED} = {CONNECTED}): pass\n"
    ),
    "f = lambda c=HAND_CONNECTIONS: [y for y in HAND_CONNECTIONS if y in c]\n": (
        f"f = lambda c={CONNECTED}: [y for y in {CONNECTED} if y in c]\n"
    ),
    "def f():\n    HAND_CONNECTIONS = 3\n    return HAND_CONNECTIONS\n": (
        "def f():\n    HAND_CONNECTIONS = 3\n    return HAND_CONNECTIONS\n"
    ),
    "def f():\n    def g(): return HAND_CONNECTIONS\n    return g\n": (
        f"def f():\n    def g(): return {CONNECTED}\n    return g\n"
    ),
}


@pytest.mark.parametrize("old", DEFAULTS)
def test_a_constant_by_its_name_wherever_it_is_read(old: str, tmp_path: Path) -> None:
    assert after(tmp_path, old, f"{FROM_HANDS}HAND_CONNECTIONS\n") == DEFAULTS[old]


def test_a_default_by_its_path(tmp_path: Path) -> None:
    old = "mp_hands = mp.solutions.hands\ndef draw(x, c=mp_hands.HAND_CONNECTIONS): return c\n"
    assert after(tmp_path, old).endswith(
        "def draw(x, c=connection_pairs(mp_hands.HandLandmarksConnections.HAND_CONNECTIONS)): "
        "return c\n"
    )


REBOUND = (
    "HAND_CONNECTIONS |= {(1, 2)}\n",
    "HAND_CONNECTIONS = list(HAND_CONNECTIONS)\nHAND_CONNECTIONS[0]\n",
    "if x:\n    HAND_CONNECTIONS = set()\nprint(HAND_CONNECTIONS)\n",
    "def f():\n    global HAND_CONNECTIONS\n    HAND_CONNECTIONS = HAND_CONNECTIONS | x\n",
    "print(HAND_CONNECTIONS)\ndel HAND_CONNECTIONS\n",
    "for a in b: HAND_CONNECTIONS = [c for c in HAND_CONNECTIONS if c[0] > a]\n",
    "for HAND_CONNECTIONS in x: print(HAND_CONNECTIONS)\n",
    "def HAND_CONNECTIONS(): pass\n",
    "with x as HAND_CONNECTIONS: pass\n",
    "if (HAND_CONNECTIONS := x): pass\n",
)


@pytest.mark.parametrize("old", REBOUND)
def test_a_constant_that_becomes_another_thing_is_refused(old: str, tmp_path: Path) -> None:
    notes = refused(tmp_path, f"{FROM_HANDS}HAND_CONNECTIONS\n{old}")
    assert notes[0].startswith("program.py:1:1: HAND_CONNECTIONS is imported from the legacy API")


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("framework.formats", "landmark_pb2"),
        ("python.solutions.hands", "HAND_CONNECTIONS"),
        ("python.solutions.face_detection", "get_key_point"),
    ],
)
def test_another_thing_where_the_import_fails_is_refused(
    module: str, name: str, tmp_path: Path
) -> None:
    old = (
        f"try:\n    from mediapipe.{module} import {name}\nexcept ImportError:\n    {name} = None\n"
    )
    notes = refused(tmp_path, f"{old}def f():\n    if {name} is None: return\n    print({name})\n")
    assert notes[0].startswith("program.py:6:")
    assert name in notes[0]


LANDMARKS = "from mediapipe.framework.formats import landmark_pb2"
FAILING = f"try:\n    import mediapipe as mp\n    {LANDMARKS}\n    HAVE = True\n"
FAILING += "except ImportError:\n    mp = None\n    landmark_pb2 = None\n    HAVE = False\n"
MADE = "def f(x):\n    if HAVE: return landmark_pb2.NormalizedLandmark(x=x, y=1, z=0)\n"


@pytest.mark.parametrize("uses", ["", MADE])
def test_a_constant_where_the_import_fails_and_nothing_reads_it(uses: str, tmp_path: Path) -> None:
    outcome = write(tmp_path, a=f"{FAILING}{uses}h = mp.solutions.hands.Hands()\n")
    assert not outcome.refused
    text = outcome.changes[0].after.decode()
    assert "import landmark_pb2" not in text
    assert ("NormalizedLandmark(" in text.partition("landmark_pb2 = None")[2]) == bool(uses)
    assert "landmark_pb2." not in text


STILL_READ = {
    "a question": (FAILING + "if landmark_pb2 is not None: n = 1\n", ""),
    "a part": (FAILING + "n = [landmark_pb2]\n", ""),
    "a part of a function": (FAILING + "def f(): return landmark_pb2\n", ""),
    "another binding": (FAILING + "if not HAVE:\n    landmark_pb2 = 1\n", ""),
    "a function's": (FAILING + "def f():\n    global landmark_pb2\n    landmark_pb2 = 1\n", ""),
    "another handler": (FAILING + "try: f()\nexcept OSError: landmark_pb2 = 2\n", ""),
    "no constant": (FAILING.replace("landmark_pb2 = None", "landmark_pb2 = find()"), ""),
    "another file's": (FAILING, "from a import landmark_pb2\n"),
    "another file's by a star": (FAILING, "from a import *\nn = landmark_pb2\n"),
    "another file's by an attribute": (FAILING, "import a\nn = a.landmark_pb2\n"),
    "in __all__": (FAILING + "__all__ = ['landmark_pb2']\n", ""),
    "quoted": (FAILING + "def f(x: 'landmark_pb2.NormalizedLandmark'): pass\n", ""),
    "in a function": ("def g():\n" + "".join(f"    {x}\n" for x in FAILING.splitlines()), ""),
}


@pytest.mark.parametrize("how", STILL_READ)
def test_a_constant_where_the_import_fails_that_something_reads_is_refused(
    how: str, tmp_path: Path
) -> None:
    text, main = STILL_READ[how]
    outcome = write(
        tmp_path, a=f"{text}import mediapipe\nh = mediapipe.solutions.hands.Hands()\n", main=main
    )
    assert "landmark_pb2" in " ".join(reasons(outcome))


HOLDERS = {
    "an object": "class A:\n    def __init__(self): self.of = mp.solutions.hands.Hands\n"
    "    def f(self): return self.of()\n",
    "a class": "class A:\n    of = mp.solutions.hands.Hands\n    def f(self): return self.of()\n",
}


@pytest.mark.parametrize("how", HOLDERS)
def test_a_class_that_something_holds_gets_its_options_from_mediapipe(
    how: str, tmp_path: Path
) -> None:
    body = after(tmp_path, HOLDERS[how])
    assert "self.of.create_from_options(vision.HandLandmarkerOptions(" in body
    assert "running_mode=vision.RunningMode.VIDEO" in body


NUMBERS = {
    "print(K.NOSE_TIP.value, K.NOSE_TIP)\n": "print(2, 2)\n",
    "def f(k=K.LEFT_EYE): return k\n": "def f(k=1): return k\n",
    "print(N.bit_length(), N)\n": "print((468).bit_length(), 468)\n",
}


@pytest.mark.parametrize("old", NUMBERS)
def test_numbers_that_stand_for_names(old: str, tmp_path: Path) -> None:
    head = "from mediapipe.python.solutions.face_detection import FaceKeyPoint as K\n"
    head += "from mediapipe.python.solutions.face_mesh import FACEMESH_NUM_LANDMARKS as N\n"
    assert after(tmp_path, old, head) == NUMBERS[old]


HANDED = {
    "partial": "import functools\nd = mp.solutions.drawing_utils\n"
    "f = functools.partial(d.draw_landmarks, connections=mp.solutions.hands.HAND_CONNECTIONS)\n",
    "map": "d = mp.solutions.drawing_utils.draw_landmarks\nlist(map(d, x, y))\n",
    "a thread": "import threading\nd = mp.solutions.drawing_utils\n"
    "threading.Thread(target=d.draw_landmarks, args=(x, y)).start()\n",
}


@pytest.mark.parametrize("how", HANDED)
def test_drawing_that_others_call_is_refused(how: str, tmp_path: Path) -> None:
    assert "draw_landmarks is handed on; call it" in refused(tmp_path, HEAD + HANDED[how])[0]
