"""Provisioning says how many boards are through with each role."""

from __future__ import annotations

import pytest
import yaml

from jetson_kit.ansible_driver.events import Event
from jetson_kit.core.paths import COLLECTION
from jetson_kit.fleet.role_progress import LAST_CHECK, LINES, ROLES, RoleProgress

CHECKS = ("jetson_facts", "docker_engine", "nvidia_runtime", "power_mode")


def lines(boards: int, events: list[tuple[str, str, str]]) -> list[str]:
    """Return the lines, without the time, for events of (host, role, status)."""
    printed: list[str] = []
    progress = RoleProgress(boards, printed.append)
    for host, role, status in events:
        progress.event(Event(host, f"{role} : Do it" if role else "Gather facts", status, "", {}))
    return [line.partition(" s  ")[2] for line in printed]


def good(names: list[str], *roles: str) -> list[tuple[str, str, str]]:
    return [(name, role, "ok") for role in roles for name in names]


def test_the_roles_are_the_playbooks() -> None:
    text = (COLLECTION / "playbooks" / "provision.yml").read_text(encoding="utf-8")
    [play] = yaml.safe_load(text)
    assert [row["role"].rpartition(".")[2] for row in play["roles"]] == list(ROLES)
    assert play["pre_tasks"][-1]["loop"][-1] == LAST_CHECK


def test_what_only_looks_is_not_done() -> None:
    """Checks go through roles, too, and roles call one another."""
    assert lines(2, good(["a", "b"], *CHECKS)) == []
    roles = ("docker_engine", "jetson_facts", "docker_engine", "nvidia_runtime", "docker_engine")
    assert lines(2, good(["a", "b"], *CHECKS, *roles, "")) == [
        "docker_engine done on 1 of 2 boards",
        "docker_engine done on 2 of 2 boards",
    ]


def test_a_board_that_failed_is_told_and_is_not_done() -> None:
    begun = good(["a", "b"], *CHECKS, "docker_engine")
    events = [*begun, ("a", "docker_engine", "failed"), ("b", "nvidia_runtime", "skipped")]
    assert lines(2, events) == ["docker_engine done on 1 of 2 boards, 1 failed"]
    rescued = good(["a"], "docker_engine", "nvidia_runtime")
    assert lines(1, [*begun[::2], ("a", "docker_engine", "failed"), *rescued]) == [
        "docker_engine done on 1 of 1 board"
    ]


@pytest.mark.parametrize("boards", [1, 9, 10, 25, 500])
def test_many_boards_are_few_lines_and_the_last_one_has_all(boards: int) -> None:
    names = [f"b{number}" for number in range(boards)]
    printed = lines(boards, good(names, *CHECKS, "docker_engine", "nvidia_runtime"))
    assert len(printed) <= 2 * LINES
    assert printed[-1].startswith(f"docker_engine done on {boards} of {boards} board")
