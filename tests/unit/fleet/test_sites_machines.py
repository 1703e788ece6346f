"""One board in the inventories of two sites, by other names and addresses: found by its machine."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from jetson_kit.core.errors import CheckFailedError
from jetson_kit.fleet.rollout import journal as journals
from jetson_kit.fleet.rollout.hosts import Hosts
from jetson_kit.fleet.rollout.journal import Host, Record
from jetson_kit.fleet.rollout.rollout import Rollout
from jetson_kit.fleet.sites import command
from jetson_kit.fleet.sites.journal_copy import JournalCopy
from jetson_kit.fleet.sites.machines import Machines
from jetson_kit.fleet.sites.plan import SitesPlan
from jetson_kit.fleet.sites.rollout import SitesRollout
from tests.unit import fleet_sim as sim
from tests.unit.fleet.simulated_sites import BOARDS, PLAN, Mesh, again, begin, go, mesh, states

ONE = "1" * 64
SAME = "are the same machine; keep it at one site, and begin a new rollout"
LAX = SitesPlan(dataclasses.replace(BOARDS, stop_at=9), stop_at=9, stop_sites=9)


def shared(folder: Path, *boards: str) -> Mesh:
    """Return three sites where these boards are one machine, and each other one its own."""
    at = mesh(folder)
    for world in at.worlds.values():
        for name, board in world.boards.items():
            board.machine = ONE if name in boards else f"{name:0>64}"
    return at


def test_every_board_with_a_machine_of_its_own_is_rolled_out(tmp_path: Path) -> None:
    at = shared(tmp_path)
    assert (go(at).ended, at.images()) == ("all", "nnnnnn")


def test_the_site_of_a_later_wave_fails_and_both_boards_are_named(tmp_path: Path) -> None:
    at = shared(tmp_path, "a1", "b2")
    record = go(at, LAX)
    assert (record.ended, states(record)) == ("some", "done failed done")
    assert record.sites["b"].why == f"b/b2 and a/a1 {SAME}"
    assert (record.sites["b"].failed, record.sites["b"].tried) == (2, 2)
    # Asked again, it is the same site.
    assert states(again(at)) == "done failed done"
    with pytest.raises(CheckFailedError) as raised:
        command.judge(record)
    assert "--resume" not in raised.value.line()
    assert raised.value.line().endswith(SAME.partition("; ")[2])


def test_it_counts_against_the_limit_of_sites(tmp_path: Path) -> None:
    at = shared(tmp_path, "a1", "b2")
    record = go(at, PLAN)
    assert record.ended == "stopped"
    assert f"b/b2 and a/a1 {SAME}" in (record.stop or "")
    # The stop's scope is the wave; what the canary site had is as it was.
    assert at.images() == "nnoooo"


def in_order(names: Sequence[str], do: Callable[[str], None]) -> None:
    for name in names:
        do(name)


def in_reverse(names: Sequence[str], do: Callable[[str], None]) -> None:
    in_order(tuple(reversed(names)), do)


@pytest.mark.parametrize("together", [in_order, in_reverse])
def test_in_one_wave_it_is_the_same_site_whoever_answers_first(
    tmp_path: Path, together: Callable[[Sequence[str], Callable[[str], None]], None]
) -> None:
    at = shared(tmp_path, "b1", "c1")
    journal = begin(at, LAX)
    record = SitesRollout(journal, LAX, at, together).run()
    journal.close()
    assert states(record) == "done done failed"
    assert record.sites["c"].why == f"c/c1 and b/b1 {SAME}"


def test_one_machine_at_three_sites(tmp_path: Path) -> None:
    record = go(shared(tmp_path, "a2", "b1", "c2"), LAX)
    assert states(record) == "done failed failed"
    assert record.sites["c"].why == f"c/c2 and a/a2 {SAME}"


def test_it_is_known_before_anything_is_switched(tmp_path: Path) -> None:
    at = shared(tmp_path, "a1", "b2").worlds["b"]
    machines = Machines(("a", "b"))
    machines.put("a", Record(hosts=Hosts([("a1", Host("a1", machine=ONE))])))
    plan = dataclasses.replace(BOARDS, canary=0)
    known: list[tuple[str, int]] = []
    journal = sim.journal(tmp_path / "r.jsonl", at, plan)

    def listen(line: object, record: Record) -> None:
        machines.put("b", record)
        if machines.wrong and not known:
            known.append((machines.wrong["b"], record.waves_begun))

    sim.DyingJournal.world = at
    journal.listener = listen
    Rollout(journal, plan, at, at).run()
    assert known == [(f"b/b2 and a/a1 {SAME}", 0)]


@pytest.mark.parametrize("machine", [None, 1, [ONE], {"x": ONE}, "", True])
def test_what_a_stolen_site_says_is_no_machine(tmp_path: Path, machine: object) -> None:
    copy = JournalCopy(tmp_path / "b.jsonl")
    at = sim.world({"b1": ""})
    sim.run(tmp_path / "r.jsonl", at, BOARDS)
    first = (tmp_path / "r.jsonl").read_text().splitlines()[0]
    copy.add(first)
    body = {"seq": 1, "at": "x", "event": "host", "host": "b1", "machine": machine}
    record = copy.add(json.dumps(body))
    assert record is not None
    machines = Machines(("a", "b"))
    for site in ("a", "b"):
        machines.put(site, record)
    assert machines.wrong == {}


def test_a_journal_of_an_earlier_kit_has_no_machines(tmp_path: Path) -> None:
    at = sim.world({"b1": "", "b2": ""})
    sim.run(tmp_path / "r.jsonl", at, BOARDS)
    assert "machine" not in (tmp_path / "r.jsonl").read_text()
    assert {host.machine for host in journals.read(tmp_path / "r.jsonl").hosts.values()} == {""}
