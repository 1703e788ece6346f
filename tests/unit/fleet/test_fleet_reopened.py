"""A rollout that has ended and is opened again by its journal: reviewed, and taken back."""

from __future__ import annotations

import pytest

from jetson_kit.fleet import check, controller
from jetson_kit.fleet.rollout import command, page, take_back
from jetson_kit.fleet.rollout import journal as journals
from jetson_kit.fleet.rollout.plan import Plan
from tests.unit import fleet_sim as sim

ID = "20260101-000000-abc"


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collect how the rollouts had ended of which pages are written."""
    result: list[str] = []
    monkeypatch.setattr(page, "write", lambda record, *_: result.append(record.ended))
    return result


@pytest.fixture
def world(pages: list[str], monkeypatch: pytest.MonkeyPatch) -> sim.World:
    """Return a fleet of which a rollout has ended, in the controller's folder."""
    at = sim.world({"a": "", "b": ""})
    path = controller.rollouts(controller.state_dir()) / f"{ID}.jsonl"
    assert sim.run(path, at, Plan(canary=1, soak_s=30, poll_s=10)).ended == journals.ALL
    monkeypatch.setattr(check, "check", lambda *_, **__: ())
    monkeypatch.setattr(command, "Ssh", lambda *_: at)
    assert pages == []
    return at


def test_its_hosts_are_asked_once_more(world: sim.World, pages: list[str]) -> None:
    assert command.resume(ID, quiet=True).ended == journals.ALL
    world.boards["b"].image = sim.OLD
    record = command.resume(ID, quiet=True)
    assert record.hosts["a"].state == "confirmed"
    assert record.hosts["b"].state != "confirmed"
    assert pages == [journals.ALL, record.ended]


def test_all_of_it_is_taken_back(world: sim.World, pages: list[str]) -> None:
    for _ in range(2):
        record = take_back.take_back(ID, "a word", quiet=True)
        assert record.stop == "a word"
        assert {host.state for host in record.hosts.values()} == {"rolled-back"}
        assert {board.image for board in world.boards.values()} == {sim.OLD}
    assert pages == [record.ended] * 2
