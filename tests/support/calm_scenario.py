"""The scenario of bench.simulation without any background of failures."""

from __future__ import annotations

import copy

from bench.simulation import scenario as scenarios
from bench.simulation.scenario import Scenario

NEVER = {"value": 0, "reason": "nothing goes wrong here but what a test says"}


def calm() -> Scenario:
    """Return it: no board is off, full, busy or lost, no link is cut, no clock is wrong."""
    body = copy.deepcopy(dict(scenarios.load().body))
    for name in ("off", "lost", "full", "hold"):
        body["boards"][name] = NEVER
    body["sites"]["clock_ahead"] = NEVER
    body["links"]["between_cuts"] = {"value": 1e9, "reason": NEVER["reason"]}
    return Scenario(body)
