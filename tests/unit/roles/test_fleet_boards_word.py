"""What a rollout says of "every host" is the hosts' own word, whatever its journal holds."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from jetson_kit.fleet.rollout.journal import Journal
from jetson_kit.fleet.rollout.plan import Plan
from jetson_kit.fleet.rollout.rollout import Rollout
from jetson_kit.fleet.rollout.transport import Replies
from tests.unit import fleet_sim
from tests.unit.fleet_sim import NEW, OLD, World, world

PLAN = Plan(canary=1, batches=(1,), soak_s=20, poll_s=5, verify="none")


def finished(path: Path, natures: dict[str, str] | None = None) -> World:
    at = world(natures or {"a": "", "b": "", "c": ""})
    assert fleet_sim.run(path, at, PLAN).ended == "all"
    return at


def review(path: Path, at: World) -> tuple[str, dict[str, tuple[str, str]]]:
    """Look at a rollout that has ended, as --resume does."""
    opened = Journal.open(path)
    try:
        opened.append("resume", by={"host": "here", "pid": 3})
        record = Rollout(opened, PLAN, at, at).review()
    finally:
        opened.close()
    return record.ended, {name: (host.state, host.why) for name, host in record.hosts.items()}


def test_all_are_as_they_were(tmp_path: Path) -> None:
    at = finished(tmp_path / "r.jsonl")
    assert review(tmp_path / "r.jsonl", at)[0] == "all"


def test_one_that_went_back_by_hand_is_seen(tmp_path: Path) -> None:
    at = finished(tmp_path / "r.jsonl")
    at.boards["b"].image, at.boards["b"].rollout = OLD, ""
    ended, hosts = review(tmp_path / "r.jsonl", at)
    assert ended == "some"
    assert hosts["b"] == ("failed", "is not on the image")
    # Nothing was done to it, nor to the others.
    assert {step for step, _ in at.calls[-2:]} == {"look"}
    assert at.boards["a"].image == NEW


def test_one_that_is_on_trial_again_is_seen(tmp_path: Path) -> None:
    at = finished(tmp_path / "r.jsonl")
    at.boards["c"].trial = True
    ended, hosts = review(tmp_path / "r.jsonl", at)
    assert (ended, hosts["c"]) == ("some", ("failed", "is on trial again"))


def test_one_that_is_gone_stays_open_until_it_answers(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    at = finished(path)
    at.boards["a"].gone = True
    ended, hosts = review(path, at)
    assert ended == "some"
    assert hosts["a"][0] == "confirmed"
    assert "gives no answer now: no route to host" in hosts["a"][1]
    assert Journal.open(path).record.open == ("a",)
    at.boards["a"].gone = False
    assert review(path, at) == ("all", dict.fromkeys("abc", ("confirmed", "")))


@pytest.mark.parametrize("board", ["a", "b"])
def test_one_that_goes_back_while_others_are_at_it(tmp_path: Path, board: str) -> None:
    """It was confirmed in an early wave; the end must not say that it is on the image."""

    class Later(World):
        def confirm(self, hosts: Sequence[str]) -> Replies:
            if "c" in hosts:
                self.boards[board].image = OLD
            return super().confirm(hosts)

    at = Later(world({"a": "", "b": "", "c": ""}).boards)
    record = fleet_sim.run(tmp_path / "r.jsonl", at, PLAN)
    assert record.ended == "some"
    assert record.hosts[board].state == "failed"


def test_forged_lines_count_for_nothing(tmp_path: Path) -> None:
    """A journal in which every host is confirmed that was never switched."""
    path = tmp_path / "r.jsonl"
    at = world({"a": "", "b": "", "c": ""})
    fleet_sim.journal(path, at, PLAN).close()
    lines: list[dict[str, object]] = [
        {"event": "host", "host": name, "state": "confirmed", "image_id": NEW} for name in "abc"
    ]
    lines += [{"event": "wave", "wave": number, "done": True} for number in range(3)]
    lines += [{"event": "end", "result": "all"}]
    with path.open("a", encoding="utf-8") as stream:
        for number, line in enumerate(lines, 1):
            stream.write(
                json.dumps({"seq": number, "at": "2026-11-28T00:00:00+00:00", **line}) + "\n"
            )
    ended, hosts = review(path, at)
    assert ended == "some"
    assert {state for state, _ in hosts.values()} == {"failed"}
    assert {board.image for board in at.boards.values()} == {OLD}


def test_a_resumed_run_does_not_go_on_past_one_that_went_back(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    at = world({"a": "", "b": "", "c": ""})
    # Killed as the wave after the canary begins.
    while True:
        try:
            at.kill_at, at.points = at.kill_at + 1, 0
            fleet_sim.run(path, at, PLAN)
        except fleet_sim.Killed:
            if at.boards["a"].image == NEW and not at.boards["a"].trial:
                record = Journal.open(path).record
                if record.names("confirmed") == ("a",):
                    break
    at.kill_at, at.points = -1, 0
    at.boards["a"].leave()
    record = fleet_sim.run(path, at, PLAN)
    assert record.ended == "stopped"
    assert record.hosts["a"].state == "failed"
    assert {board.image for board in at.boards.values() if board is not at.boards["a"]} == {OLD}
