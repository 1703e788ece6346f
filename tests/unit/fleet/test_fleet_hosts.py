"""The mapping of a journal's hosts: as a dict, and cheap to change in a copy."""

from __future__ import annotations

import random

import pytest

from jetson_kit.fleet.rollout.hosts import CHUNK, Hosts

MANY = {f"board-{number}": number for number in range(3 * CHUNK + 7)}


def test_it_is_as_a_dict_that_was_changed_as_often() -> None:
    known, choose = dict(MANY), random.Random(1)  # noqa: S311
    hosts = Hosts(known.items())
    for number in range(2000):
        name = choose.choice(list(MANY))
        known[name] = -number
        hosts = hosts.replaced(name, -number)
    assert dict(hosts) == known
    assert hosts == known
    assert list(hosts) == list(known)
    assert len(hosts) == len(known)


def test_a_copy_leaves_the_one_before_as_it_was() -> None:
    before = Hosts(MANY.items())
    after = before.replaced("board-300", -1)
    assert (before["board-300"], after["board-300"]) == (300, -1)


@pytest.mark.parametrize("count", [0, 1, CHUNK - 1, CHUNK, 3 * CHUNK])
def test_several_at_once(count: int) -> None:
    rows = dict.fromkeys(list(MANY)[:count], -1)
    assert Hosts(MANY.items()).all_replaced(rows) == {**MANY, **rows}


def test_a_name_that_is_not_there_is_an_error() -> None:
    hosts = Hosts(MANY.items())
    with pytest.raises(KeyError):
        hosts.replaced("x", 1)
    with pytest.raises(KeyError):
        hosts.all_replaced({"x": 1})
    with pytest.raises(KeyError):
        hosts["x"]
    assert not Hosts[int]()
