"""What a build asks of a new image, in one process: what is here, what imports, one inference.

No command of the image: the kit runs `python3 -m mediapipe_jetson.first_start FRAMES`.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import platform
import ssl
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from mediapipe_jetson import exit_codes, info, landmarks, selftest
from mediapipe_jetson.models import models_folder

SCHEMA = "mediapipe-jetson/first-start/1"
IMPORTS = ("cv2", "numpy")
TIMEOUT_S = 300.0


def document(frames: int) -> dict[str, Any]:
    """Return the JSON document; `selftest` runs in its own process meanwhile.

    Raises ImportError for a module of `IMPORTS`.
    """
    with ThreadPoolExecutor(1) as pool:
        model = models_folder() / selftest.MODEL
        tested = pool.submit(selftest.selftest, model, landmarks.PICTURE, frames, TIMEOUT_S)
        for name in IMPORTS:
            importlib.import_module(name)
        sections = info.observe()
        return {
            "schema": SCHEMA,
            "python": platform.python_version(),
            "machine": platform.machine(),
            "distributions": {
                distribution.metadata["Name"]: distribution.version
                for distribution in importlib.metadata.distributions()
            },
            "ca_certificates": ssl.create_default_context().cert_store_stats()["x509_ca"],
            "info": info.document(sections),
            "selftest": tested.result().document(),
        }


def main(arguments: Sequence[str]) -> int:
    """Print the document; return 0 whatever its verdict, another code if there is none."""
    try:
        print(json.dumps(document(int(arguments[0]))))
    except Exception as error:  # one line, whatever it is
        print(f"error: {type(error).__name__}: {' '.join(str(error).split())}", file=sys.stderr)
        return exit_codes.of(error)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
