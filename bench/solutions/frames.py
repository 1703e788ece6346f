"""`python -m bench.solutions.frames FILE.npz COUNT`: the frames that are measured, a film a key.

Runs in the environment `vision`.
"""

from __future__ import annotations

import sys
from itertools import islice

import numpy as np

from tests.vision import media


def main() -> None:
    """Write the frames (n, height, width, 3)."""
    path, count = sys.argv[1], int(sys.argv[2])
    films = {
        "face": islice(media.video("Megamind.avi"), count),
        "hand": media.moving("hand.jpg", count),
        "person": media.moving("messi5.jpg", count),
    }
    np.savez(path, **{name: np.stack(list(frames)) for name, frames in films.items()})


main()
