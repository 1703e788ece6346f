"""What a site answers, in words that both ends know: it loads none of the work itself."""

from __future__ import annotations

from typing import Any

from jetson_kit.core.errors import KitError

PROTOCOL = 1
NOTHING = "nothing"
"""Result of taking back a rollout that never began at a site."""
OUTCOME = ".outcome"
"""Suffix of the file beside a request that says what its worker came to."""


def failure(error: KitError) -> dict[str, Any]:
    """Return an error as a line; an inventory's has all of its faults."""
    message = error.line().removeprefix("error: ")
    if error.cure:
        message = message.removesuffix(f"; {error.cure}")
    return {
        "kind": "error",
        "exit_code": error.exit_code,
        "message": message,
        "hint": error.cure,
    }
