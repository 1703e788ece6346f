"""How the bench of faults judges what it saw, and its cases."""

from __future__ import annotations

import json
import random
import re
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench import pages as readme
from bench.faults import (
    cases,
    command,
    device,
    inside,
    page,
    record,
    setting,
    small_release,
    trial,
)
from bench.faults import site as sites
from bench.faults.cases import Attempt
from bench.faults.inside import Inside
from jetson_kit.core.errors import BadInputError, CheckFailedError
from jetson_kit.fleet.rollout import journal as journals
from jetson_kit.fleet.rollout.hosts import Hosts
from jetson_kit.fleet.rollout.journal import Host, Record
from jetson_kit.virtual_devices import faults

OLD, NEW, OTHER = ("sha256:" + letter * 64 for letter in "abc")
WELL = Inside(NEW, unit="active", running=NEW, health="healthy")
BOTH = {"a": (OLD, NEW)}
FIRST = setting.check()
HEADER = {"release": {"image_id": NEW}}


def only(host: Host) -> Hosts[Host]:
    return Hosts([(host.name, host)])


def ended(state: str, result: str = journals.SOME) -> Record:
    return Record("r1", "rollout", header=HEADER, hosts=only(Host("a", state)), ended=result)


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        (WELL, ""),
        (replace(WELL, image_id=OLD, running=OLD), ""),
        (replace(WELL, trial=True, pending=True), ""),
        (replace(WELL, image_id=OTHER, running=OTHER), f"state.json says {OTHER}"),
        (replace(WELL, image_id=""), "state.json says nothing"),
        (replace(WELL, running=OLD), f"on {NEW}, and {OLD} runs"),
        (replace(WELL, running=""), f"on {NEW}, and nothing runs"),
        (replace(WELL, unit="activating"), "unit activating"),
        (replace(WELL, health="starting"), "container starting"),
        (replace(WELL, pending=True), "a change is not finished"),
        (Inside(lost="no route"), "no route"),
    ],
)
def test_what_is_a_lost_device(seen: Inside, said: str) -> None:
    result = inside.unwell({"a": seen}, BOTH)
    assert [said in item for item in result] == ([True] if said else [])


def test_in_the_middle_nothing_may_run_but_never_a_third_image() -> None:
    for seen in (WELL, replace(WELL, running=""), replace(WELL, running=OLD), Inside(lost="off")):
        assert inside.between({"a": seen}, BOTH) == []
    assert inside.between({"a": replace(WELL, running=OTHER)}, BOTH)
    assert inside.between({"a": replace(WELL, image_id="")}, BOTH)


@pytest.mark.parametrize(
    "seen",
    [
        replace(WELL, image_id=OLD, running=OLD),
        replace(WELL, running=OLD),
        replace(WELL, running=""),
        replace(WELL, trial=True),
        Inside(lost="no route"),
    ],
)
def test_what_is_a_false_success(seen: Inside) -> None:
    confirmed = ended(journals.CONFIRMED, journals.ALL)
    assert inside.false_successes(confirmed, 0, {"a": WELL}) == []
    assert len(inside.false_successes(confirmed, 0, {"a": seen})) == 1
    # A failure is none, unless the command says that all went well.
    failed = ended(journals.FAILED)
    assert inside.false_successes(failed, 1, {"a": seen}) == []
    assert len(inside.false_successes(failed, 0, {"a": seen})) == 1
    assert len(inside.false_successes(replace(failed, ended=journals.ALL), 1, {"a": seen})) == 1


def test_what_a_device_says_is_read() -> None:
    state = json.dumps({"current": {"image_id": NEW, "state": "trial"}})
    assert inside.parse(f"{state}\npending\nactive\n{NEW} true healthy\n") == replace(
        WELL, trial=True, pending=True
    )
    assert inside.parse(f"{state}\nsettled\nactive\n{NEW} false unhealthy\n").running == ""
    named = json.dumps({"current": {"image_id": NEW}, "engine_ids": {NEW: OTHER, OLD: OLD}})
    assert inside.parse(f"{named}\nsettled\nactive\n{OTHER} true healthy\n") == WELL
    assert inside.parse("\nsettled\ninactive\nnone\n") == Inside(unit="inactive")
    assert "state.json" in inside.parse('{"curr\nsettled\nactive\nnone\n').lost
    assert inside.parse("").lost


