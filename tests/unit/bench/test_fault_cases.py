"""How the bench of faults judges what it saw, and its cases."""

from __future__ import annotations

import json
import random
import re
from dataclasses import replace
from pathlib import Path

import pytest

from bench.faults import (
    cases,
    command,
    device,
    inside,
    setting,
    small_release,
    trial,
)
from bench.faults import site as sites
from bench.faults.inside import Inside
from jetson_kit.core.errors import BadInputError
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
    ("seen", "expected"),
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
def test_what_is_a_lost_device(seen: Inside, expected: str) -> None:
    result = inside.unwell({"a": seen}, BOTH)
    assert [expected in item for item in result] == ([True] if expected else [])


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


def test_a_case_that_is_none_is_refused() -> None:
    assert set(command.select(cases.load(), ["guests"], FIRST)) == {
        name for name, case in cases.load().items() if case.on == "guests"
    }
    with pytest.raises(BadInputError, match="no case nonsense"):
        command.select(cases.load(), ["nonsense"], FIRST)


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


def test_a_release_of_a_real_image_is_its_next_build(tmp_path: Path) -> None:
    first = small_release.build(tmp_path / "build", "1", bulk=100, runnable=False)
    real = setting.check("", first.folder)
    site = sites.Site(sites.KINDS["guests"], tmp_path / "site", (), {}, real)
    releases = [site.release(sign=False, bulk=1000) for _ in range(2)]
    assert len({release.image_id for release in (first, *releases)}) == 3
    for item in releases:
        assert [row.diff_id for row in item.layers[:-1]] == [row.diff_id for row in first.layers]
        assert item.layers[-1].size >= 1000
