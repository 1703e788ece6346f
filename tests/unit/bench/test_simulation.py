"""Small simulations against outcomes that are known by hand."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bench.simulation import command
from bench.simulation import fleet as fleets
from bench.simulation import scenario as scenarios
from bench.simulation.board import NEW, OLD
from bench.simulation.by_channel import ChannelSimulation, program
from bench.simulation.flat import FlatSimulation
from bench.simulation.fleet import CANARY, Fleet
from bench.simulation.links import Link, Uplink
from bench.simulation.over_sites import SitesSimulation
from bench.simulation.scenario import Image, Scenario
from bench.simulation.schedule import Schedule, Signal
from jetson_kit.core.errors import BadInputError
from jetson_kit.fleet.sites.mesh import SilentError
from tests.support.calm_scenario import calm

SITES, BOARDS = 10, 100
PLAN: Mapping[str, Any] = {
    "name": "test", "kind": "sites", "waves": [0.34, 0.66], "stop_at": "20%", "min_tried": 20,
    "stop_sites": 2, "scope": "rollout",
    "boards": {"canary": 1, "batches": [3], "stop_at": 2},
}  # fmt: skip


def fleet(share: float = 0.0, by: str = "board", after_s: float = 0.0) -> Fleet:
    return fleets.make(calm(), 1, Image("test", 326_175, share, by, after_s), SITES, BOARDS)


def cut(at: Fleet, site: str, start: float, end: float) -> None:
    at.links[site].cuts = ((start, end),)


def images(at: Fleet, site: str) -> set[str]:
    return {board.image for board in at.boards[site].values()}


def test_a_good_image_comes_to_all() -> None:
    at = fleet()
    simulation = SitesSimulation(at, PLAN)
    assert simulation.run().ended == "all"
    assert {board.image for board in at.everyone()} == {NEW}
    outcome = simulation.outcome("update")
    assert (outcome.on_new, outcome.ran, outcome.ran_bad) == (BOARDS, BOARDS, 0)
    assert outcome.site_states == {"done": SITES}
    # The release goes once to each site, whose boards get it there.
    assert 326_175 * SITES < outcome.top_bytes < 326_175 * SITES * 3


def test_an_image_that_is_bad_everywhere_comes_to_one_board() -> None:
    at = fleet(share=1.0)
    simulation = SitesSimulation(at, PLAN)
    assert simulation.run().ended == "stopped"
    assert [board.name for board in at.everyone() if board.ran] == ["board-0"]
    assert {board.image for board in at.everyone()} == {OLD}
    assert simulation.decisions == [
        ("begin",),
        ("site", CANARY, "working"),
        ("site", CANARY, "failed"),
        ("stop", "0"),
        ("site", CANARY, "back"),
        ("end", "stopped"),
    ]


def test_what_shows_after_the_soak_comes_to_all() -> None:
    at = fleet(share=1.0, after_s=86_400)
    SitesSimulation(at, PLAN).run()
    assert all(board.ran and board.image == NEW for board in at.everyone())


def test_a_cut_site_has_failed_and_a_resume_finishes() -> None:
    at = fleet()
    cut(at, "site-5", 0, 20_000)
    simulation = SitesSimulation(at, PLAN)
    record = simulation.run()
    assert (record.ended, record.sites["site-5"].state) == ("some", "failed")
    assert (record.sites["site-5"].failed, record.sites["site-5"].tried) == (10, 10)
    assert images(at, "site-5") == {OLD}
    at.schedule.now = 30_000
    assert simulation.run(resumed=True).ended == "all"
    assert {board.image for board in at.everyone()} == {NEW}


def test_sites_that_are_cut_stop_it_at_the_limit_and_all_goes_back() -> None:
    at = fleet()
    cut_sites = ("site-1", "site-2")
    for site in cut_sites:
        cut(at, site, 0, 20_000)
    record = SitesSimulation(at, PLAN).run()
    assert (record.ended, record.stopped_in) == ("stopped", 1)
    # All boards of a site that can't be reached: of the canary's ten and of four sites.
    silent = "; ".join(f"{site}: {site} gave no sign of life for 900 s" for site in cut_sites)
    assert record.stop == f"boards of all sites: 20 of 50 failed, the limit is 20%; {silent}"
    assert {board.image for board in at.everyone()} == {OLD}
    assert record.sites["site-9"].state == "pending"


@pytest.mark.parametrize(("share", "ended"), [("11%", "stopped"), ("60%", "some")])
def test_a_limit_that_stopped_sites_stops_the_rollout_and_is_its_reason(
    share: str, ended: str
) -> None:
    at = fleet()
    # It fails before others have answered: more than a tenth of those asked by then.
    at.ahead_s["site-1"] = 86_400.0
    plan = {**PLAN, "waves": [1.0], "stop_at": share, "stop_sites": 9}
    record = SitesSimulation(at, plan).run()
    assert record.ended == ended
    if ended == "stopped":
        assert (record.stop or "").startswith("boards of all sites: 10 of ")
        assert {board.image for board in at.everyone()} == {OLD}


def test_a_site_that_is_cut_while_it_works_goes_on_and_is_heard_again() -> None:
    at = fleet()
    # Shorter than the limit: from after its boards began until long after they have ended.
    cut(at, "site-5", 700, 1_500)
    record = SitesSimulation(at, {**PLAN, "waves": [1.0]}).run()
    assert (record.ended, record.sites["site-5"].state) == ("all", "done")


@pytest.mark.parametrize("site_share", [0.0, 1.0])
def test_the_same_seed_decides_the_same(site_share: float) -> None:
    def once() -> tuple[Any, Any]:
        generated = fleets.make(
            scenarios.load(), 7, Image("test", 326_175, 0.1, "board", 20), SITES, BOARDS
        )
        simulation = SitesSimulation(
            generated, {**PLAN, "waves": [1 - site_share / 2, site_share / 2]}
        )
        simulation.run()
        return simulation.decisions, simulation.outcome("update").as_json()

    assert once() == once()


FLAT: Mapping[str, Any] = {
    "name": "test", "kind": "flat",
    "boards": {"canary": 1, "batches": ["25%"], "concurrency": 20},
}  # fmt: skip


@pytest.mark.parametrize(("share", "ended", "ran"), [(0.0, "all", BOARDS), (1.0, "stopped", 1)])
def test_one_controller_for_all(share: float, ended: str, ran: int) -> None:
    at = fleet(share=share)
    simulation = FlatSimulation(at, FLAT)
    assert simulation.run().ended == ended
    outcome = simulation.outcome("update")
    assert (outcome.ran, outcome.on_new) == (ran, 0 if share else ran)
    # Each board is sent the update from here.
    assert outcome.top_bytes > BOARDS * 326_175


CHANNEL: Mapping[str, Any] = {
    "name": "test", "kind": "channel", "shares": [10, 100], "step_h": 24, "look_s": 14_400,
    "rollback_at": 0.5, "poll_s": 900, "soak_s": 60,
}  # fmt: skip


def first_wave(at: Fleet) -> set[str]:
    decide = program()
    return {board.name for board in at.everyone() if decide.bucket(board.name, "") < 1000}


def test_a_channel_brings_a_good_image_to_all_by_waves() -> None:
    at = fleet()
    ChannelSimulation(at, CHANNEL).run()
    early = {board.name for board in at.everyone() if 0 <= board.confirmed_at < 86_400}
    assert early == first_wave(at)
    assert all(board.image == NEW for board in at.everyone())


@pytest.mark.parametrize("after_s", [20.0, 7_200.0])
def test_a_channel_that_is_rolled_back_in_time_keeps_to_its_first_wave(after_s: float) -> None:
    at = fleet(share=1.0, after_s=after_s)
    simulation = ChannelSimulation(at, CHANNEL)
    simulation.run()
    assert {board.name for board in at.everyone() if board.ran} == first_wave(at)
    assert {board.image for board in at.everyone()} == {OLD}
    assert simulation.outcome("update").result == "stopped"


def test_time_goes_to_who_wakes_next() -> None:
    schedule, seen = Schedule(), list[tuple[str, float]]()
    bell = Signal()

    def sleeper(name: str) -> None:
        schedule.sleep({"a": 3.0, "b": 1.0}[name])
        seen.append((name, schedule.now))
        schedule.notify(bell)

    def main() -> None:
        schedule.begin(lambda: schedule.together(["a", "b"], sleeper))
        schedule.wait(bell, 100.0)
        seen.append(("rung", schedule.now))
        schedule.wait(bell, 2.0)
        seen.append(("late", schedule.now))

    schedule.run(main)
    assert seen == [("b", 1.0), ("rung", 1.0), ("late", 2.0), ("a", 3.0)]


def test_an_error_of_a_task_ends_the_run() -> None:
    schedule = Schedule()

    def bad(name: str) -> None:
        schedule.sleep(1)
        raise ValueError(name)

    with pytest.raises(ValueError, match="x"):
        schedule.run(lambda: schedule.together(["x"], bad))


def test_bytes_go_on_after_a_cut_and_a_long_one_is_silence() -> None:
    schedule, times = Schedule(), list[float]()
    link = Link("s", schedule, Uplink(1e9), rate=100.0, round_trip_s=0.0, cuts=((5, 15), (50, 99)))

    def main() -> None:
        link.send(1000, silent_s=20)
        times.append(schedule.now)
        schedule.sleep(26)
        with pytest.raises(SilentError, match="for 20 s"):
            link.send(1000, silent_s=20)
        times.append(schedule.now)

    schedule.run(main)
    # 10 s of sending and a cut of 10; then 4 s, and 20 of silence.
    assert times == [20.0, 70.0]


def test_a_distribution_needs_a_reason() -> None:
    body = copy.deepcopy(dict(scenarios.load().body))
    del body["links"]["rate"]["reason"]
    with pytest.raises(BadInputError, match=r"links\.rate is no distribution with a reason"):
        Scenario(body).distribution("links.rate")


def test_rows_of_other_code_are_simulated_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "OUT", tmp_path / "simulation.json")
    head = {"seed": 1, "code": "a"}
    row = {"plan": "flat"}
    command.OUT.write_text(json.dumps({**head, "outcomes": [row]}))
    assert command.known(head)["outcomes"] == [row]
    assert command.known({**head, "code": "b"}) == {**head, "code": "b", "outcomes": []}


@pytest.mark.parametrize(
    ("name", "counts"),
    [("a.py", True), ("deep/b.py", True), ("table.toml", True), ("a.pyc", False)],
)
def test_the_code_is_known_by_its_programs_and_tables(
    tmp_path: Path, name: str, counts: bool
) -> None:
    (tmp_path / "first.py").write_text("1\n")
    before = command.code([tmp_path])
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("1\n")
    assert (command.code([tmp_path]) != before) == counts
    changed = command.code([tmp_path])
    path.write_text("2\n")
    assert (command.code([tmp_path]) != changed) == counts
    (tmp_path / "first.py").rename(tmp_path / "other.py")
    assert command.code([tmp_path]) not in (before, changed)


def test_all_of_the_fleets_code_that_is_simulated_counts() -> None:
    here = Path(command.__file__).parent
    matches = re.findall(
        r"^from jetson_kit\.fleet\.(rollout|sites|channel) import ([a-z_, ]+)$"
        r"|^from jetson_kit\.fleet\.(\w+)\.(\w+) import",
        "".join(path.read_text() for path in here.glob("*.py")),
        re.MULTILINE,
    )
    named = {
        (folder or other, name.partition(" as ")[0])
        for folder, names, other, module in matches
        for name in (names.split(", ") if names else [module])
    }
    known = {path for path in command.SOURCES if path.is_file()}
    lacking = {
        f"{folder}.{name}"
        for folder, name in named - {("release", "terms")}
        if command.FLEET / folder not in command.SOURCES
        and command.FLEET / folder / f"{name}.py" not in known
    }
    assert (len(named) > 10, lacking) == (True, set())
