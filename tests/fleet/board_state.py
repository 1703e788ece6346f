"""A board that is good, and what may become of the files of its state."""

from __future__ import annotations

from tests.fleet.board import LIB, Board

# What becomes of a file of the state, in the board's shell.
DAMAGES = {
    "missing": "rm {}",
    "empty": ": > {}",
    "cut": "truncate --size 40 {}",
    "garbage": "head -c 300 /dev/urandom > {}",
    "a folder": "rm {0}; mkdir -p {0}/inner",
    "a link": "mv {0} {0}.x; ln -s {0}.x {0}",
    "another's": "chown 10001 {}",
}
FILES = ("state.json", "state.copy.json", "current.env", "pending", "releases/*.json")


def good(board: Board) -> str:
    """Return the image that the board is on for good, healthy, with one before it."""
    body = board.status()
    while not (body["previous"] and body["settled"] and body["running"]["health"] == "healthy"):
        board.good(board.release())
        body = board.status()
    current: str = body["current"]["image_id"]
    return current


def restarted(board: Board, image_id: str) -> None:
    """Restart the unit; it must run that image, and say so."""
    board.run("systemctl restart mediapipe.service")
    assert board.settle(image_id)["state_problems"] == []


def damaged(board: Board, name: str, damage: str) -> list[str]:
    """Damage the files of that name; return them."""
    files = board.run(f"ls -d {LIB}/{name} 2>/dev/null || echo {LIB}/{name}").split()
    board.run("; ".join(f"touch {one}; {DAMAGES[damage].format(one)}" for one in files))
    return files
