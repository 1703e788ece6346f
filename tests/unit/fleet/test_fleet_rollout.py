"""The rollout's state machine, on a simulated fleet: gates, limits, scopes, holds, kills."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from jetson_kit.fleet.rollout import gates
from jetson_kit.fleet.rollout import journal as journals
from jetson_kit.fleet.rollout.plan import Plan
from jetson_kit.fleet.rollout.steps import InterruptedRolloutError
from jetson_kit.fleet.rollout.transport import Device, Reply
from tests.unit import fleet_sim as sim

QUICK = Plan(
    canary=1, batches=(2,), soak_s=30, poll_s=10, tries=2, retry_s=1, held_tries=2, held_wait_s=5
)
LENIENT = dataclasses.replace(QUICK, stop_at=9)
FIVE = dict.fromkeys(("a", "b", "c", "d", "e"), "")


def states(record: journals.Record) -> str:
    """Return the first letter of each host's state; R is rolled back."""
    letter = {name: name[0] for name in journals.STATES}
    letter |= {"rolled-back": "R", "held": "H", "fetched": "F", "failed": "f"}
    return "".join(letter[host.state] for host in record.hosts.values())


def go(tmp_path: Path, plan: Plan, **natures: str) -> tuple[journals.Record, sim.World]:
    at = sim.world({**FIVE, **natures})
    tmp_path.mkdir(exist_ok=True)
    record = sim.run(tmp_path / "r.jsonl", at, plan)
    sim.true(record, at)
    assert journals.read(tmp_path / "r.jsonl") == record
    return record, at


def test_all_is_well(tmp_path: Path) -> None:
    record, at = go(tmp_path, QUICK)
    assert (states(record), record.ended, record.open) == ("ccccc", "all", ())
    assert [hosts for step, hosts in at.calls if step == "switch"] == [
        ("a",), ("b", "c"), ("d", "e"),
    ]  # fmt: skip
    assert [hosts for step, hosts in at.calls if step == "fetch"] == [tuple("abcde")]
    # Each batch is watched for the whole time.
    assert at.now_s > 3 * QUICK.soak_s


def told(tmp_path: Path, plan: Plan, **natures: str) -> tuple[journals.Record, list[str]]:
    """Return a rollout to devices that tell how they are, and its steps."""
    at = sim.world({**FIVE, **natures}, tells=True)
    record = sim.run(tmp_path / "r.jsonl", at, plan)
    sim.true(record, at)
    return record, [step for step, _ in at.calls]


def test_an_application_slower_than_the_one_before_is_rolled_back(tmp_path: Path) -> None:
    plan = dataclasses.replace(LENIENT, verify="none")
    record, at = go(tmp_path, plan, a="app", b="app app-slow", c="app app-slow limited",
                    d="app app-silent", e="app-slow")  # fmt: skip
    assert states(record) == "cfccc"
    assert (at.boards["b"].image, at.boards["c"].image) == (sim.OLD, sim.NEW)
    assert record.hosts["b"].why == ("the application takes 90.0 ms, with the image before 30.0 ms")
    assert [record.hosts[name].application_ms for name in "abcd"] == [30.0, 90.0, 90.0, 0.0]
    off, _ = go(tmp_path / "off", dataclasses.replace(plan, latency_factor=0), b="app app-slow")
    assert states(off) == "ccccc"


def test_who_told_how_it_is_is_not_asked_again(tmp_path: Path) -> None:
    plan = dataclasses.replace(QUICK, verify="none", soak_s=0)
    record, steps = told(tmp_path, plan)
    assert states(record) == "ccccc"
    assert steps == ["fits", "fetch", *["switch", "confirm"] * 3]


def test_what_was_told_before_a_verification_is_old(tmp_path: Path) -> None:
    record, steps = told(tmp_path, dataclasses.replace(QUICK, soak_s=0))
    assert states(record) == "ccccc"
    assert steps[2:7] == ["verify", "switch", "verify", "look", "confirm"]