def test_a_device_is_waited_for() -> None:
    looks = iter([{"a": Inside(lost="booting")}, {"a": WELL}])
    seen, problems = inside.until(lambda: next(looks), BOTH, 10.0)
    assert (seen, problems) == ({"a": WELL}, [])


def test_a_promise_is_held_to() -> None:
    case = replace(cases.load()["unhealthy"], ends="some", why="not healthy")
    failed = replace(ended(journals.FAILED), hosts=only(Host("a", "failed", why="not healthy")))
    assert cases.unkept(case, failed, 1) == []
    assert "exit code 0" in cases.unkept(case, failed, 0)[0]
    other = replace(failed, hosts=only(Host("a", "failed", why="no space")))
    assert "nobody's reason" in cases.unkept(case, other, 1)[0]
    well = ended(journals.CONFIRMED, journals.ALL)
    assert "it ended as all, not some" in cases.unkept(case, well, 0)[0]


def test_every_case_can_be_done() -> None:
    for name, case in cases.load().items():
        assert callable(trial.body(case)), name
        assert case.ends in cases.ENDS, name
        assert case.repeat >= 1, name
        re.compile(case.why)
        kind = sites.KINDS[case.on].kind
        if fault := case.facts.get("fault"):
            row = faults.table()["faults"][fault]
            assert kind not in row.get("refused", {}), name


def test_cases_of_a_group_share_a_rollout() -> None:
    known = cases.load()
    todo = {name: (known[name], 3) for name in ("frozen-switch", "net-off-fetch")}
    assert sorted(device.groups(todo, 5)) == [["frozen-switch"] * 3, ["net-off-fetch"] * 3]
    assert device.groups({"frozen-switch": todo["frozen-switch"]}, 2) == [
        ["frozen-switch"] * 2,
        ["frozen-switch"],
    ]
    # On one device they come one after the other, each once.
    cuts = {name: (known[name], 2) for name in ("power-cut-load", "power-cut-switch")}
    assert device.groups(cuts, 1) == [["power-cut-load", "power-cut-switch"]] * 2


def test_what_a_case_promises_of_its_device_is_held_to() -> None:
    case = replace(cases.load()["disk-full-before"], ends="failed", why="are free")
    assert device.unkept(case, "failed", "10 are free") == []
    assert "not failed" in device.unkept(case, "confirmed", "")[0]
    assert "the reason is not" in device.unkept(case, "failed", "no route")[0]


def test_the_faults_that_were_asked_for_are_there() -> None:
    names = " ".join(cases.load())
    for part in (
        "power-cut-fetch power-cut-load power-cut-switch power-cut-soak net-off net-slow net-flaky "
        "disk-full registry-down corrupt-layer wrong-architecture unsigned wrongly-signed "
        "unhealthy ends-at-once verdict-worse dockerd-killed clock-wrong controller-killed "
        "unreachable-canary unreachable-batch host-key-changed"
    ).split():
        assert part in names
    assert cases.load()["controller-killed"].repeat >= 50


def test_tries_are_counted_and_a_torn_line_is_none(tmp_path: Path) -> None:
    log = tmp_path / "tries.jsonl"
    known = {name: cases.load()[name] for name in ("unhealthy", "net-off-fetch")}
    record.append(log, "net-off-fetch", "s", Attempt(ended="all", seconds=2.0), FIRST)
    record.append(
        log, "net-off-fetch", "s", Attempt(ended="some", lost=["a", "b"], seconds=3.0), FIRST
    )
    record.append(log, "gone", "s", Attempt(lost=["a"]), FIRST)
    with log.open("ab") as out:
        out.write(b'{"case": "unheal')
    summary = record.summary(record.read(log), known)
    assert (summary["tried"], summary["lost"], summary["false_success"]) == (2, 1, 0)
    assert summary["by_fault"]["net-off-fetch"]["ended"] == {"all": 1, "some": 1}
    assert summary["not_tried"] == {"unhealthy": 1}


def test_what_was_wrong_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "OUT", tmp_path / "faults.json")
    monkeypatch.setattr(readme, "PAGES", {})
    log = tmp_path / "tries.jsonl"
    known = {"unhealthy": cases.load()["unhealthy"]}
    record.append(log, "unhealthy", "s", Attempt(ended="stopped"), FIRST)
    assert command.finish(log, known)["lost"] == 0
    record.append(log, "unhealthy", "s", Attempt(ended="all", false_success=["a"]), FIRST)
    with pytest.raises(CheckFailedError, match="of 2 tries: false_success 1"):
        command.finish(log, known)
    assert json.loads(record.OUT.read_text())["false_success"] == 1


