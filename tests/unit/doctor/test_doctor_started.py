"""Tasks that threads and executors create, and delegates out of enumerations and fields."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from mediapipe_jetson.doctor.flow.modules import Flow
from mediapipe_jetson.doctor.flow.state import Source

from tests.unit.doctor_scenes import judged, lines

IMPORTS = (
    "import asyncio, dataclasses, enum, multiprocessing, threading\n"
    "from concurrent.futures import ThreadPoolExecutor\n"
    "from mediapipe.tasks.python import BaseOptions, vision\n"
)
BASE = "BaseOptions('x', delegate=BaseOptions.Delegate.{})"
MADE = f"vision.HandLandmarkerOptions(base_options={BASE})"
CREATE = "vision.HandLandmarker.create_from_options"
STARTED = {
    "an executor": f"ThreadPoolExecutor().submit({CREATE}, {MADE})\n",
    "an executor's map": f"list(ThreadPoolExecutor().map({CREATE}, [{MADE}]))\n",
    "a map over two lists": (
        f"def work(delegate, name):\n    {CREATE}(vision.HandLandmarkerOptions("
        "base_options=BaseOptions(name, delegate=delegate)))\nchosen = [BaseOptions.Delegate.{}]\n"
        "with ThreadPoolExecutor() as pool:\n    for item in pool.map(work, chosen, ['x']):\n"
        "        print(item)\n"
    ),
    "imap": (
        f"def work(delegate):\n    {CREATE}(vision.HandLandmarkerOptions("
        "base_options=BaseOptions('x', delegate=delegate)))\n"
        "for item in multiprocessing.Pool(2).imap_unordered(work, (BaseOptions.Delegate.{},)):\n"
        "    print(item)\n"
    ),
    "apply_async": f"multiprocessing.Pool(2).apply_async({CREATE}, ({MADE},)).get()\n",
    "one of an object": (
        "class A:\n    def start(self, pool):\n        self.options = " + MADE + "\n"
        f"        self.task = pool.submit({CREATE}, self.options)\n"
    ),
    "a loop": (
        "async def go():\n    loop = asyncio.get_running_loop()\n"
        f"    return await loop.run_in_executor(None, {CREATE}, {MADE})\nasyncio.run(go())\n"
    ),
    "asyncio": f"async def go():\n    await asyncio.to_thread({CREATE}, {MADE})\n",
    "a thread": f"threading.Thread(target={CREATE}, args=({MADE},)).start()\n",
    "keywords": f"threading.Thread(None, {CREATE}, kwargs={{'options': {MADE}}}).start()\n",
    "a function": (
        f"def work(delegate):\n    {CREATE}(vision.HandLandmarkerOptions("
        "base_options=BaseOptions('x', delegate=delegate)))\n"
        "threading.Thread(target=work, args=(BaseOptions.Delegate.{},)).start()\n"
    ),
    "its default": (
        "def work(delegate=BaseOptions.Delegate.{}):\n    options = vision.HandLandmarkerOptions("
        f"base_options=BaseOptions('x', delegate=delegate))\n    {CREATE}(options)\n"
        "multiprocessing.Process(target=work).start()\n"
    ),
    "a method": (
        "class A:\n    def __init__(self):\n"
        "        self.thread = threading.Timer(1.0, self.work, ['x'])\n        self.options = "
        f"{MADE}\n    def work(self, name):\n        {CREATE}(self.options)\nA()\n"
    ),
}
HELD = {
    "an enumeration": (
        "class Kind(enum.Enum):\n    CHOSEN = BaseOptions.Delegate.{}\n"
        "given = BaseOptions('x', delegate=Kind.CHOSEN.value)\n"
    ),
    "of texts": (
        "class Kind(enum.Enum):\n    CHOSEN = '{}'\n"
        "given = BaseOptions('x', delegate=BaseOptions.Delegate[Kind.CHOSEN.value])\n"
    ),
    "a default": (
        "@dataclasses.dataclass\nclass Settings:\n"
        "    delegate: int = dataclasses.field(default=BaseOptions.Delegate.{})\n"
        "given = BaseOptions('x', delegate=Settings().delegate)\n"
    ),
    "a factory": (
        "@dataclasses.dataclass\nclass Settings:\n    base: BaseOptions = "
        f"dataclasses.field(default_factory=lambda: {BASE})\ngiven = Settings().base\n"
    ),
    "the member's own value": "given = BaseOptions('x', delegate=BaseOptions.Delegate.{}.value)\n",
}
TASKS = {
    **STARTED,
    **{
        kind: f"{code}{CREATE}(vision.HandLandmarkerOptions(base_options=given))\n"
        for kind, code in HELD.items()
    },
}


@pytest.mark.parametrize("kind", TASKS)
@pytest.mark.parametrize(("delegate", "status"), [("GPU", "ok"), ("CPU", "bad")])
def test_the_delegate_is_followed(tmp_path: Path, kind: str, delegate: str, status: str) -> None:
    code = IMPORTS + TASKS[kind].replace("{}", delegate).replace("{{", "{").replace("}}", "}")
    answer = judged(tmp_path, {"a.py": code}, device="orin")["gpu-not-requested"]
    assert answer.result.status == status, lines(answer)


WORK = (
    f"D = BaseOptions.Delegate\ndef w(d):\n    {CREATE}(vision.HandLandmarkerOptions("
    "base_options=BaseOptions('x', delegate=d)))\n"
)
THREAD = "threading.Thread(target=w, args=(D.GPU,)).start()\n"
MAPPED = "pool = ThreadPoolExecutor()\nlist(pool.map(w, [D.CPU]))\n"
# What is not started alone, and what may be found.
ALSO = {
    "an executor's map": f"{WORK}{MAPPED}{THREAD}",
    "its map after the thread": f"{WORK}{THREAD}{MAPPED}",
    "a view": "from web import app\n" + WORK.replace("def w", "@app.route('/<d>')\ndef w") + THREAD,
    "a callback": f"from web import app\n{WORK}{THREAD}app.call = w\n",
    "a call": f"{WORK}w(D.GPU)\n{THREAD.replace('GPU', 'CPU')}",
    "a call by a function": f"{WORK}def go():\n    w(D.GPU)\n    {THREAD.replace('GPU', 'CPU')}",
    "a called callback": f"from web import app\n{WORK}w(D.GPU)\napp.on(w)\n",
    "a map over both": f"{WORK}list(ThreadPoolExecutor().map(w, [D.CPU, D.GPU]))\n",
    "a map over what is not known": (
        f"import sys\n{WORK}list(ThreadPoolExecutor().map(w, sys.argv))\n"
    ),
    "a series' map": f"from web import series\n{WORK}series.map(w)\n{THREAD}",
    "a submitted and called one": f"{WORK}ThreadPoolExecutor().submit(w, D.CPU)\nw(D.GPU)\n",
    "several methods": (
        f"{WORK}class A:\n    def go(self, d):\n        w(d)\n    def start(self):\n"
        "        self.go(D.GPU)\n        threading.Thread(target=self.go, args=(D.CPU,)).start()\n"
        "A().start()\n"
    ),
    "a returned one": f"{WORK}def give():\n    return w\n{THREAD}",
}


@pytest.mark.parametrize("kind", ALSO)
def test_what_others_call_as_well_is_not_good(tmp_path: Path, kind: str) -> None:
    answer = judged(tmp_path, {"a.py": IMPORTS + ALSO[kind]}, device="orin")["gpu-not-requested"]
    assert answer.result.status != "ok", lines(answer)


@pytest.mark.parametrize(
    "code",
    [
        WORK + THREAD + "w(D.GPU)\n",
        WORK + THREAD + THREAD,
        "import functools\n" + WORK.replace("def w", "@functools.lru_cache(None)\ndef w") + THREAD,
        f"{WORK}ALL = {{'w': w}}\n{THREAD}ALL['w'](D.GPU)\n",
    ],
)
def test_what_only_the_project_calls_is_good(tmp_path: Path, code: str) -> None:
    answer = judged(tmp_path, {"a.py": IMPORTS + code}, device="orin")["gpu-not-requested"]
    assert answer.result.status == "ok", lines(answer)


@pytest.mark.parametrize(
    "line",
    [f"later({CREATE}, {MADE})", f"pool.run({CREATE}, {MADE})", f"hooks.append({CREATE})"],
)
def test_a_task_that_something_unknown_creates_is_not_known(tmp_path: Path, line: str) -> None:
    code = f"{IMPORTS}from other import hooks, later, pool\n{line.format('GPU')}\n"
    answer = judged(tmp_path, {"a.py": code}, device="orin")["gpu-not-requested"]
    assert answer.result.status == "unknown"
    assert "a.py:5: HandLandmarker" in lines(answer)


def test_code_that_is_too_deep_leaves_no_caller_behind() -> None:
    deep = " + ".join(["x"] * 2000)
    code = (
        "def f(x):\n    try:\n        pass\n    except E:\n        return g(x)\n"
        f"def g(x):\n    {deep}\nf(1)\n"
    )
    flow = Flow({"a": Source("a", "a.py", ((0, ast.parse(code)),))}, ())
    assert flow.follow(["a"]) == "too deep to be followed"
    assert (flow.calls, flow.stack, flow.frames, flow.fallback) == ([], [], [], 0)
