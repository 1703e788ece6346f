"""What the user sees of a rollout on a terminal."""

from __future__ import annotations

from pathlib import Path

import pytest

from jetson_kit.ansible_driver.events import Event
from jetson_kit.fleet.rollout import live
from jetson_kit.fleet.rollout.plan import Plan
from jetson_kit.fleet.rollout.rollout import Rollout
from tests.unit import fleet_sim


def test_each_device_has_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever a device says stands there as it said it: brackets are no markup."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    world = fleet_sim.world({"one": "", "two": "full"})
    plan = Plan(canary=1, batches=(1,), soak_s=1, stop_at=2, latency_factor=0, verify="none")
    journal = fleet_sim.journal(tmp_path / "r1.jsonl", world, plan)
    with live.View(tmp_path / "log") as view:
        journal.listener = view.line
        view.event(Event("two", "image : Load", "failed", "[/full] [Errno 28]", {}))
        Rollout(journal, plan, world, world, known=(journal.record.id,)).run()
        journal.append("host", host="two", state="failed", why="[/full] [Errno 28] no space")
    shown = capsys.readouterr().err
    assert "[/full] [Errno 28] no space" in shown
    assert "confirmed" in shown
    assert "two: [/full] [Errno 28]" in (tmp_path / "log").read_text()
