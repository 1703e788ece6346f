"""What a channel wants of which board, and when: the board's reader and the kit's writer."""

from __future__ import annotations

import datetime
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jetson_kit.core.errors import BadInputError
from jetson_kit.fleet.channel import policy as policies
from jetson_kit.fleet.channel.policy import Policy, Wave
from tests.unit import board_program
from tests.unit.board_program import Program

NOW = "2026-11-28T12:00:00Z"
BOARDS = [f"camera-{number}" for number in range(2000)]
FULL = Policy(
    release="releases/7-0123456789ab",
    waves=(Wave(5, "2026-11-28T00:00:00Z"), Wave(100, "2026-11-29T00:00:00Z")),
    canary=("camera-1",),
    window="22:00-05:00",
    leave=("sha256:" + "a" * 64,),
    seed="x",
    collector="https://198.51.100.1:27197/",
)


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Program]:
    yield from board_program.imported(tmp_path / "board", monkeypatch)


def read(program: Program, policy: Policy) -> Any:
    return program.channel_policy.parse(policy.text().encode())


def test_the_board_reads_what_the_kit_writes(program: Program) -> None:
    result = read(program, FULL)
    assert result == (
        FULL.release, ((5, FULL.waves[0].start), (100, FULL.waves[1].start)), FULL.canary,
        FULL.window, False, FULL.leave, FULL.seed, (FULL.collector, ""),
    )  # fmt: skip
    assert policies.parse(FULL.text()) == FULL


def test_the_image_of_a_stop_is_the_kits_own(program: Program) -> None:
    stopped = policies.stopped(FULL, "sha256:" + "b" * 64)
    assert policies.parse(stopped.text()) == stopped
    assert read(program, stopped) == read(program, policies.stopped(FULL, ""))
    body = json.loads(FULL.text())
    del body["stopped_image"]
    assert policies.parse(json.dumps(body)) == FULL


def test_a_share_is_that_many_boards_and_the_same_ones(program: Program) -> None:
    def boards(share: int) -> set[str]:
        result = read(program, Policy(FULL.release, (Wave(share, NOW),)))
        return {item for item in BOARDS if not program.channel_policy.turn(result, item, NOW)}

    assert boards(0) == set()
    assert boards(100) == set(BOARDS)
    small, large = boards(5), boards(25)
    assert small < large
    # 2000 boards: five standard deviations of a fair draw.
    assert 51 <= len(small) <= 149 and 403 <= len(large) <= 597


def test_a_seed_draws_other_boards(program: Program) -> None:
    draw = program.channel_policy.bucket
    assert [draw(item, "a") for item in BOARDS[:9]] == [draw(item, "a") for item in BOARDS[:9]]
    assert [draw(item, "a") for item in BOARDS[:9]] != [draw(item, "b") for item in BOARDS[:9]]


@pytest.mark.parametrize(
    ("board", "now", "comes"),
    [
        ("camera-1", "2026-11-27T23:59:59Z", False),
        ("camera-1", "2026-11-28T00:00:00Z", True),
        ("camera-2", "2026-11-28T00:00:00Z", False),
        ("camera-2", "2026-11-29T00:00:00Z", True),
    ],
)
def test_waves_begin_when_they_say(program: Program, board: str, now: str, comes: bool) -> None:
    assert program.channel_policy.bucket("camera-2", "x") >= 500
    assert (program.channel_policy.turn(read(program, FULL), board, now) == "") is comes


@pytest.mark.parametrize(
    ("window", "hour", "opens"),
    [
        ("", 12, True), ("22:00-05:00", 23, True), ("22:00-05:00", 4, True),
        ("22:00-05:00", 5, False), ("22:00-05:00", 12, False), ("01:00-03:00", 2, True),
        ("01:00-03:00", 3, False), ("01:00-03:00", 0, False),
    ],
)  # fmt: skip
def test_a_window_is_open(program: Program, window: str, hour: int, opens: bool) -> None:
    result = read(program, Policy(window=window))
    clock = time.struct_time((2026, 11, 28, hour, 0, 0, 5, 332, 0))
    assert (program.channel_policy.shut(result, clock) == "") is opens


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("schema", "other/1"), ("release", "../up"), ("release", "/etc"), ("release", None),
        ("release", "releases/a/b"), ("waves", None), ("waves", [1]), ("waves", [{"share": 5}]),
        ("waves", [{"share": 101, "from": NOW}]), ("waves", [{"share": -1, "from": NOW}]),
        ("waves", [{"share": True, "from": NOW}]), ("waves", [{"share": 5, "from": "now"}]),
        ("canary", "a"), ("canary", [1]), ("window", "25:00-26:00"), ("window", 7),
        ("leave", "a"), ("leave", [None]), ("seed", 1),
    ],
)  # fmt: skip
def test_both_refuse_a_policy_that_is_none(program: Program, name: str, value: Any) -> None:
    body = {**json.loads(FULL.text()), name: value}
    with pytest.raises(program.errors.IntegrityError, match="is damaged"):
        program.channel_policy.parse(json.dumps(body).encode())
    with pytest.raises(BadInputError):
        policies.parse(json.dumps(body))


@pytest.mark.parametrize("value", [None, "no", 0, True, 1, []])
def test_what_is_not_clearly_going_on_is_paused(program: Program, value: Any) -> None:
    body = {**json.loads(FULL.text()), "paused": value}
    assert program.channel_policy.parse(json.dumps(body).encode()).paused is True


def test_waves_follow_one_another() -> None:
    first = datetime.datetime(2026, 11, 28, 12, tzinfo=datetime.UTC)
    assert policies.waves((5, 100), first, 12) == (
        Wave(5, "2026-11-28T12:00:00Z"), Wave(100, "2026-11-29T00:00:00Z"),
    )  # fmt: skip
    for shares in ((25, 5), (5, 5)):
        with pytest.raises(BadInputError, match="do not grow"):
            policies.waves(shares, first, 1)
