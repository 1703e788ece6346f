"""What reaches the legacy API by a text: migrated, or refused at its line; never left unseen."""

from __future__ import annotations

from pathlib import Path

import libcst as cst
import pytest
from mediapipe_jetson.doctor import legacy
from mediapipe_jetson.migrate import leftover, project

from tests.unit.migrate_cases import refused

USED = "m = sol.face_mesh.FaceMesh()\nr = m.process(x)\nprint(r.multi_face_landmarks)\n"
MP = "import mediapipe as mp\n"
# Each on its second line.
GIVEN = {
    "getattr": f"{MP}sol = getattr(mp, 'solutions')\n",
    "vars": f"{MP}sol = vars(mp)['solutions']\n",
    "vars, get": f"{MP}sol = vars(mp).get('solutions')\n",
    "a copy": f"{MP}sol = dict(vars(mp))['solutions']\n",
    "__dict__": f"{MP}sol = mp.__dict__['solutions']\n",
    "__dict__, get": f"{MP}sol = mp.__dict__.get('solutions')\n",
    "__getitem__": f"{MP}sol = mp.__dict__.__getitem__('solutions')\n",
    "attrgetter": "import mediapipe as mp, operator\nsol = operator.attrgetter('solutions')(mp)\n",
    "itemgetter": "import mediapipe, operator\n"
    "sol = operator.itemgetter('solutions')(vars(mediapipe))\n",
    "methodcaller": "import mediapipe as mp, operator\n"
    "sol = operator.methodcaller('__getattr__', 'solutions')(mp)\n",
    "__getattribute__": f"{MP}sol = mp.__getattribute__('solutions')\n",
    "object's": f"{MP}sol = object.__getattribute__(mp, 'solutions')\n",
    "static": "import mediapipe as mp, inspect\nsol = inspect.getattr_static(mp, 'solutions')\n",
    "members": "import mediapipe as mp, inspect\nsol = dict(inspect.getmembers(mp))['solutions']\n",
    "reduce": "import mediapipe as mp, functools\n"
    "sol = functools.reduce(getattr, ['solutions'], mp)\n",
    "import_module": "import importlib\nsol = importlib.import_module('mediapipe.solutions')\n",
    "relative": "import importlib, mediapipe\n"
    "sol = importlib.import_module('.python.solutions', package=mediapipe.__name__)\n",
    "two names": "import importlib\nsol = importlib.import_module("
    "'mediapipe.solutions' if x else 'mediapipe.python.solutions')\n",
    "fromlist": "import os\n"
    "sol = __import__('mediapipe.python.solutions', fromlist=['face_mesh'])\n",
    "sys.modules": "import sys, mediapipe.python.solutions\n"
    "sol = sys.modules['mediapipe.python.solutions']\n",
    "resolve_name": "import pkgutil\nsol = pkgutil.resolve_name('mediapipe:solutions')\n",
}


@pytest.mark.parametrize("how", GIVEN)
def test_what_gives_the_legacy_api_by_a_text_is_named_at_its_line(tmp_path: Path, how: str) -> None:
    (why,) = refused(tmp_path, GIVEN[how] + USED)
    assert why.startswith("program.py:2:7: ")
    assert why.endswith(" gives the legacy API; name it by import or attribute")


@pytest.mark.parametrize("how", GIVEN)
def test_the_doctor_sees_it_too(how: str) -> None:
    uses = legacy.scan(GIVEN[how] + USED, "program.py")
    assert any(use.what == "mp.solutions.face_mesh.FaceMesh" for use in uses)


