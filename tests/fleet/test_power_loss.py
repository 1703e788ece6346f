"""Power cuts at a few writes of each phase of a recorded rollout: what bench.faults drives does."""

from __future__ import annotations

import math
import tempfile
from collections import Counter
from pathlib import Path

import pytest

from bench.faults import bring_up, cases, command, power_loss, setting
from bench.faults import site as sites
from jetson_kit.core.progress import Progress
from jetson_kit.virtual_devices import drives, engines, leftovers, store
from tests.support.here import cannot_run_here, skip_without

pytestmark = [pytest.mark.docker, pytest.mark.slow]
POINTS = 4


@pytest.mark.parametrize("engine", engines.names())
def test_a_power_cut_after_any_write_loses_nothing(engine: str) -> None:
    skip_without("rsync", "busybox", "qemu-storage", "e2fsck")
    if why := drives.usable():
        cannot_run_here(why)
    requested = setting.check(engine)
    chosen = command.select(cases.load(), ["drives"], requested, POINTS)
    todo = {name: (case, POINTS) for name, case in chosen.items()}
    # A state folder's path is limited: sockets lie in it.
    with tempfile.TemporaryDirectory(prefix="kit-") as folder:
        with bring_up.up(sites.KINDS["drives"], Path(folder), Progress(), requested) as site:
            rows = list(power_loss.tries(site, todo, math.inf))
            place, state_id = store.state_dir(), store.state_id()
        assert leftovers.find(place, state_id) == set()
    assert Counter(name for name, _, _ in rows) == dict.fromkeys(todo, POINTS)
    assert [row for row in rows if not row[2].good] == []
