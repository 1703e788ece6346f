"""`engines.build` on a virtual device: the whole way, killed in the middle, and what becomes of it.

Its trtexec is a stand-in: what comes is marked as no engine, and nothing takes it for one.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mediapipe_jetson.engines import fit
from mediapipe_jetson.engines.identity import LocalRuntime

from jetson_kit.build.plan import make as plan
from jetson_kit.build.request import Request
from jetson_kit.core.errors import BadInputError
from jetson_kit.core.paths import ROOT
from jetson_kit.tensorrt import manifest, store
from tests.fleet.boards import Boards, up

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.network]
CLASS = "sm87-trt10.3.0.30-emulated"
MODELS = "selfie"


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("state")
    before = os.environ.get("KIT_STATE")
    os.environ["KIT_STATE"] = str(folder)
    yield folder
    os.environ.pop("KIT_STATE")
    if before is not None:
        os.environ["KIT_STATE"] = before


@pytest.fixture(scope="module")
def boards(state: Path) -> Iterator[Boards]:
    with up(state, 1) as result:
        yield result


def words(boards: Boards, *more: str, models: str = MODELS) -> list[str]:
    call = "from jetson_kit.command_line import program; import tasks; program.main(tasks.ns)"
    inventory = ["engines.build", "-i", str(boards.inventory), "--models", models]
    return [sys.executable, "-c", call, *inventory, *more]


def build(boards: Boards, *more: str) -> dict[str, Any]:
    done = subprocess.run(
        words(boards, "--json", *more), cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    result: dict[str, Any] = json.loads(done.stdout)["classes"][0]
    return result


def test_a_controller_that_is_killed_goes_on_where_it_was(boards: Boards) -> None:
    with subprocess.Popen(
        words(boards), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as child:
        end = time.monotonic() + 400
        count_engines = "ls /var/lib/mediapipe-jetson/engines/made/*.engine 2>/dev/null | wc -l"
        while int(boards.sh(count_engines)) < 1:
            assert child.poll() is None, "it ended before it was killed"
            assert time.monotonic() < end
        child.send_signal(signal.SIGKILL)
    assert not (store.root() / CLASS).exists()
    result = build(boards)
    assert (result["class"], result["how"], result["engines"]) == (CLASS, "built", 2)
    assert result["emulated"] is True
    assert {check["ok"] for check in result["checks"]} == {None}


def test_what_came_is_signed_by_the_board_and_marked(boards: Boards) -> None:
    result = store.read(store.root() / CLASS)
    assert result.emulated
    assert result.device["name"] == boards.hosts[0].name
    assert result.device["emulated_why"]
    assert len(manifest.stand_ins(result)) == 2
    options = json.loads(result.engines[0].path.read_text().partition("\n")[2])["options"]
    assert "--stronglyTyped" in options
    message = boards.sh("/usr/src/tensorrt/bin/trtexec --help | head -n 1")
    assert "stand-in" in message


def test_a_second_run_asks_for_nothing(boards: Boards) -> None:
    assert build(boards)["how"] == "there"


def test_no_image_and_no_runtime_takes_it(boards: Boards) -> None:
    with pytest.raises(BadInputError, match="stand-in"):
        plan(Request(jetson=True, base="ngc", engines="store"))
    for engine in store.read(store.root() / CLASS).engines:
        problem = fit.problem(engine, LocalRuntime("8.7", "10.3.0.30", lean=False))
        assert problem is not None
        assert "stand-in" in problem


def test_a_board_at_work_is_left_alone(boards: Boards) -> None:
    boards.sh("mkdir -p /run/mediapipe-jetson; echo held >/run/mediapipe-jetson/update.lock")
    done = subprocess.run(
        words(boards, "--precision", "fp16", models="hand"),
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    boards.sh("rm /run/mediapipe-jetson/update.lock")
    assert done.returncode == 1
    assert "not now" in done.stderr


def test_uninstall_leaves_nothing(boards: Boards, tmp_path: Path) -> None:
    outcome, _ = boards.play("uninstall", tmp_path / "log")
    assert not outcome.failed
    assert boards.sh("ls -d /var/lib/mediapipe-jetson/engines 2>/dev/null || echo gone") == "gone\n"
