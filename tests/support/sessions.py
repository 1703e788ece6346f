"""What lives on of a command that was started in a session of its own."""

from __future__ import annotations

from pathlib import Path


def of_session(session: int) -> list[str]:
    """Return numbers and names of the processes of a session that live."""
    result = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            head, _, rest = entry.read_text().rpartition(")")
        except OSError:
            continue
        if int(rest.split()[3]) == session and rest.split()[0] != "Z":
            result.append(head)
    return result
