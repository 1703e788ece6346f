"""One try: the function that a case names, then a good release to all."""

from __future__ import annotations

import importlib
import random
import time
from collections.abc import Callable, Sequence
from typing import cast

from bench.faults import device
from bench.faults.cases import Attempt, Case
from bench.faults.site import Site

Body = Callable[[Site, Case, Attempt, random.Random], None]


def run(site: Site, chosen: Sequence[Case], seed: str) -> list[Attempt]:
    """Try a case, or those of one group in one rollout; then bring all devices to a good image."""
    tries = [Attempt() for _ in chosen]
    started = time.monotonic()
    rand = random.Random(seed)  # noqa: S311 # not for secrets
    if chosen[0].group:
        device.many(site, list(zip(chosen, tries, strict=True)), rand)
    else:
        body(chosen[0])(site, chosen[0], tries[0], rand)
    problems = site.renew()
    took = round(time.monotonic() - started, 1)
    for attempt in tries:
        attempt.next_failed += problems
        attempt.seconds = attempt.seconds or took
    return tries


def body(case: Case) -> Body:
    """Return the function that a row names."""
    module, _, name = case.how.partition(":")
    return cast("Body", getattr(importlib.import_module(f"{__package__}.{module}"), name))
