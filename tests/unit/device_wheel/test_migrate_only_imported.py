"""`migrate`: old names that files only import, also where they do without them."""

from __future__ import annotations

from pathlib import Path

import pytest
from mediapipe_jetson.migrate import view

from tests.unit.migrate_cases import FROM_HANDS, HEAD, VISION, reasons, write

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
