"""`migrate`: results that go through queues, threads, later calls and dictionaries."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.migrate_cases import (
    FOLDER,
    HEAD,
    NEW_HANDS,
    NEW_POSE,
    OLD_HANDS,
    OLD_POSE,
    TASKS,
    after,
)

POSE, HANDS = OLD_POSE.splitlines()[0] + "\n", OLD_HANDS.splitlines()[0] + "\n"
THROUGH = {
    "a queue": ("import queue\nq = queue.Queue()\n", "q.put(VALUE)\nr = q.get()\n"),
    "a queue of pairs": (
        "from multiprocessing import Queue\nq = Queue(2)\n",
        "q.put_nowait((1, VALUE))\nn, r = q.get(timeout=1)\n",
    ),
    "two functions": (
        "import queue\nq = queue.SimpleQueue()\ndef put(a):\n    q.put(a)\n",
        "put(VALUE)\nr = q.get()\n",
    ),
    "a deque": (
        "from collections import deque\nd = deque(maxlen=3)\n",
        "d.append(VALUE)\nr = d[-1]\n",
    ),
    "a deque's end": (
        "from collections import deque\nd = deque()\n",
        "d.append(VALUE)\nr = d.popleft()\n",
    ),
    "a list of the module": (
        "held = list()\ndef hold(a):\n    held.append(a)\n",
        "hold(VALUE)\nr = held[0]\n",
    ),
    "a default": (
        "from collections import defaultdict\nd = defaultdict(list)\n",
        "d[name].append(VALUE)\nr = d['a'][0]\n",
    ),
    "a default of defaults": (
        "from collections import defaultdict\nd = defaultdict(lambda: defaultdict(dict))\n",
        "d['a']['b']['c'] = VALUE\nr = d['a']['b']['c']\n",
    ),
    "an ordered one": (
        "from collections import OrderedDict\nd = OrderedDict()\n",
        "d['a'] = VALUE\nr = d['a']\n",
    ),
    "a future": (
        "from concurrent.futures import ThreadPoolExecutor\npool = ThreadPoolExecutor(1)\n"
        "def work(a):\n    return a\n",
        "r = pool.submit(work, VALUE).result()\n",
    ),
    "futures": (
        "from concurrent.futures import ThreadPoolExecutor, as_completed\n"
        "def work(a):\n    return a\npool = ThreadPoolExecutor(1)\n",
        "for one in as_completed([pool.submit(work, VALUE)]):\n    r = one.result()\n",
    ),
    "an executor's map": (
        "from concurrent.futures import ThreadPoolExecutor\npool = ThreadPoolExecutor(1)\n"
        "def work(a):\n    return a\n",
        "r = list(pool.map(work, [VALUE]))[0]\n",
    ),
    "a pool": (
        "from multiprocessing.pool import ThreadPool\npool = ThreadPool(1)\n"
        "def work(a):\n    return a\n",
        "r = pool.apply_async(work, (VALUE,)).get()\n",
    ),
    "asyncio": (
        "import asyncio\nasync def work(a):\n    return a\n",
        "r = asyncio.run(work(VALUE))\n",
    ),
}


@pytest.mark.parametrize("how", THROUGH)
def test_results_are_followed_through(how: str, tmp_path: Path) -> None:
    before, then = THROUGH[how]
    used = "print(r.pose_landmarks.landmark[0].x)\n"
    body = after(tmp_path, POSE + before + then.replace("VALUE", "pose.process(x)") + used)
    new = then.replace("VALUE", "pose.detect(to_image(x))")
    assert body == NEW_POSE.splitlines()[0] + "\n" + before + new + (
        "print(r.pose_landmarks[0][0].x)\n"
    )


PROCESS = """class W(multiprocessing.Process):
    def __init__(self, held):
        super().__init__()
        self.held = held
    def run(self):
        pose = POSE
        self.held.put((1, RESULT))
def main():
    q = multiprocessing.Queue()
    W(q).start()
    n, r = q.get()
    print(r.FIELD)
