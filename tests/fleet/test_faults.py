"""A few of the faults of bench.faults, each time: kills of the controller, and one on a device."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bench.faults import bring_up, cases, kills, setting, trial
from bench.faults import site as sites
from bench.faults.site import Site
from jetson_kit.core.progress import Progress
from tests.support.here import skip_without

pytestmark = [pytest.mark.docker, pytest.mark.slow]
KILLS = 3


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    skip_without("rsync", "busybox")
    # A state folder's path is limited: sockets lie in it.
    with tempfile.TemporaryDirectory(prefix="kit-") as folder:
        two = replace(sites.KINDS["containers"], count=2)
        with bring_up.up(two, Path(folder), Progress(), setting.check()) as result:
            yield result


def test_a_killed_controller_is_resumed_to_the_same_end(site: Site) -> None:
    case = cases.load()["controller-killed"]
    attempts = list(kills.controller(site, case, KILLS, random.Random(1)))  # noqa: S311
    assert len(attempts) == KILLS
    assert [attempt for attempt in attempts if not attempt.good] == []


def test_dockerd_killed_in_the_switch_loses_nothing(site: Site) -> None:
    chosen = [cases.load()[name] for name in ("dockerd-killed-switch", "dockerd-restarted-switch")]
    attempts = trial.run(site, chosen, "ci")
    assert [attempt for attempt in attempts if not attempt.good] == []
