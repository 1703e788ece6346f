"""How an engine numbers its containers' users: as this machine does, or otherwise.

An engine without root gives the user who started it the number 0; `userns-remap` gives nobody one.
"""

from __future__ import annotations

import re

from jetson_kit.containers import engine

ROOTLESS = "rootless"
REMAPPED = "userns"
NAME = re.compile(r"name=(\w+)")


def numbering() -> str:
    """Return ROOTLESS or REMAPPED; "" where a container's numbers are this machine's."""
    options = engine.client().info().get("SecurityOptions") or ()
    names = {match[1] for option in options if (match := NAME.match(str(option)))}
    return next((kind for kind in (ROOTLESS, REMAPPED) if kind in names), "")
