"""`migrate`: names that files only import, and names that are bound in other ways too."""

from __future__ import annotations

from pathlib import Path

import pytest
from mediapipe_jetson.migrate import view

from tests.unit.migrate_cases import (
    CONNECTED,
    FROM_HANDS,
    HEAD,
    VISION,
    after,
    reasons,
    refused,
    write,
)

ONLY_IMPORTED = {
    "from mediapipe.python.solutions.drawing_utils import draw_landmarks\n": (
        "from mediapipe.tasks.python.vision.drawing_utils import draw_landmarks\n"
    ),
    "import mediapipe.python.solutions as s\n": f"{VISION} as s\n",
    "import mediapipe.python.solutions.hands as h\n": f"{VISION} as h\n",
    "import mediapipe.python.solutions.hands\n": "import mediapipe\n",
    "from mediapipe.python.solutions import pose\n": f"{VISION} as pose\n",
    f"{FROM_HANDS}Hands\n": "from mediapipe.tasks.python.vision import HandLandmarker as Hands\n",
    f"{FROM_HANDS}HAND_CONNECTIONS\nx = 1\n": "x = 1\n",
    "from mediapipe.framework.formats import landmark_pb2\nx = 1\n": "x = 1\n",
    "def f():\n    from mediapipe.python.solutions import pose\n": (
        f"def f():\n    {VISION} as pose\n"
    ),
    f"try:\n    {FROM_HANDS}HAND_CONNECTIONS\nfinally:\n    x = 1\n": (
        "try:\n    pass\nfinally:\n    x = 1\n"
    ),
}


@pytest.mark.parametrize("old", ONLY_IMPORTED)
def test_a_file_that_only_imports_old_names_is_rewritten(old: str, tmp_path: Path) -> None:
    outcome = write(tmp_path, a=old)
    assert not outcome.refused
    assert [change.after.decode() for change in outcome.changes] == [ONLY_IMPORTED[old]]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("from mediapipe.python.solution_base import SolutionBase\n", "solution_base"),
        ("import mediapipe.python as p\n", "mediapipe.python"),
        ("import mediapipe.python.solutions.objectron as o\n", "objectron"),
        ("from mediapipe import *\nh = solutions.hands\n", "solutions"),
        ("from mediapipe.python.solutions.hands import *\n", "a star import"),
    ],
)
def test_a_file_that_only_imports_what_is_gone_is_refused(
    text: str, name: str, tmp_path: Path
) -> None:
    (note,) = reasons(write(tmp_path, a=text))
    assert note.startswith("a.py:1:1: ")
    assert name in note


APART = {
    "an import": "try:\n    from mediapipe.python.solutions import hands\n"
    "except ImportError:\n    hands = None\n",
    "any error": f"try:\n    {FROM_HANDS}Hands\nexcept:\n    pass\n",
    "several errors": "try:\n    import mediapipe.python.solutions as s\n"
    "except (ValueError, ModuleNotFoundError):\n    s = None\n",
    "an attribute": "import mediapipe as mp\ntry:\n    hands = mp.solutions.hands\n"
    "except AttributeError:\n    hands = None\n",
    "a question": 'import mediapipe as mp\nif hasattr(mp, "solutions"):\n'
    "    hands = mp.solutions.hands.Hands()\n    r = hands.process(x)\nelse:\n    hands = None\n",
    "types": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n"
    f"    {FROM_HANDS}Hands\ndef f(h: 'Hands'): pass\n",
    "types of a module": f"import typing\nif typing.TYPE_CHECKING:\n    {FROM_HANDS}Hands\n",
}


@pytest.mark.parametrize("how", APART)
def test_what_goes_on_without_it_is_left_and_told(how: str, tmp_path: Path) -> None:
    outcome = write(tmp_path, a=APART[how])
    assert (outcome.changes, outcome.refused) == ([], [])
    (note,) = outcome.differs
    assert APART[how].splitlines()[note.line - 1].strip().startswith(("from", "import", "h", "if"))
    assert "stays as it is" in view.text(outcome, written=True)


