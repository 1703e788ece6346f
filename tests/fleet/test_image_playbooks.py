"""The playbooks of a rollout on a virtual device: fetch, switch, confirm, rollback, status."""

from __future__ import annotations

from typing import Any

import pytest

from jetson_kit.ansible_driver import ansible
from jetson_kit.fleet.release import release as releases
from jetson_kit.fleet.release.release import Release
from tests.fleet.board import Board
from tests.fleet.small_release import UNHEALTHY

pytestmark = [pytest.mark.docker, pytest.mark.slow]


def play(board: Board, name: str, **variables: Any) -> ansible.Outcome:
    return ansible.run(ansible.Job(name, board.inventory, hosts=(board.host,), variables=variables))


def fetch(board: Board, release: Release) -> ansible.Outcome:
    return play(
        board,
        "fetch",
        image_release=str(release.path),
        image_layers=str(releases.layers(release)),
        image_retry_delay_s=1,
    )


def test_a_rollout_by_hand(board: Board) -> None:
    old, new = board.release(), board.release()
    board.good(old)
    assert not fetch(board, new).failed
    assert board.running() == old.image_id
    assert fetch(board, new).changed == 0
    why = 'why: it\'s a "test" 100 %'
    assert not play(board, "switch", image_id=new.image_id, image_why=why).failed
    assert board.status()["current"]["why"] == why
    assert not play(board, "confirm", image_id=new.image_id).failed
    assert play(board, "switch", image_id=new.image_id).changed == 0
    board.settle(new.image_id)
    assert play(board, "status").changed == 0
    assert not play(board, "rollback", image_why="back").failed
    board.settle(old.image_id)


def test_a_device_that_went_back_counts_as_failed(board: Board) -> None:
    old, bad = board.release(), board.release(UNHEALTHY)
    board.good(old)
    assert not fetch(board, bad).failed
    assert play(board, "switch", image_id=bad.image_id).failed
    board.settle(old.image_id)
