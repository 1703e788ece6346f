"""`migrate`: constants and modules of one file that other files take."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.migrate_cases import (
    CONNECTED,
    FROM_HANDS,
    HEAD,
    OLD_HANDS,
    TASKS,
    reasons,
    write,
)

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
    outcome = write(tmp_path, conf=f"{FROM_HANDS}HAND_CONNECTIONS\n", main=TAKING[how])
    notes = reasons(outcome)
    assert any(
        note.startswith("conf.py:1:1: HAND_CONNECTIONS is taken from here by main.py:")
        for note in notes
    ), notes


def test_a_constant_that_goes_through_a_package_is_refused(tmp_path: Path) -> None:
    main = "from pkg import HAND_CONNECTIONS\nprint(HAND_CONNECTIONS)\n"
    outcome = write(
        tmp_path, pkg_init="from .conf import *\n", pkg_conf=f"{FROM_HANDS}HAND_CONNECTIONS\n",
        main=main,
    )  # fmt: skip
    assert any(note.startswith("pkg/conf.py:1:1: ") for note in reasons(outcome))


def test_a_constant_in_dunder_all_is_refused(tmp_path: Path) -> None:
    text = f'{FROM_HANDS}HAND_CONNECTIONS\n__all__ = ["HAND_CONNECTIONS"]\n'
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
    conf = f"{FROM_HANDS}HAND_CONNECTIONS\nn = len(HAND_CONNECTIONS)\n"
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
    conf = f"{FROM_HANDS}HAND_CONNECTIONS\nn = len(HAND_CONNECTIONS)\n"
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
    maker = f"{FROM_HANDS}HAND_CONNECTIONS\nn = len(HAND_CONNECTIONS)\n"
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
    outcome = write(tmp_path, **files, app_utils=f"{FROM_HANDS}HAND_CONNECTIONS\n")
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
    "an import of its own": f"{FROM_HANDS}HAND_CONNECTIONS\nfrom conf import n\n"
    "len(HAND_CONNECTIONS)\n",
    "a star": "from conf import *\nprint(n)\n",
    "an attribute of MediaPipe": "import conf\nimport mediapipe as mp\n"
    "print(mp.solutions.hands.HAND_CONNECTIONS, conf.n)\n",
}


@pytest.mark.parametrize("how", NOT_TAKING)
def test_files_that_take_other_names_are_rewritten(how: str, tmp_path: Path) -> None:
    conf = f"{FROM_HANDS}HAND_CONNECTIONS\nn = len(HAND_CONNECTIONS)\n"
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
