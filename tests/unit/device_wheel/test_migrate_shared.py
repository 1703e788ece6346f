"""`migrate`: what one thread puts somewhere and another reads, in whichever order they stand."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.migrate_cases import HANDS, HEAD, OLD_HANDS, after, refused

MADE, PROCESSED = OLD_HANDS.splitlines()
USED = "if r and r.multi_hand_landmarks: print(r.multi_hand_landmarks[0].landmark[8].x)\n"
THREAD = "import threading\n"
START = "threading.Thread(target=work).start()\n"


def work(put: str, head: str = "") -> str:
    """Return a worker's function."""
    return f"def work():\n{head}    {MADE}\n    while True:\n        {PROCESSED}\n        {put}\n"


OBJECT = "class A:\n    def __init__(self):\n        self.last = None\n        {0}\n"
OBJECT += "    def work(self):\n        while True: self.last = self.hands.process(x)\n"
# What stands before the reader; {} is what is read.
SHARED = {
    "a queue": (f"import queue\nq = queue.Queue()\n{work('q.put(r)')}", "q.get()"),
    "a queue of pairs": (f"import queue\nq = queue.Queue()\n{work('q.put((1, r))')}", "q.get()[1]"),
    "a deque": (
        f"from collections import deque\nd = deque(maxlen=1)\n{work('d.append(r)')}",
        "d[-1]",
    ),
    "a list": (f"held = []\n{work('held.append(r)')}", "held.pop(0)"),
    "a list that grows by itself": (
        f"held = []\n{work('held += [r]', '    global held' + chr(10))}",
        "held[-3:][0]",
    ),
    "a list of some length": (f"held = [None] * 5\n{work('held[0] = r')}", "held[0]"),
    "a dictionary": (f"held = {{}}\n{work('held[1] = r')}", "held[1]"),
    "a dictionary by get": (f"held = dict()\n{work('held[name] = r')}", "held.get('a')"),
    "a dictionary with a key": (
        f"held = {{'a': None}}\n{work('held[' + repr('a') + '] = r')}",
        "held['a']",
    ),
    "a name of the module": (
        f"last = None\n{work('last = r', '    global last' + chr(10))}",
        "last",
    ),
    "an attribute of a class": (f"class A:\n    last = None\n{work('A.last = r')}", "A.last"),
}


@pytest.mark.parametrize("how", SHARED)
@pytest.mark.parametrize("where", ["in the module", "in a function"])
def test_what_a_thread_puts_there(how: str, where: str, tmp_path: Path) -> None:
    before, read = SHARED[how]
    reader = f"while True:\n    r = {read}\n    {USED}"
    if where == "in a function":
        reader = f"def main():\n    while True:\n        r = {read}\n        {USED}main()\n"
    body = after(tmp_path, f"{THREAD}{before}{START}{reader}")
    assert "if r and r.hand_landmarks: print(r.hand_landmarks[0][8].x)\n" in body


HANDED = {
    "a list": ("held = []", "held.append(r)", "held[-1]"),
    "a deque": ("from collections import deque; held = deque()", "held.append(r)", "held.pop()"),
    "a queue": ("import queue; held = queue.Queue()", "held.put(r)", "held.get()"),
    "a dictionary": ("held = {'a': None}", "held['a'] = r", "held['a']"),
}


@pytest.mark.parametrize("how", HANDED)
def test_what_a_thread_is_handed(how: str, tmp_path: Path) -> None:
    begin, put, read = HANDED[how]
    started = "threading.Thread(target=work, args=(held,)).start()"
    old = f"{THREAD}def main():\n    {begin}\n    {started}\n"
    old += f"    while True:\n        r = {read}\n        {USED}"
    old += work(put).replace("work()", "work(held)") + "main()\n"
    assert "if r and r.hand_landmarks: print(r.hand_landmarks[0][8].x)\n" in after(tmp_path, old)


