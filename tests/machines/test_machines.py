"""Bare machines with engines of their own: each is set up from nothing, and all make one image."""

from __future__ import annotations

import pytest

from bench.machines import rows, trial
from bench.machines.rows import Row

pytestmark = [pytest.mark.network, pytest.mark.docker, pytest.mark.qemu, pytest.mark.slow]
# What `./inv test` does on such machines is bench.machines' to try: a test would run all tests.
ROWS = [row for row in rows.load() if row.words[0] == "build"]


@pytest.fixture(scope="module")
def results() -> dict[str, trial.Result]:
    """Return what was tried so far: a machine is up for one test alone."""
    return {}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_it_ends_as_it_must(row: Row, results: dict[str, trial.Result]) -> None:
    log: list[str] = []
    results[row.name] = trial.run(row, log)
    assert results[row.name].fault == "", "\n".join(log[-30:])


@pytest.mark.parametrize("part", ["packages", "layers", "config", "archive"])
def test_all_images_are_the_same_bytes(part: str, results: dict[str, trial.Result]) -> None:
    images = {name: result.bytes for name, result in results.items() if result.bytes}
    assert len(images) == sum(row.image for row in ROWS)
    assert len({getattr(item, part) for item in images.values()}) == 1, images
    assert len({result.system for result in results.values()}) >= 3
    assert {result.store.split()[0] for result in results.values() if result.bytes} == {
        "classic",
        "containerd",
    }
