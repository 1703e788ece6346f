"""`migrate`: names that files only import, that other files take, or that lose their sense."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from mediapipe_jetson.migrate import bindings, project, view

from tests.unit.migrate_cases import HEAD, OLD_HANDS, TASKS, after, refused

HANDS = "from mediapipe.python.solutions.hands import "
VISION = "from mediapipe.tasks.python import vision"
CONNECTED = "connection_pairs(vision.HandLandmarksConnections.HAND_CONNECTIONS)"


def write(folder: Path, **files: str) -> project.Outcome:
    """Write programs, and return what migrating them comes to; `a_b` is a/b.py."""
    for name, text in files.items():
        path = folder / f"{name.replace('_', '/').replace('/init', '/__init__')}.py"
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(text, encoding="utf-8")
    return project.migrate(folder)


def reasons(outcome: project.Outcome) -> list[str]:
    """Return what was refused; nothing was changed."""
    assert not outcome.changes
    return [str(note) for note in outcome.refused]


ONLY_IMPORTED = {
    "from mediapipe.python.solutions.drawing_utils import draw_landmarks\n": (
        "from mediapipe.tasks.python.vision.drawing_utils import draw_landmarks\n"
    ),
    "import mediapipe.python.solutions as s\n": f"{VISION} as s\n",
    "import mediapipe.python.solutions.hands as h\n": f"{VISION} as h\n",
    "import mediapipe.python.solutions.hands\n": "import mediapipe\n",
    "from mediapipe.python.solutions import pose\n": f"{VISION} as pose\n",
    f"{HANDS}Hands\n": "from mediapipe.tasks.python.vision import HandLandmarker as Hands\n",
    f"{HANDS}HAND_CONNECTIONS\nx = 1\n": "x = 1\n",
    "from mediapipe.framework.formats import landmark_pb2\nx = 1\n": "x = 1\n",
    "def f():\n    from mediapipe.python.solutions import pose\n": (
        f"def f():\n    {VISION} as pose\n"
    ),
    f"try:\n    {HANDS}HAND_CONNECTIONS\nfinally:\n    x = 1\n": (
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
    "any error": f"try:\n    {HANDS}Hands\nexcept:\n    pass\n",
    "several errors": "try:\n    import mediapipe.python.solutions as s\n"
    "except (ValueError, ModuleNotFoundError):\n    s = None\n",
    "an attribute": "import mediapipe as mp\ntry:\n    hands = mp.solutions.hands\n"
    "except AttributeError:\n    hands = None\n",
    "a question": 'import mediapipe as mp\nif hasattr(mp, "solutions"):\n'
    "    hands = mp.solutions.hands.Hands()\n    r = hands.process(x)\nelse:\n    hands = None\n",
    "types": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n"
    f"    {HANDS}Hands\ndef f(h: 'Hands'): pass\n",
    "types of a module": f"import typing\nif typing.TYPE_CHECKING:\n    {HANDS}Hands\n",
}


@pytest.mark.parametrize("how", APART)
def test_what_goes_on_without_it_is_left_and_told(how: str, tmp_path: Path) -> None:
    outcome = write(tmp_path, a=APART[how])
    assert (outcome.changes, outcome.refused) == ([], [])
    (note,) = outcome.differs
    assert APART[how].splitlines()[note.line - 1].strip().startswith(("from", "import", "h", "if"))
    assert "stays as it is" in view.text(outcome, written=True)


NOT_APART = {
    "it ends": f"try:\n    {HANDS}Hands\nexcept ImportError:\n    raise SystemExit('no')\n",
    "it exits": f"import sys\ntry:\n    {HANDS}Hands\nexcept ImportError:\n    sys.exit(1)\n",
    "another error": f"try:\n    {HANDS}Hands\nexcept ValueError:\n    Hands = None\n",
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
    assert after(tmp_path, old, f"{HANDS}HAND_CONNECTIONS\n") == DEFAULTS[old]


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
    notes = refused(tmp_path, f"{HANDS}HAND_CONNECTIONS\n{old}")
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


TAKING = {
    "by its name": "from conf import HAND_CONNECTIONS as C\nprint(C)\n",
    "by a star": "from conf import *\nprint(HAND_CONNECTIONS)\n",
    "of a package": "from .conf import HAND_CONNECTIONS\n",
    "as an attribute": "import conf as c\nprint(c.HAND_CONNECTIONS)\n",
    "by getattr": 'import conf\nprint(getattr(conf, "HAND_CONNECTIONS"))\n',
    "of an object": "import conf\nclass A:\n    c = conf\n    def f(self):\n"
    "        return self.c.HAND_CONNECTIONS\n",
}


@pytest.mark.parametrize("how", TAKING)
def test_a_constant_that_another_file_takes_is_refused(how: str, tmp_path: Path) -> None:
    outcome = write(tmp_path, conf=f"{HANDS}HAND_CONNECTIONS\n", main=TAKING[how])
    notes = reasons(outcome)
    assert any(
        note.startswith("conf.py:1:1: HAND_CONNECTIONS is taken from here by main.py:")
        for note in notes
    ), notes


def test_a_constant_that_goes_through_a_package_is_refused(tmp_path: Path) -> None:
    main = "from pkg import HAND_CONNECTIONS\nprint(HAND_CONNECTIONS)\n"
    outcome = write(
        tmp_path, pkg_init="from .conf import *\n", pkg_conf=f"{HANDS}HAND_CONNECTIONS\n",
        main=main,
    )  # fmt: skip
    assert any(note.startswith("pkg/conf.py:1:1: ") for note in reasons(outcome))


def test_a_constant_in_dunder_all_is_refused(tmp_path: Path) -> None:
    text = f'{HANDS}HAND_CONNECTIONS\n__all__ = ["HAND_CONNECTIONS"]\n'
    assert reasons(write(tmp_path, a=text))[0].startswith("a.py:1:1: HAND_CONNECTIONS is taken")


SPELLED = {
    "in __all__ that grows": 'import conf\n__all__ = []\n__all__ += ["HAND_CONNECTIONS"]\n',
    "in __all__ that is extended": "from conf import n\n__all__ = []\n"
    '__all__.extend(["HAND_CONNECTIONS"])\n',
    "by attrgetter": "import conf, operator\n"
    'print(operator.attrgetter("n", "HAND_CONNECTIONS")(conf))\n',
    "by vars": 'import conf\nprint(vars(conf)["HAND_CONNECTIONS"])\n',
    "by __dict__": 'import conf\nprint(conf.__dict__.get("HAND_CONNECTIONS"))\n',
    "by a namespace": 'import conf\nspace = vars(conf)\nprint(space["HAND_CONNECTIONS"])\n',
    "by a variable": 'import conf\nname = "HAND_CONNECTIONS"\nprint(getattr(conf, name))\n',
    "by getattr that is handed on": "import conf, functools\n"
    'get = functools.partial(getattr, conf)\nprint(get("HAND_CONNECTIONS"))\n',
    "by getattr of another name": "import conf\nfrom builtins import getattr as get\n"
    'print(get(conf, "HAND_CONNECTIONS"))\n',
    "by dir": 'import conf\nprint("HAND_CONNECTIONS" in dir(conf))\n',
    "by inspect": "import conf, inspect\n"
    'print(dict(inspect.getmembers(conf)).get("HAND_CONNECTIONS"))\n',
    "by monkeypatch": "import conf\ndef test(monkeypatch):\n"
    '    monkeypatch.setattr(conf, "HAND_CONNECTIONS", 1)\n',
}


@pytest.mark.parametrize("how", SPELLED)
def test_a_constant_that_a_text_names_is_refused(how: str, tmp_path: Path) -> None:
    conf = f"{HANDS}HAND_CONNECTIONS\nn = len(HAND_CONNECTIONS)\n"
    notes = reasons(write(tmp_path, conf=conf, main=SPELLED[how]))
    assert any("HAND_CONNECTIONS is taken from here by main.py:" in note for note in notes), notes


NOT_SPELLED = {
    "compared": 'if k == "HAND_CONNECTIONS": print(n)\n',
    "a key": 'cache = {"HAND_CONNECTIONS": n}\n',
    "an argument": 'setup(excludes=["HAND_CONNECTIONS"])\n',
    "a text beside others": 'print("HAND_CONNECTIONS", getattr(n, "real"), vars()["n"])\n',
    "beside __all__": '__all__ = ["n"]\nprint("HAND_CONNECTIONS")\n',
}


@pytest.mark.parametrize("how", NOT_SPELLED)
@pytest.mark.parametrize("beside", ["", "from conf import n\n"])
def test_a_text_that_takes_nothing_does_not_count(how: str, beside: str, tmp_path: Path) -> None:
    conf = f"{HANDS}HAND_CONNECTIONS\nn = len(HAND_CONNECTIONS)\n"
    if beside:
        outcome = write(tmp_path, conf=conf, main=beside + NOT_SPELLED[how])
    else:
        outcome = write(tmp_path, conf=conf + NOT_SPELLED[how])
    assert not outcome.refused
    assert f"n = len({CONNECTED})" in outcome.changes[0].after.decode()


OWN = "HAND_CONNECTIONS = [1]\n"
OTHER_MODULES = {
    "beside it": {"other_utils": OWN, "other_main": "from utils import HAND_CONNECTIONS\n"},
    "by dots": {"pose_utils": OWN, "pose_main": "from .utils import HAND_CONNECTIONS\n"},
    "by its path": {"b_pose_utils": OWN, "main": "from pose.utils import HAND_CONNECTIONS\n"},
    "a package": {"pose_init": OWN, "pose_a": "from . import HAND_CONNECTIONS\n"},
    "a star": {"pose_utils": OWN, "pose_a": "from .utils import *\nprint(HAND_CONNECTIONS)\n"},
}


@pytest.mark.parametrize("how", OTHER_MODULES)
def test_names_of_another_module_with_the_same_last_name_do_not_count(
    how: str, tmp_path: Path
) -> None:
    maker = f"{HANDS}HAND_CONNECTIONS\nn = len(HAND_CONNECTIONS)\n"
    outcome = write(tmp_path, **OTHER_MODULES[how], app_utils=maker)
    assert not outcome.refused
    assert [change.name for change in outcome.changes] == ["app/utils.py"]


SAME_MODULES = {
    "a folder above": {"app_other_utils": OWN, "app_other_main": "from utils import "},
    "a path of its own": {
        "other_utils": OWN,
        "other_main": "import sys\nsys.path.insert(0, 'app')\nfrom utils import ",
    },
    "another folder": {"other_main": "from utils import "},
    "its path": {"other_utils": OWN, "main": "from app.utils import "},
    "dots": {"other_utils": OWN, "app_sub_a": "from ..utils import "},
    "dots from above": {"other_utils": OWN, "main": "from .app.utils import "},
    "a package of another name": {"other_main": "from installed.utils import "},
    "the folder that is migrated": {"other_main": "from {}.app.utils import "},
}


@pytest.mark.parametrize("how", SAME_MODULES)
def test_names_of_what_may_be_the_same_module_count(how: str, tmp_path: Path) -> None:
    files = {
        name: text.format(tmp_path.name) + "HAND_CONNECTIONS\n" * text.endswith("import ")
        for name, text in SAME_MODULES[how].items()
    }
    outcome = write(tmp_path, **files, app_utils=f"{HANDS}HAND_CONNECTIONS\n")
    assert any("is taken from here by" in note for note in reasons(outcome))


def test_star_imports_are_looked_for_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    walked: list[ast.AST] = []
    walk = ast.walk

    def counted(node: ast.AST) -> Iterator[ast.AST]:
        walked.extend([node] * isinstance(node, ast.Module))
        return walk(node)

    monkeypatch.setattr(ast, "walk", counted)
    counts = []
    for number in (5, 20):
        walked.clear()
        files = {f"a{item}": HEAD + OLD_HANDS for item in range(number)}
        assert not write(tmp_path, **files).refused
        counts.append(len(walked))
    assert counts[1] == 4 * counts[0]


NOT_TAKING = {
    "an import of its own": f"{HANDS}HAND_CONNECTIONS\nfrom conf import n\nlen(HAND_CONNECTIONS)\n",
    "a star": "from conf import *\nprint(n)\n",
    "an attribute of MediaPipe": "import conf\nimport mediapipe as mp\n"
    "print(mp.solutions.hands.HAND_CONNECTIONS, conf.n)\n",
}


@pytest.mark.parametrize("how", NOT_TAKING)
def test_files_that_take_other_names_are_rewritten(how: str, tmp_path: Path) -> None:
    conf = f"{HANDS}HAND_CONNECTIONS\nn = len(HAND_CONNECTIONS)\n"
    outcome = write(tmp_path, conf=conf, main=NOT_TAKING[how])
    assert not outcome.refused
    assert f"n = len({CONNECTED})" in outcome.changes[0].after.decode()


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("framework.formats.landmark_pb2", "NormalizedLandmarkList"),
        ("framework.formats", "landmark_pb2"),
        ("python.solutions.face_detection", "get_key_point"),
        ("python.solutions.face_detection", "FaceKeyPoint"),
    ],
)
def test_what_has_no_counterpart_is_not_taken_away_from_another_file(
    module: str, name: str, tmp_path: Path
) -> None:
    conf, main = f"from mediapipe.{module} import {name}\n", f"from conf import {name}\n"
    outcome = write(tmp_path, conf=conf, main=main)
    assert reasons(outcome)[0].startswith(f"conf.py:1:1: {name} is taken from here by main.py:1;")


def test_modules_and_constants_that_the_program_names_itself_go_to_other_files(
    tmp_path: Path,
) -> None:
    conf = (
        "import mediapipe as mp\nmp_hands = mp.solutions.hands\ndraw = mp.solutions.drawing_utils\n"
    )
    conf += "CONN = mp_hands.HAND_CONNECTIONS\n"
    main = "from conf import CONN, draw, mp_hands\ndef f(x, hand):\n    len(CONN)\n"
    main += "    draw.draw_landmarks(x, hand, CONN)\n"
    main += "    draw.draw_landmarks(x, hand, mp_hands.HAND_CONNECTIONS)\n"
    outcome = write(tmp_path, conf=conf, main=main)
    assert not outcome.refused
    new = {change.name: change.after.decode() for change in outcome.changes}
    assert f"mp_hands = {TASKS}\ndraw = {TASKS}.drawing_utils\nCONN = connection" in new["conf.py"]
    assert "draw.draw_landmarks(x, hand, as_connections(CONN))\n" in new["main.py"]
    assert "hand, mp_hands.HandLandmarksConnections.HAND_CONNECTIONS)\n" in new["main.py"]


UNSEEN = {
    "a class's own": f"{HANDS}HAND_CONNECTIONS\nclass A:\n"
    "    HAND_CONNECTIONS = list(HAND_CONNECTIONS)\n    a = HAND_CONNECTIONS[0]\n",
    "a comprehension's own": f"{HANDS}HAND_CONNECTIONS\n"
    "a = [HAND_CONNECTIONS for HAND_CONNECTIONS in HAND_CONNECTIONS]\n",
    "a class": f"class A:\n    {HANDS}HAND_CONNECTIONS\ndef f(a): return a.HAND_CONNECTIONS\n",
    "a quoted annotation": "from mediapipe.framework.formats import landmark_pb2\n"
    "def f(x: 'landmark_pb2.NormalizedLandmarkList'): pass\n",
    "drawing by anything": HEAD + OLD_HANDS + "def f(d):\n    for h in r.multi_hand_landmarks:\n"
    "        d.draw_landmarks(x, h, mp.solutions.hands.HAND_CONNECTIONS)\n",
    "deep functions": "import mediapipe as mp\ndef a():\n def b():\n  def c():\n   def d():\n"
    "    def e():\n     def f(): return mp.solutions.hands.Hands()\n     return f\n"
    "    return e\n   return d\n  return c\n return b\n",
    "a name in deep functions": "from mediapipe.python.solutions import hands\ndef a():\n"
    " def b():\n  def c():\n   def d():\n    def e():\n     def f(): return hands.Hands()\n"
    "     return f\n    return e\n   return d\n  return c\n return b\n",
}


@pytest.mark.parametrize("how", UNSEEN)
def test_what_would_fail_unseen_is_refused(how: str, tmp_path: Path) -> None:
    assert refused(tmp_path, UNSEEN[how])


QUOTED = {
    "def f(x: Optional['landmark_pb2.NormalizedLandmarkList']): pass\n": True,
    "def f(x: 'Optional[\"landmark_pb2.NormalizedLandmarkList\"]'): pass\n": True,
    "def f() -> Annotated['landmark_pb2.NormalizedLandmarkList', 'of a hand']: pass\n": True,
    "x: list[' landmark_pb2.NormalizedLandmark'] = []\n": True,
    "def f(x: Annotated[list, 'as landmark_pb2 has them']): pass\n": False,
    "def f(x: Annotated[list, 'landmark_pb2']): pass\n": False,
    "def f(x: typing.Literal['landmark_pb2', 'numpy']): pass\n": False,
    "def f(x: \"Literal['landmark_pb2']\"): pass\n": False,
    "def f(x: 'what landmark_pb2 had'): pass\n": False,
    "def f(x: 'other.landmark_pb2'): pass\n": False,
}


@pytest.mark.parametrize("old", QUOTED)
def test_only_types_in_quotes_count(old: str, tmp_path: Path) -> None:
    text = f"from mediapipe.framework.formats import landmark_pb2\n{old}"
    outcome = write(tmp_path, a=text)
    assert [note.text for note in outcome.refused] == (
        [bindings.QUOTED.format("landmark_pb2")] if QUOTED[old] else []
    )
    assert QUOTED[old] or outcome.changes[0].after.decode() == old


def test_a_quoted_annotation_that_names_it_is_told(tmp_path: Path) -> None:
    text = "import mediapipe as mp\ndef f(h: 'mp.solutions.hands.Hands'): pass\n"
    outcome = write(tmp_path, a=text)
    assert (outcome.changes, outcome.refused) == ([], [])
    assert str(outcome.differs[0]).startswith("a.py:2:1: 'mp.solutions.hands.Hands' stays")


def test_a_package_that_is_imported_by_its_dots_counts(tmp_path: Path) -> None:
    inner = tmp_path / "pkg" / "sub"
    inner.mkdir(parents=True)
    (inner / "a.py").write_text("from .. import HAND_CONNECTIONS\n", encoding="utf-8")
    outcome = write(tmp_path, pkg_init=f"{HANDS}HAND_CONNECTIONS\n", pkg_sub_init="")
    assert "is taken from here by pkg/sub/a.py:1;" in reasons(outcome)[0]


def test_new_names_that_a_star_import_would_bring_over_others_are_refused(tmp_path: Path) -> None:
    utils = f"{HEAD}{OLD_HANDS}"
    main = "def to_image(x): return x\nfrom utils import *\nto_image(1)\n"
    notes = reasons(write(tmp_path, utils=utils, main=main))
    assert any(note.startswith("main.py:2:1: a star import of utils.py, whose") for note in notes)
    assert any(note.startswith("utils.py:1:1: left as it is") for note in notes)
    outcome = write(tmp_path, utils=utils, main="import os\nfrom utils import *\n")
    assert not outcome.refused


HIDDEN = {
    "own below": ("", "from utils import *\ndef to_image(x): return x\n", False),
    "a class below": ("", "from utils import *\nclass to_image: pass\n", False),
    "a list": ('__all__ = ["r"]\n', "to_image = 1\nfrom utils import *\n", False),
    "a tuple": ("__all__ = 'r', 'hands'\n", "to_image = 1\nfrom utils import *\n", False),
    "above and below": (
        "", "to_image = 1\nfrom utils import *\ndef to_image(x): return x\n", True
    ),
    "below where something is": (
        "", "from utils import *\nif r:\n    def to_image(x): return x\n", True
    ),
    "an import above": (
        "", "from cv import to_image\nfrom utils import *\ndef to_image(x): pass\n", True
    ),
    "a list that has it": ('__all__ = ["to_image"]\n', "to_image = 1\nfrom utils import *\n", True),
    "a list that grows": (
        '__all__ = ["r"]\n__all__ += x\n', "to_image = 1\nfrom utils import *\n", True
    ),
    "a list that is found": (
        "__all__ = [n for n in dir()]\n", "to_image = 1\nfrom utils import *\n", True
    ),
}  # fmt: skip


@pytest.mark.parametrize("how", HIDDEN)
def test_only_names_that_a_star_import_hides_are_refused(how: str, tmp_path: Path) -> None:
    head, main, hides = HIDDEN[how]
    outcome = write(tmp_path, utils=f"{HEAD}{head}{OLD_HANDS}", main=main)
    assert bool(outcome.refused) == hides
    assert [change.name for change in outcome.changes] == ([] if hides else ["utils.py"])


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


def test_a_file_that_is_imported_by_a_text_counts(tmp_path: Path) -> None:
    main = "import importlib\nc = importlib.import_module('conf')\nprint(c.HAND_CONNECTIONS)\n"
    outcome = write(tmp_path, conf=f"{HANDS}HAND_CONNECTIONS\n", main=main)
    assert "is taken from here by main.py:3;" in reasons(outcome)[0]


@pytest.mark.parametrize(
    ("name", "line", "told"),
    [
        ("a.ipynb", "from utils import r", True),
        ("a.ipynb", "import numpy as np, pkg.utils as u", True),
        ("a.pyx", "import utils", True),
        ("a.ipynb", "import utilities", False),
        ("a.ipynb", "utils = 1", False),
        ("a.ipynb", "one may import utils", False),
        ("a.ipynb", "from the utils", False),
    ],
)
def test_a_notebook_that_imports_what_is_rewritten_is_told_of(
    name: str, line: str, told: bool, tmp_path: Path
) -> None:
    text = json.dumps({"cells": [{"source": [f"{line}\n"]}]}) if name == "a.ipynb" else line
    (tmp_path / name).write_text(text, encoding="utf-8")
    outcome = write(tmp_path, utils=HEAD + OLD_HANDS)
    assert [change.name for change in outcome.changes] == ["utils.py"]
    assert [str(note) for note in outcome.unread] == (
        [f"{name}:1:1: it may import utils.py, which is rewritten; look through it"] if told else []
    )