@pytest.mark.parametrize("nature", ["unhealthy", "dies", "sick-after-confirm"])
def test_what_devices_tell_opens_no_gate(tmp_path: Path, nature: str) -> None:
    record, _ = told(tmp_path, dataclasses.replace(LENIENT, verify="none"), a=nature)
    assert (states(record), record.ended) == ("fFFFF", "stopped")


@pytest.mark.parametrize(
    "nature",
    ["unhealthy", "software", "slow", "dies", "sick-after-confirm", "vanishes-at-switch",
     "hangs-at-switch", "hangs-after-switch", "vanishes-at-verify", "hangs-at-verify",
     "vanishes-at-confirm", "hangs-after-confirm"],
)  # fmt: skip
def test_no_gate_lets_a_bad_canary_through(tmp_path: Path, nature: str) -> None:
    """Whatever is wrong with it: the others are not touched, though the limit is far."""
    record, at = go(tmp_path, LENIENT, a=nature)
    assert (states(record), record.ended) == ("fFFFF", "stopped")
    assert record.stop and "canary a" in record.stop
    assert all(hosts == ("a",) for step, hosts in at.calls if step == "switch")
    # What can be reached is back on the old image; what can't be is told as unsure.
    lost = nature in ("vanishes-at-switch", "vanishes-at-verify", "vanishes-at-confirm")
    assert record.hosts["a"].unsure == lost
    assert (at.boards["a"].image == sim.NEW) == (nature == "vanishes-at-confirm")


@pytest.mark.parametrize("nature", ["unreachable", "full", "corrupt", "vanishes-at-fetch"])
def test_who_can_not_follow_counts_before_anything_is_switched(tmp_path: Path, nature: str) -> None:
    record, at = go(tmp_path, QUICK, e=nature)
    assert record.ended == "stopped"
    assert not [step for step, _ in at.calls if step == "switch"]
    record, at = go(tmp_path / "again", LENIENT, e=nature)
    assert (states(record), record.ended) == ("ccccf", "some")
    assert all("e" not in hosts for step, hosts in at.calls if step == "switch")


def test_nothing_is_sent_to_who_lacks_the_space(tmp_path: Path) -> None:
    record, at = go(tmp_path, LENIENT, b="full")
    assert all("b" not in hosts for step, hosts in at.calls if step == "fetch")
    # Whatever a device refuses: what it is on is known.
    assert record.hosts["b"].before == sim.OLD


def test_who_does_not_answer_is_not_asked_twice_as_often(tmp_path: Path) -> None:
    _, at = go(tmp_path, LENIENT, b="unreachable")
    assert [step for step, hosts in at.calls if "b" in hosts] == ["fits"] * LENIENT.tries


@pytest.mark.parametrize(("scope", "expected"), [("batch", "cRfFF"), ("rollout", "RRfFF")])
def test_a_stop_takes_back_its_scope(tmp_path: Path, scope: str, expected: str) -> None:
    plan = dataclasses.replace(QUICK, scope=scope)
    record, at = go(tmp_path, plan, c="dies")
    assert states(record) == expected
    assert at.boards["a"].image == (sim.NEW if scope == "batch" else sim.OLD)


def test_what_was_there_before_is_not_taken_back(tmp_path: Path) -> None:
    at = sim.world({**FIVE, "c": "dies"})
    at.boards["a"].image = at.boards["b"].image = sim.NEW
    at.boards["a"].previous = at.boards["b"].previous = sim.OLD
    plan = dataclasses.replace(QUICK, scope="rollout")
    record = sim.run(tmp_path / "r.jsonl", at, plan)
    assert states(record) == "cFfFF"
    assert at.boards["a"].image == at.boards["b"].image == sim.NEW


