"""A rollout over sites: the real code at the top and inside each site, boards are simulated."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jetson_kit.core.errors import (
    BadInputError,
    IntegrityError,
    StepFailedError,
)
from jetson_kit.core.text import HIDDEN
from jetson_kit.fleet.rollout import journal as journals
from jetson_kit.fleet.rollout.journal import Record
from jetson_kit.fleet.rollout.rollout import Rollout
from jetson_kit.fleet.sites import command, evidence
from jetson_kit.fleet.sites.plan import SitesPlan
from jetson_kit.fleet.sites.rollout import SitesRollout
from tests.unit import fleet_sim as sim
from tests.unit.fleet.simulated_sites import (
    BOARDS,
    ID,
    PLAN,
    again,
    begin,
    go,
    mesh,
    states,
)


def test_canary_site_first_then_waves(tmp_path: Path) -> None:
    at = mesh(tmp_path)
    record = go(at)
    assert (record.ended, states(record), at.images()) == ("all", "done done done", "nnnnnn")
    assert at.calls[:2] == ["prepare a", "rollout a"]


def test_a_failed_board_at_the_canary_site_stops_before_any_other_site(tmp_path: Path) -> None:
    at = mesh(tmp_path, a2="unhealthy")
    record = go(at)
    assert (record.ended, states(record), at.images()) == (
        "stopped", "back pending pending", "oooooo",
    )  # fmt: skip
    assert "canary site a" in (record.stop or "")
    # The board and its own reason, by the site's journal.
    why = journals.read(at.folder / "a" / f"{ID}.jsonl").hosts["a2"].why
    assert why
    assert f"a2: {why}" in (record.stop or "")


@pytest.mark.parametrize(("scope", "images"), [("wave", "nnoooo"), ("rollout", "oooooo")])
def test_a_stop_takes_back_its_wave_or_all(tmp_path: Path, scope: str, images: str) -> None:
    at = mesh(tmp_path, c1="unhealthy")
    record = go(at, dataclasses.replace(PLAN, scope=scope))
    assert (record.ended, at.images()) == ("stopped", images)
    assert record.open == ()


def test_boards_of_all_sites_are_counted_together(tmp_path: Path) -> None:
    at = mesh(tmp_path, b2="unhealthy", c2="unhealthy")
    at.plan = dataclasses.replace(BOARDS, stop_at=9, canary=0)
    plan = SitesPlan(at.plan, stop_at=2, stop_sites=9)
    stop = go(at, plan).stop or ""
    assert "2 failed, the limit is 2" in stop
    assert "b2: " in stop
    assert "c2: " in stop


@pytest.mark.parametrize(("off", "stops"), [(5, False), (9, False), (10, True)])
def test_a_share_is_one_of_all_boards_while_it_goes_on(
    tmp_path: Path, off: int, stops: bool
) -> None:
    # The first ones of the inventory are off: theirs are the first answers that are written.
    names = [f"b{number:02}" for number in range(100)]
    at = sim.world({name: "unreachable" if name in names[:off] else "" for name in names})
    plan = dataclasses.replace(BOARDS, stop_at=99, canary=("b50",), batches=(50,))
    limits = SitesPlan(plan, stop_at="10%").limits
    verdicts: list[str] = []
    sim.DyingJournal.world = at
    begun = sim.journal(tmp_path / "r.jsonl", at, plan)
    begun.listener = lambda line, record: verdicts.append(limits.verdict(*evidence.so_far(record)))
    Rollout(begun, plan, at, at).run()
    assert any(verdicts) == stops
    # So it is when the site sends its journal anew.
    replayed = Record()
    for line in (tmp_path / "r.jsonl").read_text().splitlines():
        replayed = journals.apply(replayed, json.loads(line))
        assert stops or not limits.verdict(*evidence.so_far(replayed))


@pytest.mark.parametrize(("limit", "ended"), [("34%", "some"), ("33%", "stopped"), (1, "stopped")])
def test_failed_sites_are_counted_or_judged_by_their_share(
    tmp_path: Path, limit: int | str, ended: str
) -> None:
    at = mesh(tmp_path)
    at.away = {"c"}
    record = go(at, dataclasses.replace(PLAN, stop_at=9, stop_sites=limit, min_sites=3))
    assert record.ended == ended


@pytest.mark.parametrize("facts", [{"stop_sites": 0}, {"stop_sites": "x"}, {"min_sites": 0}])
def test_a_limit_of_sites_that_is_none(facts: dict[str, Any]) -> None:
    with pytest.raises(BadInputError, match=r"stop_sites|min_sites"):
        SitesPlan(BOARDS, **facts)


def test_below_the_limits_it_goes_to_its_end_and_is_no_success(tmp_path: Path) -> None:
    at = mesh(tmp_path, b2="unhealthy")
    at.plan = dataclasses.replace(BOARDS, stop_at=9, canary=0)
    record = go(at, SitesPlan(at.plan, stop_at=9, stop_sites=1))
    assert (record.ended, states(record)) == ("some", "done part done")
    assert record.sites["b"].failed == 1
    assert "b2: " in record.sites["b"].why
    assert "b1: " not in record.sites["b"].why


def test_a_site_out_of_reach_has_failed_and_is_put_right_by_a_resume(tmp_path: Path) -> None:
    at = mesh(tmp_path)
    at.away = {"c"}
    record = go(at, dataclasses.replace(PLAN, stop_at=9, stop_sites=2))
    assert (record.ended, states(record)) == ("some", "done done failed")
    assert (record.sites["c"].failed, record.sites["c"].tried) == (2, 2)
    at.away = set()
    record = again(at)
    assert (record.ended, at.images()) == ("all", "nnnnnn")


@pytest.mark.parametrize("fault", [StepFailedError("silent"), KeyError("protocol"), TypeError()])
def test_boards_of_sites_that_fail_before_their_rollout_count(
    tmp_path: Path, fault: Exception
) -> None:
    at = mesh(tmp_path)

    def prepare(site: str) -> str:
        if site == "a":
            return "folder"
        raise fault

    at.prepare = prepare  # type: ignore[method-assign]
    record = go(at, dataclasses.replace(PLAN, stop_at="50%", stop_sites=100))
    assert (record.sites["b"].failed, record.sites["b"].tried) == (2, 2)
    assert "4 of 6 failed, the limit is 50%" in (record.stop or "")


def test_nothing_that_a_site_says_reaches_the_journal_or_a_terminal_as_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    at = mesh(tmp_path)

    def prepare(site: str) -> str:
        raise StepFailedError(f"{site}: \x1b]0;owned\x07\x9b2J" + "x" * 100_000)

    at.prepare = prepare  # type: ignore[method-assign]
    begun = begin(at)
    begun.listener = command._say
    record = SitesRollout(begun, PLAN, at).run()
    shown = capsys.readouterr().err
    assert "a: " in shown
    for text in (*shown.splitlines(), record.stop or "", record.sites["a"].why):
        assert not HIDDEN.search(text)
        assert len(text) < 3000


def test_a_site_that_can_not_be_taken_back_stays_open(tmp_path: Path) -> None:
    at = mesh(tmp_path, c1="unhealthy")
    tried = at.back

    def back(site: str, why: str) -> tuple[str, ...]:
        if site == "b" and "b" not in at.away:
            at.away.add("b")
        return tried(site, why)

    at.back = back  # type: ignore[method-assign]
    record = go(at)
    assert record.open == ("b",)
    assert at.images() == "nnnnoo"
    at.back = tried  # type: ignore[method-assign]
    at.away = set()
    record = again(at)
    assert (record.ended, record.open, at.images()) == ("stopped", (), "nnoooo")


@pytest.mark.parametrize("fault", [KeyError("protocol"), TypeError(), RecursionError("\ud800")])
def test_a_site_that_fails_by_surprise_keeps_no_stop_from_its_end(
    tmp_path: Path, fault: Exception
) -> None:
    at = mesh(tmp_path, c1="unhealthy")
    tried = at.back

    def back(site: str, why: str) -> tuple[str, ...]:
        if site == "b":
            raise fault
        return tried(site, why)

    at.back = back  # type: ignore[method-assign]
    record = go(at)
    assert (record.ended, record.open) == ("stopped", ("b",))
    assert "not taken back" in record.sites["b"].why
    at.back = tried  # type: ignore[method-assign]
    assert (again(at).ended, at.images()) == ("stopped", "nnoooo")


def lies(change: Callable[[Record], Record]) -> Callable[[str, Record], Record]:
    return lambda site, record: change(record) if site == "a" else record


def test_a_claim_of_success_without_its_evidence_stops_the_rollout(tmp_path: Path) -> None:
    at = mesh(tmp_path, a2="unhealthy")
    at.lie = lies(lambda record: dataclasses.replace(record, ended="all"))
    record = go(at)
    assert record.ended == "stopped"
    assert "claims" in record.sites["a"].why
    assert at.images() == "oooooo"


def forged(path: Path, change: Callable[[dict[str, object]], None]) -> Path:
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line in lines:
        change(line)
    other = path.with_name("forged.jsonl")
    other.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return other


@pytest.mark.parametrize(
    ("event", "key", "value", "expected"),
    [
        ("begin", "id", "20260101-000000-ffffff", "is of rollout"),
        ("begin", "release", {"image_id": sim.OLD}, "is of image"),
        ("begin", "hosts", ["a1"], "damaged|other boards"),
        ("host", "image_id", sim.OLD, "claims success"),
        ("host", "state", "healthy", "claims success"),
        ("end", "result", "some", "claims"),
        ("host", "seq", 3, "damaged"),
    ],
)
def test_a_journal_that_was_changed(
    tmp_path: Path, event: str, key: str, value: object, expected: str
) -> None:
    at = mesh(tmp_path)
    go(at)

    def change(line: dict[str, object]) -> None:
        if line["event"] == event and key in line:
            line[key] = value

    path = forged(tmp_path / "a" / f"{ID}.jsonl", change)
    with pytest.raises(IntegrityError, match=expected):
        evidence.record_of(path, number=ID, image_id=sim.NEW, boards=("a1", "a2"), claimed="all")