def run_of(case: str, day: str, tried: int) -> dict[str, Any]:
    """Return what an earlier run of a case came to."""
    wrong = dict.fromkeys(record.WRONG, 0)
    counts = {"by_setting": {"20.10, small image": tried}, "tried": tried, "ended": {"all": tried}}
    days = {"first": day, "last": day, "commits": ["0123456789ab"]}
    return {"case": case, **days, **counts, **wrong, "seconds_median": 2.0, "seconds_max": 3.0}


def test_tries_of_other_machines_and_of_earlier_days_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "OUT", tmp_path / "faults.json")
    log = tmp_path / "tries.jsonl"
    known = {
        name: replace(case, repeat=9)
        for name, case in cases.load().items()
        if name in ("unhealthy", "net-off-fetch", "frozen-switch")
    }
    runs = [run_of("unhealthy", "2026-01-02", 4), run_of("frozen-switch", "2026-01-03", 5)]
    record.OUT.write_text(json.dumps({"runs": runs}))
    record.append(log, "net-off-fetch", "s", Attempt(ended="all", seconds=7.0), FIRST)
    facts = command.finish(log, known)
    assert (facts["tried"], facts["not_tried"]["unhealthy"]) == (10, 5)
    assert facts["by_fault"]["frozen-switch"]["tried"] == 5
    assert runs[0] in facts["runs"]
    # The same tries again, and more of them, are the same run; those of another log are not.
    record.append(log, "frozen-switch", "s", Attempt(ended="some", seconds=8.0), FIRST)
    for _ in range(2):
        facts = command.finish(log, known)
        row = facts["by_fault"]["frozen-switch"]
        assert (row["tried"], row["ended"], row["seconds_max"]) == (6, {"all": 5, "some": 1}, 8.0)
    assert facts["tried"] == 11
    assert facts["by_setting"] == {"20.10, small image": 11}
    text = page.table(facts)
    (line,) = [line for line in text.splitlines() if line.startswith("| frozen-switch |")]
    days = ["2026-01-03 0123456789ab", f"{time.strftime('%F', time.gmtime())} {record.commit()}"]
    assert line.endswith(f"| 6 | 0 | 0 | 5 all, 1 some | {'; '.join(days)} |")
    # What is tried anew takes the place of what was.
    other = {(name, "28, small image") for name in known}
    assert command.finish(log, known, other)["tried"] == 11
    facts = command.finish(log, known, {(name, FIRST.words) for name in known})
    assert {run["case"]: run["tried"] for run in facts["runs"]} == {
        "net-off-fetch": 1,
        "unhealthy": 4,
        "frozen-switch": 1,
    }
    # What is tried in another setting leaves it alone.
    real = replace(FIRST, engine="28", build=tmp_path)
    record.append(log, "unhealthy", "s", Attempt(ended="all", seconds=7.0), real)
    facts = command.finish(log, known, {("unhealthy", real.words)})
    assert facts["by_setting"] == {"20.10, small image": 6, "28, real image": 1}


def test_a_case_that_is_none_is_refused() -> None:
    assert set(command.select(cases.load(), ["guests"], FIRST)) == {
        name for name, case in cases.load().items() if case.on == "guests"
    }
    with pytest.raises(BadInputError, match="no case nonsense"):
        command.select(cases.load(), ["nonsense"], FIRST)


def test_what_was_measured_lost_nothing() -> None:
    facts = json.loads(record.OUT.read_text(encoding="utf-8"))
    assert [facts[what] for what in record.WRONG] == [0] * len(record.WRONG)


def test_a_real_image_is_tried_where_none_is_made_for_the_case(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "cache"))
    small_release.build(tmp_path / "build", "1", runnable=False)
    real = setting.check("28-containerd", tmp_path / "build")
    assert real.name == "28-containerd-real"
    chosen = command.select(cases.load(), [], real)
    assert {"power-cut-load", "controller-killed", "net-off-fetch"} <= set(chosen)
    assert not {"unhealthy", "corrupt-layer", "registry-down"} & set(chosen)
    with pytest.raises(BadInputError, match="an image of its own"):
        command.select(cases.load(), ["unhealthy"], real)
    for wrong in (("29", None), ("", tmp_path / "none")):
        with pytest.raises(BadInputError):
            setting.check(*wrong)


