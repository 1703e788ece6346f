"""What a build asks of a new image: one inference, and what is here and imports meanwhile.

No command of the image: the kit runs `python3 -m mediapipe_jetson.first_start FRAMES`. On an
emulated core each import takes long, so the inference begins before anything else is imported.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from mediapipe_jetson.forked import Forked


def main(arguments: Sequence[str]) -> int:
    """Print the document; return 0 whatever its verdict, another code if there is none."""
    with Forked(int(arguments[0])) as forked:
        from mediapipe_jetson import first_start_document  # noqa: PLC0415 # slow to import

        return first_start_document.print_document(forked)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