DEEPER = {
    "attrgetter": "import mediapipe as mp, operator\n"
    "fm = operator.attrgetter('solutions.face_mesh')(mp)\n",
    "two of them": "import mediapipe as mp, operator\n"
    "fm, h = operator.attrgetter('solutions.face_mesh', 'solutions.hands')(mp)\n",
    "import_module": "import importlib\n"
    "fm = importlib.import_module('mediapipe.solutions.face_mesh')\n",
    "vars": f"{MP}fm = vars(mp.solutions)['face_mesh']\n",
    "__dict__": f"{MP}fm = mp.solutions.__dict__['face_mesh']\n",
    "eval": f"{MP}fm = eval('mp.solutions.face_mesh')\n",
    "exec": f"{MP}exec('fm = mp.solutions.face_mesh')\n",
    "find_spec": "import importlib.util, mediapipe\n"
    "spec = importlib.util.find_spec('mediapipe.python.solutions')\nfm = load(spec).face_mesh\n",
    "patch": "from unittest import mock\n"
    "mock.patch('mediapipe.solutions.face_mesh.FaceMesh').start()\nfm = mediapipe\n",
    "a package's": "import mediapipe as mp, helper\nfm = helper.get(mp, 'solutions').face_mesh\n",
    "a walk": f"{MP}import functools; "
    "fm = functools.reduce(getattr, 'solutions.face_mesh'.split('.'), mp)\n",
    "a walk at run time": f"{MP}import functools; fm = functools.reduce(getattr, input(), mp)\n",
    "a walk from within": f"{MP}import functools; "
    "fm = functools.reduce(getattr, x, mp.solutions)\n",
    "vars at run time": f"{MP}fm = vars(mp)[input()].face_mesh\n",
    "__dict__ at run time": f"{MP}fm = mp.__dict__[input()].face_mesh\n",
    "get at run time": f"{MP}fm = mp.__dict__.get(input()).face_mesh\n",
    "__getattribute__ at run time": f"{MP}fm = mp.__getattribute__(input()).face_mesh\n",
    "attrgetter at run time": f"{MP}import operator; fm = operator.attrgetter(input())(mp)\n",
    "itemgetter at run time": f"{MP}import operator; fm = operator.itemgetter(input())(vars(mp))\n",
    "one of several": f"{MP}fm = [getattr(mp, a) for a in ('Image', 'solutions')][1].face_mesh\n",
    "several of a table": f"{MP}fm = [vars(mp)[a] for a in ('tasks', 'solutions')][1].face_mesh\n",
    "the inner package": f"{MP}fm = getattr(mp, 'python').solutions.face_mesh\n",
    "its name": f"{MP}from importlib import import_module as get; "
    "sol = get(f'{mp.__name__}.solutions')\nfm = sol.face_mesh\n",
    "at run time": f"{MP}fm = getattr(mp, input()).face_mesh\n",
    "a module at run time": "import mediapipe, sys\n"
    "fm = sys.modules[input()].solutions.face_mesh\n",
    "a module by get": "import mediapipe, sys\nfm = sys.modules.get(input()).solutions.face_mesh\n",
    "each module": "import mediapipe, sys\n"
    "fm = [m.solutions for m in sys.modules.values()][0].face_mesh\n",
    "an import at run time": "import mediapipe, importlib\n"
    "fm = importlib.import_module(input()).solutions.face_mesh\n",
}


@pytest.mark.parametrize("how", DEEPER)
def test_what_can_not_be_followed_is_refused_at_its_line(tmp_path: Path, how: str) -> None:
    notes = refused(tmp_path, DEEPER[how] + USED.replace("sol.face_mesh", "fm"))
    assert notes[0].startswith("program.py:2:")


