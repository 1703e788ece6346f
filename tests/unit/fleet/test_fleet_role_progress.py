"""Provisioning says how many boards are through with each role."""

from __future__ import annotations

import pytest

from jetson_kit.ansible_driver.events import Event
from jetson_kit.fleet.role_progress import LINES, RoleProgress


def lines(boards: int, events: list[tuple[str, str, str]]) -> list[str]:
    """Return what is said without the time, of events of (host, role, status)."""
    said: list[str] = []
    progress = RoleProgress(boards, said.append)
    for host, role, status in events:
        progress.event(Event(host, f"{role} : Do it" if role else "Gather facts", status, "", {}))
    return [line.partition(" s  ")[2] for line in said]


def test_each_board_that_goes_on_counts() -> None:
    events = [(name, role, "ok") for role in ("", "engine", "image") for name in ("a", "b")]
    assert lines(2, events) == ["engine done on 1 of 2 boards", "engine done on 2 of 2 boards"]


def test_a_board_that_failed_is_told_and_is_not_done() -> None:
    events = [("a", "engine", "failed"), ("b", "engine", "ok"), ("b", "image", "skipped")]
    assert lines(2, events) == ["engine done on 1 of 2 boards, 1 failed"]
    events = [("a", "engine", "failed"), ("a", "engine", "ok"), ("a", "image", "ok")]
    assert lines(1, events) == ["engine done on 1 of 1 board"]


@pytest.mark.parametrize("boards", [1, 9, 10, 25, 500])
def test_many_boards_are_few_lines_and_the_last_one_has_all(boards: int) -> None:
    names = [f"b{number}" for number in range(boards)]
    events = [(name, role, "ok") for role in ("engine", "image") for name in names]
    said = lines(boards, events)
    assert len(said) <= 2 * LINES
    assert said[-1].startswith(f"engine done on {boards} of {boards} board")
