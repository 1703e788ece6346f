"""The plan of a rollout: sizes, limits, windows, and what is refused."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest

from jetson_kit.core.errors import BadInputError
from jetson_kit.fleet.rollout import plan as rollout_plan
from jetson_kit.fleet.rollout.plan import Plan, load, parse, waves

HOSTS = [f"h{number}" for number in range(20)]


def sizes(plan: Plan, hosts: list[str] = HOSTS) -> list[int]:
    result = waves(plan, hosts)
    assert [name for wave in result for name in wave.hosts] == hosts
    return [len(wave.hosts) for wave in result]


@pytest.mark.parametrize(
    ("canary", "batches", "count", "expected"),
    [
        (1, ("10%", "25%"), 20, [1, 2, 5, 5, 5, 2]),
        (0, (3,), 7, [3, 3, 1]),
        ("10%", ("100%",), 20, [2, 18]),
        (1, ("10%",), 3, [1, 1, 1]),
        (2, (1,), 1, [1]),
        (1, ("33.4%",), 3, [1, 2]),
        # A third of three is one: rounding up knows what binary fractions are.
        (0, ("33.3333333333%",), 3, [1, 1, 1]),
        (5, (1,), 5, [5]),
    ],
)
def test_who_comes_when(canary: Any, batches: Any, count: int, expected: list[int]) -> None:
    assert sizes(Plan(canary=canary, batches=batches), HOSTS[:count]) == expected


def test_canaries_by_name_come_first() -> None:
    result = waves(parse({"canary": "h7, h3", "batches": "50%"}), HOSTS)
    assert (result[0].name, result[0].hosts, result[0].canary) == ("canary", ("h3", "h7"), True)
    assert sorted(name for wave in result for name in wave.hosts) == sorted(HOSTS)
    assert not result[1].canary
    with pytest.raises(BadInputError, match="nobody is none of the 20 hosts"):
        waves(parse({"canary": ["nobody"]}), HOSTS)


@pytest.mark.parametrize(
    ("stop_at", "min_tried", "failed", "tried", "stops"),
    [
        (1, 5, 0, 9, False), (1, 5, 1, 1, True), (3, 5, 2, 2, False), (3, 5, 3, 3, True),
        # Ansible's own gate goes on here: it wants more than the limit.
        ("20%", 5, 1, 5, True), ("20%", 5, 1, 6, False), ("20%", 5, 2, 10, True),
        ("20%", 5, 4, 4, False), ("1%", 1, 0, 50, False), ("100%", 1, 3, 3, True),
    ],
)  # fmt: skip
def test_the_limit(stop_at: Any, min_tried: int, failed: int, tried: int, stops: bool) -> None:
    plan = Plan(stop_at=stop_at, min_tried=min_tried)
    assert bool(plan.verdict(failed, tried)) == stops


@pytest.mark.parametrize(
    ("window", "now", "seconds"),
    [
        ("", "12:00", 0), ("22:00-05:00", "23:30", 0), ("22:00-05:00", "04:59", 0),
        ("22:00-05:00", "05:00", 17 * 3600), ("22:00-05:00", "21:00", 3600),
        ("9:00-17:00", "09:00", 0), ("9:00-17:00", "17:00", 16 * 3600),
    ],
)  # fmt: skip
def test_the_window(window: str, now: str, seconds: float) -> None:
    time = datetime.datetime.fromisoformat(f"2026-03-01T{now}")
    assert Plan(window=window).shut_s(time) == seconds


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"canari": 1}, "a plan has no canari; write one of canary"),
        ({"way": "ftp"}, "way is 'ftp'; write one of archive, registry"),
        ({"scope": "all"}, "scope is 'all'"),
        ({"soak_s": "long"}, "soak_s is 'long'; write a number"),
        ({"concurrency": 1.5}, "concurrency is 1.5; write a whole number"),
        ({"concurrency": 0}, "concurrency is 0"),
        ({"soak_s": -1}, "soak_s is -1"),
        ({"soak_s": float("inf")}, "soak_s is inf"),
        # A board takes no longer trial, and goes back before that ends.
        ({"soak_s": "99999999999"}, "soak_s is 99999999999.0; with four times step_limit_s at"),
        ({"soak_s": 30 * 86400 - 3599}, "at most 30 days"),
        ({"step_limit_s": 7 * 86400, "soak_s": 3 * 86400}, "at most 30 days"),
        ({"canary": ","}, "canary is ','; name hosts, or write 0 for no canary"),
        ({"canary": " , ,"}, "write 0 for no canary"),
        ({"canary": ""}, "write 0 for no canary"),
        ({"poll_s": 0}, "poll_s is 0"),
        ({"batches": []}, "batches is"),
        ({"batches": "0"}, "batches is"),
        ({"batches": "120%"}, "batches is '120%'"),
        ({"stop_at": 0}, "stop_at is 0"),
        ({"stop_at": "many"}, "stop_at is 'many'"),
        ({"window": "22-5"}, "window is '22-5'"),
        ({"window": "22:00-22:00"}, "window is"),
        ({"verify": True}, "verify is True"),
        ({"latency_factor": 0.5}, "latency_factor is 0.5"),
    ],
)
def test_what_is_refused(body: dict[str, Any], expected: str) -> None:
    with pytest.raises(BadInputError) as caught:
        parse(body)
    assert expected in "\n".join(caught.value.lines())


def test_a_file_and_flags_above_it(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_text('canary = ["h1"]\nbatches = [5, "25%"]\nsoak_s = 9\nstop_at = "10%"\n')
    plan = load(path, {"soak_s": "2.5", "concurrency": "7"})
    assert plan == Plan(("h1",), (5, "25%"), 2.5, stop_at="10%", concurrency=7)
    assert parse(plan.as_json()) == plan
    assert parse(Plan().as_json()) == Plan()
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert load(path, {"soak_s": "2.5", "concurrency": "7"}) == plan
    path.write_text("canary = ")
    with pytest.raises(BadInputError, match=r"plan\.toml is no plan"):
        load(path, {})
    assert rollout_plan.load(None, {}) == Plan()


def test_a_trial_lasts_longer_than_what_comes_before_its_end() -> None:
    assert Plan().trial_s > Plan().soak_s + 3 * Plan().step_limit_s
    assert Plan(soak_s=7200.5, step_limit_s=10).trial_s == 7241
    assert Plan(soak_s=30 * 86400 - 3600).trial_s == 30 * 86400


@pytest.mark.parametrize(
    ("failed", "tried", "waiting", "whole", "stops"),
    [(4, 4, 0, 4, True), (1, 1, 0, 1, True), (1, 1, 3, 4, True), (1, 1, 9, 10, False),
     (1, 5, 0, 5, True), (1, 4, 0, 5, False), (0, 4, 0, 4, False)],
)  # fmt: skip
def test_a_share_counts_in_a_small_fleet_too(
    failed: int, tried: int, waiting: int, whole: int, *, stops: bool
) -> None:
    assert bool(Plan(stop_at="10%").verdict(failed, tried, waiting, whole)) == stops


@pytest.mark.parametrize(
    "text", ["\N{SUPERSCRIPT TWO}", "\N{ARABIC-INDIC DIGIT THREE}", "1.5", "9" * 5000]
)
def test_digits_of_others_are_no_count(text: str) -> None:
    with pytest.raises(BadInputError, match="stop_at"):
        parse({"stop_at": text})