def test_a_percentage_waits_for_so_many(tmp_path: Path) -> None:
    plan = dataclasses.replace(QUICK, canary=0, batches=(1,), stop_at="50%", min_tried=3)
    record, _ = go(tmp_path, plan, a="unhealthy")
    assert states(record) == "fcccc"
    record, _ = go(tmp_path / "again", plan, a="unhealthy", b="unhealthy")
    assert states(record) == "ffRFF"
    assert record.stop == "2 of 3 failed, the limit is 50%"


def test_who_could_not_follow_does_not_weigh_more_before_its_batch_is_switched(
    tmp_path: Path,
) -> None:
    names = [f"h{number:02}" for number in range(22)]
    plan = dataclasses.replace(QUICK, canary=2, batches=(20,), stop_at="25%", min_tried=5)
    at = sim.world({**dict.fromkeys(names, ""), **dict.fromkeys(names[2:6], "unreachable")})
    # 4 of 22, never 4 of the 6 that were switched or have failed by then.
    record = sim.run(tmp_path / "r.jsonl", at, plan)
    assert (record.ended, record.stop, states(record)) == ("some", None, "ccffff" + 16 * "c")


def test_not_now_is_asked_again_and_is_no_success(tmp_path: Path) -> None:
    record, at = go(tmp_path, QUICK, b="holds", d="holds-once")
    assert (states(record), record.ended) == ("cHccc", "some")
    assert [hosts for step, hosts in at.calls if step == "switch"][-2:] == [("b", "d"), ("b",)]
    # Going on asks it once more.
    at.boards["b"].nature = ()
    record = sim.run(tmp_path / "r.jsonl", at, QUICK)
    assert (states(record), record.ended) == ("ccccc", "all")


def test_a_canary_that_holds_proves_nothing(tmp_path: Path) -> None:
    record, at = go(tmp_path, QUICK, a="holds")
    assert (states(record), record.ended, record.stop) == ("HFFFF", "some", None)
    at.boards["a"].nature = ()
    assert states(sim.run(tmp_path / "r.jsonl", at, QUICK)) == "ccccc"


def test_a_lost_connection_is_tried_again(tmp_path: Path) -> None:
    nature = " ".join(f"flaky-{step}" for step in ("look", "fetch", "switch", "verify", "confirm"))
    record, _ = go(tmp_path, QUICK, b=nature)
    assert states(record) == "ccccc"


def test_the_window_is_waited_for(tmp_path: Path) -> None:
    at = sim.world(FIVE, hour=21)
    plan = dataclasses.replace(QUICK, window="22:00-05:00")
    assert states(sim.run(tmp_path / "r.jsonl", at, plan)) == "ccccc"
    assert at.now_s > 3500


def test_another_controllers_trial_is_left_alone(tmp_path: Path) -> None:
    at = sim.world(FIVE)
    board = at.boards["a"]
    board.image, board.previous, board.trial, board.rollout = "sha256:x", sim.OLD, True, "other"
    record = sim.run(tmp_path / "r.jsonl", at, QUICK)
    assert record.hosts["a"].why.startswith("rollout other of another controller")
    assert board.image == "sha256:x"


@pytest.mark.parametrize(("rollout", "who"), [("other", "rollout other"), ("channel", "its chan")])
def test_a_trial_that_another_began_while_we_were_away_is_left_alone(
    tmp_path: Path, rollout: str, who: str
) -> None:
    at, path = sim.world(FIVE), tmp_path / "r.jsonl"
    at.kill_at = 60
    with pytest.raises(sim.Killed):
        sim.run(path, at, QUICK)
    record = journals.read(path)
    name = record.names("fetched")[-1]
    board = at.boards[name]
    board.image, board.previous, board.trial, board.rollout = "sha256:x", sim.OLD, True, rollout
    at.kill_at = -1
    record = sim.run(path, at, QUICK)
    assert record.hosts[name].why.startswith(who)
    assert board.image == "sha256:x" and board.trial


