"""A board that is good, and what may become of the files of its state."""

from __future__ import annotations

import json
import time
from typing import Any

from tests.fleet.board import LIB, Board

# What becomes of a file of the state, in the board's shell.
DAMAGES = {
    "missing": "rm {}",
    "empty": ": > {}",
    "cut": "truncate --size 40 {}",
    "garbage": "head -c 300 /dev/urandom > {}",
    "a FIFO": "rm {0}; mkfifo {0}",
    "a folder": "rm {0}; mkdir -p {0}/inner",
    "a link": "mv {0} {0}.x; ln -s {0}.x {0}",
    "another's": "chown 10001 {}",
}
FILES = ("state.json", "state.copy.json", "current.env", "pending", "releases/*.json")


def good(board: Board) -> str:
    """Return the image that the board is on for good, healthy, with one before it."""
    for _ in range(3):
        body = _healthy(board)
        if body:
            return str(body["current"]["image_id"])
        board.good(board.release())
    raise AssertionError(json.dumps(board.status()))


def _healthy(board: Board, limit_s: float = 60.0) -> dict[str, Any] | None:
    """Return the status of a board that is good; None at the limit, or where waiting is no use."""
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        body = board.status()
        # Docker's own check may come later than the program's, which has ended the switch.
        if not (body["previous"] and body["settled"]):
            return None
        if body["running"]["health"] == "healthy":
            return body
        time.sleep(0.3)
    return None


def restarted(board: Board, image_id: str) -> None:
    """Restart the unit; it must run that image, and say so."""
    board.run("systemctl restart mediapipe.service")
    assert board.settle(image_id)["state_problems"] == []


def damaged(board: Board, name: str, damage: str) -> list[str]:
    """Damage the files of that name; return them."""
    files = board.run(f"ls -d {LIB}/{name} 2>/dev/null || echo {LIB}/{name}").split()
    board.run("; ".join(f"touch {file}; {DAMAGES[damage].format(file)}" for file in files))
    return files
