"""Which board of a fleet builds for whom: by what boards told, idle ones first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jetson_kit.ansible_driver.events import HostResult
from jetson_kit.ansible_driver.inventory import Host
from jetson_kit.fleet import engines_build as fleet_build
from jetson_kit.fleet import engines_view as build_view
from jetson_kit.fleet.engines_build import Board, Built
from jetson_kit.tensorrt import store
from jetson_kit.tensorrt.store import Class
from tests.unit.engines.engine_files import engine, folder_of

JETSON = {"l4t": "36.4.4", "sm": "8.7", "emulated": False, "memory_mb": 8000}
ENGINES = {"problem": "", "tensorrt": "10.3.0.30", "busy": []}
WANTED = {"a.onnx": "f" * 64}


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIT_STATE", str(tmp_path))


def told(name: str, jetson: Any = JETSON, engines: Any = ENGINES, **more: Any) -> Board:
    report = {"jetson": jetson, "engines": engines}
    return fleet_build.board(Host(name, {}), HostResult(name, "ok", report=report, **more))


def test_boards_fall_into_classes() -> None:
    boards = [
        told("a"),
        told("b", {**JETSON, "l4t": "36.5.0"}),
        told("c", engines={**ENGINES, "tensorrt": "10.3.0.31"}),
        told("d", {**JETSON, "emulated": True}),
        told("e", {**JETSON, "l4t": "39.2.0", "sm": "11.0"}, {**ENGINES, "tensorrt": "10.16.2.10"}),
    ]
    groups = {item.name: [it.host.name for it in its] for item, its in
              fleet_build.classes(boards).items()}  # fmt: skip
    assert groups == {
        "sm87-trt10.3.0.30": ["a", "b"],
        "sm87-trt10.3.0.31": ["c"],
        "sm87-trt10.3.0.30-emulated": ["d"],
        "sm110-trt10.16.2.10-lean": ["e"],
    }


@pytest.mark.parametrize(
    ("board", "expected"),
    [
        (told("x", {**JETSON, "l4t": "32.7.6"}), "Python 3.6"),
        (told("x", {**JETSON, "l4t": "99.9.9"}), "L4T 99.9.9 is unknown"),
        (told("x", engines={**ENGINES, "problem": "there is no trtexec"}), "no trtexec"),
        (told("x", None, messages=("look: no route",)), "look: no route"),
    ],
)
def test_what_keeps_a_board_from_building_is_said(board: Board, expected: str) -> None:
    assert board.engine_class is None
    assert expected in board.why_not


def test_an_idle_board_with_most_memory_builds() -> None:
    boards = [
        told("busy", {**JETSON, "memory_mb": 64000}, {**ENGINES, "busy": ["its GPU is busy"]}),
        told("small"),
        told("large", {**JETSON, "memory_mb": 16000}),
    ]
    groups = fleet_build.classes(boards)
    chosen, done = fleet_build.choose(groups, WANTED)
    assert ([board.host.name for board in chosen.values()], done) == (["large"], [])
    chosen, _ = fleet_build.choose(groups, WANTED, busy=True)
    assert [board.host.name for board in chosen.values()] == ["busy"]
    chosen, done = fleet_build.choose(fleet_build.classes(boards[:1]), WANTED)
    assert chosen == {}
    assert done[0].how == "failed"
    assert "busy: its GPU is busy" in done[0].reason


def test_the_board_that_built_before_goes_on() -> None:
    place = store.root() / "sm87-trt10.3.0.30"
    folder_of(place, engine(place))  # its manifest names camera-1
    groups = fleet_build.classes([told("large", {**JETSON, "memory_mb": 64000}), told("camera-1")])
    chosen, _ = fleet_build.choose(groups, WANTED)
    assert [board.host.name for board in chosen.values()] == ["camera-1"]


def test_a_report_can_t_lose_that_it_is_emulated() -> None:
    done = Built("x-emulated", "built", "jetson-1", "/x", 2, True, "", ({"file": "a", "ok": None},))
    assert build_view.checked(done) == build_view.STAND_IN
    assert fleet_build.as_json([done])["classes"][0]["emulated"] is True
    real = Class("8.7", "10.3.0.30", False, False)
    assert real.name != Class("8.7", "10.3.0.30", False, True).name
