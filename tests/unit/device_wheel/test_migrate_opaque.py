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
    "a thread": f"import asyncio\np = {POSE}\nr = asyncio.run(asyncio.to_thread(p.process, x))\n",
    "a queue": f"import queue\nq = queue.Queue()\np = {POSE}\nq.put(p.process(x))\nr = q.get()\n",
    "a deque": f"from collections import deque\nd = deque()\np = {POSE}\nd.append(p.process(x))\n"
    "r = d.pop()\n",
    "an executor": (
        f"from concurrent.futures import ThreadPoolExecutor\np = {POSE}\n"
        "def work(x):\n    return p.process(x)\n"
        "with ThreadPoolExecutor() as e:\n    r = e.submit(work, x).result()\n"
    ),
    "a map": f"p = {POSE}\nr = next(map(p.process, xs))\n",
    "a namedtuple": (
        f"from collections import namedtuple\nT = namedtuple('T', 'p')\nt = T({POSE})\n"
        "r = t.p.process(x)\n"
    ),
    "an exit stack": (
        f"from contextlib import ExitStack\ns = ExitStack()\np = s.enter_context({POSE})\n"
        "r = p.process(x)\n"
    ),
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


FOLLOWED = {
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
