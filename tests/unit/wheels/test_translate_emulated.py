"""Translated instructions against the original on emulated cores, many threads, and unwinding."""

from __future__ import annotations

import struct

import pytest

from bench.translate import cases, differential, player, threads
from bench.translate.command import SEED, STATES
from bench.translate.player import STATE
from jetson_kit.wheels.translate import table

pytestmark = [pytest.mark.qemu, pytest.mark.network, pytest.mark.slow]
WORDS = cases.possible()
LDADD = 0xB8220083


@pytest.fixture(scope="module")
def pool() -> list[bytes]:
    return player.states(STATES, SEED)


@pytest.mark.parametrize("feature", ["lrcpc", "atomics", "asimddp", "asimdhp", "fphp"])
def test_every_state_is_as_the_original_leaves_it(feature: str, pool: list[bytes]) -> None:
    instructions = [
        word for word in WORDS if (row := cases.row_of(word)) and row.feature == feature
    ]
    assert instructions
    done = differential.compare(player.build(), instructions, pool)
    assert done.states >= STATES * len(instructions) * 0.9
    assert not done.mismatches
    assert feature in ("asimdhp", "fphp") or not done.nan_payloads


def test_all_kinds_that_are_replaced_are_compared() -> None:
    compared = {row.name for word in WORDS if (row := cases.row_of(word))}
    assert compared == {row.name for row in table.rows() if row.lower}


def changed(state: bytes, at: int) -> bytes:
    return state[:at] + bytes([state[at] ^ 1]) + state[at + 1 :]


@pytest.mark.parametrize(
    ("at", "what"),
    [(8 * 5, "x5"), (8 * 31, "sp"), (256, "flags"), (272 + 16 * 3, "v3"), (790, "memory")],
)
def test_a_difference_anywhere_is_found(at: int, what: str, pool: list[bytes]) -> None:
    assert what in differential.difference(pool[0], changed(pool[0], at), 0)
    assert not differential.difference(pool[0], pool[0], 0)


def test_a_wrong_sequence_is_found(pool: list[bytes]) -> None:
    """The player's own check: another instruction leaves another state."""
    program = player.build()
    row = cases.row_of(LDADD)
    assert row
    right = cases.case(LDADD, row, (LDADD,))
    wrong = cases.case(LDADD, row, (LDADD ^ 0x1000,))  # LDCLR
    content, other = player.play(program, [right, wrong], pool, "max"), STATE.size * len(pool)
    assert content[:other] != content[other:]


def test_flags_survive_where_the_original_keeps_them(pool: list[bytes]) -> None:
    word = 0x38625083  # ldsminb w2, w3, [x4]
    row = cases.row_of(word)
    assert row
    result = cases.translated(word, row, 0)
    assert result
    raw = player.play(player.build(), [cases.case(word, row, result[0])], pool, "cortex-a57")
    for before, after in zip(pool, next(player.results(raw, len(pool))), strict=True):
        assert struct.unpack_from("<Q", before, 256) == struct.unpack_from("<Q", after, 256)


def test_counts_of_many_threads_are_right_and_unwinding_passes_translated_code() -> None:
    done = threads.run(threads=8, rounds=2000)
    assert done.sites >= 14