NOT_APART = {
    "it ends": f"try:\n    {FROM_HANDS}Hands\nexcept ImportError:\n    raise SystemExit('no')\n",
    "it exits": f"import sys\ntry:\n    {FROM_HANDS}Hands\nexcept ImportError:\n    sys.exit(1)\n",
    "another error": f"try:\n    {FROM_HANDS}Hands\nexcept ValueError:\n    Hands = None\n",
    "an import's error alone": "import mediapipe as mp\ntry:\n    h = mp.solutions.hands\n"
    "except ImportError:\n    h = None\n",
    "it runs": HEAD + "try:\n    h = mp.solutions.hands.Hands()\nexcept Exception: pass\n",
    "it is used": f"{HEAD}try:\n    h = mp.solutions.hands\nexcept AttributeError: h = None\n"
    "def f(x): return h.Hands().process(x).multi_hand_landmarks\n",
    "any error of a name": "import mediapipe as mp\ntry:\n    h = mp.solutions.hands\n"
    "except Exception:\n    h = None\n",
    "it is read": "import mediapipe as mp\ndef nose(a):\n    try:\n"
    "        return a[mp.solutions.pose.PoseLandmark.NOSE.value].x\n"
    "    except:\n        return None\n",
    "it is read by an attribute": "import mediapipe as mp\ndef nose(a):\n    try:\n"
    "        return a[mp.solutions.pose.PoseLandmark.NOSE].x\n"
    "    except AttributeError:\n        return None\n",
    "it is read where it is imported": "def nose(a):\n    try:\n"
    "        from mediapipe.python.solutions.pose import PoseLandmark\n"
    "        return a[PoseLandmark.NOSE].x\n"
    "    except ImportError:\n        return None\n",
    "it draws": "import mediapipe as mp\ndef draw(x, a):\n    try:\n"
    "        mp.solutions.drawing_utils.draw_landmarks(x, a,\n"
    "            mp.solutions.hands.HAND_CONNECTIONS)\n"
    "    except Exception as e:\n        print(e)\n",
    "it draws in one line": "import mediapipe as mp\ndef draw(x, a):\n"
    "    try: d = mp.solutions.drawing_utils; d.draw_landmarks(x, a)\n"
    "    except AttributeError: pass\n",
    "it draws where nothing failed": "try:\n    from mediapipe.python.solutions import pose\n"
    "except ImportError:\n    pass\nelse:\n    print(pose.PoseLandmark.NOSE)\n",
    "the other way is old too": "try:\n    from mediapipe.python.solutions import hands\n"
    "except ImportError:\n    from mediapipe.solutions import hands\n",
}


@pytest.mark.parametrize("how", NOT_APART)
def test_what_fails_without_it_is_rewritten(how: str, tmp_path: Path) -> None:
    outcome = write(tmp_path, a=NOT_APART[how])
    assert not outcome.refused
    assert ".solutions" not in outcome.changes[0].after.decode().replace("in mp.solutions.", "")


def test_what_another_file_takes_of_a_guarded_one_is_rewritten_with_it(tmp_path: Path) -> None:
    main = "from conf import hands\nif hands: h = hands.Hands()\n"
    outcome = write(tmp_path, conf=APART["an attribute"], main=main)
    assert not outcome.refused
    assert [change.name for change in outcome.changes] == ["conf.py", "main.py"]


PACKAGES = {
    "by names": ("from .config import mp_hands, mp_drawing\n", "det"),
    "by a star": ("from .config import *\n", "main"),
    "by another file": ("from .more import *\n", "det"),
}


@pytest.mark.parametrize("how", PACKAGES)
def test_what_a_package_hands_on_of_a_guarded_file_is_rewritten_with_it(
    how: str, tmp_path: Path
) -> None:
    config = "try:\n    import mediapipe as mp\n    mp_hands = mp.solutions.hands\n"
    config += "    mp_drawing = mp.solutions.drawing_utils\n"
    config += "except (ImportError, AttributeError):\n    mp_hands = mp_drawing = None\n"
    init, user = PACKAGES[how]
    outcome = write(
        tmp_path, pkg_init=init, pkg_config=config, pkg_more="from .config import *\n",
        pkg_det="from . import mp_hands, mp_drawing\nh = mp_hands.Hands()\n" * (user == "det"),
        main="import pkg\nh = pkg.mp_hands.Hands()\n" * (user == "main"),
    )  # fmt: skip
    assert not outcome.refused
    names = [change.name for change in outcome.changes]
    assert names == sorted(["pkg/config.py", "pkg/det.py" if user == "det" else "main.py"])


def test_a_guarded_file_beside_a_program_that_is_new_is_left(tmp_path: Path) -> None:
    outcome = write(tmp_path, conf=APART["an attribute"], main="import conf, other\n", other="")
    assert (outcome.changes, outcome.refused) == ([], [])
    assert [note.file for note in outcome.differs] == ["conf.py"]


def test_a_file_without_anything_old_is_passed_over(tmp_path: Path) -> None:
    outcome = write(tmp_path, a="import mediapipe as mp\nx = mp.Image, 'solutions'\n")
    assert view.text(outcome, written=True) == "0 files rewritten, 0 refused\n"


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