"""


def test_results_are_followed_from_another_process(tmp_path: Path) -> None:
    old, new = (
        PROCESS.replace("POSE", source.splitlines()[0].partition(" = ")[2])
        for source in (OLD_POSE, NEW_POSE)
    )
    old = old.replace("RESULT", "pose.process(x)").replace("FIELD", "pose_landmarks.landmark")
    new = new.replace("RESULT", "pose.detect(to_image(x))").replace("FIELD", "pose_landmarks[0]")
    assert after(tmp_path, old, HEAD + "import multiprocessing\n") == new


LATER = {
    "submit": "from concurrent.futures import ThreadPoolExecutor\npool = ThreadPoolExecutor(1)\n"
    "r = pool.submit({}).result()\n",
    "to_thread": "import asyncio\nr = asyncio.run(asyncio.to_thread({}))\n",
    "run_in_executor": "import asyncio\nasync def f(x):\n    loop = asyncio.get_running_loop()\n"
    "    r = await loop.run_in_executor(None, {})\n    return r\nr = asyncio.run(f(x))\n",
}
FIELDS = "print(r.{})\n"


@pytest.mark.parametrize("how", LATER)
def test_process_is_called_later(how: str, tmp_path: Path) -> None:
    old = LATER[how].format("hands.process, x") + FIELDS.format("multi_hand_landmarks")
    new = LATER[how].format("detect_frame, hands, to_image(x)") + FIELDS.format(
        "hand_landmarks or None"
    )
    assert after(tmp_path, HANDS + old) == NEW_HANDS.splitlines()[0] + "\n" + new
    old = LATER[how].format("pose.process, x") + FIELDS.format("pose_landmarks")
    new = LATER[how].format("pose.detect, to_image(x)")
    assert new in after(tmp_path, POSE + old)
    old = "faces = mp.solutions.face_detection.FaceDetection()\n" + LATER[how].format(
        "faces.process, x"
    )
    assert LATER[how].format("detect_faces, faces, x") in after(tmp_path, old)


NEW_OPTIONS = (
    f"{TASKS}.HandLandmarker.create_from_options({TASKS}.HandLandmarkerOptions("
    f'base_options=mp.tasks.BaseOptions({FOLDER}hand_landmarker.task"), '
    f"running_mode={TASKS}.RunningMode."
)
SPREAD = {
    "one that may lack what has no counterpart": (
        "C = {'max_num_hands': 1}\nif x: C['model_complexity'] = 0\n",
        "mp.solutions.hands.Hands(**C)\n",
        NEW_OPTIONS + 'VIDEO, num_hands=C["max_num_hands"]))\n',
    ),
    "one that may lack a threshold": (
        "C = {'max_num_hands': 1}\nif x: C['min_detection_confidence'] = .7\n",
        "mp.solutions.hands.Hands(**C)\n",
        NEW_OPTIONS + 'VIDEO, num_hands=C["max_num_hands"], '
        'min_hand_detection_confidence=C.get("min_detection_confidence", 0.5)))\n',
    ),
    "a dictionary": (
        "C = {'static_image_mode': True, 'model_complexity': 1}\n",
        "mp.solutions.hands.Hands(**C)\n",
        NEW_OPTIONS.replace("running_mode", "num_hands=2, running_mode") + "IMAGE))\n",
    ),
    "dict": (
        "C = dict(max_num_hands=1, min_detection_confidence=.7)\n",
        "mp.solutions.hands.Hands(**C)\n",
        NEW_OPTIONS + 'VIDEO, num_hands=C["max_num_hands"], '
        'min_hand_detection_confidence=C["min_detection_confidence"]))\n',
    ),
    "with others": (
        "class A:\n    c = {'max_num_hands': 1}\n",
        "mp.solutions.hands.Hands(min_detection_confidence=.7, **A.c)\n",
        NEW_OPTIONS + 'VIDEO, min_hand_detection_confidence=.7, num_hands=A.c["max_num_hands"]))\n',
    ),
    "of several": (
        "C = {'hands': {'max_num_hands': 1}}\n",
        "mp.solutions.hands.Hands(**C['hands'])\n",
        NEW_OPTIONS + "VIDEO, num_hands=C['hands'][\"max_num_hands\"]))\n",
    ),
    "of a function": (
        "",
        "def f(**kw):\n    return mp.solutions.hands.Hands(**kw)\nf(max_num_hands=1)\n",
        "def f(**kw):\n    return "
        + NEW_OPTIONS
        + 'VIDEO, num_hands=kw["max_num_hands"]))\nf(max_num_hands=1)\n',
    ),
}


@pytest.mark.parametrize("name", SPREAD)
def test_dictionaries_of_arguments(name: str, tmp_path: Path) -> None:
    before, old, new = SPREAD[name]
    assert after(tmp_path, before + old) == before + new


CONNECTED = f"connection_pairs({TASKS}.HandLandmarksConnections.HAND_CONNECTIONS)"
KEPT = {
    "an attribute": ("class A:\n    def __init__(self):\n        self.c = VALUE\na = A()\n", "a.c"),
    "of a class": ("class A:\n    c = VALUE\n", "A().c"),
    "of a class with a choice": (
        "class A:\n    c = VALUE\ndef f(a=None):\n    return a or A()\n",
        "f().c",
    ),
    "a name": ("c = VALUE\n", "c"),
    "an entry": ("c = {'hand': VALUE}\n", "c['hand']"),
    "a default": ("def f(c=VALUE):\n    return c\n", "f()"),
    "a list": ("c = list(VALUE)\n", "c"),
}


@pytest.mark.parametrize("name", KEPT)
def test_connections_that_the_program_keeps_are_pairs_until_they_are_drawn(
    name: str, tmp_path: Path
) -> None:
    stored, read = KEPT[name]
    draw = "mp.{}.drawing_utils.draw_landmarks(x, r.{}[0], {})\n"
    old = draw.format("solutions", "multi_hand_landmarks", read)
    new = draw.format("tasks.vision", "hand_landmarks", f"as_connections({read})")
    legacy = stored.replace("VALUE", "mp.solutions.hands.HAND_CONNECTIONS")
    assert after(tmp_path, legacy + OLD_HANDS + old) == (
        stored.replace("VALUE", CONNECTED) + NEW_HANDS + new
    )
