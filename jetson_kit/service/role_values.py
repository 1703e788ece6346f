"""The values that the roles allow, by the collection's own table: plugins/filter/allowed.json."""

from __future__ import annotations

import runpy
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from jetson_kit.core.paths import COLLECTION

PLUGIN = COLLECTION / "plugins" / "filter" / "allowed.py"


def faults(variables: Mapping[str, Any]) -> list[str]:
    """Return a line for each value that no role takes: what it is; then what is allowed."""
    return _plugin()(variables)


@cache
def _plugin() -> Callable[[Mapping[str, Any]], list[str]]:
    """Return the function of Ansible's filter plugin, which needs nothing of Ansible."""
    result: Callable[[Mapping[str, Any]], list[str]] = runpy.run_path(str(PLUGIN))["faults"]
    return result