OBJECTS = {
    "a method": "a = A()\nthreading.Thread(target=a.work).start()\n"
    "while True:\n    r = a.last\n    ",
    "a thread": "a = A()\na.start()\nwhile True:\n    r = a.last\n    ",
    "a reader before": "def show(a):\n    r = a.last\n    ",
}


@pytest.mark.parametrize("how", OBJECTS)
def test_what_an_object_of_a_thread_holds(how: str, tmp_path: Path) -> None:
    code = OBJECT.format(f"self.{MADE}")
    if how == "a thread":
        code = code.replace("A:", "A(threading.Thread):").replace("work", "run")
    reader = "a = A()\nshow(a)\na.work()\n" if how == "a reader before" else ""
    body = after(tmp_path, f"{THREAD}{code}{OBJECTS[how]}{USED}{reader}")
    assert "if r and r.hand_landmarks: print(r.hand_landmarks[0][8].x)\n" in body


def test_what_a_loop_left_in_an_attribute_is_read_by_its_next_round(tmp_path: Path) -> None:
    old = "class A:\n    last = None\n    def go(self):\n        while True:\n"
    old += "            if self.last is None: pass\n"
    old += "            self.last = hands.process(x).multi_hand_landmarks\nA().go()\n"
    assert "            if not self.last: pass\n" in after(tmp_path, f"{MADE}\n{old}")


def test_a_function_that_waits_in_a_list_gets_what_it_is_called_with(tmp_path: Path) -> None:
    old = f"{MADE}\ncalled = []\ndef show(r):\n    {USED}called.append(show)\n"
    old += "for f in called: f(hands.process(x))\n"
    new = old.replace(MADE, HANDS.rstrip()).replace("multi_hand_landmarks", "hand_landmarks")
    new = new.replace(".landmark[8]", "[8]")
    new = new.replace("process(x)", "detect_for_video(to_image(x), next_ms(hands))")
    assert after(tmp_path, old) == new


MIXED = {
    "another package's results": "def more():\n    while True: q.put(ui.result())\n",
    "another package's callback": "ui.on_result(lambda r: q.put(r))\n",
}


@pytest.mark.parametrize("how", MIXED)
def test_what_others_put_there_too_is_refused(how: str, tmp_path: Path) -> None:
    old = f"import queue, threading, ui\nq = queue.Queue()\n{work('q.put(r)')}{MIXED[how]}"
    old += f"{START}while True:\n    r = q.get()\n    {USED}"
    assert "can't be followed" in "".join(refused(tmp_path, HEAD + old))


def test_two_kinds_in_one_queue_are_refused(tmp_path: Path) -> None:
    old = f"import queue, threading\nq = queue.Queue()\n{work('q.put(r)')}"
    old += f"q.put(mp.solutions.pose.Pose().process(x))\n{START}r = q.get()\n{USED}"
    assert "may be several things" in "".join(refused(tmp_path, HEAD + old))


SIGNAL = """class Signal:
    def __init__(self): self.slots = []
    def connect(self, slot): self.slots.append(slot)
    def emit(self, *given, **named):
        for slot in self.slots: slot(*given, **named)
class W(threading.Thread):
    def __init__(self):
        super().__init__()
        self.done = Signal()
    def run(self):
        MADE
        self.done.emit(GIVEN)
class App:
    def __init__(self):
        self.w = W()
        self.w.done.connect(self.show)
        self.w.start()
    def show(self, r):
        USEDApp()
"""


@pytest.mark.parametrize("given", ["hands.process(x)", "r=hands.process(x)"])
def test_what_a_signal_of_the_program_gives(given: str, tmp_path: Path) -> None:
    code = SIGNAL.replace("MADE", MADE).replace("GIVEN", given).replace("USED", USED)
    body = after(tmp_path, THREAD + code)
    assert "if r and r.hand_landmarks: print(r.hand_landmarks[0][8].x)\n" in body