def test_a_board_that_was_wiped_in_mid_rollout_says_so() -> None:
    """Its state, its images and its history are gone; nothing of it is a success."""
    wiped = Reply(device=Device())
    for confirmed in (False, True):
        problem, sure = gates.judge(wiped, sim.NEW, "r", confirmed=confirmed)
        assert problem.startswith("knows of no image any more") and sure
        assert "fleet.provision" in problem
    # One whose first image failed is on none by its own history.
    went_back = Reply(device=Device(left=((sim.NEW, "r"),), why=""))
    assert gates.judge(went_back, sim.NEW, "r")[0].startswith("went back by itself")
    # What another controller put back did not go by itself.
    put_back = Reply(device=Device(left=((sim.NEW, "r"),), why="rollback r2-rollback: by hand"))
    assert gates.judge(put_back, sim.NEW, "r")[0] == "went back: rollback r2-rollback: by hand"


def test_an_interrupt_ends_between_two_steps(tmp_path: Path) -> None:
    at = sim.world(FIVE)
    at.stopping = True
    with pytest.raises(InterruptedRolloutError, match="r was stopped"):
        sim.run(tmp_path / "r.jsonl", at, QUICK)
    at.stopping = False
    assert states(sim.run(tmp_path / "r.jsonl", at, QUICK)) == "ccccc"


@pytest.fixture
def no_sync(monkeypatch: pytest.MonkeyPatch) -> None:
    """A killed program loses nothing that it wrote: only a power cut does."""
    monkeypatch.setattr("os.fsync", lambda _: None)


STORIES = {
    "well": (QUICK, {}),
    "stop and undo all": (dataclasses.replace(QUICK, scope="rollout"), {"d": "dies"}),
    "undo can't reach": (
        dataclasses.replace(QUICK, scope="rollout"),
        {"a": "vanishes-at-rollback", "b": "software"},
    ),
    "canary": (QUICK, {"a": "unhealthy"}),
    "below the limit": (
        LENIENT,
        {"b": "unhealthy", "c": "holds", "d": "hangs-after-switch", "e": "slow"},
    ),
    "lost": (LENIENT, {"b": "vanishes-at-verify", "c": "unreachable", "e": "sick-after-confirm"}),
    "held, then bad": (QUICK, {"b": "holds-long software", "c": "holds-long"}),
}


@pytest.mark.usefixtures("no_sync")
@pytest.mark.parametrize("story", STORIES)
def test_killed_anywhere_and_resumed_it_ends_the_same(tmp_path: Path, story: str) -> None:
    """Before, within and after each write of the journal, and between any two hosts of a step."""
    plan, natures = STORIES[story]
    whole = sim.world({**FIVE, **natures})
    expected = sim.run(tmp_path / "whole.jsonl", whole, plan)
    sim.true(expected, whole)
    images = {name: board.image for name, board in whole.boards.items()}
    assert whole.points > 50
    for point in range(whole.points):
        at = sim.world({**FIVE, **natures}, kill_at=point)
        path = tmp_path / "killed.jsonl"
        path.unlink(missing_ok=True)
        with pytest.raises(sim.Killed):
            sim.run(path, at, plan)
        record = sim.run(path, at, plan)
        assert sim.done(record) == sim.done(expected), point
        assert (record.ended, record.stop is None) == (expected.ended, expected.stop is None), point
        assert {name: board.image for name, board in at.boards.items()} == images, point
        sim.true(record, at)


@pytest.mark.usefixtures("no_sync")
def test_killed_again_and_again_it_still_ends(tmp_path: Path) -> None:
    """The controller lives for a few writes only, each time."""
    plan, natures = STORIES["below the limit"]
    whole = sim.world({**FIVE, **natures})
    expected = sim.run(tmp_path / "whole.jsonl", whole, plan)
    at = sim.world({**FIVE, **natures})
    path = tmp_path / "killed.jsonl"
    deaths = 0
    while True:
        at.kill_at = at.points + 25 + deaths
        try:
            record = sim.run(path, at, plan)
            break
        except sim.Killed:
            deaths += 1
            assert deaths < 200
    assert deaths > 5
    assert sim.done(record) == sim.done(expected)