def test_points_are_spread_over_the_whole_phase() -> None:
    case = command.select(cases.load(), ["power-cut-switch"], FIRST, 40)["power-cut-switch"]
    assert case.repeat == 40
    site = sites.Site(sites.KINDS["guests"], Path(), (), {}, FIRST)
    # Twice, as after a run that was stopped in the middle.
    site.begun["power-cut-switch"] = 15
    rand = random.Random(1)  # noqa: S311
    points = sorted(device.point(site, case, rand) for _ in range(40))
    part = case.facts["after_s"] / 40
    assert [int(item / part) for item in points] == list(range(40))


@pytest.mark.parametrize("count", [1, 2, 3, 5, 40, 100])
def test_few_tries_are_spread_as_well(count: int) -> None:
    parts = [device.spread(number, count) for number in range(count)]
    assert sorted(parts) == list(range(count))
    first = {part * 4 // count for part in parts[: count // 5]}
    assert count < 40 or first == {0, 1, 2, 3}


def test_each_setting_is_tried_by_itself(tmp_path: Path) -> None:
    log = tmp_path / "tries.jsonl"
    record.append(log, "unhealthy", "s", Attempt(ended="stopped"), FIRST)
    record.append(log, "unhealthy", "s", Attempt(ended="stopped"), setting.check("28-containerd"))
    rows = record.read(log)
    assert [FIRST.of(row) for row in rows] == [True, False]
    # Tries of before settings were written down are of the first.
    assert FIRST.of({"case": "unhealthy"})
    summary = record.summary(rows, {"unhealthy": cases.load()["unhealthy"]})
    assert summary["by_setting"] == {"20.10, small image": 1, "28-containerd, small image": 1}
    assert summary["cuts_by_setting"] == {}


def test_power_cuts_are_counted_by_setting_and_phase(tmp_path: Path) -> None:
    log = tmp_path / "tries.jsonl"
    other = setting.check("28-containerd")
    for name, of in (("load", FIRST), ("load", FIRST), ("load", other), ("soak", other)):
        record.append(log, f"power-loss-{name}", "s", Attempt(ended="old"), of)
    record.append(log, "flushes-ignored", "s", Attempt(ended="whole"), other)
    summary = record.summary(record.read(log), cases.load())
    assert summary["cuts_by_setting"] == {
        "20.10, small image": {"power-loss-load": 2},
        "28-containerd, small image": {"power-loss-load": 1, "power-loss-soak": 1},
    }
    lines = page.table(summary).splitlines()
    assert "| power cuts, each at a point of its own | power-loss-load | power-loss-soak |" in lines
    assert "| 20.10, small image | 2 | 0 |" in lines


def test_a_release_of_a_real_image_is_its_next_build(tmp_path: Path) -> None:
    first = small_release.build(tmp_path / "build", "1", bulk=100, runnable=False)
    real = setting.check("", first.folder)
    site = sites.Site(sites.KINDS["guests"], tmp_path / "site", (), {}, real)
    releases = [site.release(sign=False, bulk=1000) for _ in range(2)]
    assert len({release.image_id for release in (first, *releases)}) == 3
    for item in releases:
        assert [row.diff_id for row in item.layers[:-1]] == [row.diff_id for row in first.layers]
        assert item.layers[-1].size >= 1000


def test_tries_without_a_promise_are_counted_apart(tmp_path: Path) -> None:
    log = tmp_path / "tries.jsonl"
    for ended, seconds in (("old", 10.0), ("old", 20.0), ("old", 60.0)):
        record.append(log, "power-loss-load", "s", Attempt(ended=ended, seconds=seconds), FIRST)
    record.append(
        log, "power-loss-load", "s", Attempt(lost=["a"], ended="lost", seconds=15.0), FIRST
    )
    for ended in ("lost", "whole"):
        attempt = Attempt(ended=ended, seconds=30.0)
        record.append(log, "flushes-ignored", "s", attempt, FIRST)
    text = page.table(record.summary(record.read(log), cases.load()))
    assert "**4 tries, 1 lost, 0 false successes**" in text
    assert "Besides, `flushes-ignored`, which promises nothing: 2 tries, 1 lost, 1 whole." in text
    rows = {line.split(" | ")[0]: line for line in text.splitlines() if line.startswith("| ")}
    assert "| 4 | 1 | 0 | 1 lost, 3 old | " in rows["| power-loss-load"]
    assert "| 2 | - | - | 1 lost, 1 whole | " in rows["| flushes-ignored"]
    assert "power-loss-load 18 s, at most 60 s; flushes-ignored 30 s, at most 30 s" in text
