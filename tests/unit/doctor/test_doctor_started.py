"""Tasks that threads and executors create, and delegates out of enumerations and fields."""

from __future__ import annotations

from pathlib import Path

import pytest

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


@pytest.mark.parametrize(
    "line",
    [f"later({CREATE}, {MADE})", f"pool.run({CREATE}, {MADE})", f"hooks.append({CREATE})"],
)
def test_a_task_that_something_unknown_creates_is_not_known(tmp_path: Path, line: str) -> None:
    code = f"{IMPORTS}from other import hooks, later, pool\n{line.format('GPU')}\n"
    answer = judged(tmp_path, {"a.py": code}, device="orin")["gpu-not-requested"]
    assert answer.result.status == "unknown"
    assert "a.py:5: HandLandmarker" in lines(answer)