OLD = (
    "import mediapipe as mp, functools\nfrom operator import attrgetter, itemgetter, methodcaller\n"
)
OLD += "h = mp.solutions.hands.Hands()\nr = h.process(x)\n"
# Each on the fifth line.
TAKEN = {
    "a result": "r2 = methodcaller('process', x)(h)\nprint(r2.multi_hand_landmarks)\n",
    "a field": "for f in attrgetter('multi_hand_landmarks')(r):\n    print(f.landmark[0].x)\n",
    "a class": "with attrgetter('hands.Hands')(mp.solutions)() as q:\n    print(q)\n",
    "a method": "run = attrgetter('process')(h)\n",
    "a lost method": "methodcaller('reset')(h)\n",
    "a named getter": "get = attrgetter('landmark'); get(r.multi_hand_landmarks[0])\n",
    "a key": "max(r.multi_handedness, key=attrgetter('classification'))\n",
    "a map": "for f in map(attrgetter('landmark'), r.multi_hand_landmarks): print(f[0].x)\n",
    "a walk": "fs = functools.reduce(getattr, ['multi_hand_landmarks'], r)\n",
    "a field on the way": "attrgetter('multi_hand_landmarks.count')(r)\n",
    "at run time": "attrgetter(input())(r)\n",
    "partial": "functools.partial(getattr, r)('multi_hand_landmarks')\n",
    "a map of partial": "a = list(map(functools.partial(getattr, r), ['multi_handedness']))\n",
    "a map of getattr": "a = list(map(getattr, [r], ['multi_handedness']))\n",
    "a class by partial": "functools.partial(getattr, mp.solutions)('hands').Hands()\n",
}


@pytest.mark.parametrize("how", TAKEN)
def test_what_is_taken_by_a_text_is_refused_at_its_line(tmp_path: Path, how: str) -> None:
    notes = refused(tmp_path, OLD + TAKEN[how])
    assert notes[0].startswith("program.py:5:")


KEPT = {
    "another name of hasattr": (
        "g = hasattr; g(r, 'multi_hand_landmarks')",
        'g = hasattr; g(r, "hand_landmarks")',
    ),
    "an item": (
        "itemgetter(0)(r.multi_hand_landmarks).landmark",
        "itemgetter(0)(r.hand_landmarks or None)",
    ),
    "a number": (
        "min(r.multi_hand_landmarks[0].landmark, key=attrgetter('x'))",
        "min(r.hand_landmarks[0], key=attrgetter('x'))",
    ),
    "close": ("methodcaller('close')(h)", "methodcaller('close')(h)"),
}


@pytest.mark.parametrize("how", KEPT)
def test_what_is_the_same_in_tasks_may_be_taken_so(tmp_path: Path, how: str) -> None:
    old, new = KEPT[how]
    (tmp_path / "program.py").write_text(f"{OLD}{old}\n")
    outcome = project.migrate(tmp_path)
    assert outcome.refused == []
    assert outcome.changes[0].after.decode().endswith(f"{new}\n")


NAMED = {
    "a bundler": "import PyInstaller.__main__\n"
    "PyInstaller.__main__.run(['--hidden-import', 'mediapipe.python.solutions'])\n",
    "an option's default": "import argparse\n"
    "argparse.ArgumentParser().add_argument('--m', default='mediapipe.solutions')\n",
    "an option's choice": "import argparse\n"
    "argparse.ArgumentParser().add_argument('--m', choices=['mediapipe.solutions', 'x'])\n",
}


@pytest.mark.parametrize("how", NAMED)
def test_a_text_that_only_names_it_for_a_tool_is_told_of(tmp_path: Path, how: str) -> None:
    (tmp_path / "program.py").write_text(NAMED[how])
    outcome = project.migrate(tmp_path)
    assert (outcome.changes, outcome.refused) == ([], [])
    (note,) = map(str, outcome.differs)
    assert note.startswith("program.py:2:1: 'mediapipe.")
    assert "only names the legacy API" in note


def test_an_option_is_refused_where_any_module_may_be_imported(tmp_path: Path) -> None:
    text = "import importlib\n" + NAMED["an option's default"]
    assert refused(tmp_path, f"{text}importlib.import_module(args.m).hands.Hands()\n") == [
        "program.py:3:1: 'mediapipe.solutions' as a text can't be followed"
    ]


def test_a_field_that_only_legacy_results_have_is_not_left_unseen(tmp_path: Path) -> None:
    text = "import mediapipe\nimport other\nr = other.load(mediapipe)\n"
    assert refused(tmp_path, f"{text}print(r.multi_face_landmarks)\n") == [
        "program.py:4:7: where r comes from can't be followed"
    ]


