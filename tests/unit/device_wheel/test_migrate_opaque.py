"""What goes through Python's library or another package can't be followed: refused, never half."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from mediapipe_jetson.migrate import project

from tests.unit.migrate_cases import HEAD, refused

POSE = "mp.solutions.pose.Pose()"
USED = "print(r.pose_landmarks.landmark[0].x)\n"
# How it is made and where a result is read.
THROUGH = {
    "a pipe": f"from multiprocessing import Pipe\na, b = Pipe()\np = {POSE}\na.send(p.process(x))\n"
    "r = b.recv()\n",
    "another library's executor": (
        f"import ray\np = {POSE}\nr = ray.pool().submit(p.process, x).get()\n"
    ),
    "a map": f"p = {POSE}\nr = next(map(p.process, xs))\n",
    "a session": (
        f"import streamlit as st\nst.session_state.p = {POSE}\nr = st.session_state.p.process(x)\n"
    ),
    "a partial": (
        "from functools import partial\nmake = partial(mp.solutions.pose.Pose)\n"
        "p = make()\nr = p.process(x)\n"
    ),
    "another name": f"p = {POSE}\nrun = p.process\nr = run(x)\n",
}


@pytest.mark.parametrize("how", THROUGH)
def test_what_can_not_be_followed_is_refused(tmp_path: Path, how: str) -> None:
    assert refused(tmp_path, f"{HEAD}{THROUGH[how]}{USED}")


SHOW = "def show(r):\n    print(r.pose_landmarks.landmark[0].x)\n"
SETTINGS = (
    "from dataclasses import dataclass, field, replace\nimport ui\n@dataclass\nclass C:\n"
    f"    p: object = field(default_factory=lambda: {POSE})\n"
)
THREADED = f"import threading, ui\np = {POSE}\n{SHOW}"
THREAD = "threading.Thread(target=show, args=(p.process(ui.frame),)).start()\n"
# What the project gives, and what others may give in the same place.
MIXED = {
    "a callback": f"{THREADED}{THREAD}ui.on_result(show)\n",
    "a callback before": f"{THREADED}ui.on_result(show)\n{THREAD}",
    "a called callback": f"{THREADED}show(p.process(ui.frame))\nui.on_result(show)\n",
    "a set callback": f"{THREADED}{THREAD}ui.on_result = show\n",
    "a callback in a table": f"{THREADED}{THREAD}ui.connect({{'result': show}})\n",
    "a decorated one": f"import threading, ui\np = {POSE}\n@ui.on('x')\n{SHOW}{THREAD}",
    "a keyword": f"{THREADED}{THREAD}ui.connect(result=[show])\n",
    "a map": (
        f"import ui\nfrom concurrent.futures import ThreadPoolExecutor\np = {POSE}\n{SHOW}"
        "pool = ThreadPoolExecutor()\npool.submit(show, p.process(ui.frame))\n"
        "ui.map(show, ui.results)\n"
    ),
    "a foreign pool's map": f"import ui\np = {POSE}\n{SHOW}show(p.process(1))\n"
    "ui.Pool().imap(show, ui.results)\n",
    "a map of what is given": f"import ui\np = {POSE}\n{SHOW}show(p.process(1))\n"
    "def go(pool):\n    pool.map(show, ui.results)\n",
    "a method": (
        f"import threading, ui\nclass A:\n    def __init__(self):\n        self.p = {POSE}\n"
        "        ui.on_result(self.show)\n        self.show(self.p.process(ui.frame))\n"
        "    def show(self, r):\n        print(r.pose_landmarks.landmark[0].x)\nA()\n"
    ),
    "a lambda": f"{THREADED}{THREAD}ui.on_result(lambda r: show(r))\n",
    "a partial": f"from functools import partial\n{THREADED}{THREAD}ui.on_result(partial(show))\n",
    "another's function": (f"{THREADED}{THREAD}def also(r):\n    show(r)\nui.on_result(also)\n"),
    "a function within": (
        f"import threading, ui\np = {POSE}\ndef go():\n    def show(r):\n"
        "        print(r.pose_landmarks.landmark[0].x)\n"
        "    threading.Thread(target=show, args=(p.process(1),)).start()\n"
        "    ui.on_result(show)\ngo()\n"
    ),
    "a loop's": (
        f"import asyncio\np = {POSE}\n{SHOW}loop = asyncio.get_event_loop()\n"
        "loop.run_in_executor(None, show, p.process(1))\nloop.call_soon(show, loop.x)\n"
    ),
    "a static method": (
        f"import ui\nclass A:\n    @staticmethod\n    def show(r):\n"
        "        print(r.pose_landmarks.landmark[0].x)\n"
        f"A.show({POSE}.process(1))\nui.on_result(A.show)\n"
    ),
    "a registrar": (f"{THREADED}def register(f):\n    ui.on_result(f)\nregister(show)\n{THREAD}"),
    "what is drawn": (
        f"import threading, ui\np = {POSE}\ndef show(lms):\n"
        "    mp.solutions.drawing_utils.draw_landmarks(ui.frame, lms)\n"
        "threading.Thread(target=show, args=(p.process(ui.frame).pose_landmarks,)).start()\n"
        "ui.on_result(show)\n"
    ),
    "settings": f"{SETTINGS}c = C(**ui.settings())\nr = c.p.process(x)\n",
    "listed settings": f"{SETTINGS}c = C(*ui.settings())\nr = c.p.process(x)\n",
    "replaced settings": f"{SETTINGS}c = replace(C(), **ui.settings())\nr = c.p.process(x)\n",
    "a class's settings": (
        f"import ui\nclass C:\n    def __init__(self, p={POSE}):\n        self.p = p\n"
        "c = C(**ui.settings())\nr = c.p.process(x)\n"
    ),
    "a table": f"import ui\nd = {{'p': {POSE}}}\nd.update(ui.settings())\nd['p'].process(x)\n",
    "a function's": (
        f"import ui\nq = {POSE}\ndef go(p=q):\n    return p.process(x)\ngo(**ui.settings())\n"
    ),
}


@pytest.mark.parametrize("how", MIXED)
def test_what_may_come_from_elsewhere_too_is_refused(tmp_path: Path, how: str) -> None:
    assert "can't be followed" in "".join(refused(tmp_path, f"{HEAD}{MIXED[how]}"))


FOLLOWED = {
    "a namedtuple": (
        f"from collections import namedtuple\nT = namedtuple('T', 'p')\nt = T({POSE})\n"
        "r = t.p.process(x)\n"
    ),
    "an exit stack": (
        f"from contextlib import ExitStack\ns = ExitStack()\np = s.enter_context({POSE})\n"
        "r = p.process(x)\n"
    ),
    "a namedtuple that is taken apart": (
        f"import collections\nT = collections.namedtuple('T', ['n', 'r'])\np = {POSE}\n"
        "n, r = T(1, r=p.process(x))\n"
    ),
    "an object that is closed": (
        f"from contextlib import closing\nwith closing({POSE}) as p: r = p.process(x)\n"
    ),
    "a context or none": (
        f"import contextlib\nwith contextlib.nullcontext({POSE}) as p: r = p.process(x)\n"
    ),
    "a field's factory": (
        "from dataclasses import dataclass, field\n@dataclass\nclass C:\n"
        f"    p: object = field(default_factory=lambda: {POSE})\nc = C()\nr = c.p.process(x)\n"
    ),
    "a property": (
        "class A:\n    _p = None\n    @property\n    def p(self):\n"
        f"        self._p = self._p or {POSE}\n        return self._p\na = A()\n"
        "r = a.p.process(x)\n"
    ),
    "a generator": f"def go():\n    p = {POSE}\n    yield p.process(x)\nr = next(go())\n",
    "a list": f"p = {POSE}\nr = [p.process(x) for x in xs][0]\n",
    "a thread's function": f"import threading\np = {POSE}\n{SHOW}"
    "threading.Thread(target=show, args=(p.process(x),)).start()\nr = p.process(x)\n",
    "a function of two callers": f"p = {POSE}\n{SHOW}show(p.process(x))\nr = p.process(x)\n",
    "an executor's map": f"from concurrent.futures import ThreadPoolExecutor\np = {POSE}\n{SHOW}"
    "r = p.process(x)\nwith ThreadPoolExecutor() as e:\n    e.map(show, [p.process(x), r])\n",
    "a pool's map": f"import multiprocessing\np = {POSE}\n{SHOW}r = p.process(x)\n"
    "multiprocessing.get_context('spawn').Pool(2).imap_unordered(show, [r])\n",
    "another function's callback": f"import ui\np = {POSE}\ndef go(event):\n    print(event)\n"
    "ui.on(go)\ngo(1)\nr = p.process(x)\n",
    "another package's process": f"import other\no = other.load()\no.process(x)\np = {POSE}\n"
    "r = p.process(x)\n",
}


@pytest.mark.parametrize("how", FOLLOWED)
def test_what_can_be_followed_is_migrated(tmp_path: Path, how: str) -> None:
    program = tmp_path / "program.py"
    program.write_text(f"{HEAD}{FOLLOWED[how]}{USED}", encoding="utf-8")
    outcome = project.migrate(tmp_path)
    assert outcome.refused == []
    project.write(outcome.changes)
    text = program.read_text(encoding="utf-8")
    assert "solutions" not in text.replace("as in mp.solutions", "")
    assert ".landmark[" not in text
    assert (
        subprocess.run([sys.executable, "-m", "py_compile", program], check=False).returncode == 0
    )


REST = "det = sol.face_detection.FaceDetection()\nr = det.process(x)\nprint(r.detections)\n"


@pytest.mark.parametrize(
    "text",
    [
        "import mediapipe\nsol = getattr(mediapipe, 'solutions')\n",
        "import mediapipe as mp\nsol = getattr(mp, 'solutions', None)\n",
        "import importlib\nsol = importlib.import_module('mediapipe.solutions')\n",
        "from importlib import import_module as get\nsol = get('mediapipe.python.solutions')\n",
    ],
)
def test_a_function_that_gives_the_legacy_api_is_named_at_its_line(
    tmp_path: Path, text: str
) -> None:
    (why,) = refused(tmp_path, text + REST)
    assert why.startswith("program.py:2:7: ")
    assert why.endswith("() gives the legacy API; name it by import or attribute")


@pytest.mark.parametrize(
    "text", ["def get(): return mp.solutions\n", "get = lambda: mp.solutions\n"]
)
def test_a_function_of_the_program_that_gives_it_is_rewritten(tmp_path: Path, text: str) -> None:
    head = "import mediapipe as mp\n"
    (tmp_path / "program.py").write_text(f"{head}{text}sol = get()\n{REST}")
    outcome = project.migrate(tmp_path)
    assert (len(outcome.changes), outcome.refused) == (1, [])


FACES = "import mediapipe as mp\nr = mp.solutions.face_detection.FaceDetection().process(x)\n"
FACES += "d = r.detections[0]\nb = d.location_data.relative_bounding_box\n"


@pytest.mark.parametrize(
    ("text", "noted"),
    [
        ("b.xmin", False),
        ("b.ymin", False),
        ("b.width", False),
        ("b.xmin, b.height", False),
        ("d.score[0]", False),
        ("d.score", False),
        ("b", True),
        ("d", True),
        ("r.detections", True),
        ("b.xmin, d", True),
    ],
)
@pytest.mark.parametrize("name", ["print", "str"])
def test_what_is_printed_is_another_text_only_for_objects(
    tmp_path: Path, text: str, noted: bool, name: str
) -> None:
    (tmp_path / "program.py").write_text(f"{FACES}{name}({text})\n")
    outcome = project.migrate(tmp_path)
    assert len(outcome.changes) == 1
    lines = [note.line for note in outcome.differs if "their text is another" in note.text]
    assert lines == ([5] if noted else [])
