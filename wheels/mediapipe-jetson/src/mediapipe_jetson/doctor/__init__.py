"""`doctor`: why MediaPipe does not run on the GPU here, and what to do."""

from __future__ import annotations

import sys
from collections.abc import Sequence

OLDEST = (3, 9)


def main(arguments: Sequence[str]) -> int:
    """Run the checks; return 0 if nothing is bad, 1 if something is."""
    if sys.version_info < OLDEST:  # from a source tree; the rest does not load then
        print(
            f"error: Python {sys.version_info[0]}.{sys.version_info[1]} is too old for the wheel; "
            "use Python 3.9 or later, or run this in the kit's image",
            file=sys.stderr,
        )
        return 1
    from mediapipe_jetson.doctor import cli  # noqa: PLC0415 # needs Python 3.9

    return cli.main(arguments)