SAME = {
    "__import__": "import os\nsol = __import__('mediapipe').solutions\n",
    "sys.modules": "import sys, mediapipe\nsol = sys.modules['mediapipe'].solutions\n",
    "its name": f"{MP}import sys\nsol = sys.modules[mp.__name__].solutions\n",
    "globals": f"{MP}sol = globals()['mp'].solutions\n",
}


@pytest.mark.parametrize("how", SAME)
def test_what_gives_mediapipe_itself_is_rewritten(tmp_path: Path, how: str) -> None:
    (tmp_path / "program.py").write_text(SAME[how] + USED)
    outcome = project.migrate(tmp_path)
    assert outcome.refused == []
    assert b".tasks.vision\n" in outcome.changes[0].after


TASKS = {
    "a name": f"{MP}print('solutions', {{'solutions': 3}}['solutions'], getattr(mp, 'tasks'))\n",
    "a log": f"{MP}import logging\nlogging.info('mediapipe.solutions is gone')\n",
    "a part of Tasks": f"{MP}make = getattr(mp.tasks.vision, input())\n",
    "a dictionary": f"{MP}d = dict(vars(mp)); d.get('tasks'); operator = vars(mp)['Image']\n",
    "one of several": f"{MP}for a in ('Image', 'ImageFormat'):\n    getattr(mp, a)\n",
    "a table of several": f"{MP}print({{n: getattr(mp, n, None) for n in ('__version__', 'x')}})\n",
    "several of a table": f"{MP}for a in ('Image', 'tasks'):\n"
    "    vars(mp)[a], mp.__dict__.get(a)\n",
    "a document": f'"""Not mp.solutions."""\n{MP}from operator import attrgetter\n'
    "attrgetter('tasks.vision')(mp)\n",
}


@pytest.mark.parametrize("how", TASKS)
def test_programs_of_tasks_are_left_alone(tmp_path: Path, how: str) -> None:
    (tmp_path / "program.py").write_text(TASKS[how])
    outcome = project.migrate(tmp_path)
    assert (outcome.changes, outcome.refused) == ([], [])


def test_what_would_stay_is_named_at_its_old_place() -> None:
    head = "import operator\nimport mediapipe as mp\npose = mp.solutions.pose.Pose()\n"
    new = head.replace("mp.solutions.pose.Pose()", "None\n\n")
    get = "a, b = operator.attrgetter('solutions.hands', 'solutions.pose')(mp)\n"
    before, after = (cst.parse_module(f"{text}\n\n{get}") for text in (head, new))
    assert [str(note) for note in leftover.left("program.py", before, after)] == [
        "program.py:6:8: mp.solutions.hands would stay in it"
    ]


def test_a_file_that_is_left_names_the_one_that_was_refused(tmp_path: Path) -> None:
    (tmp_path / "tools.py").write_text("def tip(hand): return hand.landmark[8]\n")
    main = f"{MP}import tools\nhands = mp.solutions.hands.Hands()\nr = hands.process(x)\n"
    main += "tools.tip(r.multi_hand_landmarks[0])\nhands.reset()\n"
    (tmp_path / "main.py").write_text(main)
    notes = [str(note) for note in project.migrate(tmp_path).refused]
    assert notes[1] == (
        "tools.py:1:1: left as it is: it works together with a file that was refused, main.py"
    )


@pytest.mark.parametrize("name", ["n + '_landmarks'", "f'{n}_landmarks'", "'%s_landmarks' % n"])
def test_parts_of_a_result_by_names_that_are_put_together(tmp_path: Path, name: str) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        f"{MP}h = mp.solutions.holistic.Holistic()\nr = h.process(x)\n"
        f"print([n for n in ('pose', 'face') if getattr(r, {name})])\n"
    )
    assert not project.migrate(program).refused
